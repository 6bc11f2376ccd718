/* Names in little room: their order, and how much of it a million takes. */
#include "test.h"

#include "spool/names.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *what;
    const char *names[6]; /* as they are to be sorted */
} orders[] = {
    { "none", { NULL } },
    { "one", { "a" } },
    { "bytes, not letters", { "10", "9", "B", "a 1", "a", "\xC3\xA9" } },
    { "one starts another", { "a", "a.", "ab", "abc", "b" } },
    { "one is what all have in common", { "2026", "2026-01", "2026-01-31", "2026-02" } },
    { "alike for longer than a key", { "xaaaaaaaaaa1", "xaaaaaaaaaa2", "xaaaaaaaaab", "y" } },
    { "the same after the start", { "pre-12345678-a", "pre-12345678-b", "pre-1234567@" } },
};

static void test_by_name(void **state)
{
    (void)state;
    for (size_t row = 0; row < COUNT(orders); row++) {
        size_t count = 0;
        while (count < COUNT(orders[row].names) && orders[row].names[count])
            count++;
        for (size_t turn = 0; turn < count + 1; turn++) {
            CLEANUP(names_release) struct names names = { 0 };
            for (size_t i = 0; i < count; i++)
                names_add(&names, orders[row].names[(i * 5 + turn) % count], 0);
            names_sort_by_name(&names);
            assert_int_equal(names.count, count);
            for (size_t i = 1; i < count; i++)
                if (strcmp(names_get(&names, i - 1), names_get(&names, i)) > 0)
                    fail_msg("%s: '%s' before '%s'", orders[row].what, names_get(&names, i - 1),
                             names_get(&names, i));
        }
    }
}

static void test_by_key(void **state)
{
    (void)state;
    CLEANUP(names_release) struct names names = { 0 };
    names_add(&names, "a", 100);
    names_add(&names, "d", 20);
    names_add(&names, "c", 20);
    names_add(&names, "b", UINT64_MAX);
    names_add(&names, "e", 3);
    names_sort(&names);
    const char *const expected[] = { "e", "c", "d", "a", "b" };
    for (size_t i = 0; i < COUNT(expected); i++)
        assert_string_equal(names_get(&names, i), expected[i]);
}

static void test_what_is_left(void **state)
{
    (void)state;
    CLEANUP(names_release) struct names names = { 0 };
    for (int i = 0; i < 3; i++)
        names_add(&names, "x", 0);
    assert_int_equal(names_left(&names), 3);
    names_mark(&names, 1, NAMES_SPENT);
    names_mark(&names, 1, NAMES_SPENT);
    names_mark(&names, 2, NAMES_MARK_MAX);
    assert_int_equal(names_left(&names), 2);
    assert_int_equal(names.entries[2].mark, NAMES_MARK_MAX);
    assert_string_equal(names_get(&names, 2), "x");
    names_mark(&names, 1, NAMES_WAITING);
    assert_int_equal(names_left(&names), 3);
}

/* What is written of a million; a hundred thousand tell the same in a tenth of the time. Memory
 * that was asked for and never touched is not there. */
static void test_memory(void **state)
{
    (void)state;
    enum { MANY = 100000 };
    CLEANUP(names_release) struct names names = { 0 };
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    for (int i = 0; i < MANY; i++) {
        char name[64];
        (void)snprintf(name, sizeof(name), "20260131T140310.042Z-holiday-%06d.json",
                       (i * 7919) % MANY);
        names_add(&names, name, 0);
    }
    names_sort_by_name(&names);
    size_t grown = mallinfo2().uordblks + mallinfo2().hblkhd - before;
    if (before && grown / MANY >= 150)
        fail_msg("%zu bytes for each name", grown / MANY);
    assert_true(names.used / MANY < 64);
    for (int i = 1; i < MANY; i++)
        assert_true(strcmp(names_get(&names, (size_t)i - 1), names_get(&names, (size_t)i)) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_name),
        cmocka_unit_test(test_by_key),
        cmocka_unit_test(test_what_is_left),
        cmocka_unit_test(test_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
