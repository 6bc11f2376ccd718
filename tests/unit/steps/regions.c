/* Where lines are looked for, and where not. */
#include "fixtures.h"
#include "host.h"

#include "steps/common.h"
#include "steps/zones.h"

#include <string.h>

static char *dir;

static int make_videos(void **state)
{
    (void)state;
    dir = fixtures_make("captions.mp4");
    return dir ? 0 : -1;
}

static int remove_videos(void **state)
{
    (void)state;
    test_remove_dir(&dir);
    return 0;
}

static const struct {
    const char *text;
    bool is_zone;
} texts[] = {
    { "0,0,1,1", true },         { "0, 0.67, 1, 0.33", true }, { ".7,0,.3,1", true },
    { "0.1,0.2,0.3,0.4", true }, { " 0,0,1,1 ", true },        { "", false },
    { "0,0,1", false },          { "0,0,1,1,1", false },       { "0,0,1,1x", false },
    { "-0.1,0,1,1", false },     { "0,0,0,1", false },         { "0,0,1.1,1", false },
    { "0.5,0,0.6,1", false },    { "0 0 1 1", false },         { "nan,0,1,1", false },
    { "0,0,inf,1", false },      { "lower", false },
};

static void test_zones(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        const char *both[] = { "0,0,1,1", texts[i].text };
        struct zones zones = { 0 };
        struct takeup_why why = { 0 };
        int r = zones_parse(&zones, &(struct takeup_strings){ both, 2 }, &why);
        if ((r == 0) != texts[i].is_zone)
            fail_msg("'%s': %d", texts[i].text, r);
        if (r < 0 && (why.failure != TAKEUP_FAIL_CONFIG || !strstr(why.text, texts[i].text) ||
                      !why.what_to_do[0]))
            fail_msg("'%s': %s", texts[i].text, why.text);
        zones_release(&zones);
    }
}

struct sample_params { /* as in steps/sample.c */
    double fps;
    int64_t from_us, to_us;
    const char *speed;
};

struct params { /* as in steps/regions.c */
    struct takeup_strings regions, ignore;
    const char *ticker;
};

/* From 3.5 to 8 s: four lines that stay, one of them on the left, one in the corner. */
static const struct {
    const char *regions, *ignore;
    size_t lines;
} places[] = {
    { NULL, NULL, 5 },
    { "0,0,1,1", NULL, 5 },
    { "0,0.5,1,0.5", NULL, 4 },
    { "0,0,1,0.2", NULL, 1 },
    { "0.5,0,0.5,0.5", NULL, 1 },
    { NULL, "0,0,1,0.2", 4 },
    { NULL, "0,0.5,1,0.5", 1 },
    { "0,0.5,1,0.5", "0,0.5,0.4,0.5", 3 },
    { "0,0.5,1,0.5", "0,0,1,1", 0 },
    { "0,0.3,1,0.2", NULL, 0 },
};

/* How many lines are found from 3.5 to 8 s. */
static size_t run(const struct params *params)
{
    const struct sample_params sample_params = { 5, 3500000, 8000000, "accurate" };
    CLEANUP(fs_close) int fd = fixture_open(dir, "captions.mp4");
    void *sample = mem_zero(1, step_sample.self_size);
    void *regions = mem_zero(1, step_regions.self_size);
    struct fake first, last;
    fake_init(&first, fd, -1);
    fake_init(&last, fd, -1);
    first.next = &step_regions;
    first.next_self = regions;
    first.after = &last;
    struct takeup_why why = { 0 };
    assert_int_equal(step_regions.warm(regions, params, &why), 0);
    assert_int_equal(step_regions.open(regions, params, &last.host), 0);
    int r = step_sample.open(sample, &sample_params, &first.host);
    while (r >= 0 && (r = step_sample.pull(sample, &first.output)) > 0)
        ;
    assert_int_equal(r, 0);
    assert_int_equal(step_regions.finish(regions, &last.output), 0);
    size_t count = last.count;
    step_regions.close(regions);
    step_sample.close(sample);
    free(regions);
    free(sample);
    fake_release(&first);
    fake_release(&last);
    return count;
}

static void test_lines_count_where_their_middle_lies(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(places); i++) {
        const struct params params = { { &places[i].regions, places[i].regions != NULL },
                                       { &places[i].ignore, places[i].ignore != NULL },
                                       "ignore" };
        size_t lines = run(&params);
        if (lines != places[i].lines)
            fail_msg("row %zu: %zu lines", i, lines);
    }
}

static void test_a_wrong_zone_is_told_when_it_warms(void **state)
{
    (void)state;
    const char *wrong = "below";
    const struct params both[] = { { { &wrong, 1 }, { NULL, 0 }, "ignore" },
                                   { { NULL, 0 }, { &wrong, 1 }, "ignore" } };
    for (size_t i = 0; i < COUNT(both); i++) {
        void *regions = mem_zero(1, step_regions.self_size);
        struct takeup_why why = { 0 };
        assert_true(step_regions.warm(regions, &both[i], &why) < 0);
        assert_non_null(strstr(why.text, "'below'"));
        step_regions.close(regions);
        free(regions);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zones),
        cmocka_unit_test(test_lines_count_where_their_middle_lies),
        cmocka_unit_test(test_a_wrong_zone_is_told_when_it_warms),
    };
    return cmocka_run_group_tests(tests, make_videos, remove_videos);
}
