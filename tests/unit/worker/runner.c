#include "test.h"

#include "base/json.h"
#include "base/proc.h"
#include "worker/crash.h"
#include "worker/nursery.h"
#include "worker/runner.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

/* What a child leaves for its test to see. */
struct shared {
    pid_t grandchild;
    int group_is_own, death_signal_is_kill, stdout_is_null;
};
static struct shared *shared;

struct seen {
    struct runner_end end;
    int ended, messages;
    char last[WIRE_TEXT_SIZE];
};

static void send_outcome(int fd, enum failure failure, const char *text)
{
    struct wire_message message = { .kind = WIRE_OUTCOME, .failure = failure, .step = "text" };
    (void)snprintf(message.text, sizeof(message.text), "%s", text);
    (void)wire_send(fd, &message);
}

/* ---- bodies, in the child ---- */

static void body_well(void *arg, const struct wire_order *order, int fd)
{
    (void)arg, (void)order;
    struct wire_message line = { .kind = WIRE_LOG, .level = LOG_LEVEL_INFO, .text = "hello" };
    (void)wire_send(fd, &line);
    send_outcome(fd, FAILURE_NONE, "");
}

static void body_fails(void *arg, const struct wire_order *order, int fd)
{
    (void)arg, (void)order;
    send_outcome(fd, FAILURE_INPUT, "not a video");
}

static void body_silent(void *arg, const struct wire_order *order, int fd)
{
    (void)arg, (void)order, (void)fd;
}

static void body_exits(void *arg, const struct wire_order *order, int fd)
{
    (void)arg, (void)order, (void)fd;
    _exit(7);
}

static void body_crashes(void *arg, const struct wire_order *order, int fd)
{
    (void)arg, (void)order, (void)fd;
    (void)raise(SIGSEGV);
}

static void body_burns(void *arg, const struct wire_order *order, int fd)
{
    (void)arg, (void)order, (void)fd;
    (void)raise(SIGXCPU);
}

static void body_crashes_after_outcome(void *arg, const struct wire_order *order, int fd)
{
    (void)arg, (void)order;
    send_outcome(fd, FAILURE_NONE, "");
    (void)raise(SIGSEGV);
}

static void body_babbles(void *arg, const struct wire_order *order, int fd)
{
    (void)arg, (void)order;
    (void)fs_write_all(fd, "what is this?\n", 14);
    for (;;)
        (void)pause();
}

static void body_hangs(void *arg, const struct wire_order *order, int fd)
{
    (void)arg, (void)order, (void)fd;
    for (;;)
        (void)pause();
}

static void body_hangs_deaf(void *arg, const struct wire_order *order, int fd)
{
    (void)signal(SIGTERM, SIG_IGN);
    (void)signal(CRASH_ASK, SIG_IGN);
    body_hangs(arg, order, fd);
}

static void body_talks_for_ever(void *arg, const struct wire_order *order, int fd)
{
    (void)arg, (void)order;
    struct wire_message line = { .kind = WIRE_PROGRESS, .step = "frames" };
    while (wire_send(fd, &line) == 0)
        (void)usleep(10000);
}

static void body_leaves_grandchild(void *arg, const struct wire_order *order, int fd)
{
    (void)arg, (void)order;
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            (void)pause(); /* holds the pipe open */
    shared->grandchild = pid;
    send_outcome(fd, FAILURE_NONE, "");
}

static void body_looks_around(void *arg, const struct wire_order *order, int fd)
{
    (void)arg, (void)order;
    struct stat out, null;
    shared->group_is_own = getpgrp() == getpid();
    shared->stdout_is_null = fstat(STDOUT_FILENO, &out) == 0 && stat("/dev/null", &null) == 0 &&
                             out.st_rdev == null.st_rdev;
    send_outcome(fd, FAILURE_NONE, "");
}

/* ---- the harness ---- */

