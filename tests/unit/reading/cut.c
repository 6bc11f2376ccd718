#include "draw.h"

#include "reading/cut.h"
#include "reading/edges.h"

static struct drawing drawing;
static struct edges first, second;

/* The edges that two pictures have in common: what tracker.c cuts. */
static struct bitmap bits_of_both(void (*draw)(int), struct rect part)
{
    struct luma luma = draw_luma(&drawing);
    luma.data += part.y * luma.stride + part.x;
    luma.width = part.width;
    luma.height = part.height;
    draw(0);
    assert_int_equal(edges_find(&first, &luma, 1), 0);
    draw(1);
    assert_int_equal(edges_find(&second, &luma, 1), 0);
    struct bitmap bitmap = { first.width, first.height, first.words, NULL };
    size_t words = (size_t)bitmap.words * (size_t)bitmap.height;
    bitmap.bits = mem_zero(words, sizeof(*bitmap.bits));
    for (size_t i = 0; i < words; i++)
        bitmap.bits[i] =
            (first.rising[i] & second.rising[i]) | (first.falling[i] & second.falling[i]);
    return bitmap;
}

static const struct rect whole = { 0, 0, DRAW_WIDTH, DRAW_HEIGHT };

static struct cut_lines cut(void (*draw)(int))
{
    struct bitmap bitmap = bits_of_both(draw, whole);
    struct cut_lines lines = { 0 };
    cut_find(&bitmap, &lines);
    free(bitmap.bits);
    return lines;
}

/* ---- texts ---- */

static void two_lines(void)
{
    draw_text(&drawing, 30, 40, 3, 230, "THE FIRST LINE");
    draw_text(&drawing, 30, 70, 3, 230, "AND A SECOND");
}

