/* notify.c - the commands on_done and on_error.
 *
 * The record is the file itself, opened: there is no pipe that fills up, and none that a command
 * breaks by not reading. Output goes into a pipe that is emptied from time to time only, so that
 * who floods it waits, instead of the loop. Spawned and not forked: after a fork each page that the
 * worker touches is copied, and it holds what a hundred thousand jobs are called.
 *
 * A worker that is killed leaves its commands behind, and what it had not started yet is never run:
 * a notice, not a queue. Who must not miss one looks into done/ and error/. */
#include "worker/notify.h"

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "spool/name.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LOOK_MS = 100,
    READ_BYTES = 64 << 10, /* of each command in each look */
    TAIL_BYTES = 1000,     /* of its output, for the log */
    GRACE_MS = 2000,       /* between TERM and KILL */
};

/* One that waits, or runs. */
struct notice {
    enum spool_place place;
    char *name, *id;
    struct notice *next;

    pid_t pid; /* also of its group; 0: it waits */
    int out_fd;
    char *program;
    int64_t until_ms; /* monotonic */
    bool is_termed;
    char tail[TAIL_BYTES + 1];
    size_t tail_len;
    bool was_cut;
};

struct notify {
    struct loop *loop;
    const struct spool *spool;
    struct notify_rules rules;
    struct notice *waiting, **last;
    size_t waiting_count;
    struct notice *running[NOTIFY_AT_ONCE];
    struct loop_watch *timer; /* while any runs */
};

static const char *event_name(const struct notice *notice)
{
    return notice->place == PLACE_DONE ? "on_done" : "on_error";
}

static const struct notify_command *command_of(const struct notify *notify, enum spool_place place)
{
    return place == PLACE_DONE ? &notify->rules.on_done : &notify->rules.on_error;
}

static void notice_free(struct notice **notice)
{
    if (!*notice)
        return;
    free((*notice)->name);
    free((*notice)->id);
    free((*notice)->program);
    fs_close(&(*notice)->out_fd);
    free(*notice);
    *notice = NULL;
}

static void log_lost(const struct notice *notice, const char *why)
{
    log_warn(LOG_FIELDS("job", notice->name), "%s of %s/%s was not run: %s", event_name(notice),
             spool_place_name(notice->place), notice->id, why);
}

/* ---- output ---- */

static void keep_tail(struct notice *notice, const char *bytes, size_t len)
{
    notice->was_cut = notice->was_cut || notice->tail_len + len > TAIL_BYTES;
    if (len >= TAIL_BYTES) {
        bytes += len - TAIL_BYTES;
        len = TAIL_BYTES;
    }
    size_t kept = notice->tail_len + len > TAIL_BYTES ? TAIL_BYTES - len : notice->tail_len;
    memmove(notice->tail, notice->tail + notice->tail_len - kept, kept);
    memcpy(notice->tail + kept, bytes, len);
    notice->tail_len = kept + len;
    notice->tail[notice->tail_len] = '\0';
}

static void read_output(struct notice *notice)
{
    static char bytes[READ_BYTES];
    for (size_t all = 0; all < sizeof(bytes);) {
        ssize_t got = read(notice->out_fd, bytes, sizeof(bytes));
        if (got <= 0)
            return;
        keep_tail(notice, bytes, (size_t)got);
        all += (size_t)got;
    }
}

/* The last of what it said, in a line; NULL: nothing. The caller frees it. */
static char *said(const struct notice *notice)
{
    const char *from = notice->tail;
    while (notice->was_cut && ((unsigned char)*from & 0xC0) == 0x80)
        from++; /* the rest of a character that was cut */
    size_t len = notice->tail_len - (size_t)(from - notice->tail);
    while (len > 0 && strchr("\r\n\t ", from[len - 1]))
        len--;
    CLEANUP(mem_free_text) char *text = str_utf8_clean(from, len);
    return text[0] ? mem_printf("%s%s", notice->was_cut ? "…" : "", text) : NULL;
}

/* ---- start ---- */

/* What a script needs to run at all, and what it is about. */
static char **make_environment(const struct notify *notify, const struct notice *notice)
{
    static const char *const kept[] = { "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR" };
    char **all = mem_zero(COUNT(kept) + 5, sizeof(char *));
    size_t count = 0;
    for (size_t i = 0; i < COUNT(kept); i++) {
        const char *value = getenv(kept[i]);
        if (value)
            all[count++] = mem_printf("%s=%s", kept[i], value);
    }
    all[count++] = mem_printf("TAKEUP_EVENT=%s", notice->place == PLACE_DONE ? "done" : "error");
    all[count++] = mem_printf("TAKEUP_JOB=%s", notice->name);
    all[count++] = mem_printf("TAKEUP_SPOOL=%s", spool_path(notify->spool));
    all[count++] = mem_printf("TAKEUP_DIR=%s/%s/%s", spool_path(notify->spool),
                              spool_place_name(notice->place), notice->id);
    return all;
}