static void on_message(void *arg, const struct wire_message *message)
{
    struct seen *seen = arg;
    seen->messages++;
    (void)snprintf(seen->last, sizeof(seen->last), "%s", message->text);
}

static void on_end(void *arg, const struct runner_end *end)
{
    struct seen *seen = arg;
    seen->end = *end;
    seen->ended++;
}

static const struct wire_order an_order = { .token = "0123456789abcdef",
                                            .attempt = 2,
                                            .threads = 3,
                                            .job = "a",
                                            .pipeline = "other",
                                            .input = "media/a" };

/* What a test has instead of a worker. */
struct fixture {
    struct loop *loop;
    struct runners *runners;
};
static bool with_nursery;

static void begin_well(void *arg)
{
    (void)arg;
}

/* A nursery's runners come when they are born, others at once. */
static void fill_up(const struct fixture *fixture, int spares)
{
    struct err err = { 0 };
    while (runners_spare_count(fixture->runners) < spares) {
        if (runners_refill(fixture->runners, &err) < 0)
            fail_msg("%s", err.text);
        if (with_nursery)
            assert_ok(loop_wait(fixture->loop, 10000, &err), err);
    }
}

static struct fixture fixture_new(runner_body_fn *body, int spares)
{
    struct fixture fixture = { NULL, NULL };
    struct err err = { 0 };
    assert_ok(loop_new(&fixture.loop, &err), err);
    struct runners_rules rules = { fixture.loop, body, NULL, spares, NULL, NULL };
    rules.nursery = with_nursery ? begin_well : NULL;
    fixture.runners = runners_new(&rules);
    fill_up(&fixture, spares);
    assert_int_equal(runners_refill(fixture.runners, &err), 0);
    assert_int_equal(proc_thread_count(), 1); /* who forks without exec has one */
    return fixture;
}

static void fixture_release(struct fixture *fixture)
{
    runners_free(&fixture->runners);
    loop_free(&fixture->loop);
}

static void wait_until_ended(const struct fixture *fixture, const struct seen *seen)
{
    struct err err = { 0 };
    while (!seen->ended)
        assert_ok(loop_wait(fixture->loop, -1, &err), err);
}

static struct seen run_until_end(runner_body_fn *body, struct runner_limits limits,
                                 enum failure stop_for, int spares)
{
    struct seen seen = { 0 };
    struct err err = { 0 };
    CLEANUP(fixture_release) struct fixture fixture = fixture_new(body, spares);
    CLEANUP(runner_free) struct runner *runner = NULL;
    struct runner_calls calls = { on_message, on_end, &seen };
    assert_ok(runner_start(fixture.runners, &an_order, &limits, &calls, &runner, &err), err);
    if (stop_for != FAILURE_NONE)
        runner_stop(runner, stop_for);
    wait_until_ended(&fixture, &seen);
    return seen;
}

