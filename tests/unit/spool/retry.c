/* Back from error/. write, fsync and renameat are replaced: disks that fail, replies that get lost,
 * somebody who is faster. After each, the job is in exactly one place. */
#include "fixture.h"

#include "spool/attempts.h"
#include "spool/record.h"
#include "spool/retry.h"

#include "base/str.h"

#include <errno.h>
#include <stdio.h>
#include <sys/syscall.h>

static struct str calls;
static int fail_write, rename_fails, rename_lies; /* the next one answers this errno */
static const char *fail_sync;                     /* the next of this name says EIO */
static struct fixture *faster;                    /* somebody retries error/a before our rename */

static int answer(int *errnum)
{
    errno = *errnum;
    *errnum = 0;
    return -1;
}

ssize_t write(int fd, const void *data, size_t len)
{
    return fail_write ? answer(&fail_write) : syscall(SYS_write, fd, data, len);
}

int fsync(int fd)
{
    char link[64], path[4096] = "";
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof(path) - 1);
    path[len > 0 ? len : 0] = '\0';
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    str_addf(&calls, "sync %s;", name);
    int eio = EIO;
    if (!fail_sync || strcmp(name, fail_sync) != 0)
        return (int)syscall(SYS_fsync, fd);
    fail_sync = NULL;
    return answer(&eio);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    if (faster) {
        struct fixture *once = TAKE(faster);
        char dir[NAME_SIZE];
        struct err err = { 0 };
        assert_ok(retry_job(once->spool, from, dir, &err), err);
    }
    str_addf(&calls, "rename %s;", from);
    if (rename_fails)
        return answer(&rename_fails);
    int r = (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
    return r == 0 && rename_lies ? answer(&rename_lies) : r;
}

/* error/ID, as the end of job `name` at second `at`, with one charged attempt. */
static void make_ended(const struct fixture *fixture, const char *id, const char *name, int at)
{
    CLEANUP(mem_free_text) char *dir = mem_printf("error/%s", id);
    CLEANUP(mem_free_text) char *job = mem_printf("%s/%s.job", dir, name);
    CLEANUP(mem_free_text) char *attempts = mem_printf("%s/" ATTEMPTS_FILE, dir);
    CLEANUP(mem_free_text) char *path = mem_printf("%s/" RECORD_FILE, dir);
    CLEANUP(mem_free_text)
    char *record = mem_printf("{\"name\": \"%s\", \"status\": \"error\", "
                              "\"times\": {\"finished\": \"2026-01-31T14:03:0%d.000Z\"}}",
                              name, at);
    assert_int_equal(mkdirat(spool_root(fixture->spool), dir, 0775), 0);
    fixture_drop(fixture, job, "{\"input_path\": \"a.mp4\"}");
    fixture_drop(fixture, attempts,
                 "{\"event\":\"start\",\"attempt\":1}\n"
                 "{\"event\":\"end\",\"attempt\":1,\"class\":\"crash\",\"charged\":true}\n");
    fixture_drop(fixture, path, record);
    str_release(&calls);
}

static void test_order(void **state)
{
    struct fixture *fixture = *state;
    struct claim *claim = NULL;
    struct err err = { 0 };
    char dir[NAME_SIZE];
    make_ended(fixture, "a", "a", 1);
    fixture_drop(fixture, "cancel/a", "");
    fixture_drop(fixture, "cancel/b", "");
    assert_ok(retry_job(fixture->spool, "a", dir, &err), err);
    assert_false(fixture_has(fixture, "cancel/a")); /* else it would be cancelled once more */
    assert_true(fixture_has(fixture, "cancel/b"));
    assert_ok(retry_sync(fixture->spool, &err), err);
    assert_string_equal(str_text(&calls), "sync attempts.jsonl;sync a;rename a;"
                                          "sync deferred;sync error;");
    assert_int_equal(strncmp(dir, "a@0@", 4), 0);
    assert_int_equal(fixture_count(fixture, "error"), 0);

    assert_int_equal(claim_deferred(fixture->seat, dir, &claim, &err), 1);
    assert_int_equal(claim_attempts(claim)->charged, 0);
    assert_int_equal(claim_attempts(claim)->started, 1);
    assert_int_equal(faccessat(claim_dir(claim), "earlier/1/result.json", F_OK, 0), 0);
    assert_int_equal(faccessat(claim_dir(claim), RECORD_FILE, F_OK, 0), -1);
    char id[NAME_SIZE];
    CLEANUP(json_drop) json_t *record = json_object();
    assert_int_equal(claim_publish(claim, PLACE_DONE, record, id, &err), 1);
    claim_free(&claim);
    assert_true(fixture_has(fixture, "done/a/earlier/1/result.json"));
    assert_int_equal(json_get_int(record, "attempts", -1), 0);
    str_release(&calls);
}

static const struct {
    const char *name;
    int fail_write, rename_fails, rename_lies;
    const char *fail_sync;
    bool moves;
    const char *told;
} troubles[] = {
    { "a full disk", ENOSPC, 0, 0, NULL, false, "No space left" },
    { "a line that cannot be synced", 0, 0, 0, ATTEMPTS_FILE, false, "Input/output" },
    { "a directory that cannot be synced", 0, 0, 0, "a", false, "Input/output" },
    { "a rename that fails", 0, EIO, 0, NULL, false, "rename 'error/a' to 'deferred/a@0@" },
    { "another filesystem", 0, EXDEV, 0, NULL, false, "rename 'error/a' to 'deferred/a@0@" },
    { "a rename that happens elsewhere", 0, ENOENT, 0, NULL, false, "went away meanwhile" },
    { "a reply that is lost", 0, 0, ENOENT, NULL, true, "" },
    { "a reply that is wrong", 0, 0, EIO, NULL, true, "" },
};

