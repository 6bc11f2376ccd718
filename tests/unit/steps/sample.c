#include "fixtures.h"
#include "host.h"

#include "steps/common.h"
#include "steps/passed.h"

#include <math.h>
#include <string.h>

static char *dir;

static int make_videos(void **state)
{
    (void)state;
    dir = fixtures_make(
        "h264.mkv vfr.mkv slow.mp4 burst.mp4 late.mkv cut75.mp4 bframes.mp4 notes.txt");
    return dir ? 0 : -1;
}

static int remove_videos(void **state)
{
    (void)state;
    test_remove_dir(&dir);
    return 0;
}

struct params { /* as in steps/sample.c */
    double fps;
    int64_t from_us, to_us;
    const char *speed;
};

#define ACCURATE "accurate"

/* Starts in ms, then the last end. */
static char *times_of(const struct fake *fake)
{
    struct str times = { 0 };
    for (size_t i = 0; i < fake->count; i++) {
        const struct takeup_item *item = fake->items[i];
        if (i > 0 && fake->items[i - 1]->end_us != item->start_us)
            str_add(&times, "gap ");
        str_addf(&times, "%ld ", lrint((double)item->start_us / 1000));
    }
    if (fake->count)
        str_addf(&times, "%ld", lrint((double)fake->items[fake->count - 1]->end_us / 1000));
    return str_take(&times);
}

static const struct {
    const char *name;
    struct params params;
    const char *times;
} samples[] = {
    { "h264.mkv", { 2, 0, 0, ACCURATE }, "0 500 1000 1500 2000 2500 3000" },
    { "h264.mkv", { 3, 0, 0, ACCURATE }, "0 400 700 1000 1400 1700 2000 2400 2700 3000" },
    { "h264.mkv", { 0.01, 0, 0, ACCURATE }, "0 3000" },
    /* Due 0.3 ms later, as where Matroska has rounded a time down. */
    { "h264.mkv", { 2.498, 0, 900000, ACCURATE }, "0 400 800 900" },
    { "h264.mkv", { 1, 0, 2250000, ACCURATE }, "0 1000 2000 2250" },
    { "h264.mkv", { 1, 0, 2950000, ACCURATE }, "0 1000 2000 2950" },
    { "h264.mkv", { 1, 1550000, 0, ACCURATE }, "1550 2000 3000" },
    { "h264.mkv", { 1, 9000000, 0, ACCURATE }, "" },
    { "vfr.mkv",
      { 5, 0, 0, ACCURATE },
      "0 300 500 800 1000 1200 1400 1600 1800 2000 2300 2600 2900 3000" },
    { "vfr.mkv", { 10, 0, 1050000, ACCURATE }, "0 100 200 400 500 600 700 900 1000 1050" },
    { "slow.mp4",
      { 5, 0, 0, ACCURATE },
      "0 200 400 2800 3000 3200 3400 5800 6000 6200 6400 8800 9000" },
    { "slow.mp4", { 5, 2500000, 4000000, ACCURATE }, "2500 2800 3000 3200 3400 3800 4000" },
    { "slow.mp4", { 0.5, 0, 0, ACCURATE }, "0 3000 6000 9000" },
    { "burst.mp4", { 5, 0, 0, ACCURATE }, "0 100 300 500 1900 2100 2200" },
    { "late.mkv", { 1, 0, 0, ACCURATE }, "2046 3046 4046 5046" },
    { "cut75.mp4", { 1, 0, 0, ACCURATE }, "0 1000 2000" },
    { "bframes.mp4", { 5, 0, 800000, ACCURATE }, "0 200 400 600 800" },
    { "bframes.mp4", { 5, 0, 800000, "fast" }, "0 300 600 800" },
    { "bframes.mp4", { 2.5, 0, 0, ACCURATE }, "0 500 800 1200 1600 2000 2500 2800 3000" },
    { "bframes.mp4",
      { 2.51, 0, 0, ACCURATE }, /* 199.2 ms: containers round times */
      "0 500 800 1200 1600 2000 2500 2800 3000" },
};

static int run(struct fake *fake, const struct params *params)
{
    void *self = mem_zero(1, step_sample.self_size);
    int r = step_sample.open(self, params, &fake->host);
    while (r >= 0 && (r = step_sample.pull(self, &fake->output)) > 0)
        ;
    step_sample.close(self);
    free(self);
    return r;
}

static void test_frames_are_taken_by_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(samples); i++) {
        CLEANUP(fs_close) int fd = fixture_open(dir, samples[i].name);
        struct fake fake;
        fake_init(&fake, fd, -1);
        if (run(&fake, &samples[i].params) != 0)
            fail_msg("row %zu: %s", i, str_text(&fake.said));
        char *times = times_of(&fake);
        if (strcmp(times ? times : "", samples[i].times) != 0)
            fail_msg("row %zu, '%s': %s", i, samples[i].name, times);
        assert_int_equal(fake.counters[TAKEUP_COUNT_FRAMES_DECODED], fake.progressed);
        if (samples[i].params.to_us > 0)
            assert_int_equal(fake.total_us, samples[i].params.to_us);
        free(times);
        fake_release(&fake);
    }
}