static const struct {
    const char *name;
    runner_body_fn *body;
    struct runner_limits limits;
    enum failure stop_for;
    enum failure failure;
    const char *says; /* a part of the text */
} cases[] = {
    { "ends well", body_well, { 0, 0, 1000 }, FAILURE_NONE, FAILURE_NONE, "" },
    { "fails", body_fails, { 0, 0, 1000 }, FAILURE_NONE, FAILURE_INPUT, "not a video" },
    { "says nothing", body_silent, { 0, 0, 1000 }, FAILURE_NONE, FAILURE_CRASH, "status 0" },
    { "exits", body_exits, { 0, 0, 1000 }, FAILURE_NONE, FAILURE_CRASH, "status 7" },
    { "crashes", body_crashes, { 0, 0, 1000 }, FAILURE_NONE, FAILURE_CRASH, "" },
    { "burns its CPU time",
      body_burns,
      { 0, 0, 1000 },
      FAILURE_NONE,
      FAILURE_TIMEOUT,
      "more CPU time" },
    { "crashes after its outcome",
      body_crashes_after_outcome,
      { 0, 0, 1000 },
      FAILURE_NONE,
      FAILURE_CRASH,
      "" },
    { "babbles", body_babbles, { 0, 0, 1000 }, FAILURE_NONE, FAILURE_CRASH, "no JSON" },
    { "stalls", body_hangs, { 200, 0, 1000 }, FAILURE_NONE, FAILURE_STALL, "no progress" },
    { "stalls and is deaf",
      body_hangs_deaf,
      { 200, 0, 100 },
      FAILURE_NONE,
      FAILURE_STALL,
      "no progress" },
    { "takes too long",
      body_talks_for_ever,
      { 5000, 300, 1000 },
      FAILURE_NONE,
      FAILURE_TIMEOUT,
      "longer than" },
    { "takes too long and is deaf",
      body_hangs_deaf,
      { 0, 200, 100 },
      FAILURE_NONE,
      FAILURE_TIMEOUT,
      "longer than" },
    { "is stopped",
      body_hangs,
      { 0, 0, 1000 },
      FAILURE_SHUTDOWN,
      FAILURE_SHUTDOWN,
      "asked to end" },
    { "is stopped and deaf",
      body_hangs_deaf,
      { 0, 0, 100 },
      FAILURE_SHUTDOWN,
      FAILURE_SHUTDOWN,
      "asked to end" },
    { "is cancelled",
      body_hangs,
      { 0, 0, 1000 },
      FAILURE_CANCELLED,
      FAILURE_CANCELLED,
      "cancelled" },
};

/* Forked for the job, and taken from the spare ones: no difference. */
static void test_how_runners_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(cases); i++) {
        size_t row = i / 2;
        struct seen seen =
            run_until_end(cases[row].body, cases[row].limits, cases[row].stop_for, i % 2 ? 2 : 0);
        if (seen.ended != 1 || seen.end.failure != cases[row].failure)
            fail_msg("'%s': ended %d times, %s: %s", cases[row].name, seen.ended,
                     failure_name(seen.end.failure), seen.end.text);
        if (!strstr(seen.end.text, cases[row].says))
            fail_msg("'%s' says '%s'", cases[row].name, seen.end.text);
    }
}

static void test_messages_come_before_the_end(void **state)
{
    (void)state;
    struct seen seen =
        run_until_end(body_well, (struct runner_limits){ 0, 0, 1000 }, FAILURE_NONE, 0);
    assert_int_equal(seen.messages, 1);
    assert_string_equal(seen.last, "hello");
}

static void test_a_grandchild_neither_holds_it_up_nor_stays(void **state)
{
    (void)state;
    struct seen seen = run_until_end(body_leaves_grandchild, (struct runner_limits){ 0, 0, 1000 },
                                     FAILURE_NONE, 1);
    assert_int_equal(seen.end.failure, FAILURE_NONE);
    assert_true(shared->grandchild > 0);
    /* Killed; whoever is its parent now reaps it. */
    for (int i = 0; i < 500 && kill(shared->grandchild, 0) == 0; i++) {
        char path[64], line[256];
        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)shared->grandchild);
        FILE *file = fopen(path, "re");
        if (!file)
            return;
        const char *read = fgets(line, sizeof(line), file);
        (void)fclose(file);
        if (read && strstr(line, ") Z"))
            return;
        (void)usleep(10000);
    }
    assert_int_not_equal(kill(shared->grandchild, 0), 0);
}

static void test_the_surroundings_of_a_child(void **state)
{
    (void)state;
    struct seen seen =
        run_until_end(body_looks_around, (struct runner_limits){ 0, 0, 1000 }, FAILURE_NONE, 1);
    assert_int_equal(seen.end.failure, FAILURE_NONE);
    assert_true(shared->group_is_own);
    assert_true(shared->stdout_is_null);
}

