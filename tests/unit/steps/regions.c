/* Where lines are looked for, and where not; in which planes; what is told of them. */
#include "fixtures.h"
#include "host.h"
#include "reading/draw.h"

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

/* ---- drawn pictures ---- */

enum { PLANES = 3, PICTURES = 6, PICTURE_US = 200000, GRAY = 128 };

/* A plane of colour is the upper left quarter of its drawing. */
struct picture {
    struct drawing planes[PLANES];
    const struct takeup_glances *glances; /* before it; NULL: none */
};

static struct picture *picture_new(void)
{
    struct picture *picture = MEM_NEW(struct picture);
    for (int plane = 0; plane < PLANES; plane++)
        draw_flat(&picture->planes[plane], GRAY);
    return picture;
}

static void show(void *regions, struct fake *fake, const struct picture *picture, int number)
{
    struct takeup_frame frame = {
        .item = { .port = TAKEUP_PORT_FRAME,
                  .start_us = (int64_t)number * PICTURE_US,
                  .end_us = (int64_t)(number + 1) * PICTURE_US },
        .width = DRAW_WIDTH,
        .height = DRAW_HEIGHT,
        .pixels = TAKEUP_PIXELS_YUV420,
        .glances = picture->glances,
    };
    for (int plane = 0; plane < PLANES; plane++) {
        frame.plane[plane] = picture->planes[plane].pixels[0];
        frame.stride[plane] = DRAW_STRIDE;
    }
    assert_int_equal(step_regions.feed(regions, &frame.item, &fake->output), 0);
}

static void *begin(struct fake *fake, const struct params *params)
{
    void *regions = mem_zero(1, step_regions.self_size);
    fake_init(fake, -1, -1);
    assert_int_equal(step_regions.open(regions, params, &fake->host), 0);
    return regions;
}

static void end(void *regions, struct fake *fake)
{
    assert_int_equal(step_regions.finish(regions, &fake->output), 0);
    step_regions.close(regions);
    free(regions);
}

/* Words in a plane, in its pixels; those that are `seen` must be found. */
struct words {
    int plane, x, y, scale;
    bool seen;
    const char *text;
};

static const struct {
    const char *name;
    struct words words[PLANES];
} paintings[] = {
    { "a text in each plane",
      { { 0, 20, 20, 3, true, "IN LUMA" },
        { 1, 10, 45, 2, true, "IN BLUE" },
        { 2, 10, 75, 2, true, "IN RED" } } },
    { "what is seen in the luma is not read again in a colour",
      { { 0, 40, 100, 4, true, "IN ALL" },
        { 1, 20, 50, 2, false, "IN ALL" },
        { 2, 20, 50, 2, false, "IN ALL" } } },
    { "nor what is seen in the first colour in the second",
      { { 1, 20, 50, 2, true, "IN BOTH" }, { 2, 20, 50, 2, false, "IN BOTH" } } },
};

/* Does the crop show these words, with a margin and little else? */
static bool is_of(const struct takeup_crop *crop, const struct words *words)
{
    int times = words->plane == 0 ? 1 : 2;
    struct rect extent =
        draw_extent(words->x * times, words->y * times, words->scale * times, words->text);
    const struct takeup_box *box = &crop->box;
    return box->x <= extent.x && box->x + box->width >= extent.x + extent.width &&
           box->y <= extent.y && box->y + box->height >= extent.y + extent.height &&
           box->height < 3 * extent.height;
}

/* The crop with these words; each has its own number. */
static size_t find_words(const struct fake *fake, const struct words *words)
{
    size_t found = fake->count;
    for (size_t i = 0; i < fake->count; i++) {
        const struct takeup_crop *crop = (const struct takeup_crop *)fake->items[i];
        if (is_of(crop, words))
            found = i;
        for (size_t k = 0; k < i; k++)
            assert_true(((const struct takeup_crop *)fake->items[k])->region != crop->region);
    }
    return found;
}

static void test_each_plane_has_its_own_lines(void **state)
{
    (void)state;
    const struct params params = { .ticker = "ignore" };
    for (size_t i = 0; i < COUNT(paintings); i++) {
        struct picture *picture = picture_new();
        struct fake fake;
        void *regions = begin(&fake, &params);
        size_t seen = 0;
        for (size_t k = 0; k < PLANES && paintings[i].words[k].text; k++) {
            const struct words *words = &paintings[i].words[k];
            draw_text(&picture->planes[words->plane], words->x, words->y, words->scale, 220,
                      words->text);
        }
        for (int number = 0; number < PICTURES; number++)
            show(regions, &fake, picture, number);
        end(regions, &fake);
        for (size_t k = 0; k < PLANES && paintings[i].words[k].seen; k++, seen++)
            if (find_words(&fake, &paintings[i].words[k]) == fake.count)
                fail_msg("%s: not '%s'", paintings[i].name, paintings[i].words[k].text);
        if (fake.count != seen)
            fail_msg("%s: %zu lines", paintings[i].name, fake.count);
        fake_release(&fake);
        free(picture);
    }
}

