/* Requests to cancel, and the jobs that they are for. */
#include "fixture.h"

#include "base/str.h"
#include "spool/cancel.h"

#include <stdio.h>

#define JOB "{\"input_path\": \"a.mp4\"}"

/* Sets when a file was written. */
static void set_time(const struct fixture *fixture, const char *path, int64_t ms)
{
    struct timespec times[2] = { { .tv_nsec = UTIME_OMIT },
                                 { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 } };
    assert_int_equal(utimensat(spool_root(fixture->spool), path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static int64_t now_ms(const struct fixture *fixture)
{
    int64_t ms;
    struct err err = { 0 };
    assert_ok(spool_now_ms(fixture->spool, "test", &ms, &err), err);
    return ms;
}

/* What was found: "PLACE/PATH;" in order. */
struct seen {
    struct str text;
    int limit;
};

static bool see(void *arg, const struct cancel_request *request, enum spool_place place,
                const char *path)
{
    struct seen *seen = arg;
    str_addf(&seen->text, "%s:%s/%s;", request->name, spool_place_name(place), path);
    return --seen->limit == 0;
}

static void assert_found(const struct fixture *fixture, const char *wanted)
{
    CLEANUP(cancel_release) struct cancel_requests requests = { 0 };
    struct seen seen = { 0 };
    struct err err = { 0 };
    assert_ok(cancel_read(fixture->spool, &requests, &err), err);
    assert_ok(cancel_find(fixture->spool, &requests, see, &seen, &err), err);
    if (strcmp(str_text(&seen.text), wanted) != 0)
        fail_msg("found  '%s'\nwanted '%s'", str_text(&seen.text), wanted);
    str_release(&seen.text);
}

static void test_requests(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(cancel_release) struct cancel_requests requests = { 0 };
    struct err err = { 0 };
    assert_ok(cancel_read(fixture->spool, &requests, &err), err);
    assert_int_equal(requests.count, 0);
    assert_ok(cancel_ask(fixture->spool, "b", &err), err);
    assert_ok(cancel_ask(fixture->spool, "\xC3\xA9 1", &err), err);
    fixture_drop(fixture, "cancel/a", "not empty, who cares");
    fixture_drop(fixture, "cancel/.hidden", "");
    fixture_drop(fixture, "cancel/c~", "");
    assert_int_equal(mkdirat(spool_root(fixture->spool), "cancel/dir", 0755), 0);
    assert_ok(cancel_read(fixture->spool, &requests, &err), err);
    assert_int_equal(requests.count, 3);
    assert_string_equal(requests.all[0].name, "a");
    assert_string_equal(requests.all[1].name, "b");
    assert_ok(cancel_remove(fixture->spool, &requests.all[0], &err), err);
    assert_false(fixture_has(fixture, "cancel/a"));
    assert_ok(cancel_remove(fixture->spool, &requests.all[0], &err), err);
    assert_true(cancel_ask(fixture->spool, "x/y", &err) < 0);
    assert_int_equal(err.kind, ERR_USAGE);
    assert_true(cancel_ask(fixture->spool, ".x", &err) < 0);
}

/* A request that is made once more is a new one, whatever time somebody gave it. */
static void test_asked_anew(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(cancel_release) struct cancel_requests requests = { 0 };
    struct err err = { 0 };
    int64_t before_ms = now_ms(fixture);
    assert_ok(cancel_ask(fixture->spool, "a", &err), err);
    set_time(fixture, "cancel/a", 1000);
    assert_ok(cancel_read(fixture->spool, &requests, &err), err);
    assert_true(requests.all[0].asked_ms >= before_ms); /* a client's clock that is slow */
    cancel_release(&requests);
    assert_ok(cancel_ask(fixture->spool, "a", &err), err);
    assert_ok(cancel_read(fixture->spool, &requests, &err), err);
    assert_int_equal(requests.count, 1);
}

static void make_dir(const struct fixture *fixture, const char *path)
{
    assert_int_equal(mkdirat(spool_root(fixture->spool), path, 0775), 0);
}

static void test_everywhere(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    fixture_drop(fixture, "pending/a.json", JOB);
    fixture_drop(fixture, "pending/high/a.json", "{\"input_path");
    fixture_drop(fixture, "pending/low/a.json", "{]");
    fixture_drop(fixture, "pending/aa.json", JOB);
    fixture_drop(fixture, "pending/a.jsonl", JOB);
    make_dir(fixture, "deferred/a@5@0123456789abcdef");
    fixture_drop(fixture, "deferred/a@5@0123456789abcdef/a.job", JOB);
    make_dir(fixture, "deferred/a@9999999999@0123456789abcde0");
    fixture_drop(fixture, "deferred/a@9999999999@0123456789abcde0/a.job", JOB);
    make_dir(fixture, "deferred/a@5@0123456789abcde1"); /* X is that of the .job file */
    fixture_drop(fixture, "deferred/a@5@0123456789abcde1/other.job", JOB);
    make_dir(fixture, "deferred/b@5@0123456789abcde2");
    fixture_drop(fixture, "deferred/b@5@0123456789abcde2/b.job", JOB);
    make_dir(fixture, "running/w");
    make_dir(fixture, "running/w/t");
    fixture_drop(fixture, "running/w/t/a.job", JOB);
    make_dir(fixture, "running/w/u");
    fixture_drop(fixture, "running/w/u/b.job", JOB);
    make_dir(fixture, "done/a");
    assert_ok(cancel_ask(fixture->spool, "a", &err), err);
    assert_ok(cancel_ask(fixture->spool, "nobody", &err), err);
    assert_found(fixture, "a:pending/high/a.json;a:pending/a.json;a:pending/low/a.json;"
                          "a:deferred/a@5@0123456789abcdef;"
                          "a:deferred/a@9999999999@0123456789abcde0;a:running/w/t;");

    /* It is taken back while somebody looks. */
    CLEANUP(cancel_release) struct cancel_requests old = { 0 };
    struct seen none = { 0 };
    assert_ok(cancel_read(fixture->spool, &old, &err), err);
    assert_ok(cancel_remove(fixture->spool, &old.all[0], &err), err);
    assert_ok(cancel_find(fixture->spool, &old, see, &none, &err), err);
    assert_string_equal(str_text(&none.text), "");
    assert_ok(cancel_ask(fixture->spool, "a", &err), err);

    /* It ends where it is told to. */
    CLEANUP(cancel_release) struct cancel_requests requests = { 0 };
    for (int limit = 1; limit <= 6; limit++) {
        struct seen seen = { .limit = limit };
        cancel_release(&requests);
        assert_ok(cancel_read(fixture->spool, &requests, &err), err);
        assert_ok(cancel_find(fixture->spool, &requests, see, &seen, &err), err);
        assert_int_equal(seen.limit, 0);
        str_release(&seen.text);
    }
}

/* What came after the request is another job; but a file that still grows is what was meant. */
static void test_later_ones(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    assert_ok(cancel_ask(fixture->spool, "a", &err), err);
    int64_t later_ms = now_ms(fixture) + 5000;
    fixture_drop(fixture, "pending/a.json", JOB);
    set_time(fixture, "pending/a.json", later_ms);
    fixture_drop(fixture, "pending/high/a.json", "{\"input");
    set_time(fixture, "pending/high/a.json", later_ms);
    make_dir(fixture, "deferred/a@5@0123456789abcdef");
    fixture_drop(fixture, "deferred/a@5@0123456789abcdef/a.job", JOB);
    set_time(fixture, "deferred/a@5@0123456789abcdef/a.job", later_ms);
    make_dir(fixture, "running/w");
    make_dir(fixture, "running/w/t");
    fixture_drop(fixture, "running/w/t/a.job", JOB);
    set_time(fixture, "running/w/t/a.job", later_ms);
    assert_found(fixture, "a:pending/high/a.json;");

    /* Dropped before, whatever its clock said: an hour old, or from next year. */
    set_time(fixture, "pending/a.json", later_ms - 3600000);
    assert_ok(cancel_ask(fixture->spool, "a", &err), err);
    assert_found(fixture, "a:pending/high/a.json;a:pending/a.json;");
    set_time(fixture, "pending/a.json", later_ms + (int64_t)365 * 86400 * 1000);
    assert_ok(cancel_ask(fixture->spool, "a", &err), err);
    assert_found(fixture, "a:pending/high/a.json;a:pending/a.json;");
}

/* No job, though it is called so. */
static void test_other_kinds(void **state)
{
    struct fixture *fixture = *state;
    int root = spool_root(fixture->spool);
    struct err err = { 0 };
    make_dir(fixture, "pending/a.json");
    assert_int_equal(mkfifoat(root, "pending/high/a.json", 0600), 0);
    assert_int_equal(symlinkat("../a", root, "pending/low/a.json"), 0);
    fixture_drop(fixture, "deferred/a", "");
    assert_ok(cancel_ask(fixture->spool, "a", &err), err);
    assert_found(fixture, "");
}

static void test_long_names(void **state)
{
    struct fixture *fixture = *state;
    char name[251], dir[NAME_SIZE], wanted[2048];
    struct err err = { 0 };
    memset(name, 'n', 250);
    name[250] = '\0';
    name_deferred_format(name, 7, "0123456789abcdef", dir);
    CLEANUP(mem_free_text) char *path = mem_printf("deferred/%s", dir);
    CLEANUP(mem_free_text) char *job = mem_printf("%s/%s.job", path, name);
    CLEANUP(mem_free_text) char *pending = mem_printf("pending/%s.json", name);
    make_dir(fixture, path);
    fixture_drop(fixture, job, JOB);
    fixture_drop(fixture, pending, JOB);
    assert_ok(cancel_ask(fixture->spool, name, &err), err);
    (void)snprintf(wanted, sizeof(wanted), "%s:%s;%s:%s;", name, pending, name, path);
    assert_found(fixture, wanted);
}

static void test_claim(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    struct claim *claim = NULL;
    char id[NAME_SIZE];
    CLEANUP(json_drop) json_t *record = json_object();
    fixture_drop(fixture, "pending/low/a.json", "{\"input_path");
    assert_int_equal(cancel_claim(fixture->seat, PLACE_PENDING_LOW, "a.json", &claim, &err), 1);
    assert_string_equal(claim_name(claim), "a");
    assert_null(claim_job(claim, &err));
    assert_ok(claim_defer(claim, 9999999999, &err), err);
    claim_free(&claim);
    assert_int_equal(cancel_claim(fixture->seat, PLACE_PENDING, "a.json", &claim, &err), 0);
    assert_int_equal(err.kind, ERR_NONE);
    assert_int_equal(fixture_count(fixture, "deferred"), 1);
    CLEANUP(fs_close_dir) DIR *deferred = NULL;
    assert_ok(fs_open_dir(spool_root(fixture->spool), "deferred", &deferred, &err), err);
    const struct dirent *entry;
    while ((entry = readdir(deferred)))
        if (!fs_is_dots(entry->d_name)) /* whenever it is due */
            assert_int_equal(
                cancel_claim(fixture->seat, PLACE_DEFERRED, entry->d_name, &claim, &err), 1);
    assert_int_equal(claim_publish(claim, PLACE_ERROR, record, id, &err), 1);
    claim_free(&claim);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_requests),    FIXTURE_TEST(test_asked_anew),
        FIXTURE_TEST(test_everywhere),  FIXTURE_TEST(test_later_ones),
        FIXTURE_TEST(test_other_kinds), FIXTURE_TEST(test_long_names),
        FIXTURE_TEST(test_claim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
