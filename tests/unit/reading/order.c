/* In which order lines are read that are seen together. */
#include "test.h"

#include "reading/order.h"

#include <string.h>

/* Drawn as text: each run of one letter is a box, and it is named by it; a letter is DOT pixels
 * wide, and so high is a row, of which a line takes LINE. */
enum { BOXES_MAX = 32, DOT = 10, ROW = 30, LINE = 20 };

static const struct {
    const char *name, *picture[12], *order;
} cases[] = {
    { "nothing", { NULL }, "" },
    { "one", { "aaa" }, "a" },
    { "from top to bottom", { "aaa", "bbbbb", "ccc" }, "abc" },
    { "from left to right", { "aaa    bbb   c" }, "abc" },
    { "two columns of text",
      { "aaaaaaaaaaaaaaaaaaaaaaa   eeeeeeeeeeeeeeeeeeeeeee",
        "bbbbbbbbbbbbbbbbbbbbbbb   fffffffffffffffffffffff",
        "cccccccccccccccccccccc    ggggggggggggggggggggggg",
        "ddddddddd                 hhhhhhhhhhhhhhhhhh" },
      "abcdefgh" },
    { "a header, two columns, a footer",
      { "HHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHHH",
        "aaaaaaaaaaaaaaaaaaaaaaa   dddddddddddddddddddddd",
        "bbbbbbbbbbbbbbbbbbbbbbb   eeeeeeeeeeeeeeeeeeeeeee",
        "cccccccccccccccccccccc    fffffffffffffffffffffff", "                     FFFFF" },
      "HabcdefF" },
    { "a header above the left column only",
      { "HHHHHHHHH", "aaaaaaaaaaaaaaaaaaaaaaa   dddddddddddddddddddddd",
        "bbbbbbbbbbbbbbbbbbbbbbb   eeeeeeeeeeeeeeeeeeeeeee",
        "cccccccccccccccccccccc    fffffffffffffffffffffff" },
      "Habcdef" },
    { "what spans the columns lies between",
      { "aaaaaaaaaaaaaaaaaaaaaaa   dddddddddddddddddddddd",
        "bbbbbbbbbbbbbbbbbbbbbbb   eeeeeeeeeeeeeeeeeeeeeee",
        "cccccccccccccccccccccc    fffffffffffffffffffffff",
        "SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS",
        "ggggggggggggggggggggggg   jjjjjjjjjjjjjjjjjjjjjj",
        "hhhhhhhhhhhhhhhhhhhhhhh   kkkkkkkkkkkkkkkkkkkkkkk",
        "iiiiiiiiiiiiiiiiiiiiii    lllllllllllllllllllllll" },
      "abcdefSghijkl" },
    { "three columns",
      { "aaaaaaaaaaaaaaaaaaaaaa   dddddddddddddddddddddd   gggggggggggggggggggggg",
        "bbbbbbbbbbbbbbbbbbbbbb   eeeeeeeeeeeeeeeeeeeeee   hhhhhhhhhhhhhhhhhhhhhh",
        "cccccccccccccccccccccc   ffffffffffffffffffffff   iiiiiiiiiiiiiiiiiiiiii" },
      "abcdefghi" },
    { "one column is shorter, and of more paragraphs",
      { "aaaaaaaaaaaaaaaaaaaaaaa   eeeeeeeeeeeeeeeeeeeeeee",
        "bbbbbbbbbbbbbbbbbbbbbbb   fffffffffffffffffffffff",
        "cccccccccccccccccccccc    ggggggggggg",
        "ddddddddd                                        ",
        "iiiiiiiiiiiiiiiiiiiiiii                          ",
        "jjjjjjjjjjjjjjjjjjjjjjj                          " },
      "abcdijefg" },
    { "names and what belongs to them",
      { "aaaaaaaa        bbbbb", "cccccc          ddddddd", "eeeeeeeeee      ff" },
      "abcdef" },
    { "long names, and numbers",
      { "aaaaaaaaaaaaaaaaaaaaaaaaa    bb", "ccccccccccccccccccccccccc    dd",
        "eeeeeeeeeeeeeeeeeeeeeeeee    ff", "ggggggggggggggggggggggggg    hh" },
      "abcdefgh" },
    { "a table of long cells that do not fill it",
      { "aaaaaaaaaaaaaaaaaaaaaaaaaaa   bbbbbbbbbb",
        "ccccccccc                     ddddddddddddddddddddddd",
        "eeeeeeeeeeee                  fffffff", "ggggggg                       hhhhhh" },
      "abcdefgh" },
    { "a table whose first rows fill it",
      { "aaaaaaaaaaaaaaaaaaaaaaa   bbbbbbbbbbbbbbbbbbbbbb",
        "ccccccccccccccccccccccc   ddddddddddddddddddddddd",
        "eeeeeeeeeeeeeeeeeeeeeee   fffffffffffffffffffffff", "ggggggg                   hhhhhh",
        "iiiiiiiii                 jjjjjj", "kkkkkkk                   lllll" },
      "abcdefghijkl" },
    { "names, and long lines beside them",
      { "aaaaaaaa   bbbbbbbbbbbbbbbbbbbbbbb", "ccccc      ddddddddddddddddddddddd",
        "eeeeee     fffffffffffffffffffffff", "gggggggg   hhhhhhhhhhhhhhhhhhhhhhh" },
      "abcdefgh" },
    { "two rows of two long lines",
      { "aaaaaaaaaaaaaaaaaaaaaaa   bbbbbbbbbbbbbbbbbbbbbb",
        "ccccccccccccccccccccccc   ddddddddddddddddddddddd" },
      "abcd" },
    { "blocks whose rows do not line up",
      { "aaaaaaaa        ", "                ddddddd", "bbbbbb          ", "                eeeee",
        "cccccccc        " },
      "abcde" },
    { "one line beside others is no block",
      { "aaaaaaaa        ", "                ccccccc", "bbbbbb          " },
      "acb" },
    { "a block below the other, to the right",
      { "aaaaaaaa        ", "bbbbbb          ", "                ccccccc",
        "                ddddd" },
      "abcd" },
    { "a block below the other, to the left",
      { "                aaaaaaaa", "                bbbbbb", "cccccc          ",
        "ddddd           " },
      "abcd" },
    { "words of a line are no columns",
      { "aaaaaaaaaaaaaaaaaaaaaaa b ccccccccccccccccccccccc",
        "dddddddddddddddddddddddd eeeeeeeeeeeeeeeeeeeeeee",
        "ffffffffffffffffffffff ggggggggggggggggggggggggg" },
      "abcdefg" },
    { "even where their gaps lie below one another",
      { "aaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbb",
        "ccccccccccccccccccccccc dddddddddddddddddddddddd",
        "eeeeeeeeeeeeeeeeeeeeeee ffffffffffffffffffffffff" },
      "abcdef" },
    { "words of one line above columns",
      { "aaaaaaaaaaaaaaaaaaaaaaa bbbbbbbbbbbbbbbbbbbbbbbb",
        "cccccccccccccccccccc    ffffffffffffffffffffffff",
        "dddddddddddddddddddd    gggggggggggggggggggggggg",
        "eeeeeeeeeeeeeeeeeeee    hhhhhhhhhhhhhhhhhhhhhhhh" },
      "abcdefgh" },
};

