#include "draw.h"

#include "reading/ink.h"

/* Ink drawn as a drawing is: 255 is ink. Its margin is 10 pixels on each side. */
enum { SCALE = 3, X = 10, Y = 10, WIDTH = 200, HEIGHT = 41 };

static const char text[] = "LITTLE"; /* no dot of these hangs on by a corner alone */
static const struct rect core = { X, Y, WIDTH - 20, DRAW_DOTS_HIGH *SCALE };

static struct drawing drawing;
static uint8_t ink_bytes[WIDTH * HEIGHT], rim[WIDTH * HEIGHT];

static struct ink ink_of_drawing(void)
{
    for (int y = 0; y < HEIGHT; y++)
        memcpy(ink_bytes + y * WIDTH, drawing.pixels[y], WIDTH);
    return (struct ink){ ink_bytes, WIDTH, HEIGHT };
}

static int clean(const uint8_t *outline)
{
    struct letters found = { .count = -1 };
    struct ink ink = ink_of_drawing();
    assert_int_equal(ink_clean(&ink, core, outline, &found), 0);
    return found.count;
}

/* The darkest in a part of what was cleaned. */
static int darkest(struct rect part)
{
    int most = 0;
    for (int y = part.y; y < part.y + part.height; y++)
        for (int x = part.x; x < part.x + part.width; x++)
            most = int_max(most, ink_bytes[y * WIDTH + x]);
    return most;
}

static void letters(int level)
{
    draw_flat(&drawing, 0);
    draw_text(&drawing, X, Y, SCALE, level, text);
}

static void test_letters_stay_as_they_are(void **state)
{
    (void)state;
    static const int levels[] = { 160, 200, 255 };
    for (size_t i = 0; i < COUNT(levels); i++) {
        letters(levels[i]);
        int count = clean(NULL);
        if (count != (int)strlen(text))
            fail_msg("ink of %d: %d letters", levels[i], count);
        for (int y = 0; y < HEIGHT; y++)
            assert_memory_equal(ink_bytes + y * WIDTH, drawing.pixels[y], WIDTH);
    }
}

static void test_soft_edges_stay_and_what_is_far_from_letters_does_not(void **state)
{
    (void)state;
    draw_flat(&drawing, 40);
    draw_bold(&drawing, X, Y, SCALE, 1, 90, text);
    draw_text(&drawing, X, Y, SCALE, 255, text);
    clean(NULL);
    assert_int_equal(ink_bytes[(Y + 5) * WIDTH + X - 1], 90);
    assert_int_equal(ink_bytes[(Y + 5) * WIDTH + X - 2], 40);
    assert_int_equal(ink_bytes[(Y + 5) * WIDTH + X - 3], 0);
    assert_int_equal(darkest((struct rect){ 150, 0, 50, HEIGHT }), 0);
    draw_bold(&drawing, X, Y, SCALE, 2, 100, text);
    draw_bold(&drawing, X, Y, SCALE, 1, 60, text);
    draw_text(&drawing, X, Y, SCALE, 255, text);
    clean(NULL);
    assert_int_equal(ink_bytes[(Y + 5) * WIDTH + X - 1], 60);
    assert_int_equal(ink_bytes[(Y + 5) * WIDTH + X - 2], 0); /* darker again */
}

/* Nor is what meets a letter at a corner, and is none, a soft edge of it. */
static void test_what_meets_a_letter_at_a_corner_goes(void **state)
{
    (void)state;
    letters(255);
    draw_rect(&drawing, (struct rect){ X + 15, Y + 21, 4, HEIGHT - Y - 21 }, 200);
    clean(NULL);
    assert_int_equal(ink_bytes[(Y + 20) * WIDTH + X + 14], 255);
    assert_int_equal(darkest((struct rect){ X + 15, Y + 21, 4, HEIGHT - Y - 21 }), 0);
}

