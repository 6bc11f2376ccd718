/* Which pixels are letters, on grounds of all kinds. */
#include "draw.h"

#include "reading/look.h"

enum {
    X = 70,
    Y = 90,
    SCALE = 4,
    PICTURES = 5,
    BESIDE = 28,
    ABOVE = 14 /* as far as half its height */
};

static const char text[] = "HELLO";

static struct drawing drawing;
static struct strip strip;

static struct rect core(void)
{
    return draw_extent(X, Y, SCALE, text);
}

/* ---- what is drawn; `picture` counts from 0 ---- */

static void bright_on_flat(int picture)
{
    (void)picture;
    draw_flat(&drawing, 30);
    draw_text(&drawing, X, Y, SCALE, 230, text);
}

static void dark_on_flat(int picture)
{
    (void)picture;
    draw_flat(&drawing, 235);
    draw_text(&drawing, X, Y, SCALE, 20, text);
}

static void bright_on_gray(int picture)
{
    (void)picture;
    draw_flat(&drawing, 130);
    draw_text(&drawing, X, Y, SCALE, 235, text);
}

static void dark_on_gray(int picture)
{
    (void)picture;
    draw_flat(&drawing, 130);
    draw_text(&drawing, X, Y, SCALE, 25, text);
}

static void box(int ground, int level, int letters)
{
    struct rect rect = core();
    draw_flat(&drawing, ground);
    draw_rect(&drawing, (struct rect){ X - 5, Y - 3, rect.width + 10, rect.height + 6 }, level);
    draw_text(&drawing, X, Y, SCALE, letters, text);
}

static void bright_in_a_box(int picture)
{
    (void)picture;
    box(220, 20, 235);
}

static void dark_in_a_box(int picture)
{
    (void)picture;
    box(40, 230, 25);
}

static void bright_on_moving(int picture)
{
    draw_leaves(&drawing, 10, 190, picture * 23);
    draw_text(&drawing, X, Y, SCALE, 240, text);
}

static void dark_on_moving(int picture)
{
    draw_leaves(&drawing, 60, 250, picture * 23);
    draw_text(&drawing, X, Y, SCALE, 10, text);
}

static void bright_outlined(int picture)
{
    draw_leaves(&drawing, 20, 240, picture * 23);
    draw_outlined(&drawing, X, Y, SCALE, 250, 5, text);
}

static void dark_outlined(int picture)
{
    draw_leaves(&drawing, 20, 240, picture * 23);
    draw_outlined(&drawing, X, Y, SCALE, 5, 250, text);
}

static void with_an_outline_on_flat(int picture)
{
    (void)picture;
    draw_flat(&drawing, 120);
    draw_outlined(&drawing, X, Y, SCALE, 240, 10, text);
}

static const struct {
    const char *name;
    void (*draw)(int picture);
    int letters, level;
    bool is_flat, is_page, is_moving, is_outlined;
} cases[] = {
    { "bright on flat", bright_on_flat, BRIGHT, 230, true, true, false, false },
    { "dark on flat", dark_on_flat, DARK, 20, true, true, false, false },
    { "bright on gray", bright_on_gray, BRIGHT, 235, true, true, false, false },
    { "dark on gray", dark_on_gray, DARK, 25, true, true, false, false },
    { "bright in a box", bright_in_a_box, BRIGHT, 235, true, false, false, false },
    { "dark in a box", dark_in_a_box, DARK, 25, true, false, false, false },
    { "bright on moving", bright_on_moving, BRIGHT, 240, false, false, true, false },
    { "dark on moving", dark_on_moving, DARK, 10, false, false, true, false },
    { "bright, outlined", bright_outlined, BRIGHT, 250, false, false, true, true },
    { "dark, outlined", dark_outlined, DARK, 5, false, false, true, true },
    { "an outline on flat", with_an_outline_on_flat, BRIGHT, 240, true, true, false, false },
};

