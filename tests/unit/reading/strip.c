#include "scenes.h"

enum { X = 70, Y = 90, SCALE = 3 };

static const struct words words = { X, Y, SCALE, "STRIP OF TEXT" };

static struct drawing drawing, shape;
static struct strip strip;

static struct rect core(void)
{
    return words_extent(&words);
}

static struct rect place(void)
{
    return words_place(&words, 14, 6);
}

static void add(void)
{
    const struct luma luma = draw_luma(&drawing);
    strip_add(&strip, &luma);
}

/* Flat is what goes on around the letters: an outline is no even ground, nor is a narrow box. */
static const struct {
    int scene;
    bool is_page;
} looks[] = {
    { BRIGHT_ON_FLAT, true },
    { DARK_ON_FLAT, true },
    { BRIGHT_ON_GRAY, true },
    { DARK_ON_GRAY, true },
    { FAINT, true },
    { BRIGHT_IN_A_BOX, false },
    { WITH_NOISE, true },
    { BRIGHT_ON_MOVING, false },
    { DARK_ON_MOVING, false },
    { BRIGHT_OUTLINED_ON_MOVING, false },
    { DARK_OUTLINED_ON_MOVING, false },
    { BRIGHT_OUTLINED_ON_FLAT, false },
    { DARK_OUTLINED_ON_FLAT, false },
    { BRIGHT_OUTLINED_ON_STILL, false },
    { BRIGHT_ON_A_SLOPE, false },
    { FADING, true },
};

/* The pixel of the image that shows this one of the picture. */
static uint8_t level_at(const struct strip_image *image, int x, int y)
{
    double across = (double)image->width / image->place.width;
    double down = (double)image->height / image->place.height;
    int at_x = (int)((x + 0.5 - image->place.x) * across);
    int at_y = (int)((y + 0.5 - image->place.y) * down);
    assert_in_range(at_x, 0, image->width - 1);
    assert_in_range(at_y, 0, image->height - 1);
    return image->luma[at_y * image->width + at_x];
}

/* Of 100 middles of dots of the letters, how many are black, and of 100 pixels that lie apart from
 * the letters, how many are white. */
static void judge(const struct strip_image *image, const struct words *these, int *ret_black,
                  int *ret_white)
{
    int dots = 0, black = 0, others = 0, white = 0;
    struct rect part = strip.place;
    draw_flat(&shape, 0);
    draw_bold(&shape, X, Y, SCALE, 1, 1, these->text);
    draw_text(&shape, X, Y, SCALE, 2, these->text);
    for (int y = part.y; y < part.y + part.height; y++)
        for (int x = part.x; x < part.x + part.width; x++) {
            if (shape.pixels[y][x] == 2 && (x - X) % SCALE == 1 && (y - Y) % SCALE == 1) {
                dots++;
                black += level_at(image, x, y) < 100;
            } else if (shape.pixels[y][x] == 0) {
                others++;
                white += level_at(image, x, y) > 200;
            }
        }
    *ret_black = dots > 0 ? black * 100 / dots : 0;
    *ret_white = others > 0 ? white * 100 / others : 0;
}

static void test_letters_are_dark_on_white(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(looks); i++) {
        struct strip_image image;
        int black, white;
        scene_strip(&strip, place(), &scenes[looks[i].scene], &words);
        assert_int_equal(strip_image(&strip, core(), &image), 0);
        judge(&image, &words, &black, &white);
        if (black < 97 || white < 97 || image.is_page != looks[i].is_page ||
            image.letters.count < 9)
            fail_msg("%s: %d %% of the letters are black, %d %% of the rest white, page %d, "
                     "%d letters",
                     scenes[looks[i].scene].name, black, white, image.is_page, image.letters.count);
        strip_image_release(&image);
    }
}

