/* Lines that were read become segments: which belong together, how they are laid out, which are
 * wanted. */
#include "host.h"

#include "steps/common.h"

#include <math.h>
#include <string.h>

struct params { /* as in steps/lines.c */
    int64_t min_us, max_us, max_lines;
    bool centred;
    double join_gap;
};

struct read {
    double start, end;
    int x, y, width, height;
    const char *text, *image;
};

enum { READ_MAX = 7 };

/* In a frame of 1000x600. Segments are "START-END TEXT|…", a new line in a text is "/". */
static const struct {
    struct params params;
    struct read read[READ_MAX]; /* text NULL ends them */
    const char *segments, *dropped;
} cases[] = {
    /* What comes and goes together is one text, from top to bottom, from left to right. */
    { { 0 },
      { { 1, 3, 400, 500, 200, 20, "one", NULL }, { 1, 3, 400, 530, 200, 20, "two", NULL } },
      "1-3 one/two|",
      "" },
    { { 0 },
      { { 1, 3, 400, 500, 200, 20, "one", NULL }, { 1, 5, 400, 530, 200, 20, "two", NULL } },
      "1-3 one|1-5 two|",
      "" },
    { { 0 }, /* one of them was lost before it went */
      { { 1, 3, 400, 500, 200, 20, "one", NULL }, { 1, 3.4, 400, 530, 200, 20, "two", NULL } },
      "1-3.4 one/two|",
      "" },
    { { 0 },
      { { 1, 2.5, 400, 500, 200, 20, "one", NULL }, { 1, 3.08, 400, 530, 200, 20, "two", NULL } },
      "1-3.08 one/two|",
      "" },
    { { 0 },
      { { 1, 3, 400, 500, 200, 20, "one", NULL }, { 1, 3.6, 400, 530, 200, 20, "two", NULL } },
      "1-3 one|1-3.6 two|",
      "" },
    { { 0 }, /* for so short a line it is long */
      { { 1, 1.6, 400, 500, 200, 20, "one", NULL }, { 1, 2, 400, 530, 200, 20, "two", NULL } },
      "1-1.6 one|1-2 two|",
      "" },
    { { 0 },
      { { 1, 3, 500, 500, 90, 20, "right", NULL }, { 1, 3, 400, 502, 90, 20, "left", NULL } },
      "1-3 left/right|",
      "" },
    { { 0 },
      { { 1.2, 3, 400, 500, 90, 20, "later", NULL }, { 1, 3, 400, 530, 90, 20, "first", NULL } },
      "1-3 first/later|",
      "" },
    /* A column after the other, the header first; but what came first is read first. */
    { { 0 },
      { { 1, 3, 100, 100, 300, 20, "a", NULL },
        { 1, 3, 450, 104, 300, 20, "d", NULL },
        { 1, 3, 100, 130, 300, 20, "b", NULL },
        { 1, 3, 450, 134, 300, 20, "e", NULL },
        { 1, 3, 100, 160, 290, 20, "c", NULL },
        { 1, 3, 450, 164, 300, 20, "f", NULL },
        { 1, 3, 200, 60, 400, 20, "header", NULL } },
      "1-3 header/a/b/c/d/e/f|",
      "" },
    { { 0 },
      { { 1, 3, 100, 100, 300, 20, "a", NULL },
        { 1.2, 3, 450, 104, 300, 20, "d", NULL },
        { 1, 3, 100, 130, 300, 20, "b", NULL },
        { 1.2, 3, 450, 134, 300, 20, "e", NULL },
        { 1, 3, 100, 160, 290, 20, "c", NULL } },
      "1-3 a/b/c/d/e|",
      "" },
    { { 0 },
      { { 1, 3, 100, 100, 100, 20, "name", NULL },
        { 1, 3, 450, 100, 100, 20, "Ann", NULL },
        { 1, 3, 100, 130, 60, 20, "town", NULL },
        { 1, 3, 450, 130, 80, 20, "Ulm", NULL } },
      "1-3 name/Ann/town/Ulm|",
      "" },
    /* Paragraphs. */
    { { 0 },
      { { 1, 3, 400, 100, 200, 20, "a", NULL },
        { 1, 3, 400, 130, 200, 20, "b", NULL },
        { 1, 3, 400, 180, 200, 20, "c", NULL },
        { 1, 3, 400, 210, 200, 20, "d", NULL } },
      "1-3 a/b//c/d|",
      "" },
    { { 0 },
      { { 1, 3, 400, 100, 200, 20, "a", NULL },
        { 1, 3, 400, 132, 200, 14, "b", NULL },
        { 1, 3, 400, 160, 200, 26, "c", NULL } },
      "1-3 a/b/c|",
      "" },
    { { 0 },
      { { 1, 3, 400, 100, 200, 20, "a", NULL }, { 1, 3, 400, 400, 200, 20, "b", NULL } },
      "1-3 a//b|",
      "" },
    /* Lines far apart can be texts of their own. */
    { { .join_gap = 1.5 },
      { { 1, 3, 400, 100, 200, 20, "a", NULL },
        { 1, 3, 400, 400, 200, 20, "b", NULL },
        { 1, 3, 400, 425, 200, 20, "c", NULL } },
      "1-3 a|1-3 b/c|",
      "" },
    /* How long, how many, where. */
    { { .min_us = 500000, .max_us = 10000000 },
      { { 1, 1.4, 400, 500, 200, 20, "short", NULL },
        { 2, 2.5, 400, 500, 200, 20, "some", NULL },
        { 3, 13, 400, 500, 200, 20, "ten", NULL },
        { 14, 24.1, 400, 500, 200, 20, "long", NULL } },
      "2-2.5 some|3-13 ten|",
      "drop: short: it is shown for 0.4 s, less than min_time\n"
      "drop: long: it is shown for 10.1 s, more than max_time\n" },
    { { .max_lines = 2 },
      { { 1, 3, 400, 100, 200, 20, "a", NULL },
        { 1, 3, 400, 130, 200, 20, "b", NULL },
        { 1, 3, 400, 160, 200, 20, "c", NULL },
        { 4, 5, 400, 100, 200, 20, "d", NULL },
        { 4, 5, 400, 130, 200, 20, "e", NULL } },
      "4-5 d/e|",
      "drop: a\nb\nc: it has 3 lines, more than max_lines\n" },
    { { .centred = true },
      { { 1, 2, 400, 500, 200, 20, "middle", NULL },
        { 2, 3, 456, 500, 200, 20, "nearly", NULL },
        { 3, 4, 470, 500, 200, 20, "right", NULL },
        { 4, 5, 20, 500, 400, 20, "left", NULL },
        { 5, 6, 300, 500, 100, 20, "- Yes.", NULL },
        { 5, 6, 300, 530, 400, 20, "- What do you mean?", NULL } },
      "1-2 middle|2-3 nearly|5-6 - Yes./- What do you mean?|",
      "drop: right: it is not centred\ndrop: left: it is not centred\n" },
    /* Images of what it was read from; of two readings of one text, the better one's. */
    { { 0 },
      { { 1, 3, 400, 500, 200, 20, "one", "a.png" },
        { 1, 3, 400, 530, 200, 20, "two", NULL },
        { 1, 3, 400, 560, 200, 20, "three", "c.png" } },
      "1-3 one/two/three [a.png c.png]|",
      "" },
    { { 0 },
      { { 1, 2, 400, 500, 200, 20, "some words", "a.png" },
        { 2, 3, 400, 500, 200, 20, "some words.", "better.png" } },
      "1-3 some words. [better.png]|",
      "" },
};

