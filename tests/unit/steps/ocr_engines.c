/* Engines: how many are loaded, and who reads with which. */
#include "host.h"

#include "steps/common.h"
#include "steps/table.h"

#include <dlfcn.h>
#include <leptonica/allheaders.h>
#include <string.h>
#include <tesseract/capi.h>

struct ocr_params { /* as in steps/ocr.c */
    struct takeup_strings languages;
    int64_t page_mode;
    double min_confidence;
    bool keep_images;
};

enum { BLOCK = 6, LINE = 7, WIDTH = 640, HEIGHT = 180, FIRST = 80 };

static const char *const english[] = { "eng", "eng", "nowhere" };
static const struct ocr_params lines = { { english, 1 }, LINE, 0.6, false };
static const struct ocr_params screen = { { english, 1 }, LINE, 0.4, false };
static const struct ocr_params pages = { { english, 1 }, BLOCK, 0.6, true };
static const struct ocr_params others = { { english, 2 }, LINE, 0.6, false };
static const struct ocr_params missing = { { english, 3 }, LINE, 0.6, false };

/* ---- what is counted: this comes before the library's ---- */

static int loaded, alive;

int TessBaseAPIInit3(TessBaseAPI *handle, const char *datapath, const char *language)
{
    int (*real)(TessBaseAPI *, const char *, const char *) = dlsym(RTLD_NEXT, __func__);
    loaded++;
    alive++;
    return real(handle, datapath, language);
}

void TessBaseAPIDelete(TessBaseAPI *handle)
{
    void (*real)(TessBaseAPI *) = dlsym(RTLD_NEXT, __func__);
    alive--;
    real(handle);
}

/* ---- instances ---- */

struct instance {
    const struct ocr_params *params;
    void *self;
    struct fake fake;
};

static void instance_warm(struct instance *instance, const struct ocr_params *params)
{
    struct takeup_why why = { 0 };
    *instance = (struct instance){ .params = params };
    instance->self = mem_zero(1, step_ocr.self_size);
    fake_init(&instance->fake, -1, -1);
    if (step_ocr.warm(instance->self, params, &why) < 0)
        fail_msg("%s", why.text);
}

static void instance_open(struct instance *instance)
{
    if (step_ocr.open(instance->self, instance->params, &instance->fake.host) < 0)
        fail_msg("%s", str_text(&instance->fake.said));
}

static void instance_close(struct instance *instance)
{
    step_ocr.close(instance->self);
    free(instance->self);
    fake_release(&instance->fake);
}

/* Two lines of text. */
static uint8_t image[HEIGHT * WIDTH];

static int draw(void **state)
{
    (void)state;
    PIX *pix = pixCreate(WIDTH, HEIGHT, 8);
    L_BMF *font = bmfCreate(NULL, 20);
    l_int32 width, overflows;
    if (!pix || !font)
        return -1;
    (void)pixSetAll(pix);
    (void)pixSetTextline(pix, font, "Good evening", 0, 20, 60, &width, &overflows);
    (void)pixSetTextline(pix, font, "here is the news", 0, 20, 140, &width, &overflows);
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            l_uint32 value = 0;
            (void)pixGetPixel(pix, x, y, &value);
            image[y * WIDTH + x] = (uint8_t)value;
        }
    pixDestroy(&pix);
    bmfDestroy(&font);
    return 0;
}

/* The lines that it reads of the first `height` rows, parted by a slash. */
static char *read_rows(struct instance *instance, int height)
{
    struct takeup_crop crop = {
        .item = { .port = TAKEUP_PORT_CROP },
        .box = { 0, 0, WIDTH, height },
        .width = WIDTH,
        .height = height,
        .luma = image,
        .stride = WIDTH,
    };
    struct str text = { 0 };
    str_add(&text, "");
    size_t before = instance->fake.count;
    if (step_ocr.feed(instance->self, &crop.item, &instance->fake.output) < 0)
        fail_msg("%s", str_text(&instance->fake.said));
    assert_int_equal(instance->fake.count, before + 1);
    const struct takeup_lines *read = (const struct takeup_lines *)instance->fake.items[before];
    for (size_t i = 0; i < read->count; i++)
        str_addf(&text, "%s%s", i ? "/" : "", read->lines[i].text);
    return str_take(&text);
}

