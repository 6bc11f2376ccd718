#include "base/proc.h"

#include "base/fs.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void read_word(const char *path, char out[PROC_ID_SIZE])
{
    out[0] = '\0';
    CLEANUP(fs_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    ssize_t got = read(fd, out, PROC_ID_SIZE - 1);
    out[got > 0 ? got : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

static void read_link(const char *path, char out[PROC_ID_SIZE])
{
    ssize_t got = readlink(path, out, PROC_ID_SIZE - 1);
    out[got > 0 ? got : 0] = '\0';
}

bool proc_stat(pid_t pid, char *ret_state, uint64_t *ret_start_ticks)
{
    char path[64], text[1024];
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    CLEANUP(fs_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    ssize_t got = read(fd, text, sizeof(text) - 1);
    if (got <= 0)
        return false;
    text[got] = '\0';
    const char *at = strrchr(text, ')'); /* the name before it may hold anything */
    unsigned long long start;
    if (!at || sscanf(at + 1,
                      " %c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
                      "%*d %*d %*d %llu",
                      ret_state, &start) != 2)
        return false;
    *ret_start_ticks = start;
    return true;
}

void proc_id_self(struct proc_id *ret_id)
{
    struct proc_id id = { .pid = getpid() };
    char state;
    (void)proc_stat(id.pid, &state, &id.start_ticks);
    read_word("/proc/sys/kernel/random/boot_id", id.boot_id);
    read_link("/proc/self/ns/pid", id.pid_ns);
    read_link("/proc/self/ns/time", id.time_ns);
    if (gethostname(id.host, sizeof(id.host)) < 0)
        id.host[0] = '\0';
    id.host[sizeof(id.host) - 1] = '\0';
    *ret_id = id;
}

enum proc_life proc_life(const struct proc_id *id)
{
    struct proc_id self;
    proc_id_self(&self);
    if (!id->boot_id[0] || !id->pid_ns[0] || strcmp(id->boot_id, self.boot_id) != 0 ||
        strcmp(id->pid_ns, self.pid_ns) != 0 || id->pid <= 0)
        return PROC_UNKNOWN;
    if (kill(id->pid, 0) < 0 && errno == ESRCH)
        return PROC_GONE;
    if (id->time_ns[0] && strcmp(id->time_ns, self.time_ns) != 0)
        return PROC_UNKNOWN; /* there is one of that pid; when it started cannot be compared */
    char state;
    uint64_t start_ticks;
    if (!proc_stat(id->pid, &state, &start_ticks))
        return PROC_ALIVE; /* hidepid: it is there, we may not see more */
    if (state == 'Z' || state == 'X' || start_ticks != id->start_ticks)
        return PROC_GONE;
    return PROC_ALIVE;
}

bool proc_has_terminal(void)
{
    CLEANUP(fs_close) int fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
    return fd >= 0;
}

int proc_thread_count(void)
{
    CLEANUP(fs_close_dir) DIR *dir = opendir("/proc/self/task");
    if (!dir)
        return -1;
    int count = 0;
    const struct dirent *entry;
    while ((entry = readdir(dir)))
        count += !fs_is_dots(entry->d_name);
    return count;
}
