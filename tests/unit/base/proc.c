/* Whether a process is still there, told by what its heartbeat says of it. */
#include "test.h"

#include "base/proc.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static pid_t hidden; /* as with hidepid=2: it is there, and more we may not know */

int kill(pid_t pid, int number)
{
    if (pid == hidden) {
        errno = EPERM;
        return -1;
    }
    return (int)syscall(SYS_kill, pid, number);
}

enum who { SELF, CHILD, ZOMBIE, REAPED, NOT_TO_BE_SEEN };

static const struct {
    const char *name;
    enum who who;
    enum {
        SAME,
        STARTED_LATER,
        OTHER_BOOT,
        NO_BOOT,
        OTHER_NS,
        NO_NS,
        OTHER_TIME,
        NO_TIME,
        NO_PID
    } but;
    enum proc_life life;
} lives[] = {
    { "this one", SELF, SAME, PROC_ALIVE },
    { "a child", CHILD, SAME, PROC_ALIVE },
    { "a zombie", ZOMBIE, SAME, PROC_GONE },
    { "none of that pid", REAPED, SAME, PROC_GONE },
    { "another one of that pid", CHILD, STARTED_LATER, PROC_GONE },
    { "one that we may not signal, nor see", NOT_TO_BE_SEEN, SAME, PROC_ALIVE },
    { "of another boot or machine", REAPED, OTHER_BOOT, PROC_UNKNOWN },
    { "of another boot, and there is one of that pid", CHILD, OTHER_BOOT, PROC_UNKNOWN },
    { "it does not say of which boot", REAPED, NO_BOOT, PROC_UNKNOWN },
    { "of another PID namespace", REAPED, OTHER_NS, PROC_UNKNOWN },
    { "of another PID namespace, and there is one of that pid", CHILD, OTHER_NS, PROC_UNKNOWN },
    { "it does not say of which namespace", REAPED, NO_NS, PROC_UNKNOWN },
    { "of another time namespace, where starts are counted otherwise", CHILD, OTHER_TIME,
      PROC_UNKNOWN },
    { "of another time namespace, and there is none of that pid", REAPED, OTHER_TIME, PROC_GONE },
    { "it does not say of which time namespace", CHILD, NO_TIME, PROC_ALIVE },
    { "it does not say its pid", CHILD, NO_PID, PROC_UNKNOWN },
};

static void change(struct proc_id *id, int but)
{
    switch (but) {
    case STARTED_LATER:
        id->start_ticks++;
        break;
    case OTHER_BOOT:
        id->boot_id[0] ^= 1;
        break;
    case NO_BOOT:
        id->boot_id[0] = '\0';
        break;
    case OTHER_NS:
        id->pid_ns[strlen(id->pid_ns) - 2] ^= 1;
        break;
    case NO_NS:
        id->pid_ns[0] = '\0';
        break;
    case OTHER_TIME:
        (void)snprintf(id->time_ns, sizeof(id->time_ns), "time:[1]");
        break;
    case NO_TIME:
        id->time_ns[0] = '\0';
        break;
    case NO_PID:
        id->pid = 0;
        break;
    default:
        break;
    }
}

/* A child, as it is in a heartbeat that it wrote while it lived. */
static pid_t have_child(struct proc_id *id)
{
    char state;
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            (void)pause();
    id->pid = pid;
    assert_true(proc_stat(pid, &state, &id->start_ticks));
    return pid;
}

static void end_child(pid_t pid, bool reap)
{
    siginfo_t info;
    (void)kill(pid, SIGKILL);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | (reap ? 0 : WNOWAIT)), 0);
}

static void test_lives(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lives); i++) {
        enum who who = lives[i].who;
        struct proc_id id;
        proc_id_self(&id);
        pid_t child = who == SELF ? 0 : have_child(&id);
        if (who == ZOMBIE || who == REAPED || who == NOT_TO_BE_SEEN)
            end_child(child, who != ZOMBIE);
        hidden = who == NOT_TO_BE_SEEN ? child : 0;
        change(&id, (int)lives[i].but);
        enum proc_life life = proc_life(&id);
        hidden = 0;
        if (who == CHILD || who == ZOMBIE)
            end_child(child, true);
        if (life != lives[i].life)
            fail_msg("row %zu, '%s': %d", i, lives[i].name, (int)life);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_lives) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
