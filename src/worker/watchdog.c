/* One thread, one loop. Processes and times make events; watchdog_rules.c says what follows. */
#include "worker/watchdog.h"

#include "base/log.h"
#include "base/loop.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/time.h"
#include "worker/watchdog_eye.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LOOK_MIN_MS = 250,
    LOOK_MAX_MS = 5000,
    SLOW_MS = 1000,     /* a look that took so long says that the worker was kept waiting as well */
    FAREWELL_MS = 5000, /* so long may the last note take */
};

struct watchdog {
    const struct watchdog_options *options;
    struct loop *loop;
    struct proc_id self;
    bool had_terminal;

    enum dog_state state;
    int64_t until_ms; /* monotonic: EVENT_TIMEOUT then */
    pid_t worker_pid; /* 0: there is none */
    int64_t started_ms;
    int wait_status; /* of the newest that ended */
    int asked;       /* the signal */
    bool done;
    struct watchdog_end end;

    struct dog_history history;
    struct dog_pulse pulse;
    bool pulse_stopped; /* that is why it was told to end */

    struct eye eye;
    int64_t look_at_ms;
    bool note_wanted;
    char silence[256]; /* why we cannot tell, as logged; "": we can */
};

void watchdog_rules_default(struct dog_rules *ret_rules)
{
    *ret_rules = (struct dog_rules){
        .max_restarts = 10,
        .within_ms = 600 * 1000,
        .stale_ms = 30 * 1000,
        .starting_ms = 60 * 1000,
        .grace_ms = 8 * 1000,
    };
}

/* ---- the worker ---- */

static const char *number_text(char out[24], int64_t number)
{
    (void)snprintf(out, 24, "%lld", (long long)number);
    return out;
}

/* In the child. The worker must not outlive us, also when we are killed; a watchdog that died
 * before it could ask for that is no longer its parent. */
static void become_worker(const struct watchdog_options *options, pid_t parent)
{
    sigset_t none;
    (void)sigemptyset(&none);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)execv(options->program, options->arguments);
    perror("takeup watchdog: cannot start the worker");
    _exit(127);
}

static void wait_in(struct watchdog *dog, enum dog_state state, int64_t for_ms)
{
    dog->state = state;
    dog->until_ms = for_ms == INT64_MAX ? INT64_MAX : time_mono_ms() + for_ms;
}

static void start_worker(struct watchdog *dog)
{
    char text[24];
    pid_t parent = getpid(), pid = fork();
    if (pid == 0)
        become_worker(dog->options, parent);
    if (pid < 0) {
        log_error(LOG_NO_FIELDS, "fork: %s; tries again", strerror(errno));
        wait_in(dog, DOG_WAITING, 1000);
        return;
    }
    dog->worker_pid = pid;
    dog->started_ms = time_mono_ms();
    dog->pulse_stopped = false;
    dog_pulse_begin(&dog->pulse, dog->started_ms);
    dog->look_at_ms = dog->started_ms;
    dog->note_wanted = true;
    wait_in(dog, DOG_WATCHING, INT64_MAX);
    log_info(LOG_FIELDS("pid", number_text(text, pid)), "watchdog: the worker is started");
}

/* How it ended, in words; the caller frees it. */
static char *describe_end(const struct watchdog *dog)
{
    int status = dog->wait_status;
    if (dog->pulse_stopped)
        return mem_printf("its heartbeat had stood still for %lld s",
                          (long long)dog->options->rules.stale_ms / 1000);
    if (WIFSIGNALED(status))
        return mem_printf("it was ended by SIG%s (%s)", sigabbrev_np(WTERMSIG(status)),
                          strsignal(WTERMSIG(status)));
    return mem_printf("it ended with status %d%s", WEXITSTATUS(status),
                      WEXITSTATUS(status) == 3 ? ": the spool or the environment cannot be used"
                                               : "");
}

static int status_of(int wait_status)
{
    return WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
}

static void again(struct watchdog *dog)
{
    const struct dog_rules *rules = &dog->options->rules;
    CLEANUP(mem_free_text) char *reason = describe_end(dog);
    int64_t now_ms = time_mono_ms();
    int64_t wait_ms =
        dog_again(&dog->history, rules, now_ms - dog->started_ms, now_ms, time_wall_ms(), reason);
    dog->note_wanted = true;
    if (wait_ms < 0) {
        log_error(LOG_FIELDS("reason", reason),
                  "watchdog: gives up: the worker was restarted %d times in %lld s",
                  rules->max_restarts, (long long)rules->within_ms / 1000);
        dog->end = (struct watchdog_end){ true, status_of(dog->wait_status) };
        dog->done = true;
        return;
    }
    log_warn(LOG_FIELDS("reason", reason),
             "watchdog: the worker is started anew in %lld s (restart %zu; at most %d in %lld s)",
             (long long)wait_ms / 1000, dog->history.count, rules->max_restarts,
             (long long)rules->within_ms / 1000);
    wait_in(dog, DOG_WAITING, wait_ms);
}

