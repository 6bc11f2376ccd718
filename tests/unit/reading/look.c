/* Which pixels are letters, on grounds of all kinds. */
#include "scenes.h"

#include "reading/look.h"

enum { X = 70, Y = 90, SCALE = 4, BESIDE = 28, ABOVE = 14 /* as far as half its height */ };

static const struct words words = { X, Y, SCALE, "HELLO" };

static struct strip strip;

static struct rect core(void)
{
    return words_extent(&words);
}

static const struct {
    int scene, letters;
    bool is_flat, is_page, is_moving, is_outlined;
} cases[] = {
    { BRIGHT_ON_FLAT, BRIGHT, true, true, false, false },
    { DARK_ON_FLAT, DARK, true, true, false, false },
    { BRIGHT_ON_GRAY, BRIGHT, true, true, false, false },
    { DARK_ON_GRAY, DARK, true, true, false, false },
    { BRIGHT_IN_A_BOX, BRIGHT, true, false, false, false },
    { DARK_IN_A_BOX, DARK, true, false, false, false },
    { BRIGHT_ON_MOVING, BRIGHT, false, false, true, false },
    { DARK_ON_MOVING, DARK, false, false, true, false },
    { BRIGHT_OUTLINED_ON_MOVING, BRIGHT, false, false, true, true },
    { DARK_OUTLINED_ON_MOVING, DARK, false, false, true, true },
    { BRIGHT_OUTLINED_ON_FLAT, BRIGHT, true, true, false, false },
};

static const char *name_of(size_t i)
{
    return scenes[cases[i].scene].name;
}

static void look_at_case(size_t i, struct look *look)
{
    struct rect place = words_place(&words, BESIDE, ABOVE);
    scene_strip(&strip, place, &scenes[cases[i].scene], &words);
    assert_int_equal(look_at(look, &strip, core()), 0);
}

static void test_letters_are_told_from_the_ground(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct look look;
        look_at_case(i, &look);
        if (look.letters != cases[i].letters)
            fail_msg("%s: the wrong ones are letters", name_of(i));
        if (look_other(&look) == look.letters || look_other(&look) == GROUND)
            fail_msg("%s: the other is %d", name_of(i), look_other(&look));
        if (look.is_flat != cases[i].is_flat || look.is_page != cases[i].is_page ||
            look.is_moving != cases[i].is_moving || look.is_outlined != cases[i].is_outlined)
            fail_msg("%s: flat %d, page %d, moving %d, outlined %d", name_of(i), look.is_flat,
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
        draw_text(&shape, X, Y, SCALE, 255, words.text);
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
            fail_msg("%s: %d of %d dots are wrong", name_of(i), wrong, strokes);
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
        if (level != scenes[cases[i].scene].letters)
            fail_msg("%s: letters of %d", name_of(i), level);
        if (cases[i].letters == BRIGHT ? ground >= level - 20 : ground <= level + 20)
            fail_msg("%s: letters of %d, a ground of %d", name_of(i), level, ground);
        if (cases[i].is_flat && ground != look.ground)
            fail_msg("%s: a ground of %d, not of %d", name_of(i), look.ground, ground);
        look_release(&look);
        strip_release(&strip);
    }
}

/* By their outline alone: letters that stand apart, so that nothing but they is shut in. Plain
 * letters with holes are no outline of what is in them. */
static void test_letters_as_bright_as_the_ground(void **state)
{
    (void)state;
    static const struct {
        int scene, letters;
        const char *text;
        bool is_hollow;
    } texts[] = {
        { BRIGHT_OUTLINED_ON_BRIGHT, BRIGHT, "H E L O", true },
        { BRIGHT_OUTLINED_ON_BRIGHT, BRIGHT, "B A R D", true },
        { DARK_OUTLINED_ON_DARK, DARK, "H E L O", true },
        { DARK_OUTLINED_ON_DARK, DARK, "B A R D", true },
        { DARK_ON_FLAT, DARK, "BOARD DO", false },
        { DARK_ON_FLAT, DARK, "6809 08", false },
        { BRIGHT_ON_FLAT, BRIGHT, "6809 08", false },
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        const struct words words_here = { X, Y, SCALE, texts[i].text };
        const struct rect inside = words_extent(&words_here);
        struct look look;
        struct drawing shape;
        scene_strip(&strip, words_place(&words_here, BESIDE, ABOVE), &scenes[texts[i].scene],
                    &words_here);
        assert_int_equal(look_at(&look, &strip, inside), 0);
        draw_flat(&shape, 0);
        draw_text(&shape, X, Y, SCALE, 255, texts[i].text);
        int wrong = 0;
        for (int y = Y + SCALE / 2; y < Y + inside.height; y += SCALE)
            for (int x = X + SCALE / 2; x < X + inside.width; x += SCALE) {
                int at = (y - strip.place.y) * strip.place.width + x - strip.place.x;
                wrong += (shape.pixels[y][x] > 0) != (look.classes[at] == texts[i].letters);
            }
        if (look.letters != texts[i].letters || look.is_hollow != texts[i].is_hollow || wrong > 0)
            fail_msg("%s '%s': letters %d, hollow %d, %d dots wrong", scenes[texts[i].scene].name,
                     texts[i].text, look.letters, look.is_hollow, wrong);
        look_release(&look);
        strip_release(&strip);
    }
}

static void test_a_picture_of_nothing_has_no_letters(void **state)
{
    (void)state;
    struct look look;
    struct drawing drawing;
    const struct rect place = { X, Y, 100, 30 };
    assert_int_equal(strip_begin(&strip, place), 0);
    draw_flat(&drawing, 77);
    const struct luma luma = draw_luma(&drawing);
    for (int picture = 0; picture < SCENE_PICTURES; picture++)
        strip_add(&strip, &luma);
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
        cmocka_unit_test(test_letters_as_bright_as_the_ground),
        cmocka_unit_test(test_a_picture_of_nothing_has_no_letters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
