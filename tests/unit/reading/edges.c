#include "draw.h"

#include "reading/edges.h"

static struct drawing drawing;

static bool has_bit(const struct edges *edges, const uint64_t *bits, int x, int y)
{
    return bits[(size_t)y * (size_t)edges->words + (size_t)(x / 64)] >> (x % 64) & 1;
}

static int count_bits(const struct edges *edges, const uint64_t *bits)
{
    int count = 0;
    for (int i = 0; i < edges->words * edges->height; i++)
        count += __builtin_popcountll(bits[i]);
    return count;
}

static int count_all(const struct edges *edges)
{
    return count_bits(edges, edges->rising) + count_bits(edges, edges->falling);
}

static void find(struct edges *edges, int scale)
{
    const struct luma luma = draw_luma(&drawing);
    assert_int_equal(edges_find(edges, &luma, scale), 0);
}

/* Columns of strokes, at and around the ends of words and rows. */
static const struct {
    int x, width;
    int ground, level;
} strokes[] = {
    { 20, 3, 30, 200 },  { 20, 3, 200, 30 },  { 63, 3, 30, 200 },
    { 64, 4, 30, 200 },  { 61, 3, 200, 30 },  { 128, 2, 100, 130 },
    { 319, 4, 30, 200 }, { 329, 2, 30, 200 }, { 2, 3, 30, 200 },
};

/* On the side where it begins the one kind, on the other side the other, each as wide as a jump
 * over two pixels is. */
static void test_a_stroke_has_a_rising_and_a_falling_side(void **state)
{
    (void)state;
    struct edges edges = { 0 };
    for (size_t i = 0; i < COUNT(strokes); i++) {
        int left = strokes[i].x, right = left + strokes[i].width;
        draw_flat(&drawing, strokes[i].ground);
        draw_rect(&drawing, (struct rect){ left, 50, right - left, 10 }, strokes[i].level);
        find(&edges, 1);
        bool is_bright = strokes[i].level > strokes[i].ground;
        const uint64_t *begin = is_bright ? edges.rising : edges.falling;
        const uint64_t *end = is_bright ? edges.falling : edges.rising;
        for (int y = 50; y < 60; y++)
            if (!has_bit(&edges, begin, left - 1, y) || !has_bit(&edges, begin, left, y) ||
                !has_bit(&edges, end, right - 1, y) || !has_bit(&edges, end, right, y))
                fail_msg("stroke %zu, row %d", i, y);
        if (count_bits(&edges, begin) != 20 || count_bits(&edges, end) != 20)
            fail_msg("stroke %zu: %d, %d bits", i, count_bits(&edges, begin),
                     count_bits(&edges, end));
    }
    edges_release(&edges);
}

static void flat(void)
{
    draw_flat(&drawing, 128);
}
static void gradient(void)
{
    draw_gradient(&drawing);
}
static void faint_noise(void)
{
    draw_flat(&drawing, 128);
    draw_noise(&drawing, 13, 1);
}
static void a_bar_from_side_to_side(void)
{
    draw_flat(&drawing, 20);
    draw_rect(&drawing, (struct rect){ 0, 80, DRAW_WIDTH, 30 }, 220);
}
static void a_faint_text(void)
{
    draw_flat(&drawing, 128);
    draw_text(&drawing, 20, 20, 3, 155, "FAINT");
}

static void (*const without_edges[])(void) = { flat, gradient, faint_noise, a_bar_from_side_to_side,
                                               a_faint_text };

static void test_where_nothing_jumps_there_is_no_bit(void **state)
{
    (void)state;
    struct edges edges = { 0 };
    for (size_t i = 0; i < COUNT(without_edges); i++)
        for (int scale = 1; scale <= 3; scale++) {
            without_edges[i]();
            find(&edges, scale);
            if (count_all(&edges) != 0)
                fail_msg("row %zu, scale %d: %d bits", i, scale, count_all(&edges));
        }
    edges_release(&edges);
}

static void test_a_smaller_picture_is_made_of_means(void **state)
{
    (void)state;
    struct edges edges = { 0 };
    for (int scale = 2; scale <= 4; scale++) {
        draw_flat(&drawing, 30);
        draw_rect(&drawing, (struct rect){ 40 * scale, 10 * scale, 3 * scale, 8 * scale }, 200);
        find(&edges, scale);
        assert_int_equal(edges.width, DRAW_WIDTH / scale);
        assert_int_equal(edges.height, DRAW_HEIGHT / scale);
        assert_int_equal(count_bits(&edges, edges.rising), 16);
        for (int y = 10; y < 18; y++)
            assert_true(has_bit(&edges, edges.rising, 40, y) &&
                        has_bit(&edges, edges.falling, 43, y));
    }
    draw_checks(&drawing, 1);
    find(&edges, 2);
    assert_int_equal(count_all(&edges), 0);
    edges_release(&edges);
}

