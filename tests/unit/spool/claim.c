/* What is taken when, what is left where it lies, and what a claim never changes. renameat is
 * replaced, so that somebody else can be quicker and errors be had. */
#include "fixture.h"

#include <errno.h>
#include <sys/syscall.h>
#include <time.h>

static bool somebody_was_quicker; /* the next rename finds its file gone */
static int rename_fails;          /* the next rename is not done, and says this */

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    if (somebody_was_quicker)
        (void)unlinkat(from_fd, from, 0);
    somebody_was_quicker = false;
    if (rename_fails) {
        errno = rename_fails;
        rename_fails = 0;
        return -1;
    }
    return (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
}

#define JOB "\xEF\xBB\xBF {\"mine\" : [1.50, \"\\u00e9\"],\r\n\t\"input_path\":\"./a.mp4\"}\n\n"

static const struct claim_rules rules = { .settle_ms = 2000, .input_wait_ms = 600000 };

static int try_claim(struct fixture *fixture, const char *file, struct claim **ret_claim,
                     struct err *err)
{
    return claim_pending(fixture->seat, PLACE_PENDING, file, &rules, ret_claim, err);
}

static int tokens(const struct fixture *fixture)
{
    CLEANUP(mem_free_text) char *path = mem_printf("running/%s", seat_name(fixture->seat));
    return fixture_count(fixture, path);
}

static const struct {
    const char *text;
    int64_t age_s; /* since its last write; below 0: a time to come */
    int result;
    const char *told;
} ages[] = {
    { "{\"input_path\":", 0, 0, "incomplete, waiting for the rest for another " },
    { "{\"input_path\":", 100, 0, "incomplete, waiting for the rest for another " },
    { "{\"input_path\":", 700, 1, "ends too soon" },
    { "{\"input_path\":", -3000, 0, "incomplete, waiting for the rest for another 600 s" },
    { "", 100, 0, "it is empty" },
    { "", 700, 1, "is empty" },
    { "{]", 0, 0, "becomes an error in " },
    { "{]", 100, 1, "line 1, column 2" },
    { "{]", -3000, 0, "becomes an error in 2 s" },
    { "{}", 0, 0, "'input_path' is missing" },
    { "{}", 100, 1, "'input_path' is missing" },
    { JOB, 0, 1, "" },
    { JOB, -3000, 1, "" },
};

static void test_ages(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(ages); i++) {
        CLEANUP(claim_free) struct claim *claim = NULL;
        CLEANUP(mem_free_text) char *file = mem_printf("%zu.json", i);
        CLEANUP(mem_free_text) char *path = mem_printf("pending/%s", file);
        struct err err = { 0 };
        char id[NAME_SIZE];
        struct timespec when[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_NOW } };
        if (ages[i].age_s)
            when[1] = (struct timespec){ .tv_sec = time(NULL) - ages[i].age_s };
        fixture_drop(fixture, path, ages[i].text);
        assert_int_equal(utimensat(spool_root(fixture->spool), path, when, 0), 0);
        int r = try_claim(fixture, file, &claim, &err);
        if (r != ages[i].result || fixture_has(fixture, path) != (r == 0))
            fail_msg("row %zu: %d %s", i, r, err.text);
        if (r == 1)
            (void)claim_job(claim, &err);
        if (!strstr(err.text, ages[i].told) || (err.kind == ERR_NONE) != !ages[i].told[0])
            fail_msg("row %zu: '%s'", i, err.text);
        CLEANUP(json_drop) json_t *record = json_object();
        if (r == 1 && claim_publish(claim, PLACE_ERROR, record, id, &err) != 1)
            fail_msg("row %zu: %s", i, err.text);
    }
}

static void test_quicker(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(claim_free) struct claim *claim = NULL;
    struct err err = { .kind = ERR_BUG, .text = "old" };
    char spare[TOKEN_SIZE];
    assert_ok(seat_take_token(fixture->seat, spare, &err), err);
    seat_keep_token(fixture->seat, spare);
    fixture_drop(fixture, "pending/a.json", JOB);
    fixture_drop(fixture, "pending/b.json", JOB);
    somebody_was_quicker = true;
    assert_int_equal(try_claim(fixture, "a.json", &claim, &err), 0);
    assert_int_equal(err.kind, ERR_NONE);
    assert_string_equal(err.text, "");
    assert_int_equal(tokens(fixture), 1);
    assert_int_equal(try_claim(fixture, "b.json", &claim, &err), 1);
    assert_string_equal(claim_token(claim), spare); /* the directory that was seen empty */
}

