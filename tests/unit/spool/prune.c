/* What goes and what stays; others who take, publish and prune at the same time; and a kill after
 * each change of the disk. */
#include "fixture.h"

#include "base/str.h"
#include "base/time.h"
#include "spool/prune.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { DAY_MS = 86400000, KILLED = 77 };

static const struct prune_rules old_ones = {
    .older_ms = 30LL * DAY_MS, .done = true, .error = true, .held_ms = -1
};

/* ---- hooks ---- */

static int changes_until_kill;           /* the n-th change from now on is the last; 0: none */
static void (*before_rename)(void *arg); /* once, before the next rename that leaves done/ */
static void *before_arg;

static void count_change(void)
{
    if (changes_until_kill > 0 && --changes_until_kill == 0)
        _exit(KILLED);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    void (*hook)(void *arg) = from_fd != to_fd ? TAKE(before_rename) : NULL;
    if (hook)
        hook(before_arg);
    int r = (int)syscall(SYS_renameat, from_fd, from, to_fd, to);
    int errnum = errno;
    count_change();
    errno = errnum;
    return r;
}

int unlinkat(int dir_fd, const char *name, int flags)
{
    int r = (int)syscall(SYS_unlinkat, dir_fd, name, flags);
    int errnum = errno;
    count_change();
    errno = errnum;
    return r;
}

/* ---- jobs ---- */

static void make_dir(const struct fixture *fixture, const char *path)
{
    assert_int_equal(mkdirat(spool_root(fixture->spool), path, 0775), 0);
}

/* path: "done/a"; its record says that it ended days ago. */
static void make_job(const struct fixture *fixture, const char *path, const char *token, int days)
{
    char time[TIME_TEXT_SIZE];
    assert_int_equal(mkdirat(spool_root(fixture->spool), path, 0775), 0);
    CLEANUP(mem_free_text)
    char *text = mem_printf("{\"token\": \"%s\", \"times\": {\"finished\": \"%s\"}}", token,
                            time_format(time_wall_ms() - (int64_t)days * DAY_MS, time));
    CLEANUP(mem_free_text) char *record = mem_printf("%s/result.json", path);
    CLEANUP(mem_free_text) char *job = mem_printf("%s/a.job", path);
    fixture_drop(fixture, record, text);
    fixture_drop(fixture, job, "12345");
}

static struct prune_tally prune(const struct fixture *fixture, const struct prune_rules *rules)
{
    struct prune_tally tally = { 0 };
    struct err err = { 0 };
    assert_ok(prune_run(fixture->spool, rules, NULL, NULL, &tally, &err), err);
    return tally;
}

/* ---- what goes ---- */

static const struct {
    struct prune_rules rules;
    const char *left; /* of done/new done/old done/older error/old */
    int jobs;
} choices[] = {
    { { .older_ms = 30LL * DAY_MS, .done = true, .error = true }, "1000", 3 },
    { { .older_ms = 30LL * DAY_MS, .done = true }, "1001", 2 },
    { { .older_ms = 30LL * DAY_MS, .error = true }, "1110", 1 },
    { { .older_ms = 90LL * DAY_MS, .done = true, .error = true }, "1101", 1 },
    { { .older_ms = 300LL * DAY_MS, .done = true, .error = true }, "1111", 0 },
    { { .older_ms = 30LL * DAY_MS, .done = true, .error = true, .keep_last = 1 }, "1001", 2 },
    { { .older_ms = 30LL * DAY_MS, .done = true, .error = true, .keep_last = 2 }, "1101", 1 },
    { { .older_ms = 0, .done = true, .keep_last = 1 }, "1001", 2 },
    { { .older_ms = 0, .done = true, .error = true, .dry_run = true }, "1111", 4 },
};

static void test_choices(void **state)
{
    (void)state;
    static const char *const paths[] = { "done/new", "done/old", "done/older", "error/old" };
    static const int days[] = { 1, 60, 100, 60 };
    for (size_t i = 0; i < COUNT(choices); i++) {
        struct fixture *fixture;
        char left[COUNT(paths) + 1] = "";
        (void)fixture_make((void **)&fixture);
        for (size_t j = 0; j < COUNT(paths); j++)
            make_job(fixture, paths[j], paths[j], days[j]);
        struct prune_tally tally = prune(fixture, &choices[i].rules);
        for (size_t j = 0; j < COUNT(paths); j++)
            left[j] = fixture_has(fixture, paths[j]) ? '1' : '0';
        if (strcmp(left, choices[i].left) != 0 || tally.jobs != choices[i].jobs)
            fail_msg("row %zu: left %s, %lld went", i, left, (long long)tally.jobs);
        if ((tally.bytes > 0) != (choices[i].jobs > 0) || fixture_count(fixture, "tmp") != 0)
            fail_msg("row %zu: %lld bytes, tmp/ has %d", i, (long long)tally.bytes,
                     fixture_count(fixture, "tmp"));
        (void)fixture_end((void **)&fixture);
    }
}