static void on_flat(int picture)
{
    (void)picture;
    draw_flat(&drawing, 40);
    two_lines();
}
static void on_leaves(int picture)
{
    draw_leaves(&drawing, 10, 130, picture * 40);
    two_lines();
}
static void dark_on_light(int picture)
{
    (void)picture;
    draw_flat(&drawing, 230);
    draw_text(&drawing, 30, 40, 3, 30, "THE FIRST LINE");
    draw_text(&drawing, 30, 70, 3, 30, "AND A SECOND");
}
static void in_the_corners(int picture)
{
    (void)picture;
    draw_flat(&drawing, 40);
    draw_text(&drawing, 1, 1, 2, 230, "UPPER LEFT");
    draw_text(&drawing, DRAW_WIDTH - 144, DRAW_HEIGHT - 15, 2, 230, "LOWER RIGHT.");
}
static void side_by_side(int picture)
{
    (void)picture;
    draw_flat(&drawing, 40);
    draw_text(&drawing, 20, 50, 2, 230, "LEFT");
    draw_text(&drawing, 200, 50, 2, 230, "RIGHT");
}
static void words_far_apart(int picture)
{
    (void)picture;
    draw_flat(&drawing, 40);
    draw_text(&drawing, 20, 50, 3, 230, "ONE");
    draw_text(&drawing, 92, 50, 3, 230, "LINE");
}
static void close_together(int picture)
{
    (void)picture;
    draw_flat(&drawing, 40);
    draw_text(&drawing, 30, 40, 2, 230, "FIVE LINES THAT");
    draw_text(&drawing, 30, 57, 2, 230, "STAND ONE ABOVE");
    draw_text(&drawing, 30, 74, 2, 230, "THE OTHER WITH");
    draw_text(&drawing, 30, 91, 2, 230, "THREE ROWS IN");
    draw_text(&drawing, 30, 108, 2, 230, "BETWEEN");
}
/* The tail of a letter of the first goes down to the second. */
static void touching(int picture)
{
    (void)picture;
    draw_flat(&drawing, 40);
    draw_text(&drawing, 30, 40, 3, 230, "THE FIRST LINE");
    draw_text(&drawing, 30, 66, 3, 230, "AND A SECOND");
    draw_rect(&drawing, (struct rect){ 120, 56, 3, 12 }, 230);
}
static void dots_above(int picture)
{
    (void)picture;
    draw_flat(&drawing, 40);
    for (int x = 40; x < 200; x += 12) {
        draw_rect(&drawing, (struct rect){ x, 60, 3, 14 }, 230);
        if (x % 36 == 4)
            draw_rect(&drawing, (struct rect){ x, 54, 3, 3 }, 230);
    }
}
static void in_a_box(int picture)
{
    (void)picture;
    draw_flat(&drawing, 40);
    draw_rect(&drawing, (struct rect){ 60, 45, 190, 42 }, 120);
    draw_text(&drawing, 76, 55, 3, 240, "IN A BOX");
}
static void beside_a_box(int picture)
{
    (void)picture;
    draw_flat(&drawing, 40);
    draw_rect(&drawing, (struct rect){ 0, 45, 66, 42 }, 120);
    draw_text(&drawing, 76, 55, 3, 240, "NO BOX");
}
/* The first and the last letter are the only tall ones. */
static void between_tall_letters(int picture)
{
    (void)picture;
    draw_flat(&drawing, 40);
    draw_rect(&drawing, (struct rect){ 60, 50, 3, 26 }, 230);
    draw_text(&drawing, 69, 62, 2, 230, "NEVER MORE");
    draw_rect(&drawing, (struct rect){ 194, 50, 3, 26 }, 230);
}
static void between_tails(int picture)
{
    (void)picture;
    draw_flat(&drawing, 40);
    draw_rect(&drawing, (struct rect){ 60, 62, 3, 26 }, 230);
    draw_text(&drawing, 69, 62, 2, 230, "NEVER MORE");
    draw_rect(&drawing, (struct rect){ 194, 62, 3, 26 }, 230);
}
/* By the line above, which touches both, they are one block. */
static void columns_below_a_line(int picture)
{
    (void)picture;
    draw_flat(&drawing, 40);
    draw_text(&drawing, 30, 40, 3, 230, "THE FIRST LINE");
    draw_text(&drawing, 30, 66, 2, 230, "LEFT");
    draw_text(&drawing, 120, 66, 2, 230, "RIGHT");
}
static void large_columns_below_a_line(int picture)
{
    (void)picture;
    draw_flat(&drawing, 40);
    draw_text(&drawing, 30, 40, 3, 230, "THE FIRST LINE");
    draw_text(&drawing, 30, 66, 6, 230, "AB");
    draw_text(&drawing, 168, 66, 6, 230, "CD");
}
static void a_few_rows_apart(int picture)
{
    (void)picture;
    draw_flat(&drawing, 40);
    draw_text(&drawing, 30, 40, 3, 230, "THE FIRST LINE");
    draw_text(&drawing, 30, 67, 3, 230, "AND A SECOND");
}
/* As low as dots are, but too far away. */
static void a_small_one_above(int picture)
{
    (void)picture;
    draw_flat(&drawing, 40);
    draw_text(&drawing, 30, 34, 1, 230, "WHAT STANDS ABOVE IN PRINT");
    draw_text(&drawing, 30, 54, 4, 230, "A TITLE");
}
static void a_small_and_a_large_one(int picture)
{
    (void)picture;
    draw_flat(&drawing, 40);
    draw_text(&drawing, 20, 20, 8, 230, "TITLE");
    draw_text(&drawing, 20, 90, 1, 230, "AND WHAT STANDS BELOW IT, IN PRINT");
}

/* `near`: how far each side may be off. An edge is two pixels wide; where a letter
 * ends in a thin stroke that just reaches into another cell of 8 pixels, that end is missed; and
 * two pictures of leaves have a little in common by chance. */
