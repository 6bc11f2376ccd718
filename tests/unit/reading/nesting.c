/* Pictures of walls ('#'), and how deep each pixel lies. */
#include "test.h"

#include "reading/nesting.h"

#include <string.h>

enum { WIDTH = 9, HEIGHT = 7, WALL = 2 };

static const struct {
    const char *name;
    const char *walls[HEIGHT], *depths[HEIGHT];
} cases[] = {
    { "nothing",
      { "         ", "         ", "         ", "         ", "         ", "         ", "         " },
      { "000000000", "000000000", "000000000", "000000000", "000000000", "000000000",
        "000000000" } },
    { "all wall",
      { "#########", "#########", "#########", "#########", "#########", "#########", "#########" },
      { "111111111", "111111111", "111111111", "111111111", "111111111", "111111111",
        "111111111" } },
    { "a letter with a hole",
      { "         ", "  #####  ", "  #   #  ", "  #   #  ", "  #   #  ", "  #####  ", "         " },
      { "000000000", "001111100", "001222100", "001222100", "001222100", "001111100",
        "000000000" } },
    { "an outline that is open",
      { "         ", "  #####  ", "  #      ", "  #   #  ", "  #   #  ", "  #####  ", "         " },
      { "000000000", "001111100", "001000000", "001000100", "001000100", "001111100",
        "000000000" } },
    { "a letter with a hole, in an outline",
      { "#########", "#       #", "# ##### #", "# #   # #", "# ##### #", "#       #", "#########" },
      { "111111111", "122222221", "123333321", "123444321", "123333321", "122222221",
        "111111111" } },
    { "corners that touch are no way",
      { "         ", "   #     ", "  # #    ", "   #     ", "     #   ", "    # #  ", "     #   " },
      { "000000000", "000100000", "001210000", "000100000", "000001000", "000012100",
        "000001000" } },
};

static void test_depths(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        uint8_t classes[WIDTH * HEIGHT], depth[WIDTH * HEIGHT];
        for (int at = 0; at < WIDTH * HEIGHT; at++)
            classes[at] = cases[i].walls[at / WIDTH][at % WIDTH] == '#' ? WALL : 0;
        assert_int_equal(nesting_find(classes, WIDTH, HEIGHT, WALL, depth), 0);
        for (int at = 0; at < WIDTH * HEIGHT; at++)
            if (depth[at] != cases[i].depths[at / WIDTH][at % WIDTH] - '0')
                fail_msg("%s: %d at %d,%d", cases[i].name, depth[at], at % WIDTH, at / WIDTH);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_depths) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