/* Seen by their outline alone, which is not drawn. */
static void test_letters_as_bright_as_the_ground(void **state)
{
    (void)state;
    static const struct words apart = { X, Y, SCALE, "S T R I P O" };
    static const int hollow[] = { BRIGHT_OUTLINED_ON_BRIGHT, DARK_OUTLINED_ON_DARK };
    for (size_t i = 0; i < COUNT(hollow); i++) {
        struct strip_image image;
        int black, white;
        scene_strip(&strip, words_place(&apart, 14, 6), &scenes[hollow[i]], &apart);
        assert_int_equal(strip_image(&strip, words_extent(&apart), &image), 0);
        judge(&image, &apart, &black, &white);
        if (black < 97 || white < 97)
            fail_msg("%s: %d %% of the letters are black, %d %% of the rest white",
                     scenes[hollow[i]].name, black, white);
        strip_image_release(&image);
    }
}

static void test_one_picture_is_enough(void **state)
{
    (void)state;
    assert_int_equal(strip_begin(&strip, place()), 0);
    scene_draw(&drawing, &scenes[BRIGHT_ON_FLAT], &words, 0);
    add();
    struct strip_image image;
    int black, white;
    assert_int_equal(strip_image(&strip, core(), &image), 0);
    judge(&image, &words, &black, &white);
    assert_true(black == 100 && white == 100);
    strip_image_release(&image);
}

/* The letters have one height, whatever they had, and there is white around the place. */
static void test_letters_have_the_size_that_readers_like(void **state)
{
    (void)state;
    for (int scale = 1; scale <= 8; scale++) {
        struct rect letters = draw_extent(60, 60, scale, "SIZE");
        struct rect around = { letters.x - 10, letters.y - 5, letters.width + 20,
                               letters.height + 10 };
        draw_flat(&drawing, 220);
        draw_text(&drawing, 60, 60, scale, 20, "SIZE");
        assert_int_equal(strip_begin(&strip, around), 0);
        add();
        add();
        struct strip_image image;
        assert_int_equal(strip_image(&strip, letters, &image), 0);
        int first = image.height, last = -1;
        for (int y = 0; y < image.height; y++)
            for (int x = 0; x < image.width; x++) {
                uint8_t level = image.luma[y * image.width + x];
                bool is_margin = x < 8 || y < 8 || x >= image.width - 8 || y >= image.height - 8;
                if (is_margin && level != 255)
                    fail_msg("scale %d: %d at %d,%d", scale, level, x, y);
                first = level < 128 && y < first ? y : first;
                last = level < 128 ? y : last;
            }
        if (last - first + 1 < 26 || last - first + 1 > 30)
            fail_msg("scale %d: %d rows", scale, last - first + 1);
        assert_true(image.place.x < around.x && image.place.y < around.y);
        assert_true(image.place.x + image.place.width > around.x + around.width);
        assert_true(image.place.y + image.place.height > around.y + around.height);
        strip_image_release(&image);
    }
}

/* Of a line that is much higher than the image no more is kept than that needs. */
static void test_large_letters_are_kept_small(void **state)
{
    (void)state;
    enum { LARGE = 16, PIXELS_MAX = 20000 };
    const struct rect letters = draw_extent(LARGE, LARGE, LARGE, "HIT");
    const struct rect around = { 3, 5, DRAW_WIDTH - 3, DRAW_HEIGHT - 10 };
    struct strip_image image;
    draw_flat(&drawing, 220);
    draw_text(&drawing, LARGE, LARGE, LARGE, 20, "HIT");
    assert_int_equal(strip_begin(&strip, around), 0);
    add();
    add();
    assert_true(strip.place.width * strip.place.height < PIXELS_MAX);
    assert_int_equal(strip_image(&strip, letters, &image), 0);
    int wrong = 0, pixels = 0;
    for (int y = letters.y; y < letters.y + letters.height; y++)
        for (int x = letters.x; x < letters.x + letters.width; x++, pixels++)
            wrong += (drawing.pixels[y][x] < 100) != (level_at(&image, x, y) < 128);
    if (wrong * 20 > pixels || image.letters.count != 3 || !image.is_page)
        fail_msg("%d of %d pixels are wrong, %d letters", wrong, pixels, image.letters.count);
    assert_true(image.place.x < around.x + 4 && image.place.y < around.y + 4);
    strip_image_release(&image);
}