static const struct {
    const char *name;
    void (*draw)(int);
    int near;
    struct rect lines[6];
} texts[] = {
    { "on flat ground", on_flat, 2, { { 30, 40, 249, 21 }, { 30, 70, 213, 21 } } },
    { "dark on light", dark_on_light, 2, { { 30, 40, 249, 21 }, { 30, 70, 213, 21 } } },
    { "on leaves that move", on_leaves, 16, { { 30, 40, 249, 21 }, { 30, 70, 213, 21 } } },
    { "in the corners", in_the_corners, 2, { { 1, 1, 118, 14 }, { 189, 185, 138, 14 } } },
    { "side by side", side_by_side, 4, { { 20, 50, 46, 14 }, { 200, 50, 58, 14 } } },
    { "words of a line", words_far_apart, 2, { { 20, 50, 141, 21 } } },
    { "close together",
      close_together,
      4,
      { { 30, 40, 178, 14 },
        { 30, 57, 178, 14 },
        { 30, 74, 166, 14 },
        { 30, 91, 154, 14 },
        { 30, 108, 82, 14 } } },
    { "touching", touching, 5, { { 30, 40, 249, 21 }, { 30, 66, 213, 21 } } },
    { "dots above letters", dots_above, 2, { { 40, 54, 159, 20 } } },
    { "in a box", in_a_box, 2, { { 76, 55, 141, 21 } } },
    { "beside a box", beside_a_box, 2, { { 76, 55, 105, 21 } } },
    { "between tall letters", between_tall_letters, 2, { { 60, 50, 137, 26 } } },
    { "between letters with tails", between_tails, 2, { { 60, 62, 137, 26 } } },
    { "two columns below a line",
      columns_below_a_line,
      4,
      { { 30, 40, 249, 21 }, { 30, 66, 46, 14 }, { 120, 66, 58, 14 } } },
    { "two columns of large letters below a line",
      large_columns_below_a_line,
      4,
      { { 30, 40, 249, 21 }, { 30, 66, 66, 42 }, { 168, 66, 66, 42 } } },
    { "a few rows apart", a_few_rows_apart, 3, { { 30, 40, 249, 21 }, { 30, 67, 213, 21 } } },
    { "a small one above", a_small_one_above, 3, { { 30, 34, 155, 7 }, { 30, 54, 164, 28 } } },
    { "a small and a large one",
      a_small_and_a_large_one,
      3,
      { { 20, 20, 232, 56 }, { 20, 90, 203, 7 } } },
};

static bool is_near(const struct rect *a, const struct rect *b, int near)
{
    return abs(a->x - b->x) <= near && abs(a->y - b->y) <= near &&
           abs(a->x + a->width - b->x - b->width) <= near &&
           abs(a->y + a->height - b->y - b->height) <= near;
}

static void test_lines_of_text_are_found_in_order(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct cut_lines lines = cut(texts[i].draw);
        size_t wanted = 0;
        for (; wanted < COUNT(texts[i].lines) && texts[i].lines[wanted].width > 0; wanted++)
            if (wanted < lines.count &&
                !is_near(&lines.rects[wanted], &texts[i].lines[wanted], texts[i].near))
                fail_msg("%s: line %zu at %d,%d %dx%d", texts[i].name, wanted,
                         lines.rects[wanted].x, lines.rects[wanted].y, lines.rects[wanted].width,
                         lines.rects[wanted].height);
        if (lines.count != wanted)
            fail_msg("%s: %zu lines", texts[i].name, lines.count);
        cut_release(&lines);
    }
}

/* ---- what is no text ---- */