/* A worker that is killed takes its runner along, and the spare one. */
static void test_a_runner_dies_with_its_worker(void **state)
{
    (void)state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t worker = fork();
    if (worker == 0) {
        struct runner *runner = NULL;
        struct runner_limits limits = { 0, 0, 1000 };
        struct runner_calls calls = { on_message, on_end, NULL };
        struct fixture fixture = fixture_new(body_hangs, 1);
        if (runner_start(fixture.runners, &an_order, &limits, &calls, &runner, NULL) < 0)
            _exit(1);
        fill_up(&fixture, 1);
        pid_t pid = runner_pid(runner);
        if (write(ready[1], &pid, sizeof(pid)) != sizeof(pid))
            _exit(1);
        for (;;)
            (void)pause();
    }
    pid_t runner;
    assert_int_equal(read(ready[0], &runner, sizeof(runner)), sizeof(runner));
    /* The child has the write end too: the pipe ends only when both are gone. */
    (void)close(ready[1]);
    assert_int_equal(kill(worker, SIGKILL), 0);
    assert_int_equal(waitpid(worker, NULL, 0), worker);
    struct pollfd ended = { .fd = ready[0], .events = POLLIN };
    if (poll(&ended, 1, 10000) == 0) { /* only a failure ever waits so long */
        (void)kill(runner, SIGKILL);
        fail_msg("the runner outlives its worker");
    }
    assert_int_equal(read(ready[0], &runner, 1), 0);
    (void)close(ready[0]);
}

/* ---- spare ones ---- */

static void body_tells_its_order(void *arg, const struct wire_order *order, int fd)
{
    (void)arg;
    CLEANUP(mem_free_text) char *params = json_line(order->params);
    struct wire_message message = { .kind = WIRE_LOG, .level = LOG_LEVEL_INFO };
    (void)snprintf(message.text, sizeof(message.text), "%d %s %d %d %s %s %.20s %zu %.40s",
                   (int)getpid(), order->token, order->attempt, order->threads, order->job,
                   order->pipeline, order->input, strlen(order->input), params);
    (void)wire_send(fd, &message);
    send_outcome(fd, FAILURE_NONE, "");
}

/* The order comes through whole, whether a spare one gets it or a fork, and a spare one gets it
 * unless it is too long. */
static void test_the_order_comes_through(void **state)
{
    (void)state;
    static const struct {
        size_t input_len;
        bool fits;
    } orders[] = { { 10, true }, { 3000, true }, { 5000, false } };
    CLEANUP(fixture_release) struct fixture fixture = fixture_new(body_tells_its_order, 1);
    CLEANUP(json_drop) json_t *params = json_pack("{s:s}", "text.languages", "eng");
    for (size_t i = 0; i < COUNT(orders); i++) {
        char input[8192] = "", told[512];
        memset(input, 'x', orders[i].input_len);
        struct err err = { 0 };
        struct seen seen = { 0 };
        struct runner *runner = NULL;
        struct wire_order order = an_order;
        order.input = input;
        order.params = params;
        struct runner_limits limits = { 0, 0, 1000 };
        struct runner_calls calls = { on_message, on_end, &seen };
        assert_ok(runner_start(fixture.runners, &order, &limits, &calls, &runner, &err), err);
        /* The spare one is gone exactly if it was told. */
        if ((runners_spare_count(fixture.runners) == 0) != orders[i].fits)
            fail_msg("row %zu: a spare one was %sused", i, orders[i].fits ? "not " : "");
        (void)snprintf(told, sizeof(told), "%d %s %d %d %s %s %.20s %zu %s",
                       (int)runner_pid(runner), an_order.token, 2, 3, "a", "other", input,
                       orders[i].input_len, "{\"text.languages\":\"eng\"}");
        wait_until_ended(&fixture, &seen);
        runner_free(&runner);
        assert_string_equal(seen.last, told);
        fill_up(&fixture, 1);
    }
}

static void kill_children(int number)
{
    char path[64], text[256] = "", *at = text, *end;
    (void)snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(text, sizeof(text), file));
    (void)fclose(file);
    for (long pid; (pid = strtol(at, &end, 10)) > 0; at = end)
        assert_int_equal(kill((pid_t)pid, number), 0);
}

