/* What a worker does with requests to cancel: disks that are full, other workers, many at once. The
 * spool is a real one; of the worker there is just what cancels needs. */
#include "test.h"

#include "base/json.h"
#include "base/time.h"
#include "spool/cancel.h"
#include "worker/cancels.h"
#include "worker/settle.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#define JOB "{\"input_path\": \"a.mp4\"}"

static bool disk_is_full;
static useconds_t sync_us; /* what a sync takes, at least */
static int opened;         /* files and directories, since the test set it to 0 */

int fsync(int fd)
{
    if (sync_us)
        (void)usleep(sync_us);
    if (!disk_is_full)
        return (int)syscall(SYS_fsync, fd);
    errno = ENOSPC;
    return -1;
}

int openat(int dir_fd, const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    opened++;
    return (int)syscall(SYS_openat, dir_fd, path, flags, mode);
}

struct fixture {
    char *dir;
    struct spool *spool;
    struct seat *seat;
    struct hand_rules rules;
    struct hand_context context;
    struct unsettled *unsettled;
    struct cancels *cancels;
    int fates[FATE_MOVED + 1];
    char stopped[512]; /* the last path */
    int stops;
};

static void on_fate(void *arg, enum hand_fate fate)
{
    struct fixture *fixture = arg;
    fixture->fates[fate]++;
}

static void on_stop(void *arg, const char *path)
{
    struct fixture *fixture = arg;
    fixture->stops++;
    (void)snprintf(fixture->stopped, sizeof(fixture->stopped), "%s", path);
}

static int setup(void **state)
{
    struct fixture *fixture = MEM_NEW(struct fixture);
    struct err err = { 0 };
    fixture->dir = test_make_dir();
    assert_ok(spool_init(fixture->dir, &err), err);
    assert_ok(spool_open(fixture->dir, &fixture->spool, &err), err);
    assert_ok(seat_take(fixture->spool, &fixture->seat, &err), err);
    fixture->rules = (struct hand_rules){ .default_pipeline = "ocr_only" };
    fixture->context = (struct hand_context){ .spool = fixture->spool,
                                              .seat = fixture->seat,
                                              .rules = &fixture->rules,
                                              .unsettled = &fixture->unsettled,
                                              .on_fate = on_fate,
                                              .arg = fixture };
    fixture->cancels = cancels_new(&fixture->context, on_stop);
    log_setup(LOG_LEVEL_ERROR, LOG_STYLE_LOGFMT);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    cancels_free(&fixture->cancels);
    unsettled_free(&fixture->unsettled);
    assert_ok(seat_leave(&fixture->seat, &err), err);
    spool_close(&fixture->spool);
    test_remove_dir(&fixture->dir);
    free(fixture);
    return 0;
}

static void drop(const struct fixture *fixture, const char *path)
{
    struct err err = { 0 };
    assert_ok(fs_write_file(spool_root(fixture->spool), path, JOB, strlen(JOB), 0, &err), err);
}