/* Without a record the directory's own time counts; what is no directory is not ours. */
static void test_without_a_record(void **state)
{
    struct fixture *fixture = *state;
    const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    make_dir(fixture, "done/old");
    make_dir(fixture, "done/new");
    fixture_drop(fixture, "done/file", "x");
    fixture_drop(fixture, "done/.hidden", "x");
    assert_int_equal(utimensat(spool_root(fixture->spool), "done/old", old, 0), 0);
    assert_int_equal(utimensat(spool_root(fixture->spool), "done/file", old, 0), 0);
    assert_int_equal(prune(fixture, &old_ones).jobs, 1);
    assert_false(fixture_has(fixture, "done/old"));
    assert_int_equal(fixture_count(fixture, "done"), 3);
}

/* Media of the inbox go, others stay; a link is removed and not followed. */
static void test_what_is_inside(void **state)
{
    struct fixture *fixture = *state;
    int root = spool_root(fixture->spool);
    make_job(fixture, "done/a", "t", 60);
    make_dir(fixture, "done/a/input");
    make_dir(fixture, "done/a/\n-rf *");
    fixture_drop(fixture, "done/a/input/v.mp4", "0123456789");
    fixture_drop(fixture, "media/v.mp4", "v");
    fixture_drop(fixture, "done/a/locked", "x");
    assert_int_equal(fchmodat(root, "done/a/locked", 0, 0), 0);
    assert_int_equal(symlinkat("../../media", root, "done/a/link"), 0);
    assert_int_equal(symlinkat("../../../media", root, "done/a/input/link"), 0);
    assert_int_equal(mknodat(root, "done/a/fifo", S_IFIFO | 0600, 0), 0);
    struct prune_tally tally = prune(fixture, &old_ones);
    assert_int_equal(tally.jobs, 1);
    assert_true(tally.bytes >= 5 + 10 + 1);
    assert_true(fixture_has(fixture, "media/v.mp4"));
    assert_false(fixture_has(fixture, "done/a"));
    assert_int_equal(fixture_count(fixture, "tmp"), 0);
}