static void finish(struct watchdog *dog, int status)
{
    dog->end = (struct watchdog_end){ false, status };
    dog->done = true;
}

static void kill_worker(struct watchdog *dog, int number)
{
    char text[24];
    log_warn(LOG_FIELDS("pid", number_text(text, dog->worker_pid)),
             "watchdog: SIG%s for the worker", sigabbrev_np(number));
    (void)kill(dog->worker_pid, number);
}

static void happen(struct watchdog *dog, enum dog_event event)
{
    int64_t grace_ms = dog->options->rules.grace_ms;
    switch (dog_move(dog->state, event)) {
    case MOVE_NONE:
        break;
    case MOVE_FINISH:
        finish(dog, status_of(dog->wait_status));
        break;
    case MOVE_AGAIN:
        again(dog);
        break;
    case MOVE_START:
        start_worker(dog);
        break;
    case MOVE_TERM:
        dog->pulse_stopped = true;
        log_warn(LOG_NO_FIELDS, "watchdog: the worker's heartbeat has stopped");
        kill_worker(dog, SIGTERM);
        wait_in(dog, DOG_TERMED, grace_ms);
        break;
    case MOVE_KILL:
        kill_worker(dog, SIGKILL);
        wait_in(dog, dog->state == DOG_ENDING ? DOG_ENDING : DOG_KILLED, INT64_MAX);
        break;
    case MOVE_FORWARD:
        (void)kill(dog->worker_pid, dog->asked);
        if (dog->state != DOG_ENDING)
            wait_in(dog, DOG_ENDING, dog->state == DOG_KILLED ? INT64_MAX : grace_ms);
        break;
    case MOVE_QUIT:
        finish(dog, 0);
        break;
    }
}

/* ---- does it beat? ---- */

/* Told once, and when it is over. */
static void say_silence(struct watchdog *dog, const char *why)
{
    if (strcmp(dog->silence, why) == 0)
        return;
    if (why[0])
        log_warn(LOG_NO_FIELDS, "watchdog: waits, whether the worker beats cannot be told: %s",
                 why);
    else
        log_info(LOG_NO_FIELDS, "watchdog: no longer so: %s", dog->silence);
    (void)snprintf(dog->silence, sizeof(dog->silence), "%s", why);
}

static bool is_in_a_call(pid_t pid)
{
    char state = '?';
    uint64_t start_ticks;
    return proc_stat(pid, &state, &start_ticks) && state == 'D';
}

static void judge(struct watchdog *dog, const struct eye_answer *answer)
{
    int64_t now_ms = time_mono_ms();
    if (dog->state != DOG_WATCHING)
        return;
    if (!answer->look.answered) {
        say_silence(dog, answer->problem);
    } else if (is_in_a_call(dog->worker_pid) &&
               now_ms - dog->pulse.since_ms >= dog->options->rules.stale_ms / 2) {
        /* Of one look that says nothing; of one long after the last beat it says why. */
        say_silence(dog, "the worker is in a call that cannot be interrupted");
        dog_pulse_hold(&dog->pulse, now_ms);
        return;
    }
    if (answer->took_ms >= SLOW_MS)
        dog_pulse_hold(&dog->pulse, now_ms);
    bool stopped = dog_pulse_stopped(&dog->pulse, &dog->options->rules, &answer->look, now_ms);
    if (answer->look.answered)
        say_silence(dog, "");
    if (stopped)
        happen(dog, EVENT_STOPPED);
}

static const char *state_word(const struct watchdog *dog)
{
    if (dog->done)
        return dog->end.gave_up ? "gave up" : "stopped";
    return dog->worker_pid > 0 ? "watching" : "waiting";
}

static void open_eye(struct watchdog *dog)
{
    const struct dog_history *history = &dog->history;
    struct watchdog_restart *restarts = mem_zero(history->count, sizeof(*restarts));
    for (size_t i = 0; i < history->count; i++)
        restarts[i] =
            (struct watchdog_restart){ history->items[i].wall_ms, history->items[i].reason };
    struct watchdog_note note = {
        .state = state_word(dog),
        .who = dog->self,
        .worker_pid = dog->worker_pid,
        .within_ms = dog->options->rules.within_ms,
        .restarts = restarts,
        .restart_count = history->count,
    };
    struct err err = { 0 };
    if (eye_open(&dog->eye, dog->options->spool_dir, dog->worker_pid,
                 dog->note_wanted ? &note : NULL, &err) < 0)
        say_silence(dog, err.text);
    else
        dog->note_wanted = false; /* until something new happens, or it turns out not to be there */
    free(restarts);
    int64_t every_ms = dog->options->rules.stale_ms / 6;
    dog->look_at_ms = time_mono_ms() + (every_ms < LOOK_MIN_MS   ? LOOK_MIN_MS
                                        : every_ms > LOOK_MAX_MS ? LOOK_MAX_MS
                                                                 : every_ms);
}

/* ---- the loop ---- */

