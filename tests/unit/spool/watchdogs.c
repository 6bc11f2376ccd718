#include "fixture.h"

#include "base/str.h"
#include "base/time.h"
#include "spool/heartbeat.h"
#include "spool/watchdogs.h"

#include <string.h>

static const int64_t now_ms = INT64_C(1800000000000);

static struct watchdog_note note_of(const char *state, const struct watchdog_restart *restarts,
                                    size_t count)
{
    struct watchdog_note note = { .state = state,
                                  .worker_pid = 42,
                                  .within_ms = 600 * 1000,
                                  .restarts = restarts,
                                  .restart_count = count };
    proc_id_self(&note.who);
    return note;
}

static const struct {
    const char *state;
    int64_t ages_s[4]; /* of the restarts, the oldest first; 0: no more */
    const char *told;
} notes[] = {
    { "watching", { 0 }, "watching" },
    { "waiting", { 0 }, "waiting" },
    { "watching", { 700 }, "watching" },
    { "watching",
      { 600 },
      "restarted its worker 1 time in the last 10 min, last because it died of 600" },
    { "watching",
      { 900, 300, 20 },
      "restarted its worker 2 times in the last 10 min, last because it died of 20" },
    { "gave up", { 900, 800 }, "gave up at " },
};

static void test_written_read_and_told(void **state)
{
    const struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(notes); i++) {
        struct watchdog_restart restarts[4];
        char reasons[4][32];
        size_t count = 0;
        for (; count < 4 && notes[i].ages_s[count]; count++) {
            (void)snprintf(reasons[count], sizeof(reasons[0]), "it died of %lld",
                           (long long)notes[i].ages_s[count]);
            restarts[count] =
                (struct watchdog_restart){ now_ms - notes[i].ages_s[count] * 1000, reasons[count] };
        }
        struct watchdog_note note = note_of(notes[i].state, restarts, count);
        struct err err = { 0 };
        assert_ok(watchdog_note_write(fixture->spool, &note, &err), err);
        CLEANUP(json_drop) json_t *read = watchdog_notes_read(fixture->spool);
        assert_int_equal(json_array_size(read), 1);
        CLEANUP(mem_free_text) char *told = watchdog_note_text(json_array_get(read, 0), now_ms);
        if (!str_has_prefix(told, notes[i].told))
            fail_msg("row %zu: %s", i, told);
        assert_int_equal(watchdog_has_given_up(json_array_get(read, 0)),
                         strcmp(notes[i].state, "gave up") == 0);
    }
}

static void test_not_taken_for_a_worker(void **state)
{
    const struct fixture *fixture = *state;
    struct watchdog_note note = note_of("watching", NULL, 0);
    struct heartbeat_seen *seen = NULL;
    size_t before = 0, after = 0;
    struct err err = { 0 };
    assert_ok(heartbeats_read(fixture->spool, &seen, &before, &err), err);
    heartbeats_free(&seen, before);
    assert_ok(watchdog_note_write(fixture->spool, &note, &err), err);
    assert_ok(heartbeats_read(fixture->spool, &seen, &after, &err), err);
    heartbeats_free(&seen, after);
    assert_int_equal(after, before);
}

static size_t count_read(const struct spool *spool)
{
    CLEANUP(json_drop) json_t *read = watchdog_notes_read(spool);
    return json_array_size(read);
}

static void test_those_of_the_dead(void **state)
{
    const struct fixture *fixture = *state;
    struct err err = { 0 };
    struct watchdog_note own = note_of("watching", NULL, 0), dead = own, far = own, gone = own;
    dead.who.start_ticks++; /* the pid of somebody else by now */
    (void)snprintf(dead.who.host, sizeof(dead.who.host), "dead");
    (void)snprintf(far.who.boot_id, sizeof(far.who.boot_id), "another");
    (void)snprintf(far.who.host, sizeof(far.who.host), "far/../away");
    gone = dead;
    gone.state = "gave up";
    assert_ok(watchdog_note_write(fixture->spool, &far, &err), err);
    assert_int_equal(count_read(fixture->spool), 1);
    assert_ok(watchdog_note_write(fixture->spool, &dead, &err), err);
    assert_int_equal(count_read(fixture->spool), 1);
    assert_ok(watchdog_note_write(fixture->spool, &gone, &err), err);
    assert_int_equal(count_read(fixture->spool), 2); /* that is what is to be seen */
    assert_ok(watchdog_note_write(fixture->spool, &own, &err), err);
    assert_int_equal(count_read(fixture->spool), 2); /* until the next one comes */
    own.state = "stopped";
    assert_ok(watchdog_note_write(fixture->spool, &own, &err), err);
    assert_ok(watchdog_note_write(fixture->spool, &own, &err), err);
    assert_int_equal(count_read(fixture->spool), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_written_read_and_told, fixture_make, fixture_end),
        cmocka_unit_test_setup_teardown(test_not_taken_for_a_worker, fixture_make, fixture_end),
        cmocka_unit_test_setup_teardown(test_those_of_the_dead, fixture_make, fixture_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