static void look_at_case(size_t i, struct look *look)
{
    struct rect place = core();
    place = (struct rect){ place.x - BESIDE, place.y - ABOVE, place.width + 2 * BESIDE,
                           place.height + 2 * ABOVE };
    assert_true(place.x >= 0 && place.x + place.width <= DRAW_WIDTH);
    assert_int_equal(strip_begin(&strip, place), 0);
    for (int picture = 0; picture < PICTURES; picture++) {
        cases[i].draw(picture);
        const struct luma luma = draw_luma(&drawing);
        strip_add(&strip, &luma);
    }
    assert_int_equal(look_at(look, &strip, core()), 0);
}

static void test_letters_are_told_from_the_ground(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct look look;
        look_at_case(i, &look);
        if (look.letters != cases[i].letters)
            fail_msg("%s: the wrong ones are letters", cases[i].name);
        if (look_other(&look) == look.letters || look_other(&look) == GROUND)
            fail_msg("%s: the other is %d", cases[i].name, look_other(&look));
        if (look.is_flat != cases[i].is_flat || look.is_page != cases[i].is_page ||
            look.is_moving != cases[i].is_moving || look.is_outlined != cases[i].is_outlined)
            fail_msg("%s: flat %d, page %d, moving %d, outlined %d", cases[i].name, look.is_flat,
                     look.is_page, look.is_moving, look.is_outlined);
        look_release(&look);
        strip_release(&strip);
    }
}

/* Each dot of the letters is one, by its middle. */
static void test_all_strokes_are_of_the_letters(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct look look;
        look_at_case(i, &look);
        struct drawing shape;
        draw_flat(&shape, 0);
        draw_text(&shape, X, Y, SCALE, 255, text);
        int strokes = 0, wrong = 0;
        for (int y = Y + SCALE / 2; y < Y + core().height; y += SCALE)
            for (int x = X + SCALE / 2; x < X + core().width; x += SCALE) {
                int at = (y - strip.place.y) * strip.place.width + x - strip.place.x;
                bool is_letter = look.classes[at] == look.letters;
                strokes += shape.pixels[y][x] > 0;
                wrong += shape.pixels[y][x] > 0 && !is_letter;
                /* What is behind letters may be as bright by chance where it is not flat. */
                wrong += shape.pixels[y][x] == 0 && is_letter && look.is_flat;
            }
        assert_true(strokes > 50);
        if (wrong > 0)
            fail_msg("%s: %d of %d dots are wrong", cases[i].name, wrong, strokes);
        look_release(&look);
        strip_release(&strip);
    }
}

static void test_levels_are_those_of_the_letters_and_of_the_ground(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct look look;
        look_at_case(i, &look);
        int level = look_level(&look, strip.last, look.letters);
        int ground = look_ground(&look, strip.last);
        if (level != cases[i].level)
            fail_msg("%s: letters of %d", cases[i].name, level);
        if (cases[i].letters == BRIGHT ? ground >= level - 20 : ground <= level + 20)
            fail_msg("%s: letters of %d, a ground of %d", cases[i].name, level, ground);
        if (cases[i].is_flat && ground != look.ground)
            fail_msg("%s: a ground of %d, not of %d", cases[i].name, look.ground, ground);
        look_release(&look);
        strip_release(&strip);
    }
}

static void test_a_picture_of_nothing_has_no_letters(void **state)
{
    (void)state;
    struct look look;
    const struct rect place = { X, Y, 100, 30 };
    assert_int_equal(strip_begin(&strip, place), 0);
    draw_flat(&drawing, 77);
    for (int picture = 0; picture < PICTURES; picture++) {
        const struct luma luma = draw_luma(&drawing);
        strip_add(&strip, &luma);
    }
    assert_int_equal(look_at(&look, &strip, (struct rect){ X + 10, Y + 5, 80, 20 }), 0);
    assert_true(look.is_flat);
    assert_int_equal(look.ground, 77);
    assert_int_equal(look.pixels[BRIGHT] + look.pixels[DARK], 0);
    look_release(&look);
    strip_release(&strip);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters_are_told_from_the_ground),
        cmocka_unit_test(test_all_strokes_are_of_the_letters),
        cmocka_unit_test(test_levels_are_those_of_the_letters_and_of_the_ground),
        cmocka_unit_test(test_a_picture_of_nothing_has_no_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
