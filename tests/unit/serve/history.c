/* The times of what ended: each asked for once, in pieces, and none of what is gone. */
#include "../spool/fixture.h"

#include "base/time.h"
#include "serve/history.h"

#include <errno.h>

static const int64_t hour_ms = 3600000, now_ms = INT64_C(1800000000) * 1000 + 1800000;

static void put_ended(const struct fixture *fixture, const char *place, const char *id,
                      int64_t ended_ms)
{
    CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", place, id);
    struct timespec when = { .tv_sec = ended_ms / 1000, .tv_nsec = ended_ms % 1000 * 1000000 };
    int root = spool_root(fixture->spool);
    if (mkdirat(root, path, 0700) < 0)
        assert_int_equal(errno, EEXIST);
    assert_int_equal(utimensat(root, path, (struct timespec[]){ when, when }, 0), 0);
}

static void look(struct history *history)
{
    struct err err = { 0 };
    assert_ok(history_look(history, INT64_MAX, &err), err);
}

/* A list is made at once when it is said to be worth it: here it costs nothing to wait for that. */
static void look_until(struct history *history, size_t count)
{
    do
        look(history);
    while (history_count(history) != count);
}

static void test_newest(void **state)
{
    const struct fixture *fixture = *state;
    struct history_job jobs[3];
    put_ended(fixture, "done", "b", now_ms - 1000);
    put_ended(fixture, "done", "a", now_ms - 3000);
    put_ended(fixture, "done", "d", now_ms - 2000);
    put_ended(fixture, "done", "c", now_ms - 4000);
    put_ended(fixture, "done", ".hidden", now_ms);
    fixture_drop(fixture, "done/file", "no job");
    CLEANUP(history_free) struct history *history = history_new(fixture->spool, PLACE_DONE);
    look(history);
    assert_int_equal(history_count(history), 4);
    assert_int_equal(history_known(history), 4);
    assert_int_equal(history_newest(history, jobs, COUNT(jobs)), 3);
    assert_string_equal(jobs[0].id, "b");
    assert_string_equal(jobs[1].id, "d");
    assert_string_equal(jobs[2].id, "a");
    assert_true(jobs[2].ended_ms == now_ms - 3000);
    assert_int_equal(history_newest(history, jobs, 0), 0);
}

static void test_hours(void **state)
{
    const struct fixture *fixture = *state;
    static const int64_t ages_ms[] = { -60000,          0,          1700000, 1900000, 3600000,
                                       3 * 3600000 - 1, 9 * 3600000 };
    int64_t hours[3] = { 0 };
    for (size_t i = 0; i < COUNT(ages_ms); i++) {
        CLEANUP(mem_free_text) char *id = mem_printf("job-%zu", i);
        put_ended(fixture, "error", id, now_ms - ages_ms[i]);
    }
    CLEANUP(history_free) struct history *history = history_new(fixture->spool, PLACE_ERROR);
    look(history);
    history_hours(history, now_ms, hours, COUNT(hours)); /* now is half past */
    assert_true(hours[2] == 3);                          /* one of them is from the future */
    assert_true(hours[1] == 2);
    assert_true(hours[0] == 0);
    assert_true(history_since(history, now_ms - hour_ms) == 5);
}

static void test_in_pieces(void **state)
{
    const struct fixture *fixture = *state;
    struct err err = { 0 };
    size_t before = 0;
    for (int i = 0; i < 200; i++) {
        CLEANUP(mem_free_text) char *id = mem_printf("job-%03d", i);
        put_ended(fixture, "done", id, now_ms - 1000 + i);
    }
    CLEANUP(history_free) struct history *history = history_new(fixture->spool, PLACE_DONE);
    assert_ok(history_look(history, 0, &err), err); /* its time is up from the start */
    assert_int_equal(history_count(history), 200);
    assert_in_range(history_known(history), 1, 199);
    struct history_job newest;
    assert_int_equal(history_newest(history, &newest, 1), 1);
    assert_string_equal(newest.id, "job-199"); /* those of late first */
    while (history_known(history) < 200) {
        before = history_known(history);
        assert_ok(history_look(history, 0, &err), err);
        assert_true(history_known(history) > before);
    }
    assert_true(history_since(history, 0) == 200);
}

