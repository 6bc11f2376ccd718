#include "draw.h"

#include "reading/shift.h"

#include <string.h>

static struct drawing drawing;

/* ---- what is shown ---- */

static void credits(int up)
{
    static const char *const rows[] = { "A DIRECTOR", "HIS CAMERA", "THE SOUND",
                                        "WRITTEN BY", "EXTRA LONG", "FIVE MORE" };
    draw_flat(&drawing, 40);
    for (int row = 0; row < (int)COUNT(rows); row++)
        draw_text(&drawing, 40, 100 + 32 * row - up, 3, 230, rows[row]);
}
static void up_by_13(int picture)
{
    credits(13 * picture);
}
static void up_by_3(int picture)
{
    credits(3 * picture);
}
static void down_by_7(int picture)
{
    credits(70 - 7 * picture);
}
static void up_by_12_or_15(int picture)
{
    credits(3 * (picture * 24 / 5));
}
static void up_over_still_leaves(int picture)
{
    static struct drawing leaves;
    draw_leaves(&drawing, 10, 220, 0);
    leaves = drawing;
    credits(13 * picture);
    for (int y = 0; y < DRAW_HEIGHT; y++)
        memcpy(drawing.pixels[y] + 230, leaves.pixels[y] + 230, DRAW_WIDTH - 230);
}
static void up_with_noise(int picture)
{
    credits(13 * picture);
    draw_noise(&drawing, 12, picture);
}
static void still(int picture)
{
    (void)picture;
    credits(0);
}
static void up_and_down(int picture)
{
    credits(20 + (picture % 2) * 8);
}
static void sideways(int picture)
{
    draw_flat(&drawing, 40);
    draw_text(&drawing, 330 - 9 * picture, 90, 3, 230, "A TICKER THAT GOES ON AND ON");
}
static void leaves_sideways(int picture)
{
    draw_leaves(&drawing, 10, 220, 23 * picture);
}
static void leaves_up(int picture)
{
    draw_leaves_up(&drawing, 10, 220, 0, 9 * picture);
}
static void leaves_up_slowly(int picture)
{
    draw_leaves_up(&drawing, 10, 220, 0, 3 * picture);
}
static void other_text(int picture)
{
    draw_flat(&drawing, 40);
    draw_text(&drawing, 40, 90 - picture, 3, 230,
              picture % 2 ? "THE FIRST TEXT" : "WHAT COMES NOW");
}

/* ---- what is seen ---- */

/* After 8 pictures. */
static const struct {
    const char *name;
    void (*draw)(int);
    int down, steady_min, steady_max;
} videos[] = {
    { "up by 13", up_by_13, -13, 5, 7 },
    { "up by 3", up_by_3, -3, 5, 7 },
    { "down by 7", down_by_7, 7, 5, 7 },
    { "up by 12 or 15", up_by_12_or_15, -15, 5, 7 },
    { "up beside leaves that stand still", up_over_still_leaves, -13, 5, 7 },
    { "up with noise", up_with_noise, -13, 5, 7 },
    { "still", still, 0, 0, 0 },
    { "up and down", up_and_down, -8, 1, 1 },
    { "sideways", sideways, 0, 0, 0 },
    { "leaves that go sideways", leaves_sideways, 0, 0, 0 },
    { "leaves that go up", leaves_up, 0, 0, 0 },
    { "leaves that go up slowly", leaves_up_slowly, 0, 0, 0 },
    { "another text each time", other_text, 0, 0, 0 },
};

static void test_text_that_moves_as_a_whole_is_seen(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(videos); i++) {
        struct edges edges[2] = { 0 };
        struct shift shift = { 0 };
        shift_reset(&shift, DRAW_WIDTH, DRAW_HEIGHT);
        for (int picture = 0; picture < 8; picture++) {
            videos[i].draw(picture);
            const struct luma luma = draw_luma(&drawing);
            assert_int_equal(edges_find(&edges[picture % 2], &luma, 1), 0);
            if (picture > 0)
                shift_look(&shift, &edges[picture % 2], &edges[(picture + 1) % 2]);
        }
        if (shift.down != videos[i].down || shift.steady < videos[i].steady_min ||
            shift.steady > videos[i].steady_max)
            fail_msg("%s: down by %d, %d times", videos[i].name, shift.down, shift.steady);
        shift_release(&shift);
        edges_release(&edges[0]);
        edges_release(&edges[1]);
    }
}

/* What was before a reset has nothing to do with what comes. */
static void test_a_reset_forgets(void **state)
{
    (void)state;
    struct edges edges[2] = { 0 };
    struct shift shift = { 0 };
    shift_reset(&shift, DRAW_WIDTH, DRAW_HEIGHT);
    for (int picture = 0; picture < 5; picture++) {
        up_by_13(picture);
        const struct luma luma = draw_luma(&drawing);
        assert_int_equal(edges_find(&edges[picture % 2], &luma, 1), 0);
        if (picture > 0)
            shift_look(&shift, &edges[picture % 2], &edges[(picture + 1) % 2]);
    }
    assert_int_equal(shift.down, -13);
    shift_reset(&shift, DRAW_WIDTH, DRAW_HEIGHT);
    assert_int_equal(shift.down, 0);
    assert_int_equal(shift.steady, 0);
    shift_look(&shift, &edges[0], &edges[1]);
    assert_int_equal(shift.down, 0);
    shift_release(&shift);
    edges_release(&edges[0]);
    edges_release(&edges[1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_that_moves_as_a_whole_is_seen),
        cmocka_unit_test(test_a_reset_forgets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
