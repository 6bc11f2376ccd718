/* Who counts as a worker that works: not one that is paused, nor one that said it would stop. */
#include "fixture.h"

#include "base/str.h"
#include "base/time.h"
#include "spool/health.h"

#include <signal.h>
#include <sys/wait.h>

static const struct {
    const char *states[2]; /* of workers on other hosts, which have just beaten */
    bool alive, working;
    const char *reason; /* what it begins with; NULL: all is well */
} rows[] = {
    { { NULL, NULL }, false, false, "no worker has ever run on this spool" },
    { { "idle", NULL }, true, true, NULL },
    { { "stopping", NULL }, true, true, NULL },
    { { "paused", "busy" }, true, true, NULL },
    { { "paused", NULL }, true, false, "the worker w.0.x is paused: why" },
    { { "stopped", NULL }, false, false, "no live worker: the last one, w.0.x, was stopped" },
    { { "stopped", "paused" }, true, false, "the worker w.1.x is paused: why" },
    { { "stopped", "stopped" }, false, false, "no live worker: the last one, w." },
};

static void beat(const struct fixture *fixture, size_t number, const char *state)
{
    char now[TIME_TEXT_SIZE];
    CLEANUP(mem_free_text) char *path = mem_printf("heartbeat/w.%zu.x.json", number);
    CLEANUP(mem_free_text)
    char *text = mem_printf("{\"host\":\"elsewhere\",\"pid\":7,\"beat\":\"%s\",\"state\":\"%s\","
                            "\"reason\":\"why\"}",
                            time_format(time_wall_ms(), now), state ? state : "");
    (void)unlinkat(spool_root(fixture->spool), path, 0);
    if (state)
        fixture_drop(fixture, path, text);
}

static void drop_own_beat(const struct fixture *fixture)
{
    CLEANUP(mem_free_text)
    char *own = mem_printf("heartbeat/%s.json", seat_name(fixture->seat));
    assert_int_equal(unlinkat(spool_root(fixture->spool), own, 0), 0);
}

static void test_who_works(void **state)
{
    const struct fixture *fixture = *state;
    struct err err = { 0 };
    drop_own_beat(fixture);
    for (size_t i = 0; i < COUNT(rows); i++) {
        CLEANUP(health_release) struct health health = { 0 };
        CLEANUP(survey_release) struct survey survey = { 0 };
        for (size_t k = 0; k < COUNT(rows[i].states); k++)
            beat(fixture, k, rows[i].states[k]);
        assert_ok(survey_take(fixture->spool, &(struct survey_how){ 0 }, &survey, &err), err);
        health_judge(fixture->spool, &survey, &health);
        if (health.alive != rows[i].alive || health.working != rows[i].working)
            fail_msg("row %zu: alive %d, working %d", i, health.alive, health.working);
        if (!health.reason != !rows[i].reason ||
            (health.reason && !str_has_prefix(health.reason, rows[i].reason)))
            fail_msg("row %zu: '%s'", i, health.reason ? health.reason : "all is well");
    }
}

/* ---- whose clock nobody shares ---- */

enum { SKEW_S = 3600 };

/* A worker and a server that are both an hour ahead of us. */
static void beat_ahead(const struct fixture *fixture, int number)
{
    char then[TIME_TEXT_SIZE];
    int64_t then_ms = time_wall_ms() + SKEW_S * INT64_C(1000);
    struct timespec when = { .tv_sec = then_ms / 1000 };
    CLEANUP(mem_free_text)
    char *text = mem_printf("{\"host\":\"elsewhere\",\"pid\":7,\"beat\":\"%s\",\"beat_count\":%d,"
                            "\"state\":\"idle\"}",
                            time_format(then_ms, then), number);
    fixture_drop(fixture, "heartbeat/new", text);
    assert_int_equal(utimensat(spool_root(fixture->spool), "heartbeat/new",
                               (struct timespec[]){ when, when }, 0),
                     0);
    assert_int_equal(renameat(spool_root(fixture->spool), "heartbeat/new",
                              spool_root(fixture->spool), "heartbeat/w.0.x.json"),
                     0);
}

