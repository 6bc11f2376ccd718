/* Pictures of 80x45 points; two that are looked at, and four between them. */
#include "draw.h"

#include "reading/moments.h"

enum { COLUMNS = 80, ROWS = 45, GLANCES = 6, STEP_US = 40000 };

static uint8_t luma[GLANCES][ROWS * COLUMNS];
static const struct rect whole = { 0, 0, 1280, 720 };
static const struct rect box = { 320, 160, 480, 48 };

/* Picture `from` and what comes behind it show bright stripes in the box, as letters would. */
static void show(int from, int level)
{
    for (int picture = from; picture < GLANCES; picture++)
        for (int y = 10; y < 13; y++)
            for (int x = 20; x < 50; x += 3)
                luma[picture][y * COLUMNS + x] = (uint8_t)level;
}

static void ground(int level, int speed)
{
    for (int picture = 0; picture < GLANCES; picture++)
        for (int i = 0; i < ROWS * COLUMNS; i++)
            luma[picture][i] =
                (uint8_t)(level + (speed ? draw_hash(i + picture * speed, 3, 5) % 50 : 0));
}

static int64_t begun_us; /* of the first glance */

static void add(struct moments *moments, size_t count)
{
    struct glance glances[GLANCES];
    for (int i = 0; i < GLANCES; i++)
        glances[i] = (struct glance){ .start_us = begun_us + i * STEP_US, .luma = luma[i] };
    moments_add(moments, COLUMNS, ROWS, glances, count);
}

static int64_t found(size_t count)
{
    CLEANUP(moments_free) struct moments *moments = moments_new();
    int64_t us = -1;
    add(moments, count);
    return moments_find(moments, 0, box, whole, &us) ? us / STEP_US : -1;
}

static void test_the_first_picture_that_shows_it(void **state)
{
    (void)state;
    for (int from = 1; from < GLANCES; from++) {
        ground(40, 0);
        show(from, 230);
        assert_int_equal(found(GLANCES), from);
        ground(60, 1);
        show(from, 230);
        assert_int_equal(found(GLANCES), from);
    }
}

static void test_the_first_picture_that_shows_it_no_more(void **state)
{
    (void)state;
    for (int from = 1; from < GLANCES; from++) {
        ground(40, 0);
        show(0, 230);
        show(from, 40);
        assert_int_equal(found(GLANCES), from);
    }
}

static void test_a_fade_has_its_moment_half_way(void **state)
{
    (void)state;
    ground(40, 0);
    for (int from = 0; from < GLANCES; from++)
        show(from, 40 + from * 38);
    assert_int_equal(found(GLANCES), 3);
}

static void test_what_is_elsewhere_is_nothing_to_it(void **state)
{
    (void)state;
    ground(40, 0);
    show(4, 230);
    for (int picture = 1; picture < GLANCES; picture++)
        for (int x = 0; x < COLUMNS; x++)
            luma[picture][9 * COLUMNS + x] = luma[picture][13 * COLUMNS + x] = 250;
    assert_int_equal(found(GLANCES), 4);
}

static void test_where_nothing_changed_nobody_knows(void **state)
{
    (void)state;
    ground(40, 0);
    assert_int_equal(found(GLANCES), -1);
    show(3, 40 + 11); /* noise */
    assert_int_equal(found(GLANCES), -1);
    show(3, 230);
    assert_int_equal(found(1), -1);
    assert_int_equal(found(0), -1);
}

static void test_some_intervals_are_remembered(void **state)
{
    (void)state;
    CLEANUP(moments_free) struct moments *moments = moments_new();
    int64_t us;
    for (int from = 1; from <= MOMENTS_PICTURES + 1; from++) {
        ground(40, 0);
        show(from, 230);
        add(moments, GLANCES);
    }
    for (int back = 0; back < MOMENTS_PICTURES; back++) {
        assert_true(moments_find(moments, back, box, whole, &us));
        assert_int_equal(us, (MOMENTS_PICTURES + 1 - back) * STEP_US);
    }
}