static void body_never_comes_so_far(void *arg, const struct wire_order *order, int fd)
{
    (void)arg, (void)order, (void)fd;
    shared->grandchild = -1;
}

/* A spare one that dies is no job's end: the next job is forked, and there is a pause before a new
 * spare one is. */
static void test_a_spare_one_that_dies_harms_nobody(void **state)
{
    (void)state;
    struct err err = { 0 };
    struct seen seen = { 0 };
    struct runner_limits limits = { 0, 0, 1000 };
    struct runner_calls calls = { on_message, on_end, &seen };
    CLEANUP(fixture_release) struct fixture fixture = fixture_new(body_well, 1);
    CLEANUP(runner_free) struct runner *runner = NULL;
    kill_children(SIGKILL);
    while (runners_spare_count(fixture.runners) > 0)
        assert_ok(loop_wait(fixture.loop, 10000, &err), err);
    if (with_nursery) { /* it went too, and that is told, maybe only now */
        while (runners_refill(fixture.runners, &err) == 0)
            assert_ok(loop_wait(fixture.loop, 10000, &err), err);
        assert_non_null(strstr(err.text, "nursery"));
    }
    assert_int_equal(runners_refill(fixture.runners, &err), 0);
    assert_ok(runner_start(fixture.runners, &an_order, &limits, &calls, &runner, &err), err);
    wait_until_ended(&fixture, &seen);
    assert_int_equal(seen.end.failure, FAILURE_NONE);
}

/* What was dropped never runs anything, and is gone and reaped. */
static void test_dropped_spare_ones_are_gone(void **state)
{
    (void)state;
    shared->grandchild = 0;
    CLEANUP(fixture_release) struct fixture fixture = fixture_new(body_never_comes_so_far, 2);
    runners_drop_spares(fixture.runners);
    errno = 0;
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    assert_int_equal(shared->grandchild, 0);
}

/* ---- the lease ---- */

static bool is_gone(pid_t pid)
{
    char path[64], line[256];
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (!file)
        return true;
    const char *read = fgets(line, sizeof(line), file);
    (void)fclose(file);
    return !read || strstr(line, ") Z") != NULL;
}

static void body_shows_its_pid(void *arg, const struct wire_order *order, int fd)
{
    shared->grandchild = getpid();
    body_hangs(arg, order, fd);
}

__attribute__((noreturn)) static void be_a_worker(void)
{
    struct lease *lease = NULL;
    struct runner *runner = NULL;
    struct runner_limits limits = { 0, 0, 1000 };
    struct runner_calls calls = { on_message, on_end, NULL };
    struct runners_rules rules = { NULL, body_shows_its_pid, NULL, 1, NULL, NULL };
    if (loop_new(&rules.loop, NULL) < 0 || lease_new(2000, &lease, NULL) < 0)
        _exit(1);
    rules.lease = lease;
    rules.nursery = with_nursery ? begin_well : NULL;
    struct runners *runners = runners_new(&rules);
    fill_up(&(struct fixture){ rules.loop, runners }, 1);
    if (runner_start(runners, &an_order, &limits, &calls, &runner, NULL) < 0)
        _exit(1);
    fill_up(&(struct fixture){ rules.loop, runners }, 1);
    for (;;) {
        lease_renew(lease);
        (void)loop_wait(rules.loop, 100, NULL);
    }
}

