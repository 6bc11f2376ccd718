/* From a video to its text: the steps of the default pipeline, one behind the other. */
#include "fixtures.h"
#include "host.h"

#include "base/proc.h"
#include "steps/common.h"
#include "steps/table.h"

#include <stdio.h>
#include <string.h>

struct ocr_params { /* as in steps/ocr.c */
    struct takeup_strings languages;
    int64_t page_mode;
    double min_confidence;
    bool keep_images;
};

struct sample_params { /* as in steps/sample.c */
    double fps;
    int64_t from_us, to_us;
    const char *speed;
};

struct lines_params { /* as in steps/lines.c */
    int64_t min_us, max_us, max_lines;
    bool centred;
    double join_gap;
};

static const char *const english = "eng";
static const struct ocr_params ocr_params = { { &english, 1 }, 7, 0.6, false };
static char *dir;
static bool is_short; /* reading is slow under a sanitizer */

static const char *const videos[] = {
    "h264.mp4",       "vp9.webm",       "rotated90.mp4", "rotated180.mp4", "rotated270.mp4",
    "tenbit.mkv",     "gray.mkv",       "rgb.mkv",       "palette.gif",    "mjpeg.avi",
    "odd.mkv",        "anamorphic.mp4", "resize.ts",     "vfr.mkv",        "negative.mp4",
    "interlaced.mkv", "late.mkv",       "cut75.mp4",     "cut75.webm",     "blank.mp4",
    "slow.mp4",       "burst.mp4",      "colour.mp4",
};

static int make_videos(void **state)
{
    (void)state;
    const char *sanitize = getenv("SANITIZE");
    is_short = sanitize && sanitize[0];
    struct str names = { 0 };
    for (size_t i = 0; i < (is_short ? 1 : COUNT(videos)); i++)
        str_addf(&names, "%s ", videos[i]);
    dir = fixtures_make(str_text(&names));
    str_release(&names);
    return dir ? 0 : -1;
}

static int remove_videos(void **state)
{
    (void)state;
    test_remove_dir(&dir);
    return 0;
}

enum { STEPS = 4 };
static const struct takeup_step *const chain[STEPS] = { &step_sample, &step_regions, &step_ocr,
                                                        &step_lines };

/* Runs the chain; fake[STEPS - 1] holds the segments. */
static int run(struct fake fake[STEPS], int fd)
{
    struct sample_params sample_params = { 5, 0, 0, "accurate" };
    const struct lines_params lines_params = { 0 };
    const void *params[STEPS] = { &sample_params, NULL, &ocr_params, &lines_params };
    void *self[STEPS];
    int r = 0;
    for (int i = 0; i < STEPS; i++) {
        self[i] = mem_zero(1, chain[i]->self_size);
        fake_init(&fake[i], fd, -1);
    }
    for (int i = 0; i < STEPS && r >= 0; i++)
        r = chain[i]->open(self[i], params[i], &fake[i].host);
    for (int i = 0; i + 1 < STEPS; i++) {
        fake[i].next = chain[i + 1];
        fake[i].next_self = self[i + 1];
        fake[i].after = &fake[i + 1];
    }
    while (r >= 0 && (r = step_sample.pull(self[0], &fake[0].output)) > 0)
        ;
    for (int i = 1; i < STEPS && r >= 0; i++)
        if (chain[i]->finish)
            r = chain[i]->finish(self[i], &fake[i].output);
    for (int i = 0; i < STEPS; i++) {
        chain[i]->close(self[i]);
        free(self[i]);
    }
    return r;
}

static char *text_of(const struct fake *fake)
{
    struct str text = { 0 };
    str_add(&text, "");
    for (size_t i = 0; i < fake->count; i++)
        str_addf(&text, "%s\n", ((const struct takeup_segment *)fake->items[i])->text);
    return str_take(&text);
}

static char *expected_text(const char *video)
{
    char *path = mem_printf("%s/%s.txt", dir, video), *text = NULL;
    size_t len;
    struct err err = { 0 };
    if (access(path, F_OK) == 0)
        assert_ok(fs_read_file(AT_FDCWD, path, 10000, &text, &len, &err), err);
    free(path);
    return text ? text : mem_strdup("");
}

static void test_the_text_is_the_one_that_was_drawn(void **state)
{
    (void)state;
    for (size_t i = 0; i < (is_short ? 1 : COUNT(videos)); i++) {
        CLEANUP(fs_close) int fd = fixture_open(dir, videos[i]);
        struct fake fake[STEPS];
        if (run(fake, fd) < 0)
            fail_msg("'%s': %s%s", videos[i], str_text(&fake[0].said), str_text(&fake[2].said));
        CLEANUP(mem_free_text) char *text = text_of(&fake[STEPS - 1]);
        CLEANUP(mem_free_text) char *expected = expected_text(videos[i]);
        if (strcmp(text ? text : "", expected) != 0)
            fail_msg("'%s':\n%s", videos[i], text);
        for (int step = 0; step < STEPS; step++)
            fake_release(&fake[step]);
    }
}