/* By the frames that were passed over before it: they show when the picture changed. */
static void test_lines_of_each_plane_are_timed_to_the_frame(void **state)
{
    (void)state;
    enum { CAME = 2, STEP_US = PICTURE_US / 5 };
    static const uint8_t before = 50, after = 90;
    const struct takeup_glance all[] = { { (CAME - 1) * PICTURE_US, &before },
                                         { (CAME - 1) * PICTURE_US + STEP_US, &before },
                                         { (CAME - 1) * PICTURE_US + 2 * STEP_US, &after },
                                         { CAME * PICTURE_US, &after } };
    const struct takeup_glances glances = {
        .columns = 1, .rows = 1, .count = COUNT(all), .all = all
    };
    const struct params params = { .ticker = "ignore" };
    struct picture *picture = picture_new();
    struct fake fake;
    void *regions = begin(&fake, &params);
    for (int number = 0; number < CAME + PICTURES; number++) {
        picture->glances = number == CAME ? &glances : NULL;
        for (size_t k = 0; number == CAME && k < PLANES; k++)
            draw_text(&picture->planes[paintings[0].words[k].plane], paintings[0].words[k].x,
                      paintings[0].words[k].y, paintings[0].words[k].scale, 220,
                      paintings[0].words[k].text);
        show(regions, &fake, picture, number);
    }
    end(regions, &fake);
    assert_int_equal(fake.count, PLANES);
    for (size_t i = 0; i < fake.count; i++)
        assert_int_equal(fake.items[i]->start_us, (CAME - 1) * PICTURE_US + 2 * STEP_US);
    fake_release(&fake);
    free(picture);
}

/* So that what follows does not take another line in its old place for the same one. */
static void test_a_line_that_moved_says_so(void **state)
{
    (void)state;
    const struct params params = { .ticker = "ignore" };
    for (int up = 0; up <= 40; up += 40) {
        struct words words = { 0, 20, 100, 3, true, "WHAT IS HERE" };
        struct picture *picture = picture_new();
        struct fake fake;
        void *regions = begin(&fake, &params);
        for (int number = 0; number < 2 * PICTURES; number++) {
            draw_flat(&picture->planes[0], GRAY);
            draw_text(&picture->planes[0], words.x, words.y - (number < PICTURES ? 0 : up),
                      words.scale, 220, words.text);
            show(regions, &fake, picture, number);
        }
        end(regions, &fake);
        assert_int_equal(fake.count, 1);
        const struct takeup_crop *crop = (const struct takeup_crop *)fake.items[0];
        assert_int_equal(crop->flags, up ? TAKEUP_REGION_MOVED : 0);
        assert_true(is_of(crop, &words));
        fake_release(&fake);
        free(picture);
    }
}

static void test_a_ticker_is_told_unless_nobody_asks(void **state)
{
    (void)state;
    static const struct {
        const char *ticker;
        bool warns;
    } rows[] = { { "ignore", true }, { "silent", false } };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct params params = { .ticker = rows[i].ticker };
        struct picture *picture = picture_new();
        struct fake fake;
        void *regions = begin(&fake, &params);
        for (int number = 0; number < 10 * PICTURES; number++) {
            draw_flat(&picture->planes[0], GRAY);
            draw_text(&picture->planes[0], 300 - number * 12, 160, 3, 220,
                      "THIS TEXT RUNS ON AND ON AND NEVER STOPS FOR ANYBODY WHO WOULD READ IT");
            show(regions, &fake, picture, number);
        }
        end(regions, &fake);
        const char *said = str_text(&fake.said);
        if ((strstr(said, "warn: a ticker") != NULL) != rows[i].warns)
            fail_msg("%s: '%s'", rows[i].ticker, said);
        fake_release(&fake);
        free(picture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_zones),
        cmocka_unit_test(test_lines_count_where_their_middle_lies),
        cmocka_unit_test(test_a_wrong_zone_is_told_when_it_warms),
        cmocka_unit_test(test_each_plane_has_its_own_lines),
        cmocka_unit_test(test_lines_of_each_plane_are_timed_to_the_frame),
        cmocka_unit_test(test_a_line_that_moved_says_so),
        cmocka_unit_test(test_a_ticker_is_told_unless_nobody_asks),
    };
    return cmocka_run_group_tests(tests, make_videos, remove_videos);
}