/* A worker that is stopped beats no more: its runner ends by itself, and so does the spare one. */
static void test_runners_of_a_stopped_worker_end(void **state)
{
    (void)state;
    char path[64], text[256] = "";
    long pids[2] = { 0, 0 }; /* without the nursery, which is the first, and stays */
    shared->grandchild = 0;
    pid_t worker = fork();
    if (worker == 0)
        be_a_worker();
    (void)snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)worker, (int)worker);
    for (int i = 0; i < 1000 && pids[1] == 0; i++) {
        FILE *file = fopen(path, "re");
        assert_non_null(file);
        if (shared->grandchild && fgets(text, sizeof(text), file))
            (void)sscanf(text, with_nursery ? "%*d %ld %ld" : "%ld %ld", &pids[0], &pids[1]);
        (void)fclose(file);
        (void)usleep(10000);
    }
    assert_true(pids[1] > 0);
    assert_false(is_gone((pid_t)pids[0]) || is_gone((pid_t)pids[1]));
    assert_int_equal(kill(worker, SIGSTOP), 0);
    for (int i = 0; i < 1000 && !(is_gone((pid_t)pids[0]) && is_gone((pid_t)pids[1])); i++)
        (void)usleep(10000);
    bool all_gone = is_gone((pid_t)pids[0]) && is_gone((pid_t)pids[1]);
    assert_int_equal(kill(worker, SIGKILL), 0);
    assert_int_equal(waitpid(worker, NULL, 0), worker);
    assert_true(all_gone);
}

static void body_claims_the_lease_is_over(void *arg, const struct wire_order *order, int fd)
{
    (void)arg, (void)order, (void)fd;
    _exit(LEASE_STATUS);
}

static const struct {
    const char *name;
    runner_body_fn *body;
    int64_t lease_ms;
    enum failure failure;
} leases[] = {
    { "a worker without a beat stops it", body_hangs_deaf, 200, FAILURE_SHUTDOWN },
    { "it sees that by itself", body_hangs, 200, FAILURE_SHUTDOWN },
    { "it only says so", body_claims_the_lease_is_over, 600000, FAILURE_CRASH },
};

static void test_who_has_no_lease_has_no_runners(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(leases); i++) {
        struct err err = { 0 };
        struct seen seen = { 0 };
        struct runner *runner = NULL;
        struct runner_limits limits = { 0, 0, 100 };
        struct runner_calls calls = { on_message, on_end, &seen };
        struct runners_rules rules = { NULL, leases[i].body, NULL, 0, NULL, NULL };
        assert_ok(loop_new(&rules.loop, &err), err);
        assert_ok(lease_new(leases[i].lease_ms, &rules.lease, &err), err);
        rules.nursery = with_nursery ? begin_well : NULL;
        struct fixture fixture = { rules.loop, runners_new(&rules) };
        assert_ok(runner_start(fixture.runners, &an_order, &limits, &calls, &runner, &err), err);
        wait_until_ended(&fixture, &seen);
        if (seen.end.failure != leases[i].failure)
            fail_msg("'%s': %s, %s", leases[i].name, failure_name(seen.end.failure), seen.end.text);
        runner_free(&runner);
        fixture_release(&fixture);
        lease_free(&rules.lease);
    }
}

/* ---- the nursery ---- */

static void run_one(struct fixture *fixture)
{
    struct err err = { 0 };
    struct seen seen = { 0 };
    struct runner *runner = NULL;
    struct runner_limits limits = { 0, 0, 1000 };
    struct runner_calls calls = { on_message, on_end, &seen };
    assert_ok(runner_start(fixture->runners, &an_order, &limits, &calls, &runner, &err), err);
    wait_until_ended(fixture, &seen);
    runner_free(&runner);
    assert_int_equal(seen.end.failure, FAILURE_NONE);
}

/* In a process of its own, since a filter stays: under systemd's RestrictNamespaces= and in
 * containers there is no clone3. */
static bool has_nursery_without_clone3(void)
{
    char path[64], name[64] = "";
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    assert_int_equal(seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0), 0);
    assert_int_equal(seccomp_load(filter), 0);
    seccomp_release(filter);
    CLEANUP(fixture_release) struct fixture fixture = fixture_new(body_well, 1);
    (void)snprintf(path, sizeof(path), "/proc/%d/comm", (int)test_first_child());
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(name, sizeof(name), file));
    (void)fclose(file);
    run_one(&fixture);
    return strcmp(name, "takeup-nursery\n") == 0;
}

