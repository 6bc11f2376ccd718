#include "test.h"

#include "worker/runner.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
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

static void body_well(void *arg, int fd)
{
    (void)arg;
    struct wire_message line = { .kind = WIRE_LOG, .level = LOG_LEVEL_INFO, .text = "hello" };
    (void)wire_send(fd, &line);
    send_outcome(fd, FAILURE_NONE, "");
}

static void body_fails(void *arg, int fd)
{
    (void)arg;
    send_outcome(fd, FAILURE_INPUT, "not a video");
}

static void body_silent(void *arg, int fd)
{
    (void)arg, (void)fd;
}

static void body_exits(void *arg, int fd)
{
    (void)arg, (void)fd;
    _exit(7);
}

static void body_crashes(void *arg, int fd)
{
    (void)arg, (void)fd;
    (void)raise(SIGSEGV);
}

static void body_crashes_after_outcome(void *arg, int fd)
{
    (void)arg;
    send_outcome(fd, FAILURE_NONE, "");
    (void)raise(SIGSEGV);
}

static void body_babbles(void *arg, int fd)
{
    (void)arg;
    (void)fs_write_all(fd, "what is this?\n", 14);
    for (;;)
        (void)pause();
}

static void body_hangs(void *arg, int fd)
{
    (void)arg, (void)fd;
    for (;;)
        (void)pause();
}

static void body_hangs_deaf(void *arg, int fd)
{
    (void)signal(SIGTERM, SIG_IGN);
    body_hangs(arg, fd);
}

static void body_talks_for_ever(void *arg, int fd)
{
    (void)arg;
    struct wire_message line = { .kind = WIRE_PROGRESS, .step = "frames" };
    while (wire_send(fd, &line) == 0)
        (void)usleep(10000);
}

static void body_leaves_grandchild(void *arg, int fd)
{
    (void)arg;
    pid_t pid = fork();
    if (pid == 0)
        for (;;)
            (void)pause(); /* holds the pipe open */
    shared->grandchild = pid;
    send_outcome(fd, FAILURE_NONE, "");
}

static void body_looks_around(void *arg, int fd)
{
    (void)arg;
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

static struct seen run_until_end(runner_body_fn *body, struct runner_limits limits,
                                 enum failure stop_for)
{
    struct seen seen = { 0 };
    struct err err = { 0 };
    CLEANUP(loop_free) struct loop *loop = NULL;
    CLEANUP(runner_free) struct runner *runner = NULL;
    struct runner_calls calls = { body, on_message, on_end, &seen };
    assert_ok(loop_new(&loop, &err), err);
    assert_ok(runner_start(loop, &limits, &calls, &runner, &err), err);
    if (stop_for != FAILURE_NONE)
        runner_stop(runner, stop_for);
    while (!seen.ended)
        assert_ok(loop_wait(loop, -1, &err), err);
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

static void test_how_runners_end(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct seen seen = run_until_end(cases[i].body, cases[i].limits, cases[i].stop_for);
        if (seen.ended != 1 || seen.end.failure != cases[i].failure)
            fail_msg("'%s': ended %d times, %s: %s", cases[i].name, seen.ended,
                     failure_name(seen.end.failure), seen.end.text);
        if (!strstr(seen.end.text, cases[i].says))
            fail_msg("'%s' says '%s'", cases[i].name, seen.end.text);
    }
}

static void test_messages_come_before_the_end(void **state)
{
    (void)state;
    struct seen seen = run_until_end(body_well, (struct runner_limits){ 0, 0, 1000 }, FAILURE_NONE);
    assert_int_equal(seen.messages, 1);
    assert_string_equal(seen.last, "hello");
}

static void test_a_grandchild_neither_holds_it_up_nor_stays(void **state)
{
    (void)state;
    struct seen seen =
        run_until_end(body_leaves_grandchild, (struct runner_limits){ 0, 0, 1000 }, FAILURE_NONE);
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
        run_until_end(body_looks_around, (struct runner_limits){ 0, 0, 1000 }, FAILURE_NONE);
    assert_int_equal(seen.end.failure, FAILURE_NONE);
    assert_true(shared->group_is_own);
    assert_true(shared->stdout_is_null);
}

/* A worker that is killed takes its runner along. */
static void test_a_runner_dies_with_its_worker(void **state)
{
    (void)state;
    int ready[2];
    assert_int_equal(pipe(ready), 0);
    pid_t worker = fork();
    if (worker == 0) {
        struct loop *loop = NULL;
        struct runner *runner = NULL;
        struct runner_limits limits = { 0, 0, 1000 };
        struct runner_calls calls = { body_hangs, on_message, on_end, NULL };
        if (loop_new(&loop, NULL) < 0 || runner_start(loop, &limits, &calls, &runner, NULL) < 0)
            _exit(1);
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

int main(void)
{
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return 1;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_how_runners_end),
        cmocka_unit_test(test_messages_come_before_the_end),
        cmocka_unit_test(test_a_grandchild_neither_holds_it_up_nor_stays),
        cmocka_unit_test(test_the_surroundings_of_a_child),
        cmocka_unit_test(test_a_runner_dies_with_its_worker),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
