/* Who counts as a worker that works: not one that is paused, nor one that said it would stop. */
#include "fixture.h"

#include "base/str.h"
#include "base/time.h"
#include "spool/health.h"

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

static void test_who_works(void **state)
{
    const struct fixture *fixture = *state;
    struct err err = { 0 };
    CLEANUP(mem_free_text)
    char *own = mem_printf("heartbeat/%s.json", seat_name(fixture->seat));
    assert_int_equal(unlinkat(spool_root(fixture->spool), own, 0), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        CLEANUP(health_release) struct health health = { 0 };
        CLEANUP(survey_release) struct survey survey = { 0 };
        for (size_t k = 0; k < COUNT(rows[i].states); k++)
            beat(fixture, k, rows[i].states[k]);
        assert_ok(survey_take(fixture->spool, 0, &survey, &err), err);
        health_judge(fixture->spool, &survey, &health);
        if (health.alive != rows[i].alive || health.working != rows[i].working)
            fail_msg("row %zu: alive %d, working %d", i, health.alive, health.working);
        if (!health.reason != !rows[i].reason ||
            (health.reason && !str_has_prefix(health.reason, rows[i].reason)))
            fail_msg("row %zu: '%s'", i, health.reason ? health.reason : "all is well");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { FIXTURE_TEST(test_who_works) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
