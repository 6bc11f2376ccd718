/* Jobs that are put into pending/: which are, and what happens to those that wait there. The syncs
 * are replaced, to be counted. */
#include "fixture.h"

#include "spool/submit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int begun, synced, begun_before; /* the first sync */

int sync_file_range(int fd, off64_t offset, off64_t count, unsigned flags)
{
    (void)fd, (void)offset, (void)count, (void)flags;
    begun++;
    return 0;
}

int fsync(int fd)
{
    if (synced++ == 0)
        begun_before = begun;
    return (int)syscall(SYS_fsync, fd);
}

#define JOB "{\"input_path\":\"a.mp4\"}"
#define LONG_50 "01234567890123456789012345678901234567890123456789"

static const struct {
    const char *name, *job;
    int result;
    enum err_kind kind;
    const char *told;
} jobs[] = {
    { "a", JOB, 0, ERR_NONE, "" },
    { "my clip \xC3\xA9@2", JOB, 0, ERR_NONE, "" },
    { "a", JOB, -EEXIST, ERR_CONFIG, "'pending/a.json' is waiting already" },
    { "b", "{\"input_path\":\"a\",\"max_attempts\":0}", -EINVAL, ERR_CONFIG, "max_attempts" },
    { "b", "{}", -EINVAL, ERR_CONFIG, "input_path" },
    { "b", "[]", -EINVAL, ERR_CONFIG, "" },
    { "", JOB, -EINVAL, ERR_USAGE, "" },
    { "a/b", JOB, -EINVAL, ERR_USAGE, "a/b" },
    { "../a", JOB, -EINVAL, ERR_USAGE, "../a" },
    { ".hidden", JOB, -EINVAL, ERR_USAGE, ".hidden" },
    { LONG_50 LONG_50 LONG_50 LONG_50 LONG_50, JOB, 0, ERR_NONE, "" },
    { LONG_50 LONG_50 LONG_50 LONG_50 LONG_50 "x", JOB, -ENAMETOOLONG, ERR_USAGE, "0123" },
};

static void test_jobs(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(submit_free) struct submit *submit = NULL;
    struct err err = { 0 };
    int there = 2; /* high and low */
    begun = synced = 0;
    assert_ok(submit_begin(fixture->spool, PLACE_PENDING, &submit, &err), err);
    for (size_t i = 0; i < COUNT(jobs); i++) {
        CLEANUP(json_drop) json_t *job = json_loads(jobs[i].job, 0, NULL);
        CLEANUP(mem_free_text) char *path = mem_printf("pending/%s.json", jobs[i].name);
        err = (struct err){ 0 };
        int r = submit_add(submit, jobs[i].name, job, &err);
        if (r != jobs[i].result || err.kind != jobs[i].kind || !strstr(err.text, jobs[i].told))
            fail_msg("row %zu: %d '%s'", i, r, err.text);
        there += r == 0;
        if (fixture_has(fixture, path))
            fail_msg("row %zu: accepted before the end", i);
    }
    assert_ok(submit_end(submit, &err), err);
    assert_int_equal(begun_before, there - 2);
    assert_int_equal(synced, there - 2 + 1); /* and the lane */
    assert_int_equal(fixture_count(fixture, "tmp"), 0);
    assert_int_equal(fixture_count(fixture, "pending"), there);
    for (size_t i = 0; i < COUNT(jobs); i++) {
        CLEANUP(mem_free_text) char *path = mem_printf("pending/%s.json", jobs[i].name);
        if (jobs[i].result == 0 && !fixture_has(fixture, path))
            fail_msg("row %zu: is not there", i);
    }
}

/* More than are synced at once; and one whose name somebody else takes meanwhile. */
static void test_many(void **state)
{
    enum { MANY = 150 };
    struct fixture *fixture = *state;
    CLEANUP(submit_free) struct submit *submit = NULL;
    CLEANUP(json_drop) json_t *job = json_loads(JOB, 0, NULL);
    struct err err = { 0 };
    assert_ok(submit_begin(fixture->spool, PLACE_PENDING_LOW, &submit, &err), err);
    for (int i = 0; i <= MANY; i++) {
        CLEANUP(mem_free_text) char *name = mem_printf("%d", i);
        assert_ok(submit_add(submit, name, job, &err), err);
    }
    fixture_drop(fixture, "pending/low/150.json", "mine");
    assert_int_equal(submit_end(submit, &err), -EEXIST);
    assert_non_null(strstr(err.text, "'pending/low/150.json' is waiting already"));
    assert_int_equal(fixture_count(fixture, "pending/low"), MANY + 1);
    assert_int_equal(fixture_count(fixture, "tmp"), 0);
}

/* Whatever waits under that name is not touched; the same name in another lane is another job. */
static void test_waiting_is_kept(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        enum spool_place lane;
        int result;
    } lanes[] = { { PLACE_PENDING, -EEXIST },
                  { PLACE_PENDING_HIGH, 0 },
                  { PLACE_PENDING_HIGH, -EEXIST },
                  { PLACE_PENDING_LOW, 0 } };
    CLEANUP(json_drop) json_t *job = json_loads(JOB, 0, NULL);
    CLEANUP(mem_free_text) char *text = NULL;
    struct err err = { 0 };
    struct stat before, after;
    size_t len;
    int pending = spool_dir(fixture->spool, PLACE_PENDING);
    fixture_drop(fixture, "pending/a.json", "half of");
    assert_int_equal(fstatat(pending, "a.json", &before, 0), 0);
    for (size_t i = 0; i < COUNT(lanes); i++) {
        CLEANUP(submit_free) struct submit *submit = NULL;
        assert_ok(submit_begin(fixture->spool, lanes[i].lane, &submit, &err), err);
        int r = submit_add(submit, "a", job, &err);
        if (r != lanes[i].result)
            fail_msg("row %zu: %d %s", i, r, err.text);
        assert_ok(submit_end(submit, &err), err);
    }
    assert_ok(fs_read_file(pending, "a.json", 99, &text, &len, &err), err);
    assert_string_equal(text, "half of");
    assert_int_equal(fstatat(pending, "a.json", &after, 0), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    assert_int_equal(after.st_nlink, 1);
    assert_int_equal(fixture_count(fixture, "tmp"), 0);
}