static void assert_reads(struct instance *instance, int height, const char *wanted)
{
    CLEANUP(mem_free_text) char *text = read_rows(instance, height);
    assert_string_equal(text, wanted);
}

/* ---- the tests ---- */

/* As the pipelines of a worker, of which each runner runs one. */
static void test_one_engine_for_all_who_want_the_same(void **state)
{
    (void)state;
    static const struct ocr_params *const plans[] = { &lines, &screen, &pages, &lines };
    struct instance instances[COUNT(plans)];
    loaded = 0;
    for (size_t i = 0; i < COUNT(plans); i++)
        instance_warm(&instances[i], plans[i]);
    assert_int_equal(loaded, 1);
    instance_open(&instances[1]);
    assert_reads(&instances[1], FIRST, "Good evening");
    assert_int_equal(loaded, 1);
    for (size_t i = 0; i < COUNT(plans); i++)
        instance_close(&instances[i]);
    assert_int_equal(alive, 0);
}

static void test_other_languages_have_their_own(void **state)
{
    (void)state;
    struct instance a, b;
    loaded = 0;
    instance_warm(&a, &lines);
    instance_warm(&b, &others);
    assert_int_equal(loaded, 2);
    instance_close(&a);
    assert_int_equal(alive, 1);
    instance_close(&b);
    assert_int_equal(alive, 0);
}

/* Two steps of a pipeline: each reads in its own way, whoever has read before. */
static void test_two_steps_take_turns(void **state)
{
    (void)state;
    struct instance line, page;
    loaded = 0;
    instance_warm(&line, &lines);
    instance_warm(&page, &pages);
    instance_open(&line);
    instance_open(&page);
    for (int i = 0; i < 2; i++) {
        assert_reads(&page, HEIGHT, "Good evening/here is the news");
        assert_reads(&line, FIRST, "Good evening");
    }
    assert_int_equal(loaded, 1);
    instance_close(&page);
    instance_close(&line);
    assert_int_equal(alive, 0);
}

/* A step that works on several threads: each of its instances can read while the others do. */
static void test_one_more_in_a_run_has_its_own(void **state)
{
    (void)state;
    struct instance first, second, third;
    loaded = 0;
    instance_warm(&first, &lines);
    instance_open(&first);
    instance_warm(&second, &lines);
    instance_warm(&third, &lines); /* before the second is open */
    assert_int_equal(loaded, 3);
    instance_open(&second);
    instance_open(&third);
    assert_reads(&third, FIRST, "Good evening");
    instance_close(&first);
    assert_reads(&second, FIRST, "Good evening");
    instance_close(&second);
    instance_close(&third);
    assert_int_equal(alive, 0);
    instance_warm(&first, &lines); /* nothing is open any more, and nothing is left */
    instance_warm(&second, &lines);
    assert_int_equal(loaded, 4);
    instance_close(&first);
    instance_close(&second);
}

/* The others go on with theirs. */
static void test_one_that_cannot_be_loaded(void **state)
{
    (void)state;
    struct instance well;
    struct takeup_why why = { 0 };
    void *self = mem_zero(1, step_ocr.self_size);
    instance_warm(&well, &lines);
    assert_true(step_ocr.warm(self, &missing, &why) < 0);
    assert_int_equal(why.failure, TAKEUP_FAIL_MISSING);
    assert_non_null(strstr(why.text, "'nowhere' is not installed"));
    assert_int_equal(alive, 1);
    step_ocr.close(self);
    free(self);
    instance_open(&well);
    assert_reads(&well, FIRST, "Good evening");
    instance_close(&well);
    assert_int_equal(alive, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_engine_for_all_who_want_the_same),
        cmocka_unit_test(test_other_languages_have_their_own),
        cmocka_unit_test(test_two_steps_take_turns),
        cmocka_unit_test(test_one_more_in_a_run_has_its_own),
        cmocka_unit_test(test_one_that_cannot_be_loaded),
    };
    return cmocka_run_group_tests(tests, draw, NULL);
}
