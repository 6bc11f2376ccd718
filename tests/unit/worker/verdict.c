#include "test.h"

#include "worker/verdict.h"

#include <errno.h>

enum { BACKOFF_MS = 10000, INPUT_WAIT_MS = 600000 };

static const struct {
    const char *name;
    enum failure failure;
    int charged; /* so far, of 3 */
    int64_t waiting_ms;
    enum outcome outcome;
    bool is_charged;
    int64_t delay_min_ms, delay_max_ms;
} cases[] = {
    { "it ended well", FAILURE_NONE, 1, 0, OUTCOME_DONE, true, 0, 0 },
    { "a wrong job", FAILURE_JOB, 0, 0, OUTCOME_ERROR, true, 0, 0 },
    { "a wrong pipeline", FAILURE_PIPELINE, 0, 0, OUTCOME_ERROR, true, 0, 0 },
    { "not a video", FAILURE_INPUT, 1, 0, OUTCOME_ERROR, true, 0, 0 },
    { "the results are too large", FAILURE_OUTPUT, 1, 0, OUTCOME_ERROR, true, 0, 0 },
    { "a language is missing", FAILURE_MISSING, 1, 0, OUTCOME_ERROR, true, 0, 0 },
    { "cancelled", FAILURE_CANCELLED, 1, 0, OUTCOME_CANCELLED, false, 0, 0 },
    { "given back", FAILURE_SHUTDOWN, 3, 0, OUTCOME_DEFER, false, 0, 0 },
    { "the first crash", FAILURE_CRASH, 1, 0, OUTCOME_DEFER, true, 10000, 12500 },
    { "the second crash", FAILURE_CRASH, 2, 0, OUTCOME_DEFER, true, 20000, 25000 },
    { "the last crash", FAILURE_CRASH, 3, 0, OUTCOME_ERROR, true, 0, INT64_MAX },
    { "I/O", FAILURE_IO, 1, 0, OUTCOME_DEFER, true, 10000, 12500 },
    { "memory", FAILURE_MEMORY, 2, 0, OUTCOME_DEFER, true, 20000, 25000 },
    { "timeout", FAILURE_TIMEOUT, 3, 0, OUTCOME_ERROR, true, 0, INT64_MAX },
    { "stall", FAILURE_STALL, 1, 0, OUTCOME_DEFER, true, 10000, 12500 },
    { "our own bug", FAILURE_BUG, 1, 0, OUTCOME_DEFER, true, 10000, 12500 },
    { "the first lost worker: at once", FAILURE_LOST, 1, 0, OUTCOME_DEFER, true, 0, 0 },
    { "the second lost worker", FAILURE_LOST, 2, 0, OUTCOME_DEFER, true, 20000, 25000 },
    { "the last lost worker", FAILURE_LOST, 3, 0, OUTCOME_ERROR, true, 0, INT64_MAX },
    { "the input is not there", FAILURE_INPUT_WAIT, 0, 0, OUTCOME_DEFER, false, 1000, 1000 },
    { "still not there", FAILURE_INPUT_WAIT, 0, 12000, OUTCOME_DEFER, false, 6000, 6000 },
    { "long not there", FAILURE_INPUT_WAIT, 0, 599999, OUTCOME_DEFER, false, 10000, 10000 },
    { "it will not come", FAILURE_INPUT_WAIT, 0, 600000, OUTCOME_ERROR, false, 0, INT64_MAX },
    { "it changed: void", FAILURE_INPUT_CHANGED, 3, 0, OUTCOME_DEFER, false, 1000, 1000 },
};

static void test_each_failure_has_its_verdict(void **state)
{
    (void)state;
    static const uint32_t chances[] = { 0, 128, 255, UINT32_MAX };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t k = 0; k < COUNT(chances); k++) {
            struct verdict_facts facts = { cases[i].charged, 3,
                                           BACKOFF_MS,       cases[i].waiting_ms,
                                           INPUT_WAIT_MS,    chances[k] };
            struct verdict verdict = verdict_of(cases[i].failure, &facts);
            if (verdict.outcome != cases[i].outcome || verdict.charged != cases[i].is_charged ||
                verdict.charged != verdict_charges(cases[i].failure))
                fail_msg("'%s': outcome %d, charged %d", cases[i].name, verdict.outcome,
                         verdict.charged);
            if (verdict.delay_ms < cases[i].delay_min_ms ||
                verdict.delay_ms > cases[i].delay_max_ms)
                fail_msg("'%s': delay %lld", cases[i].name, (long long)verdict.delay_ms);
        }
}

static void test_every_failure_is_in_the_table(void **state)
{
    (void)state;
    bool seen[FAILURE_COUNT] = { 0 };
    for (size_t i = 0; i < COUNT(cases); i++)
        seen[cases[i].failure] = true;
    for (int i = 0; i < FAILURE_COUNT; i++)
        if (!seen[i])
            fail_msg("no case for '%s'", failure_name((enum failure)i));
}

static void test_backoff_has_an_end(void **state)
{
    (void)state;
    struct verdict_facts facts = { .charged = 1000,
                                   .max_attempts = 2000,
                                   .backoff_ms = BACKOFF_MS };
    struct verdict verdict = verdict_of(FAILURE_IO, &facts);
    assert_int_equal(verdict.outcome, OUTCOME_DEFER);
    assert_int_equal(verdict.delay_ms, 600000);
}

static void test_kinds_of_error_become_classes(void **state)
{
    (void)state;
    static const struct {
        enum err_kind kind;
        enum failure failure;
    } rows[] = {
        { ERR_CONFIG, FAILURE_PIPELINE },   { ERR_INPUT, FAILURE_INPUT },
        { ERR_MISSING, FAILURE_MISSING },   { ERR_IO, FAILURE_IO },
        { ERR_MEMORY, FAILURE_MEMORY },     { ERR_STOPPED, FAILURE_SHUTDOWN },
        { ERR_BUG, FAILURE_BUG },           { ERR_NONE, FAILURE_BUG },
        { (enum err_kind)99, FAILURE_BUG },
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct err err = { .kind = rows[i].kind };
        if (verdict_failure(&err) != rows[i].failure)
            fail_msg("row %zu: %s", i, failure_name(verdict_failure(&err)));
    }
    struct err too_large = { .kind = ERR_IO, .errnum = EFBIG };
    assert_int_equal(verdict_failure(&too_large), FAILURE_OUTPUT);
    too_large.kind = ERR_INPUT;
    assert_int_equal(verdict_failure(&too_large), FAILURE_INPUT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_failure_has_its_verdict),
        cmocka_unit_test(test_every_failure_is_in_the_table),
        cmocka_unit_test(test_backoff_has_an_end),
        cmocka_unit_test(test_kinds_of_error_become_classes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