static size_t alive(const struct fixture *fixture, const struct survey_how *how, double *ret_age_s)
{
    struct err err = { 0 };
    CLEANUP(survey_release) struct survey survey = { 0 };
    assert_ok(survey_take(fixture->spool, how, &survey, &err), err);
    assert_int_equal(survey.beat_count, 1);
    *ret_age_s = survey.workers[0].age_s;
    assert_int_equal(survey.workers[0].alive, survey.alive_count);
    return survey.alive_count;
}

static void test_a_beat_that_goes_on_is_life(void **state)
{
    const struct fixture *fixture = *state;
    double age_s;
    CLEANUP(pulse_release) struct pulse pulse = { 0 };
    const struct survey_how by_clock = { 0 }, by_pulse = { .pulse = &pulse };
    drop_own_beat(fixture);
    beat_ahead(fixture, 1);
    assert_int_equal(alive(fixture, &by_pulse, &age_s), 0); /* one look says nothing */
    assert_true(age_s > SKEW_S - 100);
    assert_int_equal(alive(fixture, &by_pulse, &age_s), 0); /* nor two of the same beat */
    beat_ahead(fixture, 2);
    assert_int_equal(alive(fixture, &by_clock, &age_s), 0);
    assert_int_equal(alive(fixture, &by_pulse, &age_s), 1);
    assert_true(age_s < 100);
    assert_int_equal(alive(fixture, &by_pulse, &age_s), 1); /* it was just now */
    pulse.seen[0].changed_ms -= SKEW_S * INT64_C(1000);
    assert_int_equal(alive(fixture, &by_pulse, &age_s), 0);
    beat_ahead(fixture, 3);
    pulse.seen[0].looked_ms -= SKEW_S * INT64_C(1000); /* when did it change? nobody knows */
    assert_int_equal(alive(fixture, &by_pulse, &age_s), 0);
}

_Noreturn static void beat_until_killed(const struct fixture *fixture)
{
    for (int number = 2;; number++) {
        beat_ahead(fixture, number);
        (void)usleep(100 * 1000);
    }
}

/* Who has no earlier look waits for a second one; another process beats meanwhile. */
static void test_who_asks_once_waits(void **state)
{
    const struct fixture *fixture = *state;
    double age_s;
    CLEANUP(pulse_release) struct pulse pulse = { 0 };
    const struct survey_how how = { .pulse = &pulse, .may_wait = true };
    drop_own_beat(fixture);
    beat_ahead(fixture, 1);
    pid_t pid = fork();
    if (pid == 0)
        beat_until_killed(fixture);
    size_t count = alive(fixture, &how, &age_s);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(count, 1);
}

/* Who has no time to wait has what the looks before saw. */
static void test_who_may_not_wait_does_not(void **state)
{
    const struct fixture *fixture = *state;
    struct err err = { 0 };
    size_t count = 7;
    CLEANUP(pulse_release) struct pulse pulse = { 0 };
    const struct survey_how how = { .pulse = &pulse };
    drop_own_beat(fixture);
    beat_ahead(fixture, 1);
    assert_ok(survey_alive(fixture->spool, &how, &count, &err), err);
    assert_int_equal(count, 0);
    assert_true(pulse_left_ms(&pulse, "w.0.x") > 0);
    beat_ahead(fixture, 2);
    assert_ok(survey_alive(fixture->spool, &how, &count, &err), err);
    assert_int_equal(count, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = { FIXTURE_TEST(test_who_works),
                                        FIXTURE_TEST(test_a_beat_that_goes_on_is_life),
                                        FIXTURE_TEST(test_who_asks_once_waits),
                                        FIXTURE_TEST(test_who_may_not_wait_does_not) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
