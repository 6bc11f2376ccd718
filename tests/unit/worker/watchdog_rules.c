#include "test.h"

#include "worker/watchdog_rules.h"

#include <signal.h>

static const char *const states[] = { "watching", "ending", "termed", "killed", "waiting" };
static const char *const events[] = { "ended", "died", "stopped", "timeout", "asked" };

static const enum dog_move wanted[DOG_STATE_COUNT][DOG_EVENT_COUNT] = {
    { MOVE_FINISH, MOVE_AGAIN, MOVE_TERM, MOVE_NONE, MOVE_FORWARD },
    { MOVE_FINISH, MOVE_FINISH, MOVE_NONE, MOVE_KILL, MOVE_FORWARD },
    { MOVE_AGAIN, MOVE_AGAIN, MOVE_NONE, MOVE_KILL, MOVE_FORWARD },
    { MOVE_AGAIN, MOVE_AGAIN, MOVE_NONE, MOVE_NONE, MOVE_FORWARD },
    { MOVE_NONE, MOVE_NONE, MOVE_NONE, MOVE_START, MOVE_QUIT },
};

static void test_moves(void **state)
{
    (void)state;
    for (int s = 0; s < DOG_STATE_COUNT; s++)
        for (int e = 0; e < DOG_EVENT_COUNT; e++)
            if (dog_move((enum dog_state)s, (enum dog_event)e) != wanted[s][e])
                fail_msg("%s, %s: move %d", states[s], events[e],
                         (int)dog_move((enum dog_state)s, (enum dog_event)e));
}

static void test_orderly_ends(void **state)
{
    (void)state;
    static const struct {
        int wait_status;
        bool orderly;
    } ends[] = {
        { 0, true },         { 1 << 8, true },   { 2 << 8, true },   { 3 << 8, false },
        { 127 << 8, false }, { SIGKILL, false }, { SIGTERM, false }, { SIGSEGV | 128, false },
    };
    for (size_t i = 0; i < COUNT(ends); i++)
        if (dog_is_orderly(ends[i].wait_status) != ends[i].orderly)
            fail_msg("row %zu", i);
}

static const struct dog_rules rules = {
    .max_restarts = 3, .within_ms = 600 * 1000, .stale_ms = 30 * 1000, .starting_ms = 60 * 1000
};

/* A worker died at this second after a run of so many; the wait in s, below 0 when it is over. */
struct death {
    int at_s, run_s, wait_s;
};
static const struct {
    const char *name;
    int max_restarts;
    struct death deaths[12];
    size_t kept;
} histories[] = {
    { "doubles to a minute",
      100,
      { { 0, 0, 1 },
        { 1, 0, 2 },
        { 3, 0, 4 },
        { 7, 0, 8 },
        { 15, 0, 16 },
        { 31, 0, 32 },
        { 63, 0, 60 },
        { 123, 0, 60 },
        { 183, 59, 60 } },
      9 },
    { "a good run makes it short again",
      100,
      { { 0, 0, 1 }, { 1, 0, 2 }, { 63, 60, 1 }, { 64, 0, 2 }, { 66, 0, 4 } },
      5 },
    { "one too many", 3, { { 0, 0, 1 }, { 1, 0, 2 }, { 3, 0, 4 }, { 7, 0, -1 } }, 3 },
    { "the oldest is forgotten after its time",
      3,
      { { 0, 0, 1 }, { 1, 0, 2 }, { 3, 0, 4 }, { 600, 599, 1 }, { 600, 0, -1 } },
      3 },
    { "the last moment of its time counts",
      3,
      { { 0, 0, 1 }, { 1, 0, 2 }, { 3, 0, 4 }, { 599, 590, -1 } },
      3 },
    { "none at all", 0, { { 0, 0, -1 } }, 1 },
};

static void test_backoff_and_limit(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(histories); i++) {
        struct dog_history history = { 0 };
        struct dog_rules own = rules;
        own.max_restarts = histories[i].max_restarts;
        for (size_t k = 0; histories[i].deaths[k].wait_s; k++) {
            const struct death *death = &histories[i].deaths[k];
            int64_t wait_ms = dog_again(&history, &own, death->run_s * 1000,
                                        1000000 + death->at_s * 1000, 0, "it died");
            if (wait_ms != (death->wait_s < 0 ? -1 : death->wait_s * 1000))
                fail_msg("%s: death %zu: %lld ms", histories[i].name, k, (long long)wait_ms);
        }
        if (history.count != histories[i].kept)
            fail_msg("%s: %zu kept", histories[i].name, history.count);
        assert_string_equal(history.items[0].reason, "it died");
        dog_history_release(&history);
    }
}

/* One look: its second, what it said, and whether the beat counts as stopped then. */
struct seen {
    int at_s;
    bool answered, found;
    uint64_t print;
    bool stopped;
};
static const struct {
    const char *name;
    struct seen seen[8];
    size_t count;
} pulses[] = {
    { "beats",
      { { 0, true, true, 1, false }, { 29, true, true, 2, false }, { 58, true, true, 3, false } },
      3 },
    { "stands still",
      { { 0, true, true, 1, false }, { 29, true, true, 1, false }, { 30, true, true, 1, true } },
      3 },
    { "its file is gone",
      { { 0, true, true, 1, false }, { 29, true, false, 0, false }, { 30, true, false, 0, true } },
      3 },
    { "the first one may take longer",
      { { 30, true, false, 0, false },
        { 59, true, false, 0, false },
        { 60, true, false, 0, true } },
      3 },
    { "a print of 0 is one too", { { 0, true, true, 0, false }, { 30, true, true, 0, true } }, 2 },
    { "no answer, no verdict",
      { { 0, true, true, 1, false },
        { 29, false, false, 0, false },
        { 90, false, false, 0, false },
        { 91, true, true, 1, false },
        { 119, true, true, 1, false },
        { 120, true, true, 1, true } },
      6 },
    { "no answer from the start",
      { { 90, false, false, 0, false },
        { 149, true, false, 0, false },
        { 150, true, false, 0, true } },
      3 },
};

static void test_pulse(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(pulses); i++) {
        struct dog_pulse pulse;
        dog_pulse_begin(&pulse, 5000);
        for (size_t k = 0; k < pulses[i].count; k++) {
            const struct seen *seen = &pulses[i].seen[k];
            struct dog_look look = { seen->answered, seen->found, seen->print };
            if (dog_pulse_stopped(&pulse, &rules, &look, 5000 + seen->at_s * 1000) != seen->stopped)
                fail_msg("%s: look %zu", pulses[i].name, k);
        }
    }
    struct dog_pulse held;
    dog_pulse_begin(&held, 0);
    struct dog_look look = { true, true, 1 };
    assert_false(dog_pulse_stopped(&held, &rules, &look, 0));
    dog_pulse_hold(&held, 30000);
    assert_false(dog_pulse_stopped(&held, &rules, &look, 59999));
    assert_true(dog_pulse_stopped(&held, &rules, &look, 60000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_orderly_ends),
        cmocka_unit_test(test_backoff_and_limit),
        cmocka_unit_test(test_pulse),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