static void free_words(char **words)
{
    for (size_t i = 0; words[i]; i++)
        free(words[i]);
    free(words);
}

/* Its own group, no signal blocked or ignored, no descriptor but three, no directory of anybody. */
static int spawn(const struct notify_command *command, char **environment, int in_fd, int out_fd,
                 pid_t *ret_pid)
{
    posix_spawnattr_t how;
    posix_spawn_file_actions_t files;
    sigset_t none, all;
    (void)sigemptyset(&none);
    (void)sigfillset(&all);
    (void)posix_spawnattr_init(&how);
    (void)posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF |
                                             POSIX_SPAWN_SETSIGMASK);
    (void)posix_spawnattr_setsigmask(&how, &none);
    (void)posix_spawnattr_setsigdefault(&how, &all);
    (void)posix_spawn_file_actions_init(&files);
    (void)posix_spawn_file_actions_adddup2(&files, in_fd, STDIN_FILENO);
    (void)posix_spawn_file_actions_adddup2(&files, out_fd, STDOUT_FILENO);
    (void)posix_spawn_file_actions_adddup2(&files, out_fd, STDERR_FILENO);
    (void)posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
    (void)posix_spawn_file_actions_addchdir_np(&files, "/");
    char **words = mem_zero(command->count + 1, sizeof(char *));
    for (size_t i = 0; i < command->count; i++)
        words[i] = mem_strdup(command->words[i]);
    int errnum = posix_spawn(ret_pid, words[0], &files, &how, words, environment);
    free_words(words);
    (void)posix_spawn_file_actions_destroy(&files);
    (void)posix_spawnattr_destroy(&how);
    return -errnum;
}

static int open_record(const struct notify *notify, const struct notice *notice, int *ret_fd,
                       struct err *err)
{
    char path[NAME_SIZE + 32];
    struct stat st;
    (void)snprintf(path, sizeof(path), "%s/result.json", notice->id);
    return fs_open_file(spool_dir(notify->spool, notice->place), path, ret_fd, &st, err);
}

static int start(struct notify *notify, struct notice *notice, struct err *err)
{
    const struct notify_command *command = command_of(notify, notice->place);
    CLEANUP(fs_close) int record_fd = -1;
    CLEANUP(fs_close) int write_fd = -1;
    int ends[2];
    if (open_record(notify, notice, &record_fd, err) < 0)
        return -1;
    if (pipe2(ends, O_CLOEXEC) < 0)
        return err_set(err, ERR_IO, errno, "pipe");
    notice->out_fd = ends[0];
    write_fd = ends[1];
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK); /* ours alone: theirs blocks, as programs expect */
    char **environment = make_environment(notify, notice);
    int r = spawn(command, environment, record_fd, write_fd, &notice->pid);
    free_words(environment);
    if (r < 0)
        return err_set(err, ERR_MISSING, -r, "start '%s'", command->words[0]);
    notice->program = mem_strdup(command->words[0]);
    notice->until_ms = time_mono_ms() + notify->rules.timeout_ms;
    return 0;
}

/* ---- end ---- */

static void log_end(const struct notice *notice, int status)
{
    CLEANUP(mem_free_text) char *output = said(notice);
    char how[64];
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0 && !notice->is_termed) {
        log_debug(LOG_FIELDS("job", notice->name, "program", notice->program), "%s was run",
                  event_name(notice));
        return;
    }
    if (notice->is_termed)
        (void)snprintf(how, sizeof(how), "it took longer than notify_timeout_s, and was ended");
    else if (WIFSIGNALED(status))
        (void)snprintf(how, sizeof(how), "SIG%s ended it", sigabbrev_np(WTERMSIG(status)));
    else
        (void)snprintf(how, sizeof(how), "it ended with status %d", WEXITSTATUS(status));
    log_warn(LOG_FIELDS("job", notice->name, "program", notice->program, "output", output),
             "%s failed: %s", event_name(notice), how);
}