static void test_a_still_picture_is_read_once(void **state)
{
    (void)state;
    CLEANUP(fs_close) int fd = fixture_open(dir, "h264.mp4");
    struct fake fake[STEPS];
    assert_int_equal(run(fake, fd), 0);
    assert_int_equal(fake[0].counters[TAKEUP_COUNT_FRAMES_DECODED], 30);
    assert_int_equal(fake[2].counters[TAKEUP_COUNT_FRAMES_READ], 3);
    const struct fake *last = &fake[STEPS - 1];
    assert_int_equal(last->count, 3);
    for (size_t i = 0; i < 3; i++) {
        const struct takeup_segment *segment = (const struct takeup_segment *)last->items[i];
        assert_int_equal(segment->item.start_us, i * 1000000);
        assert_int_equal(segment->item.end_us, (i + 1) * 1000000);
        assert_true(segment->confidence > 0.7f && segment->confidence <= 1);
        assert_in_range(segment->box.x, 55, 75); /* drawn at 60, in the middle of 360 rows */
        assert_in_range(segment->box.y, 130, 180);
        assert_in_range(segment->box.height, 35, 80);
    }
    for (int step = 0; step < STEPS; step++)
        fake_release(&fake[step]);
}

static const struct {
    const char *languages[2];
    enum takeup_failure failure;
    const char *text, *what_to_do;
} missing[] = {
    { { "xyz" },
      TAKEUP_FAIL_MISSING,
      "'xyz' is not installed: no 'xyz.traineddata' in '/",
      "apt-get install tesseract-ocr-xyz" },
    { { "eng", "xyz_sim" },
      TAKEUP_FAIL_MISSING,
      "'xyz_sim' is not installed",
      "apt-get install tesseract-ocr-xyz-sim" },
    { { "../eng" }, TAKEUP_FAIL_CONFIG, "'../eng' is not the name of a language", "list-langs" },
    { { "eng+deu" }, TAKEUP_FAIL_CONFIG, "'eng+deu' is not the name", "[eng, deu]" },
    { { "" }, TAKEUP_FAIL_CONFIG, "'' is not the name", "list-langs" },
};

static void test_a_missing_language_says_how_to_get_it(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(missing); i++) {
        struct ocr_params params = ocr_params;
        params.languages.items = missing[i].languages;
        params.languages.count = missing[i].languages[1] ? 2 : 1;
        struct takeup_why why = { 0 };
        void *self = mem_zero(1, step_ocr.self_size);
        int r = step_ocr.warm(self, &params, &why);
        step_ocr.close(self);
        free(self);
        if (r >= 0 || why.failure != missing[i].failure || !strstr(why.text, missing[i].text) ||
            !strstr(why.what_to_do, missing[i].what_to_do))
            fail_msg("row %zu: %d, %s (%s)", i, r, why.text, why.what_to_do);
    }
}

static void test_an_engine_starts_no_thread(void **state)
{
    (void)state;
    struct takeup_why why = { 0 };
    void *self = mem_zero(1, step_ocr.self_size);
    int before = proc_thread_count();
    assert_int_equal(step_ocr.warm(self, &ocr_params, &why), 0);
    assert_int_equal(proc_thread_count(), before);
    step_ocr.close(self);
    free(self);
}

static void test_the_table_is_whole(void **state)
{
    (void)state;
    size_t count = 0;
    for (; steps_table[count]; count++) {
        const struct takeup_step *step = steps_table[count];
        assert_true(step->help && step->help[0]);
        assert_true(step->flags == TAKEUP_SERIAL || step->flags == TAKEUP_PARALLEL);
        assert_true((step->takes == TAKEUP_PORT_NONE) == (step->pull != NULL));
        for (const struct takeup_param *param = step->params; param && param->name; param++)
            if (!param->otherwise || !param->help || param->offset >= step->params_size)
                fail_msg("%s.%s", step->name, param->name);
    }
    assert_int_equal(count, 7);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_text_is_the_one_that_was_drawn),
        cmocka_unit_test(test_a_still_picture_is_read_once),
        cmocka_unit_test(test_a_missing_language_says_how_to_get_it),
        cmocka_unit_test(test_an_engine_starts_no_thread),
        cmocka_unit_test(test_the_table_is_whole),
    };
    return cmocka_run_group_tests(tests, make_videos, remove_videos);
}