static size_t read_picture(const char *const *picture, struct rect *boxes, char *names)
{
    size_t count = 0;
    for (int row = 0; picture[row]; row++)
        for (const char *at = picture[row]; *at;) {
            const char *first = at;
            while (*at == *first)
                at++;
            if (*first == ' ')
                continue;
            assert_true(count < BOXES_MAX);
            names[count] = *first;
            boxes[count++] = (struct rect){ (int)(first - picture[row]) * DOT, row * ROW,
                                            (int)(at - first) * DOT, LINE };
        }
    return count;
}

/* step: in which order they are given, which must not matter; coprime to their number. */
static void assert_order(const char *name, const char *const *picture, const char *expected,
                         size_t step)
{
    struct rect boxes[BOXES_MAX], given[BOXES_MAX] = { 0 };
    char names[BOXES_MAX], got[BOXES_MAX + 1] = "";
    size_t order[BOXES_MAX], count = read_picture(picture, boxes, names);
    for (size_t i = 0; i < count; i++)
        given[i] = boxes[(i * step + step / 2) % count];
    order_boxes(given, count, order);
    for (size_t i = 0; i < count; i++)
        got[i] = names[(order[i] * step + step / 2) % count];
    if (strcmp(got, expected) != 0)
        fail_msg("%s, by %zu: '%s', not '%s'", name, step, got, expected);
}

static void test_lines_are_read_in_rows_or_columns(void **state)
{
    (void)state;
    static const size_t steps[] = { 1, 17, 23 };
    for (size_t i = 0; i < COUNT(cases); i++)
        for (size_t k = 0; k < COUNT(steps); k++)
            assert_order(cases[i].name, cases[i].picture, cases[i].order, steps[k]);
}

/* A page that lies a little askew: each row begins lower than the one to its left. */
static void test_a_page_that_lies_askew(void **state)
{
    (void)state;
    enum { ROWS = 20 };
    struct rect boxes[2 * ROWS];
    size_t order[2 * ROWS];
    for (int i = 0; i < 2 * ROWS; i++)
        boxes[i] = (struct rect){ i % 2 * 730 - i / 4, i / 2 * 36 + i % 2 * 5, 670, 28 };
    order_boxes(boxes, 2 * ROWS, order);
    for (size_t i = 0; i < ROWS; i++) {
        assert_int_equal(order[i], 2 * i);
        assert_int_equal(order[ROWS + i], 2 * i + 1);
    }
}

static void test_a_row(void **state)
{
    (void)state;
    const struct rect box = { 0, 100, 50, 20 };
    assert_true(rect_same_row(box, (struct rect){ 60, 100, 50, 20 }));
    assert_true(rect_same_row(box, (struct rect){ 60, 109, 50, 20 }));
    assert_false(rect_same_row(box, (struct rect){ 60, 110, 50, 20 }));
    assert_false(rect_same_row(box, (struct rect){ 0, 130, 50, 20 }));
    assert_true(rect_same_row(box, (struct rect){ 60, 90, 50, 60 }));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_are_read_in_rows_or_columns),
        cmocka_unit_test(test_a_page_that_lies_askew),
        cmocka_unit_test(test_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