/* Does it run on? What it has started in its group ends with it: nobody would look after that. */
static bool look_at(struct notice *notice)
{
    int status = 0;
    int64_t now_ms = time_mono_ms();
    read_output(notice);
    siginfo_t info = { 0 };
    /* Not reaped yet, so that its pid, which is its group's, is nobody else's. */
    if (waitid(P_PID, (id_t)notice->pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
        info.si_pid == notice->pid) {
        (void)kill(-notice->pid, SIGKILL);
        (void)waitpid(notice->pid, &status, 0);
        read_output(notice);
        log_end(notice, status);
        return false;
    }
    if (now_ms >= notice->until_ms) {
        (void)kill(-notice->pid, notice->is_termed ? SIGKILL : SIGTERM);
        notice->is_termed = true;
        notice->until_ms = now_ms + GRACE_MS;
    }
    return true;
}

static void begin_waiting(struct notify *notify);

static void on_look(void *arg, uint32_t events)
{
    (void)events;
    struct notify *notify = arg;
    for (size_t i = 0; i < NOTIFY_AT_ONCE; i++)
        if (notify->running[i] && !look_at(notify->running[i]))
            notice_free(&notify->running[i]);
    begin_waiting(notify);
}

/* ---- the queue ---- */

static struct notice *take_first(struct notify *notify)
{
    struct notice *first = notify->waiting;
    notify->waiting = first->next;
    if (!notify->waiting)
        notify->last = &notify->waiting;
    notify->waiting_count--;
    return first;
}

static struct notice **free_place(struct notify *notify)
{
    for (size_t i = 0; i < NOTIFY_AT_ONCE; i++)
        if (!notify->running[i])
            return &notify->running[i];
    return NULL;
}

static bool is_any_running(const struct notify *notify)
{
    for (size_t i = 0; i < NOTIFY_AT_ONCE; i++)
        if (notify->running[i])
            return true;
    return false;
}

static void begin_waiting(struct notify *notify)
{
    struct notice **place;
    while (notify->waiting && (place = free_place(notify))) {
        struct notice *notice = take_first(notify);
        struct err err = { 0 };
        if (command_of(notify, notice->place)->count == 0)
            log_lost(notice, "the settings no longer say so");
        else if (start(notify, notice, &err) < 0)
            log_lost(notice, err.text);
        else
            *place = TAKE(notice);
        notice_free(&notice);
    }
    if (!is_any_running(notify)) {
        loop_remove(notify->loop, &notify->timer);
        return;
    }
    struct err err = { 0 };
    if (!notify->timer &&
        loop_add_timer(notify->loop, LOOK_MS, LOOK_MS, on_look, notify, &notify->timer, &err) < 0)
        log_error(LOG_NO_FIELDS, "nobody looks after on_done and on_error: %s", err.text);
}

void notify_ended(struct notify *notify, enum spool_place place, const char *name, const char *id)
{
    if (command_of(notify, place)->count == 0)
        return;
    struct notice *notice = MEM_NEW(struct notice);
    *notice = (struct notice){
        .place = place, .name = mem_strdup(name), .id = mem_strdup(id), .out_fd = -1
    };
    if (notify->waiting_count >= NOTIFY_WAITING_MAX) {
        log_lost(notice, "too many wait already; are the commands too slow?");
        notice_free(&notice);
        return;
    }
    *notify->last = notice;
    notify->last = &notice->next;
    notify->waiting_count++;
    begin_waiting(notify);
}

/* ---- all of it ---- */

struct notify *notify_new(struct loop *loop, const struct spool *spool)
{
    struct notify *notify = MEM_NEW(struct notify);
    notify->loop = loop;
    notify->spool = spool;
    notify->last = &notify->waiting;
    return notify;
}

void notify_set(struct notify *notify, const struct notify_rules *rules)
{
    notify->rules = *rules;
}

bool notify_is_busy(const struct notify *notify)
{
    return notify->waiting || is_any_running(notify);
}

void notify_free(struct notify **notify)
{
    if (!*notify)
        return;
    struct notify *old = TAKE(*notify);
    for (size_t i = 0; i < NOTIFY_AT_ONCE; i++) {
        struct notice *notice = old->running[i];
        if (!notice)
            continue;
        log_warn(LOG_FIELDS("job", notice->name, "program", notice->program),
                 "%s is ended with the worker", event_name(notice));
        (void)kill(-notice->pid, SIGKILL);
        (void)waitpid(notice->pid, NULL, 0);
        notice_free(&old->running[i]);
    }
    while (old->waiting) {
        struct notice *notice = take_first(old);
        log_lost(notice, "the worker ends");
        notice_free(&notice);
    }
    loop_remove(old->loop, &old->timer);
    free(old);
}