/* Beside the letters, in the columns from 150 on. */
static const struct {
    const char *name;
    struct rect rect;
    int level;
    bool stays;
} pieces[] = {
    { "a letter more", { 160, 10, 4, 21 }, 255, true },
    { "a full stop", { 150, 27, 4, 4 }, 255, true },
    { "a comma, below the others", { 150, 28, 3, 8 }, 255, true },
    { "a dot, above the others", { 150, 6, 3, 5 }, 255, true },
    { "a dash", { 150, 19, 10, 3 }, 255, true },
    { "a faint letter", { 150, 10, 4, 21 }, 150, false },
    { "a shadow", { 150, 10, 12, 21 }, 150, false },
    { "a blotch", { 150, 8, 24, 24 }, 255, false },
    { "of the line above", { 150, 0, 4, 6 }, 255, false },
    { "of the line below", { 150, 35, 4, 6 }, 255, false },
    { "the line above, cut off, a bit in the core", { 150, 0, 4, 12 }, 255, false },
    { "a rule below the line", { 150, 34, 45, 3 }, 255, false },
};

static void test_what_is_no_letter_is_wiped_out(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(pieces); i++) {
        letters(255);
        draw_rect(&drawing, pieces[i].rect, pieces[i].level);
        clean(NULL);
        int left = darkest((struct rect){ 148, 0, 50, HEIGHT });
        if (left != (pieces[i].stays ? pieces[i].level : 0))
            fail_msg("%s: %d is left", pieces[i].name, left);
        if (darkest(draw_extent(X, Y, SCALE, text)) != 255)
            fail_msg("%s: the letters are gone", pieces[i].name);
    }
}

/* Beside the letters, or around them. */
static const struct {
    const char *name;
    struct rect sides[2]; /* joined */
    bool stays;
} joined[] = {
    { "a corner of a box", { { 110, 4, 80, 2 }, { 188, 4, 2, 30 } }, false },
    { "the other corner", { { 110, 34, 80, 2 }, { 110, 6, 2, 30 } }, false },
    { "wide, but thick enough for joined letters",
      { { 110, 12, 80, 4 }, { 186, 12, 4, 19 } },
      true },
    { "as thin, but no wider than three letters",
      { { 130, 12, 60, 2 }, { 188, 12, 2, 19 } },
      true },
    { "thinner still", { { 130, 12, 60, 1 }, { 189, 12, 1, 20 } }, true },
    { "a bar aside, cut at the top", { { 193, 0, 3, 21 }, { 193, 0, 3, 21 } }, false },
    { "a bar aside, cut at the bottom", { { 193, 15, 3, 26 }, { 193, 15, 3, 26 } }, false },
    { "a bar to the left, cut", { { 3, 0, 3, HEIGHT }, { 3, 0, 3, HEIGHT } }, false },
    { "a bar aside that is whole", { { 193, 8, 3, 25 }, { 193, 8, 3, 25 } }, true },
    { "a bar within the core, cut", { { 170, 12, 3, 29 }, { 170, 12, 3, 29 } }, true },
};

static void test_corners_and_bars_aside_are_no_letters(void **state)
{
    (void)state;
    static const char few[] = "LIT"; /* up to column 61 */
    for (size_t i = 0; i < COUNT(joined); i++) {
        draw_flat(&drawing, 0);
        draw_text(&drawing, X, Y, SCALE, 255, few);
        draw_rect(&drawing, joined[i].sides[0], 255);
        draw_rect(&drawing, joined[i].sides[1], 255);
        clean(NULL);
        const struct rect *side = &joined[i].sides[0];
        int left = darkest(*side);
        if (left != (joined[i].stays ? 255 : 0))
            fail_msg("%s: %d is left", joined[i].name, left);
        if (darkest(draw_extent(X, Y, SCALE, few)) != 255)
            fail_msg("%s: the letters are gone", joined[i].name);
    }
}

/* Squares beside letters whose strokes are `scale` pixels wide. */
static const struct {
    int scale, side;
    bool stays;
} squares[] = {
    { 2, 5, true },   { 2, 8, false }, { 3, 8, true },
    { 3, 10, false }, { 5, 12, true }, { 5, 14, false },
};

static void test_what_is_much_thicker_is_no_letter(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(squares); i++) {
        draw_flat(&drawing, 0);
        draw_text(&drawing, X, 3, squares[i].scale, 255, "LIT");
        draw_rect(&drawing, (struct rect){ 150, 12, squares[i].side, squares[i].side }, 255);
        clean(NULL);
        if ((darkest((struct rect){ 150, 12, 14, 14 }) > 0) != squares[i].stays)
            fail_msg("%d pixels beside strokes of %d", squares[i].side, squares[i].scale);
    }
}

