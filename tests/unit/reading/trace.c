#include "draw.h"

#include "reading/trace.h"

enum { X = 50, Y = 90, SCALE = 3, LEVEL = 225, GROUND = 60, PICTURES = 3 };

static const char text[] = "TRACES OF TEXT";

static struct drawing drawing;
static struct edges edges[PICTURES];
static struct trace trace;

/* The box of the text, and some pixels around it. */
static struct rect box(void)
{
    struct rect extent = draw_extent(X, Y, SCALE, text);
    return (struct rect){ extent.x - 4, extent.y - 3, extent.width + 8, extent.height + 6 };
}

static void find(int i)
{
    const struct luma luma = draw_luma(&drawing);
    assert_int_equal(edges_find(&edges[i], &luma, 1), 0);
}

static void plain(void)
{
    draw_flat(&drawing, GROUND);
    draw_text(&drawing, X, Y, SCALE, LEVEL, text);
}

static void begin(int count)
{
    const struct edges *pictures[PICTURES] = { &edges[0], &edges[1], &edges[2] };
    trace_release(&trace);
    trace_init(&trace, box(), pictures, count);
}

static int begin_plain(void **state)
{
    (void)state;
    plain();
    find(0);
    begin(1);
    assert_true(trace.total > 500);
    return 0;
}

static int release(void **state)
{
    (void)state;
    trace_release(&trace);
    for (int i = 0; i < PICTURES; i++)
        edges_release(&edges[i]);
    return 0;
}

/* ---- what is still the same, and what is not ---- */

static void brighter(void)
{
    plain();
    draw_gain(&drawing, 100, 25);
}
static void less_contrast(void)
{
    plain();
    draw_gain(&drawing, 60, 30);
}
static void a_little_noise(void)
{
    plain();
    draw_noise(&drawing, 10, 5);
}
static void half_faded(void)
{
    draw_flat(&drawing, GROUND);
    draw_text(&drawing, X, Y, SCALE, (LEVEL + GROUND) / 2, text);
}
static void another_ground(void)
{
    draw_leaves(&drawing, 10, 160, 0);
    draw_text(&drawing, X, Y, SCALE, LEVEL, text);
}
static void other_things_elsewhere(void)
{
    plain();
    draw_text(&drawing, X, Y - 30, SCALE, LEVEL, "ABOVE");
    draw_text(&drawing, X, Y + 30, SCALE, LEVEL, "BELOW");
}
static void gone(void)
{
    draw_flat(&drawing, GROUND);
}
static void another_text(void)
{
    draw_flat(&drawing, GROUND);
    draw_text(&drawing, X, Y, SCALE, LEVEL, "1 2 VOWELS 3 4");
}
static void the_same_dark_on_light(void)
{
    draw_flat(&drawing, LEVEL);
    draw_text(&drawing, X, Y, SCALE, GROUND, text);
}
static void aside(void)
{
    draw_flat(&drawing, GROUND);
    draw_text(&drawing, X + 9, Y, SCALE, LEVEL, text);
}
static void only_leaves(void)
{
    draw_leaves(&drawing, 10, 200, 0);
}
static void a_letter_less(void)
{
    draw_flat(&drawing, GROUND);
    draw_text(&drawing, X, Y, SCALE, LEVEL, "TRACES OF  EXT");
}
static void a_letter_more(void)
{
    draw_flat(&drawing, GROUND);
    draw_text(&drawing, X, Y, SCALE, LEVEL, "TRACES OFFTEXT");
}

/* In percent of all bits: below 45 it is lost, from 60 on it is shown (tracker.c). */
static const struct {
    const char *name;
    void (*draw)(void);
    unsigned least, most;
    bool is_lost, is_gained;
} pictures[] = {
    { "the same", plain, 100, 100, false, false },
    { "brighter", brighter, 100, 100, false, false },
    { "less contrast", less_contrast, 95, 100, false, false },
    { "a little noise", a_little_noise, 95, 100, false, false },
    { "half faded", half_faded, 95, 100, false, false },
    { "another ground", another_ground, 60, 100, false, true },
    { "other things elsewhere", other_things_elsewhere, 100, 100, false, false },
    { "gone", gone, 0, 0, true, false },
    { "another text", another_text, 0, 44, true, true },
    { "the same, dark on light", the_same_dark_on_light, 0, 5, true, true },
    { "moved aside", aside, 0, 44, true, true },
    { "leaves", only_leaves, 0, 30, true, true },
    { "a letter less", a_letter_less, 85, 99, true, false },
    { "a letter more", a_letter_more, 100, 100, false, true },
};