static void test_a_nursery_needs_no_clone3(void **state)
{
    (void)state;
    int status;
    if (getenv("VALGRIND"))
        skip(); /* it has a clone of its own */
    pid_t pid = fork();
    if (pid == 0)
        _exit(has_nursery_without_clone3() ? 0 : 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

/* Killed, or stopped in the middle: the spare one that it has made serves, and after it the worker
 * forks by itself. */
static void test_a_nursery_that_fails_harms_nobody(void **state)
{
    (void)state;
    static const int numbers[] = { SIGKILL, SIGSTOP };
    for (size_t i = 0; i < COUNT(numbers); i++) {
        struct err err = { 0 };
        CLEANUP(fixture_release) struct fixture fixture = fixture_new(body_well, 1);
        assert_int_equal(kill(test_first_child(), numbers[i]), 0);
        run_one(&fixture);
        run_one(&fixture);
        if (numbers[i] == SIGKILL) /* and a new one comes, after a pause */
            while (runners_spare_count(fixture.runners) == 0) {
                (void)runners_refill(fixture.runners, NULL);
                assert_ok(loop_wait(fixture.loop, 10, &err), err);
            }
        run_one(&fixture);
    }
}

static void bear_and_exit(void *arg, int order_fd, int wire_fd, pid_t worker)
{
    (void)arg, (void)order_fd, (void)wire_fd, (void)worker;
    _exit(0);
}

static void begin_and_die(void *arg)
{
    (void)arg;
    (void)raise(SIGKILL);
}

static void *idle(void *arg)
{
    for (;;)
        (void)pause();
    return arg;
}

static void begin_with_a_thread(void *arg)
{
    pthread_t thread;
    (void)pthread_create(&thread, NULL, idle, arg);
}

/* What a plugin may do to it when it is loaded: then there is none, and all goes on. */
static void test_a_nursery_that_cannot_be(void **state)
{
    (void)state;
    static void (*const begins[])(void *) = { begin_and_die, begin_with_a_thread };
    for (size_t i = 0; i < COUNT(begins); i++) {
        struct err err = { 0 };
        struct fixture fixture = { NULL, NULL };
        assert_ok(loop_new(&fixture.loop, &err), err);
        struct runners_rules rules = { fixture.loop, body_well, NULL, 1, NULL, begins[i] };
        fixture.runners = runners_new(&rules);
        run_one(&fixture);
        while (runners_spare_count(fixture.runners) ==
               0) { /* by the worker itself, after a while */
            (void)runners_refill(fixture.runners, NULL);
            assert_ok(loop_wait(fixture.loop, 10, &err), err);
        }
        run_one(&fixture);
        fixture_release(&fixture);
    }
}

static void bear_and_wait(void *arg, int order_fd, int wire_fd, pid_t worker)
{
    char byte;
    (void)arg, (void)wire_fd, (void)worker;
    (void)!read(order_fd, &byte, 1);
    _exit(0);
}

/* The kernel hands over as many as fit: what came is closed again, and the child is no orphan. */
static void test_no_room_for_its_descriptors(void **state)
{
    (void)state;
    if (getenv("VALGRIND"))
        skip(); /* it has limits of its own */
    for (rlim_t room = 0; room < 3; room++) {
        struct nursery *nursery = NULL;
        struct birth birth;
        struct err err = { 0 };
        struct rlimit before, tight;
        assert_ok(nursery_new(begin_well, bear_and_wait, NULL, &nursery, &err), err);
        assert_ok(nursery_ask(nursery, &err), err);
        int next = dup(STDIN_FILENO);
        assert_int_equal(close(next), 0);
        assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
        tight = (struct rlimit){ (rlim_t)next + room, before.rlim_max };
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &tight), 0);
        int r = nursery_take(nursery, 10000, &birth, &err);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(r, -EMFILE);
        int after = dup(STDIN_FILENO);
        assert_int_equal(close(after), 0);
        assert_int_equal(after, next);
        nursery_free(&nursery);
        errno = 0;
        assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
        assert_int_equal(errno, ECHILD);
    }
}