/* Ten frames a second: of 5 a second every second one is taken. */
static void test_what_is_passed_over_is_glanced_at(void **state)
{
    (void)state;
    static const struct {
        double fps;
        size_t each;
    } rates[] = { { 10, 2 }, { 5, 3 }, { 1, 11 }, { 0.5, 21 } };
    CLEANUP(fs_close) int fd = fixture_open(dir, "h264.mkv");
    for (size_t i = 0; i < COUNT(rates); i++) {
        struct fake fake;
        fake_init(&fake, fd, -1);
        assert_int_equal(run(&fake, &(struct params){ rates[i].fps, 0, 0, ACCURATE }), 0);
        for (size_t k = 0; k < fake.count; k++) {
            const struct takeup_glances *glances = ((struct takeup_frame *)fake.items[k])->glances;
            assert_non_null(glances);
            assert_int_equal(glances->count, k == 0 ? 1 : rates[i].each);
            int64_t first_us = fake.items[k > 0 ? k - 1 : 0]->start_us;
            for (size_t g = 0; g < glances->count; g++) {
                int64_t us = first_us + (int64_t)g * 100000;
                assert_in_range(glances->all[g].start_us + 1000 - us, 0, 2000);
            }
        }
        fake_release(&fake);
    }
}

/* However many there are: of frames that follow too soon only some are kept, and those taken. */
static void test_glances_are_bounded(void **state)
{
    (void)state;
    CLEANUP(fs_close) int fd = fixture_open(dir, "burst.mp4");
    CLEANUP(media_close) struct media *media = NULL;
    struct passed passed = { .gap_us = 10 };
    struct media_time time;
    struct err err = { 0 };
    assert_ok(media_open(fd, "burst.mp4", NULL, &media, &err), err);
    assert_int_equal(media_next(media, &time, &err), 1);
    for (int i = 0; i < 1000; i++)
        passed_add(&passed, media, i * 7, i == 999);
    struct takeup_glances *glances = passed_take(&passed);
    assert_int_equal(glances->count, PASSED_MAX);
    assert_int_equal(glances->all[0].start_us, 0);
    assert_int_equal(glances->all[1].start_us, 14);
    assert_int_equal(glances->all[PASSED_MAX - 1].start_us, 999 * 7);
    assert_int_equal(passed.count, 1);
    assert_int_equal(passed.all[0].start_us, 999 * 7);
    passed_free(glances);
    passed_release(&passed);
}

static void test_what_was_opened_and_damaged_is_told(void **state)
{
    (void)state;
    CLEANUP(fs_close) int fd = fixture_open(dir, "cut75.mp4");
    struct fake fake;
    fake_init(&fake, fd, -1);
    assert_int_equal(run(&fake, &(struct params){ 5, 0, 0, ACCURATE }), 0);
    assert_non_null(strstr(str_text(&fake.said), "info: clip: h264 in mov"));
    assert_non_null(strstr(str_text(&fake.said), "warn: clip: truncated: it ends at 2.0 s of 3.0"));
    fake_release(&fake);
}

static void test_that_nothing_is_left_is_told(void **state)
{
    (void)state;
    CLEANUP(fs_close) int fd = fixture_open(dir, "h264.mkv");
    struct fake fake;
    fake_init(&fake, fd, -1);
    assert_int_equal(run(&fake, &(struct params){ 5, 9000000, 0, ACCURATE }), 0);
    assert_non_null(strstr(str_text(&fake.said), "warn: clip: nothing is shown from 9.000 s on"));
    fake_release(&fake);
}

static const struct {
    const char *name;
    struct params params;
    enum takeup_failure failure;
    const char *said;
} failures[] = {
    { "notes.txt", { 5, 0, 0, ACCURATE }, TAKEUP_FAIL_INPUT, "is a text file" },
    { "h264.mkv",
      { 5, 3000000, 2500000, ACCURATE },
      TAKEUP_FAIL_CONFIG,
      "'to' (2.5 s) is not after 'from' (3 s)" },
};

static void test_failures(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(failures); i++) {
        CLEANUP(fs_close) int fd = fixture_open(dir, failures[i].name);
        struct fake fake;
        fake_init(&fake, fd, -1);
        assert_true(run(&fake, &failures[i].params) < 0);
        if (fake.failure != failures[i].failure || !strstr(str_text(&fake.said), failures[i].said))
            fail_msg("row %zu: %s", i, str_text(&fake.said));
        fake_release(&fake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_frames_are_taken_by_time),
        cmocka_unit_test(test_what_is_passed_over_is_glanced_at),
        cmocka_unit_test(test_glances_are_bounded),
        cmocka_unit_test(test_what_was_opened_and_damaged_is_told),
        cmocka_unit_test(test_that_nothing_is_left_is_told),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, make_videos, remove_videos);
}