static void test_how_much_of_it_another_picture_has(void **state)
{
    (void)state;
    const struct edges *now[] = { &edges[1], &edges[1], &edges[1] };
    for (size_t i = 0; i < COUNT(pictures); i++) {
        pictures[i].draw();
        find(1);
        struct trace_match match = trace_match(&trace, &edges[1], 0);
        unsigned percent = match.kept * 100 / trace.total;
        unsigned gained = trace_gained(&trace, now, PICTURES);
        if (percent < pictures[i].least || percent > pictures[i].most ||
            (match.lost > 0) != pictures[i].is_lost || (gained > 0) != pictures[i].is_gained)
            fail_msg("%s: %u %%, %u of %u groups lost, %u gained", pictures[i].name, percent,
                     match.lost, match.groups, gained);
        if (trace_kept(&trace, &edges[1], 0, 1) != match.kept)
            fail_msg("%s: %u are kept", pictures[i].name, trace_kept(&trace, &edges[1], 0, 1));
    }
}

static void test_what_is_gained_is_in_all_pictures(void **state)
{
    (void)state;
    const struct edges *three[] = { &edges[0], &edges[1], &edges[2] };
    plain();
    find(0);
    a_letter_more();
    find(1);
    find(2);
    assert_int_equal(trace_gained(&trace, three, 3), 0);
    assert_true(trace_gained(&trace, &three[1], 2) > 0);
}

/* ---- moved ---- */

static const int moves[] = { -87, -40, -21, -5, -1, 1, 2, 8, 24, 60, 86 };

static void test_a_moved_trace_is_found_by_its_offset(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(moves); i++) {
        draw_flat(&drawing, GROUND);
        draw_text(&drawing, X, Y + moves[i], SCALE, LEVEL, text);
        find(1);
        struct trace_match match = trace_match(&trace, &edges[1], moves[i]);
        if (match.kept != trace.total || match.lost != 0)
            fail_msg("by %d: %u of %u, %u lost", moves[i], match.kept, trace.total, match.lost);
        for (int step = 1; step <= 3; step++) {
            int best = 0;
            unsigned most = 0;
            for (int down = -100; down <= 100; down++) {
                unsigned kept = trace_kept(&trace, &edges[1], down, step);
                best = kept > most ? down : best;
                most = kept > most ? kept : most;
            }
            if (best != moves[i])
                fail_msg("by %d: found by %d, each %d. row", moves[i], best, step);
        }
    }
}

static void test_rows_outside_of_the_picture_have_nothing(void **state)
{
    (void)state;
    plain();
    find(1);
    for (int down = -300; down <= 300; down += 25) {
        struct trace_match match = trace_match(&trace, &edges[1], down);
        assert_int_equal(match.kept, trace_kept(&trace, &edges[1], down, 1));
        if (abs(down) >= 100) {
            assert_int_equal(match.kept, 0);
            assert_int_equal(match.lost, match.groups);
        }
    }
}

/* ---- what it consists of ---- */

static void test_what_several_pictures_have_in_common(void **state)
{
    (void)state;
    unsigned all = trace.total;
    for (int i = 0; i < PICTURES; i++) {
        draw_leaves(&drawing, 10, 160, 31 * i);
        draw_text(&drawing, X, Y, SCALE, LEVEL, text);
        find(i);
    }
    unsigned before = UINT32_MAX, alone = 0;
    for (int count = 1; count <= PICTURES; count++) {
        begin(count);
        assert_true(trace.total <= before);
        before = trace.total;
        alone = count == 1 ? trace.total : alone;
    }
    assert_true(alone > trace.total);
    if (trace.total * 10 < all * 8 || trace.total * 10 > all * 11)
        fail_msg("%u bits, %u on flat ground", trace.total, all);
}