static bool has(const struct fixture *fixture, const char *path)
{
    struct stat st;
    return fstatat(spool_root(fixture->spool), path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void ask(const struct fixture *fixture, const char *name)
{
    struct err err = { 0 };
    assert_ok(cancel_ask(fixture->spool, name, &err), err);
}

static void look(const struct fixture *fixture, bool may_claim)
{
    cancels_look(fixture->cancels, may_claim);
    settle_sync(&fixture->context);
}

/* Looks, as the worker's beat does, until the request is gone. */
static void look_until_served(const struct fixture *fixture, const char *request)
{
    int64_t end_ms = time_mono_ms() + 30000;
    while (has(fixture, request) && time_mono_ms() < end_ms) {
        look(fixture, true);
        (void)usleep(20000);
    }
    assert_false(has(fixture, request));
    look(fixture, true);
    assert_false(cancels_is_open(fixture->cancels));
}

static void test_serves(void **state)
{
    struct fixture *fixture = *state;
    drop(fixture, "pending/a.json");
    drop(fixture, "pending/high/a.json");
    drop(fixture, "pending/b.json");
    ask(fixture, "a");
    assert_true(cancels_is_wanted(fixture->cancels)); /* the first look, at the start */
    do /* a look that takes long is broken off, and wants another one */
        look(fixture, true);
    while (cancels_is_wanted(fixture->cancels));
    assert_int_equal(fixture->fates[FATE_ERROR], 2);
    assert_true(has(fixture, "error/a/result.json") && has(fixture, "error/a.2/a.job"));
    assert_true(has(fixture, "pending/b.json"));
    assert_true(has(fixture, "cancel/a")); /* one may have been on its way */
    look_until_served(fixture, "cancel/a");

    /* Seen without a hint as well. */
    ask(fixture, "b");
    look_until_served(fixture, "cancel/b");
    assert_true(has(fixture, "error/b/result.json"));
}

static void test_nobody(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, "nobody");
    int64_t start_ms = time_mono_ms();
    look_until_served(fixture, "cancel/nobody");
    assert_true(time_mono_ms() - start_ms >= 1000); /* never after one look */
    drop(fixture, "pending/nobody.json");
    look(fixture, true);
    assert_true(has(fixture, "pending/nobody.json"));
}

/* What is in hand is asked to stop, each time; and the request stays until it is gone. */
static void test_running(void **state)
{
    struct fixture *fixture = *state;
    int root = spool_root(fixture->spool);
    assert_int_equal(mkdirat(root, "running/w", 0775), 0);
    assert_int_equal(mkdirat(root, "running/w/t", 0775), 0);
    drop(fixture, "running/w/t/a.job");
    ask(fixture, "a");
    int64_t end_ms = time_mono_ms() + 1500;
    while (time_mono_ms() < end_ms) {
        look(fixture, true);
        (void)usleep(20000);
    }
    assert_string_equal(fixture->stopped, "w/t");
    assert_true(fixture->stops > 1);
    assert_true(has(fixture, "cancel/a"));
    /* The other one gives it back: it is cancelled from where it waits. */
    assert_int_equal(renameat(root, "running/w/t", root, "deferred/a@0@0123456789abcdef"), 0);
    assert_int_equal(unlinkat(root, "running/w", AT_REMOVEDIR), 0);
    cancels_hint_deferred(fixture->cancels);
    assert_true(cancels_is_wanted(fixture->cancels));
    look(fixture, true);
    assert_true(has(fixture, "error/a/result.json"));
    look_until_served(fixture, "cancel/a");
    cancels_hint_deferred(fixture->cancels);
    assert_false(cancels_is_wanted(fixture->cancels)); /* nothing is asked, so nothing is wanted */
}

/* A worker that is paused claims nothing; it stops what it runs. */
static void test_paused(void **state)
{
    struct fixture *fixture = *state;
    drop(fixture, "pending/a.json");
    ask(fixture, "a");
    look(fixture, false);
    assert_true(has(fixture, "pending/a.json"));
    assert_true(cancels_is_open(fixture->cancels));
    look(fixture, true);
    assert_true(has(fixture, "error/a/result.json"));
}

/* No room for the record: the job stays in hand, and is published when there is. */
static void test_full_disk(void **state)
{
    struct fixture *fixture = *state;
    const char *name, *reason;
    drop(fixture, "pending/a.json");
    ask(fixture, "a");
    disk_is_full = true;
    look(fixture, true);
    assert_int_equal(fixture->fates[FATE_STUCK], 1);
    assert_true(settle_problem(fixture->unsettled, 0, &name, &reason));
    assert_string_equal(name, "a");
    assert_non_null(strstr(reason, "No space left"));
    assert_false(has(fixture, "error/a"));
    cancels_look(fixture->cancels,
                 true); /* it lies in running/ now, where it is not ours to take */
    assert_int_equal(fixture->fates[FATE_STUCK], 1);
    disk_is_full = false;
    settle_again(&fixture->context);
    assert_int_equal(fixture->fates[FATE_ERROR], 1);
    assert_true(has(fixture, "error/a/result.json"));
    look_until_served(fixture, "cancel/a");
    assert_false(has(fixture, "error/a.2"));
}

/* Nothing is opened but what has the name. */
static void test_opens_no_others(void **state)
{
    struct fixture *fixture = *state;
    char path[64];
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(path, sizeof(path), "pending/job%d.json", i);
        drop(fixture, path);
    }
    look(fixture, true);
    ask(fixture, "job1000");
    opened = 0;
    look(fixture, true);
    assert_true(has(fixture, "error/job1000/result.json"));
    if (opened > 60)
        fail_msg("%d files were opened", opened);
}

/* An empty cancel/ that does not change is not even listed. */
static void test_idle(void **state)
{
    struct fixture *fixture = *state;
    ask(fixture, "nobody");
    look_until_served(fixture, "cancel/nobody");
    int64_t end_ms = time_mono_ms() + 30000;
    do { /* the time of cancel/ has to be old enough to be trusted */
        (void)usleep(20000);
        opened = 0;
        look(fixture, true);
    } while (opened > 0 && time_mono_ms() < end_ms);
    assert_int_equal(opened, 0);
}

/* A look is broken off in time, so that a beat is never late; the next ones go on. */
static void test_many(void **state)
{
    struct fixture *fixture = *state;
    char path[64], name[32];
    enum { MANY = 150 };
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(path, sizeof(path), "pending/job%d.json", i);
        (void)snprintf(name, sizeof(name), "job%d", i);
        drop(fixture, path);
        ask(fixture, name);
    }
    int looks = 0;
    sync_us = 2000;
    for (; fixture->fates[FATE_ERROR] < MANY && looks < MANY; looks++) {
        assert_true(looks == 0 || cancels_is_wanted(fixture->cancels));
        look(fixture, true);
    }
    sync_us = 0;
    assert_int_equal(fixture->fates[FATE_ERROR], MANY);
    assert_true(looks >= 3); /* at 8 ms a job and more, in 200 ms */
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_serves),    TEST(test_nobody), TEST(test_running), TEST(test_paused),
        TEST(test_full_disk), TEST(test_idle),   TEST(test_many),    TEST(test_opens_no_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