static void feed(void *self, const struct read *read, struct fake *fake, uintptr_t from_ms)
{
    const struct takeup_box box = { read->x, read->y, read->width, read->height };
    const struct takeup_line line = {
        .text = read->text,
        .confidence = read->image && read->image[0] == 'b' ? 0.9F : 0.8F,
        .box = box,
        .image = read->image,
    };
    const struct takeup_lines lines = {
        .item = { .port = TAKEUP_PORT_LINES,
                  .references = 1,
                  .start_us = llrint(read->start * 1e6),
                  .end_us = llrint(read->end * 1e6) },
        .box = box,
        .lines = &line,
        .count = 1,
        .frame_width = 1000,
        .frame_height = 600,
        .from_ms = from_ms,
    };
    assert_int_equal(step_lines.feed(self, &lines.item, &fake->output), 0);
}

static char *shown(const struct fake *fake)
{
    struct str all = { 0 };
    for (size_t i = 0; i < fake->count; i++) {
        const struct takeup_segment *segment = (const struct takeup_segment *)fake->items[i];
        assert_int_equal(segment->frame_width, 1000);
        assert_int_equal(segment->frame_height, 600);
        str_addf(&all, "%g-%g ", (double)segment->item.start_us / 1e6,
                 (double)segment->item.end_us / 1e6);
        for (const char *at = segment->text; *at; at++)
            str_add_bytes(&all, *at == '\n' ? "/" : at, 1);
        for (size_t k = 0; segment->images && segment->images[k]; k++)
            str_addf(&all, k ? " %s" : " [%s", segment->images[k]);
        str_add(&all, segment->images ? "]|" : "|");
    }
    return str_take(&all);
}