static void body_tells_its_parent(void *arg, const struct wire_order *order, int fd)
{
    (void)arg, (void)order;
    shared->grandchild = getppid();
    send_outcome(fd, FAILURE_NONE, "");
}

/* So that the worker reaps it, and knows what it used. */
static void test_what_it_bears_is_the_workers_child(void **state)
{
    (void)state;
    CLEANUP(fixture_release) struct fixture fixture = fixture_new(body_tells_its_parent, 1);
    run_one(&fixture);
    assert_int_equal(shared->grandchild, getpid());
    errno = 0;
    runners_drop_spares(fixture.runners);
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
}

/* What the kernel must know for it (some containers do not) is there. */
static bool has_nurseries(void)
{
    struct nursery *nursery = NULL;
    struct birth birth = { 0 };
    struct err err = { 0 };
    assert_ok(nursery_new(begin_well, bear_and_exit, NULL, &nursery, &err), err);
    assert_ok(nursery_ask(nursery, &err), err);
    int r = nursery_take(nursery, 10000, &birth, &err);
    if (r == 1) {
        assert_int_equal(waitpid(birth.pid, NULL, 0), birth.pid);
        fs_close(&birth.wire_fd);
        fs_close(&birth.order_fd);
        fs_close(&birth.pid_fd);
    }
    nursery_free(&nursery);
    return r == 1;
}

static int set_nursery(void **state)
{
    (void)state;
    with_nursery = true;
    return 0;
}

static int set_no_nursery(void **state)
{
    (void)state;
    with_nursery = false;
    return 0;
}

#define WITH_NURSERY(test)                                                                         \
    {                                                                                              \
        "nursery: " #test, test, set_nursery, set_no_nursery, NULL                                 \
    }

int main(void)
{
    (void)signal(SIGPIPE, SIG_IGN); /* as in the worker: a spare may be gone when its order comes */
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_how_runners_end),
        cmocka_unit_test(test_messages_come_before_the_end),
        cmocka_unit_test(test_a_grandchild_neither_holds_it_up_nor_stays),
        cmocka_unit_test(test_the_surroundings_of_a_child),
        cmocka_unit_test(test_a_runner_dies_with_its_worker),
        cmocka_unit_test(test_the_order_comes_through),
        cmocka_unit_test(test_a_spare_one_that_dies_harms_nobody),
        cmocka_unit_test(test_dropped_spare_ones_are_gone),
        cmocka_unit_test(test_runners_of_a_stopped_worker_end),
        cmocka_unit_test(test_who_has_no_lease_has_no_runners),
    };
    const struct CMUnitTest nursed[] = {
        WITH_NURSERY(test_how_runners_end),
        WITH_NURSERY(test_a_grandchild_neither_holds_it_up_nor_stays),
        WITH_NURSERY(test_the_surroundings_of_a_child),
        WITH_NURSERY(test_a_runner_dies_with_its_worker),
        WITH_NURSERY(test_the_order_comes_through),
        WITH_NURSERY(test_a_spare_one_that_dies_harms_nobody),
        WITH_NURSERY(test_dropped_spare_ones_are_gone),
        WITH_NURSERY(test_runners_of_a_stopped_worker_end),
        WITH_NURSERY(test_who_has_no_lease_has_no_runners),
        WITH_NURSERY(test_a_nursery_that_fails_harms_nobody),
        WITH_NURSERY(test_a_nursery_needs_no_clone3),
        WITH_NURSERY(test_a_nursery_that_cannot_be),
        WITH_NURSERY(test_no_room_for_its_descriptors),
        WITH_NURSERY(test_what_it_bears_is_the_workers_child),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (has_nurseries())
        failed += cmocka_run_group_tests(nursed, NULL, NULL);
    return failed;
}
