/* service.c - the protocol of sd_notify(3): datagrams of VARIABLE=VALUE lines.
 *
 * Not libsystemd, which does the same: the protocol is documented as stable, for programs that do
 * it themselves, and takes one sendto. The library takes 5 ms of CPU to load (a command starts in
 * 3), adds 36 mappings to a process that forks its runners, each fork of which is 7 to 9 % dearer
 * then (measured on a small one), and is not there in most containers.
 *
 * A socket is made for each datagram: one that was held would be inherited by each runner. The
 * names of files stand in the status, so a newline in one must not begin another variable. */
#include "base/service.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { STATUS_MAX_BYTES = 400 }; /* it is for one line of `systemctl status` */

struct service {
    struct sockaddr_un address;
    socklen_t size;
    int64_t watchdog_ms, alive_ms; /* monotonic: when it was told */
    unsigned owed;                 /* news that found no room in the socket */
    unsigned known;                /* of READY and STOPPING: what the manager was told */
    char *status;                  /* as told; NULL: never */
    int trouble;                   /* errno of the last try */
};

/* The strings stand in /proc/PID/environ of this process and of all that it forks. */
static char *take_variable(const char *name)
{
    char *value = getenv(name), *copy = value ? mem_strdup(value) : NULL;
    size_t name_len = strlen(name) + 1;
    (void)unsetenv(name);
    if (value)
        explicit_bzero(value - name_len, name_len + strlen(value));
    return copy;
}

/* WATCHDOG_PID says whom it is about; a manager that leaves it out means whoever reads it. */
static int64_t take_watchdog_ms(void)
{
    CLEANUP(mem_free_text) char *usec = take_variable("WATCHDOG_USEC");
    CLEANUP(mem_free_text) char *pid = take_variable("WATCHDOG_PID");
    if (!usec || (pid && strtol(pid, NULL, 10) != (long)getpid()))
        return 0;
    char *end;
    errno = 0;
    long long number = strtoll(usec, &end, 10);
    return errno == 0 && *end == '\0' && number >= 1000 ? number / 1000 : 0;
}

int service_new(struct service **ret_service, struct err *err)
{
    CLEANUP(mem_free_text) char *path = take_variable("NOTIFY_SOCKET");
    int64_t watchdog_ms = take_watchdog_ms();
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    *ret_service = NULL;
    if (!path || !path[0])
        return 0;
    size_t len = strlen(path);
    if ((path[0] != '/' && path[0] != '@') || len >= sizeof(address.sun_path))
        return err_set(err, ERR_CONFIG, EAFNOSUPPORT,
                       "NOTIFY_SOCKET: '%s' is neither a path nor an abstract name (@…) of less "
                       "than %zu bytes",
                       path, sizeof(address.sun_path));
    memcpy(address.sun_path, path, len);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    struct service *service = MEM_NEW(struct service);
    service->address = address;
    /* An abstract name is as long as it is; a path has its NUL. */
    service->size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (path[0] == '/'));
    service->watchdog_ms = watchdog_ms;
    *ret_service = service;
    return 0;
}

void service_free(struct service **service)
{
    if (!*service)
        return;
    free((*service)->status);
    free(*service);
    *service = NULL;
}

int64_t service_watchdog_ms(const struct service *service)
{
    return service ? service->watchdog_ms : 0;
}

static int send_lines(struct service *service, const struct str *lines, struct err *err)
{
    CLEANUP(fs_close) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    int errnum = 0;
    if (fd < 0 || sendto(fd, lines->data, lines->len, MSG_NOSIGNAL,
                         (const struct sockaddr *)&service->address, service->size) < 0)
        errnum = errno;
    int before = service->trouble;
    service->trouble = errnum;
    if (errnum == 0)
        return 1;
    /* A manager that is busy is no news. */
    if (errnum == before || errnum == EAGAIN || errnum == ENOBUFS)
        return 0;
    return err_set(err, ERR_IO, errnum, "tell the service manager at '%s%s'",
                   service->address.sun_path[0] ? "" : "@",
                   service->address.sun_path + !service->address.sun_path[0]);
}

/* Four times in what the manager allows: each of three may be late or lost. */
static bool is_alive_due(const struct service *service, int64_t now_ms)
{
    return service->watchdog_ms > 0 && now_ms - service->alive_ms >= service->watchdog_ms / 4;
}

static void add_news(struct str *lines, unsigned news, int64_t now_ms)
{
    if (news & SERVICE_RELOADING)
        str_addf(lines, "RELOADING=1\nMONOTONIC_USEC=%lld\n", (long long)now_ms * 1000);
    if (news & SERVICE_READY)
        str_add(lines, "READY=1\n");
    if (news & SERVICE_STOPPING)
        str_add(lines, "STOPPING=1\n");
    if (news & SERVICE_ALIVE)
        str_add(lines, "WATCHDOG=1\n");
}

static unsigned what_is_new(const struct service *service, unsigned news, int64_t now_ms)
{
    unsigned owed = service->owed;
    if (news & (SERVICE_READY | SERVICE_STOPPING))
        owed &= ~(unsigned)SERVICE_RELOADING; /* that is over */
    news = (news & ~(service->known & (SERVICE_READY | SERVICE_STOPPING))) | owed;
    return is_alive_due(service, now_ms) ? news : news & ~(unsigned)SERVICE_ALIVE;
}

int service_tell(struct service *service, unsigned news, const char *status, struct err *err)
{
    if (!service)
        return 0;
    CLEANUP(str_release) struct str lines = { 0 };
    int64_t now_ms = time_mono_ms();
    news = what_is_new(service, news, now_ms);
    CLEANUP(mem_free_text) char *shown = status ? str_printable(status) : NULL;
    if (shown)
        shown[str_utf8_cut(shown, STATUS_MAX_BYTES)] = '\0';
    bool is_status_new = shown && (!service->status || strcmp(shown, service->status) != 0);
    add_news(&lines, news, now_ms);
    if (is_status_new || (shown && (news & SERVICE_ALIVE))) /* another may have told its own */
        str_addf(&lines, "STATUS=%s\n", shown);
    if (lines.len == 0)
        return 0;
    int r = send_lines(service, &lines, err);
    if (r <= 0) {
        service->owed = news & ~(unsigned)SERVICE_ALIVE; /* a later one says it anew */
        return r;
    }
    service->owed = 0;
    if (news & SERVICE_RELOADING)
        service->known &= ~(unsigned)SERVICE_READY; /* to be told again */
    service->known |= news & (SERVICE_READY | SERVICE_STOPPING);
    if (news & SERVICE_ALIVE)
        service->alive_ms = now_ms;
    if (is_status_new) {
        free(service->status);
        service->status = TAKE(shown);
    }
    return 0;
}