static void reap(struct watchdog *dog)
{
    int status;
    if (dog->eye.pid > 0 && waitpid(dog->eye.pid, &status, WNOHANG) == dog->eye.pid) {
        struct eye_answer answer;
        bool wrote_late = dog->eye.given_up;
        eye_ended(&dog->eye, &answer);
        dog->note_wanted |= wrote_late;
        judge(dog, &answer);
    }
    if (dog->worker_pid > 0 && waitpid(dog->worker_pid, &status, WNOHANG) == dog->worker_pid) {
        dog->worker_pid = 0;
        dog->wait_status = status;
        happen(dog, dog_is_orderly(status) ? EVENT_ENDED : EVENT_DIED);
    }
}

static void on_signal(void *arg, uint32_t number)
{
    struct watchdog *dog = arg;
    bool left_alone =
        number == SIGHUP && !dog->worker_pid && dog->had_terminal && !proc_has_terminal();
    if (number == SIGCHLD) {
        reap(dog);
    } else if (number == SIGTERM || number == SIGINT || left_alone) {
        log_info(LOG_NO_FIELDS, "watchdog: SIG%s", sigabbrev_np((int)number));
        dog->asked = (int)number;
        happen(dog, EVENT_ASKED);
    } else if (dog->worker_pid > 0) {
        (void)kill(dog->worker_pid, (int)number);
    }
}

static int begin(struct watchdog *dog, struct err *err)
{
    static const int numbers[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGCHLD };
    sigset_t signals;
    (void)sigemptyset(&signals);
    for (size_t i = 0; i < COUNT(numbers); i++)
        (void)sigaddset(&signals, numbers[i]);
    dog->had_terminal = proc_has_terminal();
    proc_id_self(&dog->self);
    int r = loop_new(&dog->loop, err);
    return r < 0 ? r : loop_add_signals(dog->loop, &signals, on_signal, dog, err);
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* What a service manager is told: it watches us, and we the worker. */
static void tell_manager(struct watchdog *dog)
{
    unsigned news = SERVICE_READY | SERVICE_ALIVE | (dog->asked ? SERVICE_STOPPING : 0);
    struct err err = { 0 };
    CLEANUP(mem_free_text)
    char *status = dog->silence[0] ? mem_printf("waits: %s", dog->silence)
                                   : mem_printf("%s, worker %d, %zu restarts", state_word(dog),
                                                (int)dog->worker_pid, dog->history.count);
    if (service_tell(dog->options->service, news, status, &err) < 0)
        log_warn(LOG_NO_FIELDS, "watchdog: %s", err.text);
}

/* What is due, and the time until the next. */
static int64_t turn(struct watchdog *dog)
{
    if (eye_tired(&dog->eye)) {
        struct eye_answer silent = { .problem = "its filesystem does not answer" };
        judge(dog, &silent);
    }
    if (time_mono_ms() >= dog->until_ms)
        happen(dog, EVENT_TIMEOUT);
    bool look_due = dog->note_wanted || (dog->worker_pid > 0 && time_mono_ms() >= dog->look_at_ms);
    if (dog->eye.pid == 0 && look_due)
        open_eye(dog);
    int64_t next_ms = least(dog->until_ms, eye_due_ms(&dog->eye));
    if (dog->eye.pid == 0 && dog->worker_pid > 0)
        next_ms = least(next_ms, dog->look_at_ms);
    tell_manager(dog);
    int64_t allowed_ms = service_watchdog_ms(dog->options->service);
    if (allowed_ms > 0)
        next_ms = least(next_ms, time_mono_ms() + allowed_ms / 4);
    if (next_ms == INT64_MAX)
        return -1;
    int64_t wait_ms = next_ms - time_mono_ms();
    return wait_ms > 0 ? wait_ms : 0;
}

/* The last note: that it gave up, or none at all. Not at any price. */
static void say_farewell(struct watchdog *dog)
{
    int64_t end_ms = time_mono_ms() + FAREWELL_MS;
    dog->note_wanted = true;
    dog->until_ms = end_ms;
    while ((dog->note_wanted || dog->eye.pid > 0) && time_mono_ms() < end_ms) {
        if (dog->eye.pid == 0)
            open_eye(dog);
        if (loop_wait(dog->loop, end_ms - time_mono_ms() + 1, NULL) < 0)
            break;
    }
    if (dog->eye.pid > 0)
        (void)kill(dog->eye.pid, SIGKILL);
}

int watchdog_run(const struct watchdog_options *options, struct watchdog_end *ret_end,
                 struct err *err)
{
    struct watchdog dog = { .options = options, .until_ms = INT64_MAX, .eye = { .fd = -1 } };
    int r = begin(&dog, err);
    if (r == 0)
        start_worker(&dog);
    while (r == 0 && !dog.done) {
        int64_t wait_ms = turn(&dog);
        if (!dog.done)
            r = loop_wait(dog.loop, wait_ms, err);
    }
    if (r == 0)
        say_farewell(&dog);
    *ret_end = dog.end;
    dog_history_release(&dog.history);
    loop_free(&dog.loop);
    return r;
}