/* Of letters only: what reaches in from the line above is thinner, and there is more of it. */
static void test_letters_are_measured(void **state)
{
    (void)state;
    struct letters found = { 0 };
    draw_flat(&drawing, 0);
    draw_rect(&drawing, (struct rect){ 60, 10, 3, 21 }, 255); /* an L, turned round */
    draw_rect(&drawing, (struct rect){ 48, 28, 15, 3 }, 255);
    draw_rect(&drawing, (struct rect){ 70, 22, 3, 9 }, 255); /* and a low one */
    for (int x = 100; x < 130; x += 10)
        draw_rect(&drawing, (struct rect){ x, 0, 1, 8 }, 255);
    struct ink ink = ink_of_drawing();
    assert_int_equal(ink_clean(&ink, core, NULL, &found), 0);
    assert_int_equal(found.count, 2);
    assert_int_equal(found.height, core.height);
    assert_int_equal(found.width, 25);
    assert_int_equal(found.widths, 18);
    assert_int_equal(found.tallest, 21);
    assert_int_equal(found.thickness, 2);
}

/* Only the size counts: dots do not, and what hangs together counts by its width. */
static void test_letters_are_counted(void **state)
{
    (void)state;
    draw_flat(&drawing, 0);
    draw_text(&drawing, X, Y, SCALE, 255, "A.B.C.");
    assert_int_equal(clean(NULL), 3);
    draw_rect(&drawing, (struct rect){ 130, 10, 64, 4 }, 255);
    draw_rect(&drawing, (struct rect){ 130, 10, 4, 21 }, 255);
    assert_int_equal(clean(NULL), 6);
    draw_flat(&drawing, 0);
    assert_int_equal(clean(NULL), 0);
}

static void test_letters_have_an_outline_where_one_is_asked_for(void **state)
{
    (void)state;
    letters(255);
    draw_rect(&drawing, (struct rect){ 150, 10, 4, 21 }, 255);
    memset(rim, 0, sizeof(rim));
    assert_int_equal(clean(rim), 0);
    assert_int_equal(darkest((struct rect){ 0, 0, WIDTH, HEIGHT }), 0);
    struct drawing outlines;
    draw_flat(&outlines, 0);
    draw_bold(&outlines, X, Y, SCALE, 2, 1, text);
    draw_bold(&outlines, X, Y, SCALE, 0, 0, text);
    for (int at = 0; at < WIDTH * HEIGHT; at++)
        rim[at] = outlines.pixels[at / WIDTH][at % WIDTH];
    assert_int_equal(clean(rim), (int)strlen(text));
    assert_int_equal(darkest((struct rect){ 148, 0, 50, HEIGHT }), 0);
}

/* The border counts, however much there is within. */
static void test_a_heavy_letter_has_an_outline_too(void **state)
{
    (void)state;
    const struct rect letter = { 60, 10, 15, 21 };
    draw_flat(&drawing, 0);
    draw_rect(&drawing, letter, 255);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            rim[y * WIDTH + x] = x >= 58 && x < 77 && y >= 8 && y < 33 && drawing.pixels[y][x] == 0;
    assert_int_equal(clean(rim), 1);
}

/* ---- size ---- */

static const struct {
    double scale;
    int margin, width, height;
} prints[] = {
    { 1, 0, 200, 41 },      { 1, 10, 220, 61 },
    { 2, 10, 420, 102 },    { 0.5, 4, 108, 28 /* 20.5, to the even */ },
    { 1.333, 10, 287, 75 }, { 0.001, 3, 7, 7 },
};

static void test_a_print_has_its_size_and_white_around_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(prints); i++) {
        draw_flat(&drawing, 255);
        struct ink ink = ink_of_drawing();
        int width = 0, height = 0, margin = prints[i].margin;
        uint8_t *print = ink_print(&ink, prints[i].scale, margin, &width, &height);
        assert_non_null(print);
        if (width != prints[i].width || height != prints[i].height)
            fail_msg("row %zu: %dx%d", i, width, height);
        for (int y = 0; y < height; y++)
            for (int x = 0; x < width; x++) {
                bool inside =
                    x >= margin && y >= margin && x < width - margin && y < height - margin;
                if (print[y * width + x] != (inside ? 0 : 255))
                    fail_msg("row %zu: %d at %d,%d", i, print[y * width + x], x, y);
            }
        free(print);
    }
}