static void test_wrong_lanes(void **state)
{
    struct fixture *fixture = *state;
    static const enum spool_place wrong[] = { PLACE_INBOX, PLACE_TMP, PLACE_RUNNING, PLACE_DONE };
    for (size_t i = 0; i < COUNT(wrong); i++) {
        CLEANUP(submit_free) struct submit *submit = NULL;
        struct err err = { 0 };
        if (submit_begin(fixture->spool, wrong[i], &submit, &err) >= 0 || err.kind != ERR_BUG)
            fail_msg("row %zu", i);
    }
}

/* What is written is the job, as whoever submitted it meant it. */
static void test_written(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(json_drop)
    json_t *job = json_loads("{\"input_path\":\"a\",\"mine\":[1,{\"k\":null}]}", 0, NULL);
    CLEANUP(json_drop) json_t *read = NULL;
    CLEANUP(mem_free_text) char *text = NULL;
    CLEANUP(submit_free) struct submit *submit = NULL;
    struct json_mark mark;
    struct err err = { 0 };
    size_t len;
    assert_ok(submit_begin(fixture->spool, PLACE_PENDING_LOW, &submit, &err), err);
    assert_ok(submit_add(submit, "a", job, &err), err);
    assert_ok(submit_end(submit, &err), err);
    assert_ok(
        fs_read_file(spool_root(fixture->spool), "pending/low/a.json", 4096, &text, &len, &err),
        err);
    assert_int_equal(json_parse(text, len, &read, &mark, &err), 1);
    assert_true(json_equal(read, job));
    assert_int_equal(text[len - 1], '\n');
}

static const struct {
    const char *path;   /* below the test's directory */
    const char *result; /* NULL: an error; a leading '/' stands for that directory */
    enum err_kind kind;
} inputs[] = {
    { "spool/media/a.mp4", "media/a.mp4", ERR_NONE },
    { "spool/../spool/./media//a.mp4", "media/a.mp4", ERR_NONE },
    { "outside.mp4", "/outside.mp4", ERR_NONE },
    { "spool2/a.mp4", "/spool2/a.mp4", ERR_NONE }, /* the same letters, another directory */
    { "into", "media/a.mp4", ERR_NONE },           /* a link from outside */
    { "spool/media/out", "/outside.mp4", ERR_NONE },
    { "spool", "/spool", ERR_NONE },
    { "spool/media/missing.mp4", NULL, ERR_MISSING },
    { "missing/a.mp4", NULL, ERR_MISSING },
    { "dangling", NULL, ERR_MISSING },
    { "outside.mp4/a", NULL, ERR_IO },
    { "loop", NULL, ERR_IO },
    { "caf\xE9.mp4", NULL, ERR_USAGE },
};

static void test_input_paths(void **state)
{
    (void)state;
    CLEANUP(test_remove_dir) char *dir = test_make_dir();
    CLEANUP(fs_close) int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(mem_free_text) char *real = realpath(dir, NULL);
    CLEANUP(mem_free_text) char *spool_dir_path = mem_printf("%s/spool", dir);
    CLEANUP(spool_close) struct spool *spool = NULL;
    struct err err = { 0 };
    assert_ok(spool_init(spool_dir_path, &err), err);
    assert_ok(spool_open(spool_dir_path, &spool, &err), err);
    assert_int_equal(mkdirat(root, "spool2", 0700), 0);
    static const char *const files[] = { "spool/media/a.mp4", "spool2/a.mp4", "outside.mp4",
                                         "caf\xE9.mp4" };
    for (size_t i = 0; i < COUNT(files); i++)
        assert_ok(fs_write_file(root, files[i], "x", 1, 0, &err), err);
    assert_int_equal(symlinkat("spool/media/a.mp4", root, "into"), 0);
    assert_int_equal(symlinkat("../../outside.mp4", root, "spool/media/out"), 0);
    assert_int_equal(symlinkat("nowhere", root, "dangling"), 0);
    assert_int_equal(symlinkat("loop", root, "loop"), 0);
    for (size_t i = 0; i < COUNT(inputs); i++) {
        CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", dir, inputs[i].path);
        CLEANUP(mem_free_text) char *got = NULL;
        const char *wanted = inputs[i].result;
        CLEANUP(mem_free_text)
        char *whole =
            mem_printf("%s%s", wanted && wanted[0] == '/' ? real : "", wanted ? wanted : "");
        err = (struct err){ 0 };
        int r = submit_input_path(spool, path, &got, &err);
        if ((r == 0) != (wanted != NULL) || err.kind != inputs[i].kind)
            fail_msg("row %zu '%s': %d %s", i, inputs[i].path, r, err.text);
        if (r == 0 ? strcmp(got, whole) != 0 : got != NULL || !err.text[0])
            fail_msg("row %zu '%s': '%s'", i, inputs[i].path, got ? got : err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_jobs),
        FIXTURE_TEST(test_many),
        FIXTURE_TEST(test_waiting_is_kept),
        FIXTURE_TEST(test_wrong_lanes),
        FIXTURE_TEST(test_written),
        cmocka_unit_test(test_input_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
