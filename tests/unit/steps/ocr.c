/* A line of which Tesseract is not sure is read at another size as well. */
#include "host.h"
#include "reading/draw.h"

#include "steps/common.h"

#include <string.h>
#include <tesseract/capi.h>

struct params { /* as in steps/ocr.c */
    struct takeup_strings languages;
    int64_t page_mode;
    double min_confidence;
    bool keep_images;
};

static const char *const english = "eng";
static const struct params params = { { &english, 1 }, 7, 0, true };

enum { MARGIN = 12, SCALE = 2, HEIGHT = 2 * MARGIN + DRAW_DOTS_HIGH * SCALE };

/* So small that a reader is not sure of their dots. */
static const char *const texts[] = { "WHAT COMES", "FOX", "JUMPS", "CHAPTER 4" };

static struct takeup_crop crop_of(struct drawing *drawing, size_t number)
{
    struct rect extent = draw_extent(MARGIN, MARGIN, SCALE, texts[number]);
    draw_flat(drawing, 255);
    draw_text(drawing, MARGIN, MARGIN, SCALE, 0, texts[number]);
    int width = extent.width + 2 * MARGIN;
    return (struct takeup_crop){
        .item = { .port = TAKEUP_PORT_CROP, .end_us = 1000000 },
        .box = { 0, 0, width, HEIGHT },
        .frame_width = DRAW_WIDTH,
        .frame_height = DRAW_HEIGHT,
        .width = width,
        .height = HEIGHT,
        .luma = drawing->pixels[0],
        .stride = DRAW_STRIDE,
        .region = number,
        .from_ms = 7,
    };
}

/* What the step makes of each text is in fake->items. */
static void read_all(struct fake *fake, int output_dir)
{
    static struct drawing drawing;
    void *self = mem_zero(1, step_ocr.self_size);
    fake_init(fake, -1, output_dir);
    assert_int_equal(step_ocr.open(self, &params, &fake->host), 0);
    for (size_t i = 0; i < COUNT(texts); i++) {
        const struct takeup_crop crop = crop_of(&drawing, i);
        assert_int_equal(step_ocr.feed(self, &crop.item, &fake->output), 0);
    }
    step_ocr.close(self);
    free(self);
    assert_int_equal(fake->count, COUNT(texts));
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_int_equal(((const struct takeup_lines *)fake->items[i])->from_ms, 7);
}

/* Of its words in the mean, when it is read once, as it is. */
static double confidence_of(TessBaseAPI *engine, const struct takeup_crop *crop)
{
    double sum = 0;
    int count = 0;
    TessBaseAPISetImage(engine, crop->luma, crop->width, crop->height, 1, crop->stride);
    TessBaseAPISetSourceResolution(engine, 300);
    assert_int_equal(TessBaseAPIRecognize(engine, NULL), 0);
    int *words = TessBaseAPIAllWordConfidences(engine);
    for (; words[count] >= 0; count++)
        sum += words[count];
    TessDeleteIntArray(words);
    return count > 0 ? sum / count / 100 : 0;
}

/* As it is in the step. */
static TessBaseAPI *engine_new(void)
{
    TessBaseAPI *engine = TessBaseAPICreate();
    assert_int_equal(TessBaseAPIInit3(engine, NULL, english), 0);
    (void)TessBaseAPISetVariable(engine, "debug_file", "/dev/null");
    (void)TessBaseAPISetVariable(engine, "tessedit_do_invert", "0");
    TessBaseAPISetPageSegMode(engine, (TessPageSegMode)params.page_mode);
    return engine;
}

/* Some line came out surer than one reading makes it; and however often a line is read, it tells
 * where its image is. */
static void test_what_is_not_sure_is_read_again(void **state)
{
    (void)state;
    static struct drawing drawing;
    CLEANUP(mem_free_text) char *dir = test_make_dir();
    CLEANUP(fs_close) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    TessBaseAPI *engine = engine_new();
    struct fake fake;
    int surer = 0;
    read_all(&fake, fd);
    for (size_t i = 0; i < COUNT(texts); i++) {
        const struct takeup_lines *lines = (const struct takeup_lines *)fake.items[i];
        const struct takeup_crop crop = crop_of(&drawing, i);
        CLEANUP(mem_free_text) char *image = mem_printf("00-00-00.000-%zu.png", i);
        if (lines->count != 1 || !lines->lines[0].image || faccessat(fd, image, R_OK, 0) < 0)
            fail_msg("'%s': %zu lines", texts[i], lines->count);
        assert_string_equal(lines->lines[0].image, image);
        double was = confidence_of(engine, &crop); /* of whole percents */
        surer += lines->lines[0].confidence > was + .05;
    }
    assert_true(surer > 0);
    TessBaseAPIDelete(engine);
    fake_release(&fake);
    test_remove_dir(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_not_sure_is_read_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
