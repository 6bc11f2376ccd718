#include "worker/watchdog_eye.h"

#include "base/fs.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/time.h"
#include "spool/heartbeat.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { ANSWER_MS = 5000 };

static bool is_same(const struct proc_id *a, const struct proc_id *b)
{
    return a->pid == b->pid && a->start_ticks == b->start_ticks &&
           strcmp(a->boot_id, b->boot_id) == 0 && strcmp(a->pid_ns, b->pid_ns) == 0;
}

/* The worker may have taken a new name meanwhile, so all beats of this process count. */
static int read_beats(const struct spool *spool, pid_t worker_pid, struct dog_look *look,
                      struct err *err)
{
    struct heartbeat_seen *seen = NULL;
    size_t count = 0;
    struct proc_id who;
    char state;
    proc_id_self(&who);
    who.pid = worker_pid;
    (void)proc_stat(worker_pid, &state, &who.start_ticks);
    int r = heartbeats_read(spool, &seen, &count, err);
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (!seen[i].whole || !is_same(&seen[i].who, &who))
            continue;
        look->found = true;
        look->print += (uint64_t)seen[i].beat_count * 1000003 + (uint64_t)seen[i].mtime_ms;
    }
    heartbeats_free(&seen, count);
    return r;
}

/* Written to as well as read: where no file can be made, no worker can beat, and that is not its
 * fault. */
static int look(const char *spool_dir, pid_t worker_pid, const struct watchdog_note *note,
                struct eye_answer *answer, struct err *err)
{
    struct spool *spool = NULL;
    char owner[48];
    int64_t now_ms;
    char random[9];
    str_random_hex(random, 4); /* two containers may have one pid */
    (void)snprintf(owner, sizeof(owner), "watchdog.%d.%s", (int)getpid(), random);
    int r = spool_open(spool_dir, &spool, err);
    if (r == 0 && note)
        answer->noted = watchdog_note_write(spool, note, NULL) == 0;
    if (r == 0)
        r = spool_now_ms(spool, owner, &now_ms, err);
    if (r == 0 && worker_pid > 0)
        r = read_beats(spool, worker_pid, &answer->look, err);
    spool_close(&spool);
    return r;
}

static void look_and_tell(const char *spool_dir, pid_t worker_pid, const struct watchdog_note *note,
                          int fd)
{
    struct eye_answer answer = { 0 };
    struct err err = { 0 };
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    answer.look.answered = look(spool_dir, worker_pid, note, &answer, &err) == 0;
    (void)snprintf(answer.problem, sizeof(answer.problem), "%.255s", err.text);
    (void)fs_write_all(fd, &answer, sizeof(answer));
    _exit(0);
}

int eye_open(struct eye *eye, const char *spool_dir, pid_t worker_pid,
             const struct watchdog_note *note, struct err *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
        return err_set(err, ERR_IO, errno, "pipe");
    pid_t pid = fork();
    if (pid == 0)
        look_and_tell(spool_dir, worker_pid, note, ends[1]);
    int errnum = errno;
    fs_close(&ends[1]);
    if (pid < 0) {
        fs_close(&ends[0]);
        return err_set(err, ERR_IO, errnum, "fork");
    }
    *eye = (struct eye){ .pid = pid, .fd = ends[0], .since_ms = time_mono_ms() };
    return 0;
}

void eye_ended(struct eye *eye, struct eye_answer *ret_answer)
{
    struct eye_answer answer;
    if (read(eye->fd, &answer, sizeof(answer)) != (ssize_t)sizeof(answer))
        answer = (struct eye_answer){ .problem = "the child that looks at the spool died",
                                      .died = true };
    if (eye->given_up)
        answer = (struct eye_answer){ .noted = answer.noted, .problem = "it answered too late" };
    answer.took_ms = time_mono_ms() - eye->since_ms;
    fs_close(&eye->fd);
    *eye = (struct eye){ .fd = -1 };
    *ret_answer = answer;
}

int64_t eye_due_ms(const struct eye *eye)
{
    return eye->pid > 0 && !eye->given_up ? eye->since_ms + ANSWER_MS : INT64_MAX;
}

bool eye_tired(struct eye *eye)
{
    if (time_mono_ms() < eye_due_ms(eye))
        return false;
    eye->given_up = true;
    (void)kill(eye->pid, SIGKILL);
    return true;
}