/* More levels than there are descriptors. */
static void test_a_deep_tree(void **state)
{
    struct fixture *fixture = *state;
    make_job(fixture, "error/a", "t", 60);
    int fd = openat(spool_root(fixture->spool), "error/a", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int depth = 0; depth < 3000; depth++) {
        assert_int_equal(mkdirat(fd, "earlier", 0775), 0);
        int next = openat(fd, "earlier", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        (void)close(fd);
        fd = next;
    }
    (void)close(fd);
    assert_int_equal(prune(fixture, &old_ones).jobs, 1);
    assert_int_equal(fixture_count(fixture, "error"), 0);
    assert_int_equal(fixture_count(fixture, "tmp"), 0);
}

/* ---- others at the same time ---- */

/* Another prune took done/a, and a worker published a new job of that name. */
static void publish_another(void *arg)
{
    struct fixture *fixture = arg;
    struct err err = { 0 };
    assert_ok(fs_remove_tree(spool_root(fixture->spool), "done/a", &err), err);
    make_job(fixture, "done/a", "new", 0);
}

static void test_a_new_job_of_that_name(void **state)
{
    struct fixture *fixture = *state;
    make_job(fixture, "done/a", "old", 60);
    before_rename = publish_another;
    before_arg = fixture;
    assert_int_equal(prune(fixture, &old_ones).jobs, 0);
    assert_null(before_rename);
    assert_true(fixture_has(fixture, "done/a/result.json"));
    assert_true(fixture_has(fixture, "done/a/a.job"));
    assert_int_equal(fixture_count(fixture, "tmp"), 0);
}

/* While it was away its name was taken once more. */
static void publish_newest(void *arg)
{
    make_job(arg, "done/a", "newest", 0);
}

static void test_put_back_beside_a_newer_one(void **state)
{
    struct fixture *fixture = *state;
    static const char held[] = "prune.0123456789abcdef.done.a";
    struct err err = { 0 };
    make_job(fixture, "tmp/prune.0123456789abcdef.done.a", "new", 0);
    before_rename = publish_newest; /* between the look and the rename */
    before_arg = fixture;
    assert_ok(prune_put_back(fixture->spool, held, &err), err);
    assert_true(fixture_has(fixture, "done/a/result.json"));
    assert_true(fixture_has(fixture, "done/a.2/result.json"));
    assert_int_equal(fixture_count(fixture, "tmp"), 0);
}

static void take_away(void *arg)
{
    const struct fixture *fixture = arg;
    int root = spool_root(fixture->spool);
    assert_int_equal(syscall(SYS_renameat, root, "error/a", root, "deferred/a@0@x"), 0);
}

static void test_a_job_that_is_retried(void **state)
{
    struct fixture *fixture = *state;
    make_job(fixture, "error/a", "t", 60);
    before_rename = take_away;
    before_arg = fixture;
    assert_int_equal(prune(fixture, &old_ones).jobs, 0);
    assert_true(fixture_has(fixture, "deferred/a@0@x/a.job"));
}

static void test_two_prunes(void **state)
{
    struct fixture *fixture = *state;
    pid_t pids[2];
    for (int i = 0; i < 200; i++) {
        CLEANUP(mem_free_text) char *path = mem_printf("done/%d", i);
        make_job(fixture, path, path, 60);
    }
    for (size_t i = 0; i < COUNT(pids); i++) {
        pids[i] = fork();
        if (pids[i] == 0) {
            struct prune_tally tally;
            struct err err = { 0 };
            _exit(prune_run(fixture->spool, &old_ones, NULL, NULL, &tally, &err) < 0 ? 1 : 0);
        }
    }
    for (size_t i = 0; i < COUNT(pids); i++) {
        int status = -1;
        (void)waitpid(pids[i], &status, 0);
        assert_int_equal(status, 0);
    }
    (void)prune(fixture, &old_ones); /* what one put back under the other's feet */
    assert_int_equal(fixture_count(fixture, "done"), 0);
    assert_int_equal(fixture_count(fixture, "tmp"), 0);
}

/* ---- killed ---- */

static bool is_whole_or_gone(const struct fixture *fixture, const char *path)
{
    static const char *const files[] = { "a.job", "result.json", "input/v" };
    if (!fixture_has(fixture, path))
        return true;
    for (size_t i = 0; i < COUNT(files); i++) {
        CLEANUP(mem_free_text) char *file = mem_printf("%s/%s", path, files[i]);
        if (!fixture_has(fixture, file))
            return false;
    }
    return true;
}

static void test_killed_after_each_change(void **state)
{
    struct fixture *fixture = *state;
    int points = 0;
    for (bool ended = false; !ended; points++) {
        make_job(fixture, "done/a", "a", 60);
        make_job(fixture, "error/b", "b", 60);
        make_dir(fixture, "done/a/input");
        make_dir(fixture, "error/b/input");
        fixture_drop(fixture, "done/a/input/v", "v");
        fixture_drop(fixture, "error/b/input/v", "v");
        pid_t pid = fork();
        if (pid == 0) {
            changes_until_kill = points + 1;
            (void)prune(fixture, &old_ones);
            _exit(0);
        }
        int status = 0;
        (void)waitpid(pid, &status, 0);
        ended = WEXITSTATUS(status) == 0;
        assert_true(ended || WEXITSTATUS(status) == KILLED);
        if (!is_whole_or_gone(fixture, "done/a") || !is_whole_or_gone(fixture, "error/b"))
            fail_msg("killed after change %d: half of a job is left", points + 1);
        (void)prune(fixture, &old_ones);
        if (fixture_count(fixture, "done") || fixture_count(fixture, "error") ||
            fixture_count(fixture, "tmp"))
            fail_msg("killed after change %d: the next prune leaves something", points + 1);
    }
    assert_true(points > 10);
}

/* ---- names ---- */

static const struct {
    const char *name;
    enum prune_kind kind;
} names[] = {
    { "prune.0123456789abcdef.gone", PRUNE_GONE },
    { "prune.0123456789abcdef.done.a", PRUNE_HELD },
    { "prune.0123456789abcdef.error.a.gone", PRUNE_HELD },
    { "prune.0123456789abcdef.done.", PRUNE_NONE },
    { "prune.0123456789abcdef.pending.a", PRUNE_NONE },
    { "prune.0123456789abcde.gone", PRUNE_NONE },
    { "prune.0123456789abcdef.gone.x", PRUNE_NONE },
    { "prune", PRUNE_NONE },
    { "submit.1.x", PRUNE_NONE },
};

static void test_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        if (prune_kind_of(names[i].name) != names[i].kind)
            fail_msg("row %zu, '%s'", i, names[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choices),
        FIXTURE_TEST(test_without_a_record),
        FIXTURE_TEST(test_what_is_inside),
        FIXTURE_TEST(test_a_deep_tree),
        FIXTURE_TEST(test_a_new_job_of_that_name),
        FIXTURE_TEST(test_put_back_beside_a_newer_one),
        FIXTURE_TEST(test_a_job_that_is_retried),
        FIXTURE_TEST(test_two_prunes),
        FIXTURE_TEST(test_killed_after_each_change),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