static void test_trouble(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(troubles); i++) {
        struct err err = { 0 };
        char dir[NAME_SIZE];
        make_ended(fixture, "a", "a", 1);
        fail_write = troubles[i].fail_write;
        rename_fails = troubles[i].rename_fails;
        rename_lies = troubles[i].rename_lies;
        fail_sync = troubles[i].fail_sync;
        int r = retry_job(fixture->spool, "a", dir, &err);
        if ((r == 0) != troubles[i].moves || fixture_has(fixture, "error/a/a.job") == (r == 0) ||
            fixture_count(fixture, "deferred") != (r == 0))
            fail_msg("%s: %d %s", troubles[i].name, r, err.text);
        if (!strstr(err.text, troubles[i].told))
            fail_msg("%s: told '%s'", troubles[i].name, err.text);
        if (r < 0) /* and once more, when the trouble is over */
            assert_ok(retry_job(fixture->spool, "a", dir, &err), err);
        CLEANUP(mem_free_text) char *path = mem_printf("%s/deferred/%s", fixture->dir, dir);
        test_remove_dir(&path);
    }
    str_release(&calls);
}

static void test_two_at_once(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    char dir[NAME_SIZE];
    make_ended(fixture, "a", "a", 1);
    faster = fixture;
    assert_int_equal(retry_job(fixture->spool, "a", dir, &err), -ENOENT);
    assert_non_null(strstr(err.text, "went away meanwhile"));
    assert_int_equal(fixture_count(fixture, "deferred"), 1);
    assert_int_equal(fixture_count(fixture, "error"), 0);
    str_release(&calls);
}

static void test_nothing_to_retry(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    char dir[NAME_SIZE];
    make_ended(fixture, "a", "a", 1);
    assert_int_equal(unlinkat(spool_root(fixture->spool), "error/a/a.job", 0), 0);
    assert_true(retry_job(fixture->spool, "a", dir, &err) < 0);
    assert_non_null(strstr(err.text, "no .job file"));
    assert_true(fixture_has(fixture, "error/a/result.json"));
    str_release(&calls);
}

static const struct {
    const char *name, *id; /* NULL: none, and this is told */
    size_t others;
    const char *told;
    int r;
} asked[] = {
    { "a", "a.3", 2, NULL, 0 },
    { "a.2", "a.2", 0, NULL, 0 },
    { "error/a", "a", 0, NULL, 0 },
    { "error/a.3", "a.3", 0, NULL, 0 },
    { "bare", "bare", 0, NULL, 0 }, /* without a record */
    { "b", NULL, 0, "'b' waits already: it is in pending/b.json", -EEXIST },
    { "d", NULL, 0, "'d' waits already: it is in deferred/d@5@0123456789abcdef", -EEXIST },
    { "r", NULL, 0, "'r' runs already: it is in running/w/t", -EEXIST },
    { "e", NULL, 0, "'e' did not fail: it is in done/e", -EEXIST },
    { "f.mp4", NULL, 0, "'f.mp4' waits already: it is in inbox/ocr/f.mp4", -EEXIST },
    { "nobody", NULL, 0, "there is no job 'nobody' in ", -ENOENT },
    { "error/nobody", NULL, 0, "there is no job 'nobody' in ", -ENOENT },
    { "done/e", NULL, 0, "cannot be a job's name", -EINVAL },
    { "..", NULL, 0, "cannot be a job's name", -EINVAL },
    { "error/", NULL, 0, "cannot be a job's name", -EINVAL },
};

static void test_find(void **state)
{
    struct fixture *fixture = *state;
    int root = spool_root(fixture->spool);
    make_ended(fixture, "a", "a", 2);
    make_ended(fixture, "a.2", "a", 1);
    make_ended(fixture, "a.3", "a", 3);
    assert_int_equal(mkdirat(root, "error/bare", 0775), 0);
    fixture_drop(fixture, "pending/b.json", "{\"input_path\": \"a.mp4\"}");
    assert_int_equal(mkdirat(root, "deferred/d@5@0123456789abcdef", 0775), 0);
    assert_int_equal(mkdirat(root, "running/w", 0775), 0);
    assert_int_equal(mkdirat(root, "running/w/t", 0775), 0);
    fixture_drop(fixture, "running/w/t/r.job", "{}");
    assert_int_equal(mkdirat(root, "inbox/ocr", 0775), 0);
    fixture_drop(fixture, "inbox/ocr/f.mp4", "V");
    assert_int_equal(mkdirat(root, "done/e", 0775), 0);
    fixture_drop(fixture, "done/e/result.json", "{\"name\": \"e\"}");
    for (size_t i = 0; i < COUNT(asked); i++) {
        struct err err = { 0 };
        char id[NAME_SIZE];
        size_t others = 0;
        int r = retry_find(fixture->spool, asked[i].name, id, &others, &err);
        if (r != asked[i].r)
            fail_msg("row %zu '%s': %d %s", i, asked[i].name, r, err.text);
        if (r == 0 && (strcmp(id, asked[i].id) != 0 || others != asked[i].others))
            fail_msg("row %zu '%s': '%s', %zu others", i, asked[i].name, id, others);
        if (r < 0 && !strstr(err.text, asked[i].told))
            fail_msg("row %zu '%s': told '%s'", i, asked[i].name, err.text);
    }
    str_release(&calls);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_order),       FIXTURE_TEST(test_trouble),
        FIXTURE_TEST(test_two_at_once), FIXTURE_TEST(test_nothing_to_retry),
        FIXTURE_TEST(test_find),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
