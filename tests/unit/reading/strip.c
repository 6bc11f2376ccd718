#include "draw.h"

#include "reading/strip.h"

enum { X = 70, Y = 90, SCALE = 3, PICTURES = 5 };

static const char text[] = "STRIP OF TEXT";

static struct drawing drawing, shape;
static struct strip strip;

static struct rect core(void)
{
    return draw_extent(X, Y, SCALE, text);
}

static void begin(void)
{
    struct rect place = core();
    place = (struct rect){ place.x - 14, place.y - 6, place.width + 28, place.height + 12 };
    assert_int_equal(strip_begin(&strip, place), 0);
}

static void add(void)
{
    const struct luma luma = draw_luma(&drawing);
    strip_add(&strip, &luma);
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
static void faint(int picture)
{
    (void)picture;
    draw_flat(&drawing, 100);
    draw_text(&drawing, X, Y, SCALE, 150, text);
}
static void in_a_narrow_box(int picture)
{
    (void)picture;
    draw_flat(&drawing, 220);
    draw_rect(&drawing, (struct rect){ X - 5, Y - 3, core().width + 10, core().height + 6 }, 20);
    draw_text(&drawing, X, Y, SCALE, 235, text);
}
static void with_noise(int picture)
{
    bright_on_flat(picture);
    draw_noise(&drawing, 15, picture);
}
static void bright_on_moving(int picture)
{
    draw_leaves(&drawing, 10, 190, picture * 23);
    draw_text(&drawing, X, Y, SCALE, 240, text);
}
static void dark_on_moving(int picture)
{
    draw_leaves(&drawing, 70, 245, picture * 23);
    draw_text(&drawing, X, Y, SCALE, 15, text);
}
static void bright_outlined_on_moving(int picture)
{
    draw_leaves(&drawing, 20, 250, picture * 23);
    draw_outlined(&drawing, X, Y, SCALE, 240, 10, text);
}
static void dark_outlined_on_moving(int picture)
{
    draw_leaves(&drawing, 5, 235, picture * 23);
    draw_outlined(&drawing, X, Y, SCALE, 15, 245, text);
}
static void bright_outlined_on_flat(int picture)
{
    (void)picture;
    draw_flat(&drawing, 120);
    draw_outlined(&drawing, X, Y, SCALE, 240, 10, text);
}
static void dark_outlined_on_flat(int picture)
{
    (void)picture;
    draw_flat(&drawing, 120);
    draw_outlined(&drawing, X, Y, SCALE, 15, 245, text);
}
static void bright_outlined_on_still(int picture)
{
    (void)picture;
    draw_leaves(&drawing, 60, 200, 0);
    draw_outlined(&drawing, X, Y, SCALE, 245, 5, text);
}
static void bright_on_a_slope(int picture)
{
    (void)picture;
    draw_gradient(&drawing);
    draw_gain(&drawing, 50, 20);
    draw_text(&drawing, X, Y, SCALE, 240, text);
}
static void fading(int picture)
{
    draw_flat(&drawing, 30);
    draw_text(&drawing, X, Y, SCALE, picture == PICTURES - 1 ? 60 : 230, text);
}

/* Flat is what goes on around the letters: an outline is no even ground, nor is a narrow box. */
static const struct {
    const char *name;
    void (*draw)(int);
    bool is_page;
} looks[] = {
    { "bright on flat", bright_on_flat, true },
    { "dark on flat", dark_on_flat, true },
    { "bright on gray", bright_on_gray, true },
    { "dark on gray", dark_on_gray, true },
    { "faint", faint, true },
    { "in a narrow box", in_a_narrow_box, false },
    { "with noise", with_noise, true },
    { "bright on moving", bright_on_moving, false },
    { "dark on moving", dark_on_moving, false },
    { "bright, outlined, on moving", bright_outlined_on_moving, false },
    { "dark, outlined, on moving", dark_outlined_on_moving, false },
    { "bright, outlined, on flat", bright_outlined_on_flat, false },
    { "dark, outlined, on flat", dark_outlined_on_flat, false },
    { "bright, outlined, on still", bright_outlined_on_still, false },
    { "bright on a slope", bright_on_a_slope, false },
    { "fading at the end", fading, true },
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
static void judge(const struct strip_image *image, int *ret_black, int *ret_white)
{
    int dots = 0, black = 0, others = 0, white = 0;
    struct rect part = strip.place;
    draw_flat(&shape, 0);
    draw_bold(&shape, X, Y, SCALE, 1, 1, text);
    draw_text(&shape, X, Y, SCALE, 2, text);
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
    *ret_black = black * 100 / dots;
    *ret_white = white * 100 / others;
}

static void test_letters_are_dark_on_white(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(looks); i++) {
        begin();
        for (int picture = 0; picture < PICTURES; picture++) {
            looks[i].draw(picture);
            add();
        }
        struct strip_image image;
        int black, white;
        assert_int_equal(strip_image(&strip, core(), &image), 0);
        judge(&image, &black, &white);
        if (black < 97 || white < 97 || image.is_page != looks[i].is_page ||
            image.letters.count < 9)
            fail_msg("%s: %d %% of the letters are black, %d %% of the rest white, page %d, "
                     "%d letters",
                     looks[i].name, black, white, image.is_page, image.letters.count);
        strip_image_release(&image);
    }
}

static void test_one_picture_is_enough(void **state)
{
    (void)state;
    begin();
    bright_on_flat(0);
    add();
    struct strip_image image;
    int black, white;
    assert_int_equal(strip_image(&strip, core(), &image), 0);
    judge(&image, &black, &white);
    assert_true(black == 100 && white == 100);
    strip_image_release(&image);
}

/* The letters have one height, whatever they had, and there is white around the place. */
static void test_letters_have_the_size_that_readers_like(void **state)
{
    (void)state;
    for (int scale = 1; scale <= 8; scale++) {
        struct rect letters = draw_extent(60, 60, scale, "SIZE");
        struct rect place = { letters.x - 10, letters.y - 5, letters.width + 20,
                              letters.height + 10 };
        draw_flat(&drawing, 220);
        draw_text(&drawing, 60, 60, scale, 20, "SIZE");
        assert_int_equal(strip_begin(&strip, place), 0);
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
        assert_true(image.place.x < place.x && image.place.y < place.y);
        assert_true(image.place.x + image.place.width > place.x + place.width);
        assert_true(image.place.y + image.place.height > place.y + place.height);
        strip_image_release(&image);
    }
}

static void test_a_strip_may_begin_anew_and_at_the_edge(void **state)
{
    (void)state;
    static const struct rect places[] = {
        { 0, 0, 40, 30 },
        { DRAW_WIDTH - 40, DRAW_HEIGHT - 30, 40, 30 },
        { 0, 0, DRAW_WIDTH, DRAW_HEIGHT },
        { 7, 7, 1, 1 },
    };
    for (size_t i = 0; i < COUNT(places); i++) {
        struct strip_image image;
        bright_on_flat(0);
        assert_int_equal(strip_begin(&strip, places[i]), 0);
        add();
        assert_int_equal(strip_image(&strip, places[i], &image), 0);
        assert_true(image.width > 0 && image.height > 0);
        strip_image_release(&image);
        assert_null(image.luma);
    }
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
        cmocka_unit_test(test_one_picture_is_enough),
        cmocka_unit_test(test_letters_have_the_size_that_readers_like),
        cmocka_unit_test(test_a_strip_may_begin_anew_and_at_the_edge),
    };
    return cmocka_run_group_tests(tests, NULL, release);
}