static void test_what_another_picture_has_not_is_taken_out(void **state)
{
    (void)state;
    unsigned all = trace.total;
    plain();
    find(1);
    trace_erode(&trace, &edges[1]);
    assert_int_equal(trace.total, all);
    draw_flat(&drawing, GROUND);
    draw_text(&drawing, X, Y, SCALE, LEVEL, "TRACE");
    find(1);
    trace_erode(&trace, &edges[1]);
    assert_true(trace.total * 3 > all && trace.total * 2 < all);
    assert_int_equal(trace_match(&trace, &edges[1], 0).kept, trace.total);
    find(2);
    gone();
    find(1);
    trace_erode(&trace, &edges[1]);
    assert_int_equal(trace.total, 0);
    assert_int_equal(trace_match(&trace, &edges[2], 0).groups, 0);
}

static void test_the_extent_lies_around_the_letters(void **state)
{
    (void)state;
    struct rect extent = trace_extent(&trace), drawn = draw_extent(X, Y, SCALE, text);
    assert_int_equal(extent.x, drawn.x - 1);
    assert_int_equal(extent.width, drawn.width + 2);
    assert_int_equal(extent.y, drawn.y);
    assert_int_equal(extent.height, drawn.height);
    gone();
    find(1);
    trace_erode(&trace, &edges[1]);
    extent = trace_extent(&trace);
    assert_int_equal(extent.width, 0);
    assert_int_equal(extent.height, 0);
}

static void test_nothing_beside_the_box_counts(void **state)
{
    (void)state;
    static const int borders[] = { 62, 63, 64, 65, 127, 128, 129, 192 };
    draw_flat(&drawing, GROUND);
    for (int x = 4; x < DRAW_WIDTH - 4; x += 4)
        draw_rect(&drawing, (struct rect){ x, 0, 2, DRAW_HEIGHT }, LEVEL);
    find(0);
    const struct edges *picture[] = { &edges[0] };
    for (size_t i = 0; i < COUNT(borders); i++)
        for (size_t k = 0; k < COUNT(borders); k++) {
            struct rect part = { borders[i] - 30, 20, borders[k] + 30 - (borders[i] - 30), 10 };
            if (part.width <= 0)
                continue;
            trace_release(&trace);
            trace_init(&trace, part, picture, 1);
            if (trace.total != (unsigned)part.width * 10) /* each pixel is an edge of one kind */
                fail_msg("%d, %d wide: %u bits", part.x, part.width, trace.total);
            struct rect extent = trace_extent(&trace);
            assert_memory_equal(&extent, &part, sizeof(part));
        }
}

/* ---- flicker ---- */

static void test_flicker_is_what_changes_outside_of_the_trace(void **state)
{
    (void)state;
    plain();
    find(1);
    find(2);
    assert_int_equal(trace_flicker(&trace, &edges[1], &edges[2]), 0);
    gone();
    find(2);
    assert_int_equal(trace_flicker(&trace, &edges[1], &edges[2]), 0);
    other_things_elsewhere();
    find(2);
    assert_int_equal(trace_flicker(&trace, &edges[1], &edges[2]), 0);
    unsigned area = (unsigned)(box().width * box().height);
    draw_leaves(&drawing, 10, 200, 0);
    draw_text(&drawing, X, Y, SCALE, LEVEL, text);
    find(1);
    draw_leaves(&drawing, 10, 200, 40);
    draw_text(&drawing, X, Y, SCALE, LEVEL, text);
    find(2);
    unsigned flicker = trace_flicker(&trace, &edges[1], &edges[2]);
    assert_true(flicker * 40 > area); /* noise, to tracker.c */
    assert_int_equal(trace_flicker(&trace, &edges[2], &edges[1]), flicker);
}

#define WITH_TRACE(test) cmocka_unit_test_setup(test, begin_plain)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_TRACE(test_how_much_of_it_another_picture_has),
        WITH_TRACE(test_what_is_gained_is_in_all_pictures),
        WITH_TRACE(test_a_moved_trace_is_found_by_its_offset),
        WITH_TRACE(test_rows_outside_of_the_picture_have_nothing),
        WITH_TRACE(test_what_several_pictures_have_in_common),
        WITH_TRACE(test_what_another_picture_has_not_is_taken_out),
        WITH_TRACE(test_the_extent_lies_around_the_letters),
        WITH_TRACE(test_nothing_beside_the_box_counts),
        WITH_TRACE(test_flicker_is_what_changes_outside_of_the_trace),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
