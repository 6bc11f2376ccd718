/* Callbacks that come, in which things are removed, and that do not come after that. */
#include "test.h"

#include "base/loop.h"

#include <errno.h>
#include <string.h>
#include <sys/wait.h>

struct seen {
    struct loop *loop;
    struct loop_watch *self, *other;
    int calls;
    uint32_t last;
    int stop_after; /* removes itself after so many */
    bool remove_other;
};

static void see(void *arg, uint32_t events)
{
    struct seen *seen = arg;
    seen->calls++;
    seen->last = events;
    if (seen->remove_other)
        loop_remove(seen->loop, &seen->other);
    if (seen->stop_after && seen->calls == seen->stop_after)
        loop_remove(seen->loop, &seen->self);
}

static struct loop *must_make_loop(void)
{
    struct loop *loop = NULL;
    struct err err = { 0 };
    assert_ok(loop_new(&loop, &err), err);
    return loop;
}

static void must_wait(struct loop *loop, int64_t timeout_ms)
{
    struct err err = { 0 };
    assert_ok(loop_wait(loop, timeout_ms, &err), err);
}

static const struct {
    int64_t first_ms, period_ms;
    int wanted; /* calls to wait for */
} timers[] = { { 0, 0, 1 }, { 1, 0, 1 }, { 0, 1, 3 }, { 2, 1, 2 } };

static void test_timers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(timers); i++) {
        CLEANUP(loop_free) struct loop *loop = must_make_loop();
        struct err err = { 0 };
        struct seen seen = { .loop = loop, .stop_after = timers[i].wanted };
        assert_ok(loop_add_timer(loop, timers[i].first_ms, timers[i].period_ms, see, &seen,
                                 &seen.self, &err),
                  err);
        while (seen.calls < timers[i].wanted) /* a call that never comes is the runner's limit */
            must_wait(loop, -1);
        must_wait(loop, 0);
        if (seen.self || seen.calls != timers[i].wanted)
            fail_msg("row %zu: %d calls", i, seen.calls);
    }
}

/* Both ends are ready in one wait, and whoever comes first removes the other. */
static void test_removed_is_not_called(void **state)
{
    (void)state;
    CLEANUP(loop_free) struct loop *loop = must_make_loop();
    struct seen seen[2] = { { .loop = loop, .remove_other = true },
                            { .loop = loop, .remove_other = true } };
    int fds[2][2];
    struct err err = { 0 };
    struct loop_watch *watches[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pipe(fds[i]), 0);
        assert_int_equal(write(fds[i][1], "x", 1), 1);
        assert_ok(loop_add(loop, fds[i][0], EPOLLIN, see, &seen[i], &watches[i], &err), err);
    }
    seen[0].other = watches[1];
    seen[1].other = watches[0];
    must_wait(loop, -1);
    assert_int_equal(seen[0].calls + seen[1].calls, 1);
    must_wait(loop, 0);
    assert_int_equal(seen[0].calls + seen[1].calls, 2); /* the one that is left */
    for (int i = 0; i < 2; i++) {
        assert_int_equal(fcntl(fds[i][0], F_GETFD), 0); /* it stays the caller's */
        (void)close(fds[i][0]);
        (void)close(fds[i][1]);
    }
}

struct chain {
    struct loop *loop;
    struct seen *added;
};

static void add_one(void *arg, uint32_t events)
{
    struct chain *chain = arg;
    struct err err = { 0 };
    (void)events;
    assert_ok(loop_add_timer(chain->loop, 0, 0, see, chain->added, NULL, &err), err);
}

static void test_added_in_a_callback(void **state)
{
    (void)state;
    CLEANUP(loop_free) struct loop *loop = must_make_loop();
    struct seen added = { .loop = loop };
    struct chain chain = { loop, &added };
    struct err err = { 0 };
    assert_ok(loop_add_timer(loop, 0, 0, add_one, &chain, NULL, &err), err);
    while (added.calls == 0)
        must_wait(loop, -1);
    assert_int_equal(added.calls, 1);
}

static const int told[] = { SIGUSR1, SIGUSR2, SIGHUP };

static void test_signals(void **state)
{
    (void)state;
    CLEANUP(loop_free) struct loop *loop = must_make_loop();
    struct seen seen = { .loop = loop };
    struct err err = { 0 };
    sigset_t set, before;
    (void)sigemptyset(&set);
    for (size_t i = 0; i < COUNT(told); i++)
        (void)sigaddset(&set, told[i]);
    assert_int_equal(sigprocmask(SIG_BLOCK, NULL, &before), 0);
    assert_ok(loop_add_signals(loop, &set, see, &seen, &err), err);
    must_wait(loop, 0);
    assert_int_equal(seen.calls, 0);
    for (size_t i = 0; i < COUNT(told); i++) {
        assert_int_equal(raise(told[i]), 0);
        must_wait(loop, -1);
        if (seen.calls != (int)i + 1 || seen.last != (uint32_t)told[i])
            fail_msg("row %zu: %d calls, signal %u", i, seen.calls, seen.last);
    }
    for (size_t i = 0; i < COUNT(told); i++)
        assert_int_equal(raise(told[i]), 0);
    must_wait(loop, -1);
    assert_int_equal(seen.calls, 2 * (int)COUNT(told)); /* all that came, in one wait */
    assert_int_equal(sigprocmask(SIG_SETMASK, &before, NULL), 0);
}

static void test_errors(void **state)
{
    (void)state;
    CLEANUP(loop_free) struct loop *loop = must_make_loop();
    CLEANUP(test_remove_dir) char *dir = test_make_dir();
    CLEANUP(fs_close) int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct loop_watch *watch = NULL;
    struct err err = { 0 };
    const struct {
        int fd, result;
    } wrong[] = { { -1, -EBADF }, { root, -EPERM } };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        int r = loop_add(loop, wrong[i].fd, EPOLLIN, see, NULL, &watch, &err);
        if (r != wrong[i].result || err.kind != ERR_IO || watch)
            fail_msg("row %zu: %d %s", i, r, err.text);
    }
    loop_remove(loop, &watch);
    must_wait(loop, 0);
}

/* What a child forgets, its parent still watches. */
static void test_forget(void **state)
{
    (void)state;
    CLEANUP(loop_free) struct loop *loop = must_make_loop();
    struct seen seen = { .loop = loop };
    struct err err = { 0 };
    int fds[2], status;
    assert_int_equal(pipe(fds), 0);
    assert_ok(loop_add(loop, fds[0], EPOLLIN, see, &seen, &seen.self, &err), err);
    pid_t pid = fork();
    if (pid == 0) {
        loop_forget(&loop);
        _exit(loop == NULL ? 7 : 1);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    assert_int_equal(write(fds[1], "x", 1), 1);
    must_wait(loop, -1);
    assert_int_equal(seen.calls, 1);
    assert_true(seen.last & EPOLLIN);
    loop_remove(loop, &seen.self);
    (void)close(fds[0]);
    (void)close(fds[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_timers),
        cmocka_unit_test(test_removed_is_not_called),
        cmocka_unit_test(test_added_in_a_callback),
        cmocka_unit_test(test_signals),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_forget),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
