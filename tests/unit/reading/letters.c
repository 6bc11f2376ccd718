#include "test.h"

#include "reading/letters.h"

static const struct {
    const char *name;
    struct letters letters;
    bool is_text;
} lines[] = {
    /* count, height, width, widths, tallest, thickness */
    { "a word", { 7, 24, 150, 120, 24, 2 }, true },
    { "one I", { 1, 16, 4, 4, 16, 2 }, true },
    { "one letter with an accent and a tail", { 1, 40, 20, 20, 24, 2 }, true },
    { "heavy letters", { 6, 20, 120, 116, 20, 5 }, true },
    { "letters that lean", { 5, 20, 80, 96, 20, 2 }, true },
    { "thin letters in a script", { 9, 30, 270, 270, 30, 1 }, true },
    { "many letters in a line that something made higher", { 23, 32, 283, 150, 16, 1 }, true },
    { "five that are low", { 5, 24, 90, 60, 12, 2 }, true },
    { "four that are", { 4, 24, 90, 60, 12, 2 }, false },
    { "nothing", { 0, 16, 0, 0, 0, 255 }, false },
    { "a block", { 1, 16, 16, 16, 16, 8 }, false },
    { "blocks in a row", { 6, 16, 120, 96, 16, 6 }, false },
    { "specks over one another", { 4, 24, 36, 28, 12, 3 }, false },
    { "large pieces over one another", { 4, 24, 36, 60, 20, 3 }, false },
};

static void test_letters_are_told_from_blocks_and_specks(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lines); i++)
        if (letters_make_text(&lines[i].letters) != lines[i].is_text)
            fail_msg("%s: %s", lines[i].name, lines[i].is_text ? "no text" : "text");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters_are_told_from_blocks_and_specks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