static void test_a_strip_may_begin_anew_and_at_the_edge(void **state)
{
    (void)state;
    static const struct rect places[] = {
        { 0, 0, 40, 30 },
        { DRAW_WIDTH - 40, DRAW_HEIGHT - 30, 40, 30 },
        { 0, 0, DRAW_WIDTH, DRAW_HEIGHT },
        { 7, 7, 1, 1 },
        { 7, 5, 2, DRAW_HEIGHT - 10 },
    };
    for (size_t i = 0; i < COUNT(places); i++) {
        struct strip_image image;
        scene_draw(&drawing, &scenes[BRIGHT_ON_FLAT], &words, 0);
        assert_int_equal(strip_begin(&strip, places[i]), 0);
        assert_true(strip.place.width > 0 && strip.place.height > 0);
        add();
        assert_int_equal(strip_image(&strip, places[i], &image), 0);
        assert_true(image.width > 0 && image.height > 0);
        strip_image_release(&image);
        assert_null(image.luma);
    }
}

/* Between two words that have an outline stands what is nearly as bright as they are, and so narrow
 * that it might be a stroke; but it goes on above and below, where there is more of it. */
static void test_what_goes_on_beyond_the_line_is_no_letter(void **state)
{
    (void)state;
    enum { OUTLINE = 2, STREAK = 4, LEVEL = 222 };
    static const char left[] = "STRIP", right[] = "TEXT";
    const struct rect first = draw_extent(X, Y, SCALE, left);
    const int gap = first.x + first.width + OUTLINE, next = gap + STREAK + OUTLINE;
    const struct rect line = rect_around(first, draw_extent(next, Y, SCALE, right));
    const struct rect around = { line.x - 14, line.y - 6, line.width + 28, line.height + 12 };
    struct strip_image image;
    assert_int_equal(strip_begin(&strip, around), 0);
    for (int picture = 0; picture < 5; picture++) {
        draw_leaves(&drawing, 90, 190, picture * 23);
        draw_rect(&drawing, (struct rect){ gap, 0, STREAK, DRAW_HEIGHT }, LEVEL);
        draw_rect(&drawing, (struct rect){ gap - 20, 0, 40, Y - 4 }, LEVEL);
        draw_rect(&drawing, (struct rect){ gap - 20, Y + line.height + 4, 40, 40 }, LEVEL);
        draw_outlined(&drawing, X, Y, SCALE, 240, 10, left);
        draw_outlined(&drawing, next, Y, SCALE, 240, 10, right);
        add();
    }
    assert_int_equal(strip_image(&strip, line, &image), 0);
    int ink = 0;
    for (int y = around.y; y < around.y + around.height; y++)
        for (int x = gap; x < gap + STREAK; x++)
            ink += level_at(&image, x, y) < 200;
    if (ink > 0 || image.letters.count < 7) /* R and X fall to pieces */
        fail_msg("%d pixels of ink, %d letters", ink, image.letters.count);
    strip_image_release(&image);
}

static int release(void **state)
{
    (void)state;
    strip_release(&strip);
    strip_release(&strip);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_letters_are_dark_on_white),
        cmocka_unit_test(test_letters_as_bright_as_the_ground),
        cmocka_unit_test(test_one_picture_is_enough),
        cmocka_unit_test(test_letters_have_the_size_that_readers_like),
        cmocka_unit_test(test_large_letters_are_kept_small),
        cmocka_unit_test(test_what_goes_on_beyond_the_line_is_no_letter),
        cmocka_unit_test(test_a_strip_may_begin_anew_and_at_the_edge),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
