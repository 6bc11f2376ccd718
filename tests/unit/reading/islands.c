/* Small lands, a digit a place. */
#include "test.h"

#include "reading/islands.h"

#include <string.h>

enum { PLACES_MAX = 64 };

static const struct {
    const char *name;
    int width, mouth;
    const char *land, *rise;
} lands[] = {
    { "a plain", 4, 1, "3333333333333333", "0000000000000000" },
    { "a hill", 5, 1, "1111112221129211222111111", "0000001110018100111000000" },
    { "a hollow", 4, 1, "5555511551155555", "0000000000000000" },
    { "an island in a moat", 5, 1, "8888881118819188111888888", "0000000000008000000000000" },
    { "a bridge that is lower than the land", 5, 1, "8888881118819588111888888",
      "0000000000004000000000000" },
    { "a bridge that goes around a corner", 5, 1, "8888881168819688111888888",
      "0000000000003000000000000" },
    { "a moat holds at its corners", 5, 1, "8888888188819188818888888",
      "0000000000008000000000000" },
    { "what is at the border is no island", 4, 1, "1911111111111911", "0000000000000000" },
    { "but where the mouth is wider", 4, 2, "1911191111111111", "0800080000000000" },
    { "than what reaches the border", 4, 2, "1991199111111111", "0000000000000000" },
    { "at a side", 4, 2, "1111119911111111", "0000008800000000" },
    { "a mouth wider than the land", 3, 9, "191191111", "080080000" },
    { "a place", 1, 1, "7", "0" },
    { "a row", 3, 1, "171", "000" },
    { "nothing", 0, 1, "", "" },
};

static void test_what_rises_above_the_border(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lands); i++) {
        uint8_t land[PLACES_MAX], rise[PLACES_MAX] = { 0 };
        size_t size = strlen(lands[i].land);
        for (size_t at = 0; at < size; at++)
            land[at] = (uint8_t)(lands[i].land[at] - '0');
        int width = lands[i].width, height = width > 0 ? (int)size / width : 0;
        assert_int_equal(islands_find(land, width, height, lands[i].mouth, rise), 0);
        for (size_t at = 0; at < size; at++)
            if (rise[at] != lands[i].rise[at] - '0')
                fail_msg("%s: %d at %zu", lands[i].name, rise[at], at);
    }
}

/* Levels are bytes, to both ends. */
static void test_all_levels(void **state)
{
    (void)state;
    uint8_t land[9], rise[9];
    for (int sea = 0; sea < 256; sea++)
        for (int top = sea; top < 256; top++) {
            memset(land, sea, sizeof(land));
            land[4] = (uint8_t)top;
            assert_int_equal(islands_find(land, 3, 3, 1, rise), 0);
            assert_int_equal(rise[4], top - sea);
            assert_int_equal(rise[3], 0);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_rises_above_the_border),
        cmocka_unit_test(test_all_levels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
