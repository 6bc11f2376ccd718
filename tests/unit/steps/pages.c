/* Texts and pictures become pages. */
#include "host.h"

#include "steps/common.h"

#include <math.h>
#include <string.h>

struct said {
    double start, end;
    int x, y, height;
    const char *text; /* "": a picture */
};

enum { SAID_MAX = 6 };

/* Pages are "START-END TEXT [PICTURE]|…", a new line in a text is "/". */
static const struct {
    struct said said[SAID_MAX]; /* text NULL ends them */
    const char *pages;
} cases[] = {
    { { { 0, 0, 0, 0, 0, NULL } }, "" },
    { { { 0, 5, 0, 0, 600, "" } }, "0-5  [0.png]|" },
    { { { 1, 4, 50, 50, 20, "a text" } }, "1-4 a text|" },
    /* From top to bottom, whatever came first. */
    { { { 1, 5, 50, 90, 20, "low" },
        { 0, 5, 50, 50, 20, "high" },
        { 0, 5, 0, 0, 600, "" },
        { 0, 5, 300, 52, 20, "beside" } },
      "0-5 high/beside/low [2.png]|" },
    /* Each to its page, a heading to all of them. */
    { { { 0, 10, 50, 20, 20, "head" },
        { 0, 5, 50, 45, 20, "one" },
        { 5, 10, 50, 45, 20, "two" },
        { 0, 5, 0, 0, 600, "" },
        { 5.2, 10, 0, 0, 600, "" } },
      "0-5 head/one [3.png]|5.2-10 head/two [4.png]|" },
    /* A point that comes late; what lies further apart is a paragraph. */
    { { { 0, 9, 50, 20, 20, "head" }, { 8, 9, 50, 80, 45, "late/later" }, { 0, 9, 0, 0, 600, "" } },
      "0-9 head//late/later [2.png]|" },
    /* A column after the other, where their rows do not line up. */
    { { { 0, 5, 50, 50, 20, "left" },
        { 0, 5, 300, 65, 20, "right" },
        { 0, 5, 50, 80, 20, "left below" },
        { 0, 5, 300, 95, 20, "right below" },
        { 0, 5, 0, 0, 600, "" } },
      "0-5 left/left below/right/right below [4.png]|" },
    /* Text on no page stays, in its order. */
    { { { 0, 2, 50, 20, 20, "before" },
        { 3, 6, 50, 20, 20, "on it" },
        { 7, 9, 50, 20, 20, "behind" },
        { 5.5, 8.5, 50, 90, 20, "mostly behind" },
        { 3, 6, 0, 0, 600, "" } },
      "0-2 before|3-6 on it [4.png]|5.5-8.5 mostly behind|7-9 behind|" },
};

static void nothing_free(struct takeup_item *item)
{
    free((char *)((struct takeup_segment *)item)->text);
    free(item);
}

static void feed(void *self, const struct said *said, int number)
{
    static const char *const pictures[][2] = { { "0.png", NULL }, { "1.png", NULL },
                                               { "2.png", NULL }, { "3.png", NULL },
                                               { "4.png", NULL }, { "5.png", NULL } };
    struct takeup_segment *segment = MEM_NEW(struct takeup_segment);
    segment->item = (struct takeup_item){ .port = TAKEUP_PORT_SEGMENTS,
                                          .references = 1,
                                          .number = (uint64_t)number,
                                          .start_us = llrint(said->start * 1e6),
                                          .end_us = llrint(said->end * 1e6),
                                          .free = nothing_free };
    char *text = mem_strdup(said->text);
    for (char *at = text; (at = strchr(at, '/'));)
        *at = '\n';
    segment->text = text;
    segment->confidence = said->y == 20 ? 0.5F : 0.75F;
    segment->box = (struct takeup_box){ said->x, said->y, 200, said->height };
    segment->images = said->text[0] ? NULL : pictures[number];
    assert_int_equal(step_pages.feed(self, &segment->item, NULL), 0);
    takeup_item_unref(segment);
}

static char *shown(const struct fake *fake)
{
    struct str all = { 0 };
    for (size_t i = 0; i < fake->count; i++) {
        const struct takeup_segment *segment = (const struct takeup_segment *)fake->items[i];
        str_addf(&all, "%g-%g ", (double)segment->item.start_us / 1e6,
                 (double)segment->item.end_us / 1e6);
        for (const char *at = segment->text; *at; at++)
            str_add_bytes(&all, *at == '\n' ? "/" : at, 1);
        if (segment->images)
            str_addf(&all, " [%s]", segment->images[0]);
        str_add(&all, "|");
    }
    return str_take(&all);
}

static void test_pages(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct fake fake;
        fake_init(&fake, -1, -1);
        void *self = mem_zero(1, step_pages.self_size);
        for (int k = 0; k < SAID_MAX && cases[i].said[k].text; k++)
            feed(self, &cases[i].said[k], k);
        assert_int_equal(step_pages.finish(self, &fake.output), 0);
        step_pages.close(self);
        free(self);
        CLEANUP(mem_free_text) char *got = shown(&fake);
        if (strcmp(got, cases[i].pages) != 0)
            fail_msg("row %zu: %s", i, got);
        fake_release(&fake);
    }
}

/* What is emitted holds on to all it needs, and to nothing when it is gone. */
static void test_the_least_sure_text_speaks_for_all(void **state)
{
    (void)state;
    struct fake fake;
    fake_init(&fake, -1, -1);
    void *self = mem_zero(1, step_pages.self_size);
    const struct said said[] = { { 0, 5, 50, 20, 20, "less sure" },
                                 { 0, 5, 50, 60, 20, "sure" },
                                 { 0, 5, 0, 0, 600, "" } };
    for (int k = 0; k < 3; k++)
        feed(self, &said[k], k);
    assert_int_equal(step_pages.finish(self, &fake.output), 0);
    step_pages.close(self);
    free(self);
    assert_int_equal(fake.count, 1);
    const struct takeup_segment *page = (const struct takeup_segment *)fake.items[0];
    assert_true(fabsf(page->confidence - 0.5F) < 0.001F);
    assert_int_equal(page->box.height, 600);
    assert_string_equal(page->images[0], "2.png");
    fake_release(&fake);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_the_least_sure_text_speaks_for_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