/* What fades in over several has its moment half way, in whichever it was seen first. */
static void test_a_fade_over_several_intervals(void **state)
{
    (void)state;
    CLEANUP(moments_free) struct moments *moments = moments_new();
    int64_t us;
    for (int interval = 0; interval < 3; interval++) {
        ground(40, 0);
        for (int i = 0; i < GLANCES; i++)
            show(i, 40 + 10 * (interval * (GLANCES - 1) + i));
        begun_us = interval * INT64_C(1000000);
        add(moments, GLANCES);
    }
    begun_us = 0;
    moments_add(moments, 0, 0, NULL, 0); /* the same frame is looked at again */
    for (int interval = 1; interval < 4; interval++) {
        assert_true(moments_find_faded(moments, interval, 3, box, whole, &us));
        assert_int_equal(
            us, 1000000 + 3 * STEP_US); /* of fifteen steps the eighth, in the second interval */
    }
    assert_false(moments_find(moments, 0, box, whole, &us));
}

/* Of pictures of another size between two that are alike nothing is known, nor read beside them. */
static void test_another_size_in_between(void **state)
{
    (void)state;
    CLEANUP(moments_free) struct moments *moments = moments_new();
    static const uint8_t small[2] = { 40, 200 };
    const struct glance smaller[] = { { 0, &small[0] }, { STEP_US, &small[1] } };
    int64_t us;
    ground(40, 0);
    add(moments, GLANCES);
    moments_add(moments, 1, 1, smaller, COUNT(smaller));
    show(0, 230);
    add(moments, GLANCES);
    assert_false(moments_find_faded(moments, 0, 2, box, whole, &us));
    show(3, 40);
    add(moments, GLANCES);
    assert_true(moments_find_faded(moments, 0, 2, box, whole, &us));
    assert_int_equal(us, 3 * STEP_US);
}

/* What is there at once has its own moment, whatever comes before or behind. */
static void test_at_once_beside_other_changes(void **state)
{
    (void)state;
    CLEANUP(moments_free) struct moments *moments = moments_new();
    int64_t us;
    for (int interval = 0; interval < 3; interval++) {
        ground(40, 0);
        show(0, interval < 2 ? 40 : 200);
        show(2, interval < 1 ? 40 : 200);
        for (int i = interval == 2 ? 4 : GLANCES; i < GLANCES; i++)
            luma[i][11 * COLUMNS + 40] = 250;
        add(moments, GLANCES);
    }
    assert_true(moments_find_faded(moments, 1, 2, box, whole, &us));
    assert_int_equal(us, 2 * STEP_US);
}

/* At the rims, and where a box is smaller than the points lie apart, without reading beside them.
 */
static void test_small_boxes_and_rims(void **state)
{
    (void)state;
    CLEANUP(moments_free) struct moments *moments = moments_new();
    static const struct rect boxes[] = {
        { 0, 0, 1, 1 }, { 1279, 719, 1, 1 }, { 0, 0, 1280, 720 }, { 640, 0, 3, 720 }
    };
    ground(40, 0);
    for (int picture = 2; picture < GLANCES; picture++)
        for (int i = 0; i < ROWS * COLUMNS; i++)
            luma[picture][i] = 200;
    add(moments, GLANCES);
    for (size_t i = 0; i < COUNT(boxes); i++) {
        int64_t us = 0;
        assert_true(moments_find(moments, 0, boxes[i], whole, &us));
        assert_int_equal(us, 2 * STEP_US);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_first_picture_that_shows_it),
        cmocka_unit_test(test_the_first_picture_that_shows_it_no_more),
        cmocka_unit_test(test_a_fade_has_its_moment_half_way),
        cmocka_unit_test(test_what_is_elsewhere_is_nothing_to_it),
        cmocka_unit_test(test_where_nothing_changed_nobody_knows),
        cmocka_unit_test(test_some_intervals_are_remembered),
        cmocka_unit_test(test_a_fade_over_several_intervals),
        cmocka_unit_test(test_another_size_in_between),
        cmocka_unit_test(test_at_once_beside_other_changes),
        cmocka_unit_test(test_small_boxes_and_rims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