static void test_the_size_may_change(void **state)
{
    (void)state;
    struct edges edges = { 0 };
    struct luma luma = draw_luma(&drawing);
    draw_flat(&drawing, 30);
    draw_text(&drawing, 20, 20, 3, 220, "TEXT");
    for (int width = 1; width <= 130; width += 43) {
        luma.width = width;
        assert_int_equal(edges_find(&edges, &luma, 1), 0);
        assert_int_equal(edges.width, width);
        assert_int_equal(edges.words, (width + 63) / 64);
    }
    assert_true(count_all(&edges) > 0);
    edges_release(&edges);
    assert_null(edges.rising);
    edges_release(&edges);
}

static const struct {
    int down, first; /* where the stroke's eight rows, from 50 on, begin then */
    int rows;        /* that are left of them */
} moves[] = {
    { 0, 50, 8 },    { 1, 51, 8 },          { -1, 49, 8 },          { 60, 110, 8 }, { -54, 0, 4 },
    { 146, 196, 4 }, { DRAW_HEIGHT, 0, 0 }, { -DRAW_HEIGHT, 0, 0 }, { 1000, 0, 0 }, { -1000, 0, 0 },
};

static void test_rows_move_and_what_comes_in_is_empty(void **state)
{
    (void)state;
    struct edges edges = { 0 };
    for (size_t i = 0; i < COUNT(moves); i++) {
        draw_flat(&drawing, 30);
        draw_rect(&drawing, (struct rect){ 100, 50, 3, 8 }, 200);
        find(&edges, 1);
        edges_move(&edges, moves[i].down);
        for (int y = moves[i].first; y < moves[i].first + moves[i].rows; y++)
            if (!has_bit(&edges, edges.rising, 100, y) || !has_bit(&edges, edges.falling, 103, y))
                fail_msg("by %d: row %d", moves[i].down, y);
        if (count_all(&edges) != 4 * moves[i].rows)
            fail_msg("by %d: %d bits", moves[i].down, count_all(&edges));
    }
    edges_release(&edges);
}

static void test_a_copy_has_all_of_it(void **state)
{
    (void)state;
    struct edges edges = { 0 }, copy = { 0 };
    draw_flat(&drawing, 30);
    find(&copy, 2); /* of another size before */
    draw_rect(&drawing, (struct rect){ 100, 50, 3, 8 }, 200);
    find(&edges, 1);
    assert_int_equal(edges_copy(&copy, &edges), 0);
    edges_move(&edges, 20);
    assert_int_equal(copy.width, DRAW_WIDTH);
    assert_int_equal(copy.height, DRAW_HEIGHT);
    assert_int_equal(count_all(&copy), 4 * 8);
    assert_true(has_bit(&copy, copy.rising, 100, 50));
    assert_true(has_bit(&copy, copy.falling, 103, 57));
    edges_release(&copy);
    edges_release(&edges);
}

static const struct {
    int width, height, scale;
} scales[] = {
    { 320, 180, 1 },   { 1280, 720, 1 },  { 720, 1280, 1 },  { 1920, 1080, 1 }, { 1080, 1920, 1 },
    { 2560, 1440, 2 }, { 3840, 2160, 3 }, { 2160, 3840, 3 }, { 7680, 4320, 6 }, { 1, 1, 1 },
};

static void test_the_scale_of_a_picture(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(scales); i++)
        if (edges_scale(scales[i].width, scales[i].height) != scales[i].scale)
            fail_msg("%dx%d: %d", scales[i].width, scales[i].height,
                     edges_scale(scales[i].width, scales[i].height));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_stroke_has_a_rising_and_a_falling_side),
        cmocka_unit_test(test_where_nothing_jumps_there_is_no_bit),
        cmocka_unit_test(test_a_smaller_picture_is_made_of_means),
        cmocka_unit_test(test_the_size_may_change),
        cmocka_unit_test(test_rows_move_and_what_comes_in_is_empty),
        cmocka_unit_test(test_a_copy_has_all_of_it),
        cmocka_unit_test(test_the_scale_of_a_picture),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
