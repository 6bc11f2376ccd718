#include "test.h"

#include "base/log.h"
#include "worker/untaken.h"

#include <stdio.h>
#include <string.h>

static void test_what_is_not_noted_again_is_forgotten(void **state)
{
    (void)state;
    CLEANUP(untaken_release) struct untaken untaken = { 0 };
    untaken_scan_begins(&untaken);
    untaken_note(&untaken, PLACE_PENDING, "a.json", "half");
    untaken_note(&untaken, PLACE_DEFERRED, "b@0@1", "refused");
    untaken_note(&untaken, PLACE_PENDING_HIGH, "a.json", "half");
    untaken_list_spent(&untaken);
    assert_int_equal(untaken.count, 3);
    assert_string_equal(untaken.problems[2].path, "pending/high/a.json");

    untaken_scan_begins(&untaken);
    untaken_note(&untaken, PLACE_DEFERRED, "b@0@1", "still refused");
    assert_int_equal(untaken.count, 3); /* the list is not spent yet */
    untaken_list_spent(&untaken);
    assert_int_equal(untaken.count, 1);
    assert_string_equal(untaken.problems[0].path, "deferred/b@0@1");
    assert_string_equal(untaken.problems[0].reason, "still refused");
}

static void test_there_is_a_bound(void **state)
{
    (void)state;
    CLEANUP(untaken_release) struct untaken untaken = { 0 };
    untaken_scan_begins(&untaken);
    for (int i = 0; i < UNTAKEN_MAX + 10; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "%d.json", i);
        untaken_note(&untaken, PLACE_PENDING, name, "refused");
    }
    assert_int_equal(untaken.count, UNTAKEN_MAX);
    untaken_scan_begins(&untaken);
    untaken_list_spent(&untaken);
    assert_int_equal(untaken.count, 0);
}

int main(void)
{
    log_setup(LOG_LEVEL_ERROR, LOG_STYLE_LOGFMT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_noted_again_is_forgotten),
        cmocka_unit_test(test_there_is_a_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