static void test_at_its_own_size_it_is_turned_and_no_more(void **state)
{
    (void)state;
    letters(255);
    draw_noise(&drawing, 100, 3);
    struct ink ink = ink_of_drawing();
    int width, height;
    uint8_t *print = ink_print(&ink, 1, 0, &width, &height);
    assert_non_null(print);
    for (int at = 0; at < WIDTH * HEIGHT; at++)
        assert_int_equal(print[at], 255 - ink_bytes[at]);
    free(print);
}

/* The middle of each dot of the letters is black, the middle of each gap white. */
static void test_letters_keep_their_shape_at_other_sizes(void **state)
{
    (void)state;
    static const double scales[] = { 0.5, 0.8, 1.5, 2, 3.7 };
    for (size_t i = 0; i < COUNT(scales); i++) {
        draw_flat(&drawing, 0);
        draw_text(&drawing, 8, 6, 4, 255, text);
        struct ink ink = ink_of_drawing();
        int width, height;
        uint8_t *print = ink_print(&ink, scales[i], 10, &width, &height);
        assert_non_null(print);
        for (int y = 8; y < HEIGHT; y += 4)
            for (int x = 10; x < WIDTH; x += 4) {
                int at = (10 + (int)(y * scales[i])) * width + 10 + (int)(x * scales[i]);
                bool is_ink = drawing.pixels[y][x] > 0;
                if (is_ink ? print[at] >= 128 : print[at] < 128)
                    fail_msg("scale %g: %d at %d,%d", scales[i], print[at], x, y);
            }
        free(print);
    }
}

/* Lines as thin as a pixel become gray where the image gets smaller, not lines of another width. */
static void test_what_gets_too_small_is_gray(void **state)
{
    (void)state;
    draw_flat(&drawing, 0);
    for (int x = 0; x < WIDTH; x += 2)
        draw_rect(&drawing, (struct rect){ x, 0, 1, HEIGHT }, 255);
    struct ink ink = ink_of_drawing();
    int width, height;
    uint8_t *print = ink_print(&ink, 0.4, 0, &width, &height);
    assert_non_null(print);
    for (int x = 4; x < width - 4; x++)
        assert_in_range(print[x], 118, 138);
    free(print);
}

/* Beside an edge the curve goes a little beyond both levels, so that it stays one. */
static void test_edges_stay_sharp_in_a_larger_print(void **state)
{
    (void)state;
    int width, height, darkest_of_all = 255;
    draw_flat(&drawing, 100);
    draw_rect(&drawing, (struct rect){ 100, 0, 100, HEIGHT }, 200);
    struct ink ink = ink_of_drawing();
    uint8_t *print = ink_print(&ink, 2, 0, &width, &height);
    assert_non_null(print);
    for (int x = 0; x < width; x++)
        darkest_of_all = int_min(darkest_of_all, print[x]);
    assert_in_range(darkest_of_all, 255 - 200 - 20, 255 - 200 - 3);
    free(print);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters_stay_as_they_are),
        cmocka_unit_test(test_soft_edges_stay_and_what_is_far_from_letters_does_not),
        cmocka_unit_test(test_what_meets_a_letter_at_a_corner_goes),
        cmocka_unit_test(test_what_is_no_letter_is_wiped_out),
        cmocka_unit_test(test_corners_and_bars_aside_are_no_letters),
        cmocka_unit_test(test_what_is_much_thicker_is_no_letter),
        cmocka_unit_test(test_letters_are_measured),
        cmocka_unit_test(test_letters_are_counted),
        cmocka_unit_test(test_letters_have_an_outline_where_one_is_asked_for),
        cmocka_unit_test(test_a_heavy_letter_has_an_outline_too),
        cmocka_unit_test(test_a_print_has_its_size_and_white_around_it),
        cmocka_unit_test(test_at_its_own_size_it_is_turned_and_no_more),
        cmocka_unit_test(test_letters_keep_their_shape_at_other_sizes),
        cmocka_unit_test(test_what_gets_too_small_is_gray),
        cmocka_unit_test(test_edges_stay_sharp_in_a_larger_print),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