static void nothing(int picture)
{
    (void)picture;
    draw_flat(&drawing, 100);
}
static void gradient(int picture)
{
    (void)picture;
    draw_gradient(&drawing);
}
static void large_checks(int picture)
{
    (void)picture;
    draw_checks(&drawing, 40);
}
static void very_large_checks(int picture)
{
    (void)picture;
    draw_checks(&drawing, 90);
}
static void noise(int picture)
{
    draw_flat(&drawing, 128);
    draw_noise(&drawing, 20, picture);
}
static void strong_noise(int picture)
{
    draw_flat(&drawing, 128);
    draw_noise(&drawing, 60, picture);
}
static void still_noise(int picture)
{
    (void)picture;
    draw_flat(&drawing, 128);
    draw_noise(&drawing, 60, 1);
}
static void a_bar(int picture)
{
    (void)picture;
    draw_flat(&drawing, 40);
    draw_rect(&drawing, (struct rect){ 60, 60, 200, 5 }, 230);
}
static void an_empty_box(int picture)
{
    (void)picture;
    draw_flat(&drawing, 40);
    draw_rect(&drawing, (struct rect){ 60, 45, 190, 62 }, 120);
}
static void a_text_of_three_rows(int picture)
{
    (void)picture;
    draw_flat(&drawing, 40);
    for (int x = 30; x < 200; x += 6)
        draw_rect(&drawing, (struct rect){ x, 60, 2, 3 }, 230);
}
static void a_fence(int picture)
{
    (void)picture;
    draw_flat(&drawing, 40);
    for (int x = 30; x < 300; x += 12)
        draw_rect(&drawing, (struct rect){ x, 60, 3, 90 }, 230);
}

static const struct {
    const char *name;
    void (*draw)(int);
} no_texts[] = {
    { "nothing", nothing },
    { "a gradient", gradient },
    { "large checks", large_checks },
    { "very large checks", very_large_checks },
    { "noise", noise },
    { "strong noise", strong_noise },
    { "noise that holds still", still_noise },
    { "a bar", a_bar },
    { "an empty box", an_empty_box },
    { "rows too few", a_text_of_three_rows },
    { "a fence, as high as half the picture", a_fence },
};

static void test_what_is_no_line_of_text_is_not_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(no_texts); i++) {
        struct cut_lines lines = cut(no_texts[i].draw);
        if (lines.count > 0)
            fail_msg("%s: %zu lines, the first at %d,%d %dx%d", no_texts[i].name, lines.count,
                     lines.rects[0].x, lines.rects[0].y, lines.rects[0].width,
                     lines.rects[0].height);
        cut_release(&lines);
    }
}

static void test_more_is_added_to_what_is_there(void **state)
{
    (void)state;
    struct cut_lines lines = { 0 };
    struct bitmap bitmap = bits_of_both(on_flat, whole);
    cut_find(&bitmap, &lines);
    cut_find(&bitmap, &lines);
    assert_int_equal(lines.count, 4);
    assert_memory_equal(&lines.rects[0], &lines.rects[2], 2 * sizeof(lines.rects[0]));
    cut_release(&lines);
    assert_int_equal(lines.count, 0);
    cut_release(&lines);
    free(bitmap.bits);
}

/* What is found lies in the picture, however it is cut off. */
static void test_any_part_of_a_picture(void **state)
{
    (void)state;
    for (int size = 1; size < 150; size += 7) {
        struct rect part = { 40, 45, size, size * 3 / 4 + 1 };
        struct bitmap bitmap = bits_of_both(on_flat, part);
        struct cut_lines lines = { 0 };
        cut_find(&bitmap, &lines);
        for (size_t i = 0; i < lines.count; i++) {
            const struct rect *line = &lines.rects[i];
            if (line->x < 0 || line->y < 0 || line->width < 1 || line->height < 1 ||
                line->x + line->width > part.width || line->y + line->height > part.height)
                fail_msg("%d: %d,%d %dx%d", size, line->x, line->y, line->width, line->height);
        }
        cut_release(&lines);
        free(bitmap.bits);
    }
}

static int release(void **state)
{
    (void)state;
    edges_release(&first);
    edges_release(&second);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines_of_text_are_found_in_order),
        cmocka_unit_test(test_what_is_no_line_of_text_is_not_found),
        cmocka_unit_test(test_more_is_added_to_what_is_there),
        cmocka_unit_test(test_any_part_of_a_picture),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