static void test_remembers(void **state)
{
    const struct fixture *fixture = *state;
    struct err err = { 0 };
    put_ended(fixture, "done", "a", now_ms - 5000);
    put_ended(fixture, "done", "c", now_ms - 3000);
    CLEANUP(history_free) struct history *history = history_new(fixture->spool, PLACE_DONE);
    look(history);
    put_ended(fixture, "done", "b", now_ms - 1000);
    put_ended(fixture, "done", "d", now_ms - 2000);
    assert_int_equal(unlinkat(spool_root(fixture->spool), "done/a", AT_REMOVEDIR), 0);
    do
        assert_ok(history_look(history, 0, &err), err); /* no time to ask for each */
    while (history_count(history) != 3);
    struct history_job jobs[4];
    assert_int_equal(history_known(history), 3); /* what was known still is */
    assert_int_equal(history_newest(history, jobs, COUNT(jobs)), 3);
    assert_string_equal(jobs[0].id, "b");
    assert_string_equal(jobs[1].id, "d");
    assert_string_equal(jobs[2].id, "c");
    assert_true(jobs[2].ended_ms == now_ms - 3000);
}

/* Tried again and failed again between two looks, it lies there by the same name. */
static void test_ended_anew(void **state)
{
    const struct fixture *fixture = *state;
    static const enum spool_place places[] = { PLACE_DONE, PLACE_ERROR };
    for (size_t i = 0; i < COUNT(places); i++) {
        const char *place = spool_place_name(places[i]);
        put_ended(fixture, place, "a", now_ms - 5000);
        put_ended(fixture, place, "c", now_ms - 3000);
        CLEANUP(history_free) struct history *history = history_new(fixture->spool, places[i]);
        look(history);
        put_ended(fixture, place, "a", now_ms);
        put_ended(fixture, place, "b", now_ms - 4000);
        look_until(history, 3);
        struct history_job newest;
        assert_int_equal(history_newest(history, &newest, 1), 1);
        assert_string_equal(newest.id, "a");
        assert_true(newest.ended_ms == now_ms);
    }
}

/* Of many the times are asked for again a part at each look, until it is done. */
static void test_many_ended_anew(void **state)
{
    enum { MANY = 1200 };
    const struct fixture *fixture = *state;
    for (int i = 0; i < MANY; i++) {
        CLEANUP(mem_free_text) char *id = mem_printf("job-%04d", i);
        put_ended(fixture, "error", id, now_ms - 5000);
    }
    CLEANUP(history_free) struct history *history = history_new(fixture->spool, PLACE_ERROR);
    look(history);
    for (int i = 0; i < MANY; i++) {
        CLEANUP(mem_free_text) char *id = mem_printf("job-%04d", i);
        put_ended(fixture, "error", id, now_ms);
    }
    put_ended(fixture, "error", "another", now_ms);
    look_until(history, MANY + 1);
    int64_t anew = history_since(history, now_ms);
    assert_in_range(anew, 2, MANY);
    while (anew <= MANY) {
        int64_t before = anew;
        look(history);
        anew = history_since(history, now_ms);
        assert_int_equal(history_known(history), MANY + 1);
        assert_true(anew > before);
    }
}

static void test_place_gone(void **state)
{
    const struct fixture *fixture = *state;
    struct err err = { 0 };
    CLEANUP(history_free) struct history *history = history_new(fixture->spool, PLACE_DONE);
    look(history);
    assert_int_equal(history_count(history), 0);
    assert_int_equal(unlinkat(spool_root(fixture->spool), "done", AT_REMOVEDIR), 0);
    assert_int_equal(history_look(history, INT64_MAX, &err), -ENOENT);
    assert_non_null(strstr(err.text, "/done'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_newest),     FIXTURE_TEST(test_hours),
        FIXTURE_TEST(test_in_pieces),  FIXTURE_TEST(test_remembers),
        FIXTURE_TEST(test_ended_anew), FIXTURE_TEST(test_many_ended_anew),
        FIXTURE_TEST(test_place_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