static const struct {
    int errnum, result;
} failures[] = {
    { EACCES, 0 },       { EPERM, 0 },
    { EBUSY, 0 },        { EIO, 0 },
    { ESTALE, 0 },       { EXDEV, -EXDEV },
    { ENOSPC, -ENOSPC }, { EDQUOT, -EDQUOT },
    { EROFS, -EROFS },   { ENOTCONN, -ENOTCONN },
};

/* The job stays, the reason is told, and the directory is not used for another one. */
static void test_rename_fails(void **state)
{
    struct fixture *fixture = *state;
    fixture_drop(fixture, "pending/a.json", JOB);
    for (size_t i = 0; i < COUNT(failures); i++) {
        CLEANUP(claim_free) struct claim *claim = NULL;
        struct err err = { 0 };
        char before[TOKEN_SIZE], after[TOKEN_SIZE];
        assert_ok(seat_take_token(fixture->seat, before, &err), err);
        seat_keep_token(fixture->seat, before);
        rename_fails = failures[i].errnum;
        int r = try_claim(fixture, "a.json", &claim, &err);
        if (r != failures[i].result || claim || err.errnum != failures[i].errnum ||
            !strstr(err.text, "pending/a.json"))
            fail_msg("row %zu: %d '%s'", i, r, err.text);
        assert_true(fixture_has(fixture, "pending/a.json"));
        assert_int_equal(tokens(fixture), 0);
        assert_ok(seat_take_token(fixture->seat, after, &err), err);
        seat_keep_token(fixture->seat, after);
        assert_string_not_equal(before, after);
    }
}

/* The same error is the spool's when our own directory does not answer either. */
static void test_spool_fails(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(claim_free) struct claim *claim = NULL;
    struct err err = { 0 };
    int root = spool_root(fixture->spool);
    CLEANUP(mem_free_text) char *me = mem_printf("running/%s", seat_name(fixture->seat));
    fixture_drop(fixture, "pending/a.json", JOB);
    assert_int_equal(linkat(root, "pending/a.json", root, "pending/b.json", 0), 0);
    assert_int_equal(renameat(root, me, root, "running/elsewhere"), 0);
    rename_fails = EIO;
    assert_int_equal(try_claim(fixture, "a.json", &claim, &err), -EIO);
    assert_int_equal(renameat(root, "running/elsewhere", root, me), 0);
    rename_fails = EIO;
    assert_int_equal(try_claim(fixture, "a.json", &claim, &err), 0);
    assert_int_equal(try_claim(fixture, "b.json", &claim, &err), 1); /* the next one is taken */
}

static void must_hold(int dir_fd, const char *file, const char *wanted)
{
    CLEANUP(mem_free_text) char *text = NULL;
    struct err err = { 0 };
    size_t len;
    assert_ok(fs_read_file(dir_fd, file, 4096, &text, &len, &err), err);
    assert_int_equal(len, strlen(wanted));
    assert_memory_equal(text, wanted, len);
}

