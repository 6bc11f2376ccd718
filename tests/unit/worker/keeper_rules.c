#include "test.h"

#include "base/mem.h"
#include "base/time.h"
#include "worker/keeper_rules.h"
#include "worker/watchdog_eye.h"

#include <string.h>
#include <unistd.h>

#define IN_A_CALL "waits: the worker is in a call that cannot be interrupted"

static const struct {
    const char *name;
    enum keeper_sight sight;
    bool is_in_a_call;
    const char *excuse; /* NULL: the manager ends it */
} rows[] = {
    { "nothing seen yet", SIGHT_NONE, false, NULL },
    { "nothing seen yet, in a call", SIGHT_NONE, true, IN_A_CALL },
    { "the spool is well: the worker hangs", SIGHT_WELL, false, NULL },
    { "the spool is well, in a call", SIGHT_WELL, true, IN_A_CALL },
    { "an error", SIGHT_TROUBLE, false, "waits: write 'x': Read-only file system" },
    { "an error, in a call", SIGHT_TROUBLE, true, "waits: write 'x': Read-only file system" },
    { "silence", SIGHT_SILENT, false, "waits: the filesystem of the spool does not answer" },
    { "silence, in a call", SIGHT_SILENT, true,
      "waits: the filesystem of the spool does not answer" },
    { "who looked died: nothing held it", SIGHT_DIED, false, NULL },
    { "who looked died, in a call", SIGHT_DIED, true, IN_A_CALL },
    { "nobody could look", SIGHT_BLIND, false,
      "waits: whether the spool answers cannot be told: write 'x': Read-only file system" },
};

static void test_excuses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        CLEANUP(mem_free_text)
        char *excuse =
            keeper_excuse(rows[i].sight, rows[i].is_in_a_call, "write 'x': Read-only file system");
        if ((excuse == NULL) != (rows[i].excuse == NULL) ||
            (excuse && strcmp(excuse, rows[i].excuse) != 0))
            fail_msg("%s: '%s'", rows[i].name, excuse ? excuse : "none");
    }
}

/* What the end of a look says when its child said nothing. */
static struct eye_answer end_without_a_word(bool given_up)
{
    int ends[2];
    struct eye_answer answer = { 0 };
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(close(ends[1]), 0);
    struct eye eye = { .pid = 1, .fd = ends[0], .since_ms = time_mono_ms(), .given_up = given_up };
    eye_ended(&eye, &answer);
    assert_int_equal(eye.pid, 0);
    return answer;
}

static void test_death_is_not_silence(void **state)
{
    (void)state;
    struct eye_answer died = end_without_a_word(false), late = end_without_a_word(true);
    assert_true(died.died);
    assert_false(died.look.answered);
    assert_false(late.died); /* it was killed because it took too long */
    assert_false(late.look.answered);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_excuses),
        cmocka_unit_test(test_death_is_not_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