static void test_segments(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fake fake;
        fake_init(&fake, -1, -1);
        void *self = mem_zero(1, step_lines.self_size);
        assert_int_equal(step_lines.open(self, &cases[i].params, &fake.host), 0);
        for (size_t k = 0; k < READ_MAX && cases[i].read[k].text; k++)
            feed(self, &cases[i].read[k], &fake, 0);
        assert_int_equal(step_lines.finish(self, &fake.output), 0);
        step_lines.close(self);
        free(self);
        CLEANUP(mem_free_text) char *got = shown(&fake);
        if (strcmp(got, cases[i].segments) != 0 ||
            strcmp(str_text(&fake.said), cases[i].dropped) != 0)
            fail_msg("row %zu: %s\n%s", i, got, str_text(&fake.said));
        fake_release(&fake);
    }
}

/* Each row is fed, and says what begins no sooner; how many segments are then there? */
static const struct {
    struct read read;
    int from_ms, segments;
} coming[] = {
    { { 1, 3, 400, 500, 200, 20, "one", "a.png" }, 500, 0 },
    { { 1, 3, 400, 530, 200, 20, "two", NULL }, 1000, 0 },
    { { 4, 6, 400, 500, 200, 20, "three", NULL }, 4000, 1 },
    { { 7, 9, 400, 500, 200, 20, "four", NULL }, 6400, 1 }, /* what goes on with "three" may come */
    { { 7, 9, 400, 530, 200, 20, "five", NULL }, 10000, 3 },
    { { 11, 12, 400, 530, 200, 20, "six", NULL }, 0, 3 }, /* it does not say */
};

static void test_segments_come_when_nothing_can_change_them(void **state)
{
    (void)state;
    static const char all[] = "1-3 one/two [a.png]|4-6 three|7-9 four/five|11-12 six|";
    for (int inputs = 1; inputs <= 2; inputs++) {
        struct params params = { 0 };
        struct fake fake;
        fake_init(&fake, -1, -1);
        fake.host.inputs = inputs;
        void *self = mem_zero(1, step_lines.self_size);
        assert_int_equal(step_lines.open(self, &params, &fake.host), 0);
        for (size_t i = 0; i < COUNT(coming); i++) {
            feed(self, &coming[i].read, &fake, (uintptr_t)coming[i].from_ms);
            /* Of two inputs one does not speak for the other. */
            if (fake.count != (size_t)(inputs == 1 ? coming[i].segments : 0))
                fail_msg("%d inputs, '%s': %zu segments", inputs, coming[i].read.text, fake.count);
        }
        assert_int_equal(step_lines.finish(self, &fake.output), 0);
        step_lines.close(self);
        free(self);
        CLEANUP(mem_free_text) char *got = shown(&fake);
        assert_string_equal(got, all);
        fake_release(&fake);
    }
}

/* A run that fails closes it with lines that nobody got. */
static void test_what_was_not_emitted_is_freed(void **state)
{
    (void)state;
    struct params params = { 0 };
    struct fake fake;
    fake_init(&fake, -1, -1);
    void *self = mem_zero(1, step_lines.self_size);
    assert_int_equal(step_lines.open(self, &params, &fake.host), 0);
    feed(self, &coming[0].read, &fake, 0);
    feed(self, &coming[2].read, &fake, 4000);
    step_lines.close(self);
    free(self);
    fake_release(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segments),
        cmocka_unit_test(test_segments_come_when_nothing_can_change_them),
        cmocka_unit_test(test_what_was_not_emitted_is_freed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