/* From pending through an attempt, deferred, another attempt, to done: the bytes that came. */
static void test_bytes_are_kept(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(claim_free) struct claim *first = NULL;
    CLEANUP(claim_free) struct claim *second = NULL;
    CLEANUP(json_drop) json_t *record = json_object();
    struct attempt_end end = { .failure = "crash", .message = "gone", .charged = true };
    struct err err = { 0 };
    char id[NAME_SIZE], dir_name[NAME_SIZE];
    int number, out;
    fixture_drop(fixture, "pending/a b.json", JOB);
    assert_int_equal(try_claim(fixture, "a b.json", &first, &err), 1);
    assert_string_equal(claim_name(first), "a b");
    must_hold(claim_dir(first), "a b.job", JOB);
    assert_string_equal(claim_job(first, &err)->input_path, "a.mp4");
    assert_ok(claim_start(first, &number, &out, &err), err);
    fs_close(&out);
    assert_int_equal(number, 1);
    assert_ok(claim_ended(first, &end, &err), err);
    name_deferred_format("a b", 5, claim_token(first), dir_name);
    assert_ok(claim_defer(first, 5, &err), err);
    CLEANUP(mem_free_text) char *deferred = mem_printf("deferred/%s", dir_name);
    CLEANUP(mem_free_text) char *out_path = mem_printf("%s/out.1", deferred);
    assert_true(fixture_has(fixture, deferred));
    assert_false(fixture_has(fixture, out_path));

    assert_int_equal(claim_deferred(fixture->seat, dir_name, &second, &err), 1);
    must_hold(claim_dir(second), "a b.job", JOB);
    assert_ok(claim_start(second, &number, &out, &err), err);
    fs_close(&out);
    assert_int_equal(number, 2);
    assert_int_equal(claim_attempts(second)->charged, 2);
    assert_int_equal(claim_publish(second, PLACE_DONE, record, id, &err), 1);
    must_hold(spool_dir(fixture->spool, PLACE_DONE), "a b/a b.job", JOB);
    assert_null(json_object_get(record, "job_changed"));
    assert_int_equal(fixture_count(fixture, "deferred"), 0);
}

/* Somebody took X.job out by hand, in whichever place: nothing of the job is left. */
static void test_withdrawn(void **state)
{
    struct fixture *fixture = *state;
    for (int deferred = 0; deferred < 2; deferred++) {
        CLEANUP(claim_free) struct claim *claim = NULL;
        CLEANUP(json_drop) json_t *record = json_object();
        struct err err = { 0 };
        char id[NAME_SIZE], dir_name[NAME_SIZE];
        int number, out;
        fixture_drop(fixture, "pending/a.json", JOB);
        assert_int_equal(try_claim(fixture, "a.json", &claim, &err), 1);
        assert_ok(claim_start(claim, &number, &out, &err), err);
        assert_ok(fs_write_file(out, "text.txt", "x", 1, 0, &err), err);
        fs_close(&out);
        name_deferred_format("a", 5, claim_token(claim), dir_name);
        CLEANUP(mem_free_text) char *job = mem_printf("deferred/%s/a.job", dir_name);
        if (deferred) {
            assert_ok(claim_defer(claim, 5, &err), err);
            assert_int_equal(unlinkat(spool_root(fixture->spool), job, 0), 0);
            claim_free(&claim);
            assert_int_equal(claim_deferred(fixture->seat, dir_name, &claim, &err), 0);
            assert_int_equal(err.kind, ERR_NONE);
            assert_null(claim);
        } else {
            assert_int_equal(unlinkat(claim_dir(claim), "a.job", 0), 0);
            assert_int_equal(claim_publish(claim, PLACE_DONE, record, id, &err), 0);
        }
        if (tokens(fixture) != 0 || fixture_count(fixture, "deferred") != 0 ||
            fixture_count(fixture, "done") != 0 || fixture_count(fixture, "error") != 0 ||
            fixture_count(fixture, "tmp") != 0)
            fail_msg("deferred %d: something is left", deferred);
    }
}

static const char *const not_deferred[] = {
    "", "a", "a@5", "a@x@0123456789abcdef", "a@5@0123456789abcde", "@5@0123456789abcdef"
};

static void test_not_deferred(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(not_deferred); i++) {
        CLEANUP(claim_free) struct claim *claim = NULL;
        struct err err = { 0 };
        int r = claim_deferred(fixture->seat, not_deferred[i], &claim, &err);
        if (r != 0 || err.kind != ERR_CONFIG || claim)
            fail_msg("row %zu '%s': %d %s", i, not_deferred[i], r, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_ages),           FIXTURE_TEST(test_quicker),
        FIXTURE_TEST(test_rename_fails),   FIXTURE_TEST(test_spool_fails),
        FIXTURE_TEST(test_bytes_are_kept), FIXTURE_TEST(test_withdrawn),
        FIXTURE_TEST(test_not_deferred),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
