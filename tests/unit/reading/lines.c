#include "test.h"

#include "base/str.h"
#include "reading/lines.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *a, *b;
    bool alike;
} pairs[] = {
    { "Hello", "Hello", true },
    { "Hello", "HeIIo", true },
    { "a b c", "ab c", true },
    { "Hello.", "Hello", true },
    { "", "", true },
    { "Hello", "", false },
    { "Item 1", "Item 2", false },
    { "Item 1", "Item l", false },
    { "10", "1", false },
    { "Item 10", "Item 1 0", true },
    { "Hello", "Hallo", false },
    { "Hello", "Hello you", false },
    { "\xc3\xa9t\xc3\xa9", "\xc3\xa9t\xc3\xa8", false },
};

static void test_alike(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(pairs); i++)
        if (lines_alike(pairs[i].a, pairs[i].b) != pairs[i].alike ||
            lines_alike(pairs[i].b, pairs[i].a) != pairs[i].alike)
            fail_msg("row %zu: '%s', '%s'", i, pairs[i].a, pairs[i].b);
}

/* A reading: when, where, what. */
struct row {
    int start_ms, end_ms, x, y, width, confidence; /* in percent; 0: 50 */
    const char *text; /* behind a '^': it has moved, and was there when it began */
};

enum { HEIGHT = 15, LINE = 20, BESIDE = 200, WIDTH = 100 };

static const struct {
    const char *name;
    struct row rows[5];
    const char *stretches; /* START-END TEXT, in milliseconds */
} runs[] = {
    { "one text is one stretch",
      { { 0, 1000, 0, 0, WIDTH, 0, "A" },
        { 1000, 2000, 0, 0, WIDTH, 0, "A" },
        { 2000, 3000, 0, 0, WIDTH, 0, "A" } },
      "0-3000 A;" },
    { "another text is another",
      { { 0, 1000, 0, 0, WIDTH, 0, "A" }, { 1000, 2000, 0, 0, WIDTH, 0, "B" } },
      "0-1000 A;1000-2000 B;" },
    { "a gap parts",
      { { 0, 1000, 0, 0, WIDTH, 0, "A" }, { 2000, 3000, 0, 0, WIDTH, 0, "A" } },
      "0-1000 A;2000-3000 A;" },
    { "a blink does not",
      { { 0, 1000, 0, 0, WIDTH, 0, "A" }, { 1400, 3000, 0, 0, WIDTH, 0, "A" } },
      "0-3000 A;" },
    { "one that lies within the other",
      { { 0, 5000, 0, 0, WIDTH, 0, "A" }, { 1000, 2000, 0, 0, WIDTH, 0, "A" } },
      "0-5000 A;" },
    { "in any order",
      { { 2000, 3000, 0, 0, WIDTH, 0, "C" },
        { 1000, 2000, 0, 0, WIDTH, 0, "B" },
        { 0, 1000, 0, 0, WIDTH, 0, "A" },
        { 3000, 4000, 0, 0, WIDTH, 0, "C" } },
      "0-1000 A;1000-2000 B;2000-4000 C;" },
    { "of one time, from top to bottom, from left to right",
      { { 0, 1000, BESIDE, LINE, WIDTH, 0, "D" },
        { 0, 1000, 0, LINE, WIDTH, 0, "C" },
        { 0, 1000, BESIDE, 0, WIDTH, 0, "B" },
        { 0, 1000, 0, 0, WIDTH, 0, "A" } },
      "0-1000 A;0-1000 B;0-1000 C;0-1000 D;" },
    { "the best reading stays",
      { { 0, 1000, 0, 0, WIDTH, 50, "HeIlo" },
        { 1000, 2000, 0, 0, WIDTH, 90, "Hello" },
        { 2000, 3000, 0, 0, WIDTH, 70, "HelIo" } },
      "0-3000 Hello;" },
    { "a list that counts",
      { { 0, 1000, 0, 0, WIDTH, 50, "Item 1" },
        { 1000, 2000, 0, 0, WIDTH, 90, "Item 2" },
        { 2000, 3000, 0, 0, WIDTH, 70, "Item 3" } },
      "0-1000 Item 1;1000-2000 Item 2;2000-3000 Item 3;" },
    { "two that stand, one that changes",
      { { 0, 3000, 0, 0, WIDTH, 0, "A" },
        { 0, 1000, 0, LINE, WIDTH, 0, "B" },
        { 1000, 3000, 0, LINE, WIDTH, 0, "C" } },
      "0-3000 A;0-1000 B;1000-3000 C;" },
    { "a line that moves",
      { { 0, 1000, 0, 0, WIDTH, 0, "A" },
        { 0, 1000, 0, LINE, WIDTH, 0, "B" },
        { 1000, 2000, 0, 0, WIDTH, 0, "B" },
        { 1000, 2000, 0, LINE, WIDTH, 0, "C" },
        { 2000, 3000, 0, 0, WIDTH, 0, "C" } },
      "0-1000 A;0-2000 B;1000-3000 C;" },
    { "the same twice at one time",
      { { 0, 1000, 0, 0, WIDTH, 0, "A" },
        { 0, 1000, 0, LINE, WIDTH, 0, "A" },
        { 1000, 2000, 0, 0, WIDTH, 0, "A" },
        { 1000, 2000, 0, LINE, WIDTH, 0, "A" } },
      "0-2000 A;0-2000 A;" },
    { "of a line that grows, the last state",
      { { 0, 1000, 0, 0, 40, 50, "Good" }, { 0, 3000, 0, 0, WIDTH, 50, "Good morning" } },
      "0-3000 Good morning;" },
    { "a part of it, misread",
      { { 0, 1000, 50, 0, 50, 50, "rnorning" }, { 0, 3000, 0, 0, WIDTH, 50, "Good morning" } },
      "0-3000 Good morning;" },
    { "junk in its place",
      { { 0, 1000, 0, 0, 40, 40, "xK q" }, { 0, 3000, 0, 0, WIDTH, 90, "Good morning" } },
      "0-3000 Good morning;" },
    { "a part, but elsewhere",
      { { 0, 1000, 0, LINE, 40, 50, "Good" }, { 0, 3000, 0, 0, WIDTH, 50, "Good morning" } },
      "0-3000 Good morning;0-1000 Good;" },
    { "a part, but before",
      { { 0, 1000, 0, 0, 40, 50, "Good" }, { 1000, 3000, 0, 0, WIDTH, 50, "Good morning" } },
      "0-1000 Good;1000-3000 Good morning;" },
    { "another text over it",
      { { 0, 1000, 0, 0, WIDTH, 50, "Good morning" }, { 0, 3000, 0, 0, WIDTH, 50, "Coffee" } },
      "0-1000 Good morning;0-3000 Coffee;" },
    { "two readings of one place at one time, an error in one",
      { { 0, 3000, 0, 0, WIDTH, 95, "Good morning" },
        { 1000, 4000, 4, 2, WIDTH, 97, "Good moming" } },
      "0-4000 Good moming;" },
    { "one after the other, of which one is no good",
      { { 0, 1000, 0, 0, WIDTH, 95, "Good morning" },
        { 1000, 2000, 0, 0, WIDTH, 89, "Good moming" } },
      "0-2000 Good morning;" },
    { "one after the other, both read well",
      { { 0, 1000, 0, 0, WIDTH, 95, "Good morning" },
        { 1000, 2000, 0, 0, WIDTH, 91, "Good moming" } },
      "0-1000 Good morning;1000-2000 Good moming;" },
    { "after a blink, a letter of it misread, however surely",
      { { 0, 1000, 0, 0, WIDTH, 93, "Apply tojthe other parts" },
        { 1160, 2000, 0, 0, WIDTH, 93, "Apply toithe other parts" } },
      "0-2000 Apply tojthe other parts;" },
    { "without one, another letter is another text",
      { { 0, 1000, 0, 0, WIDTH, 93, "Section a of these parts" },
        { 1000, 2000, 0, 0, WIDTH, 93, "Section b of these parts" } },
      "0-1000 Section a of these parts;1000-2000 Section b of these parts;" },
    { "and after one, another digit",
      { { 0, 1000, 0, 0, WIDTH, 93, "Section 1 of these parts" },
        { 1160, 2000, 0, 0, WIDTH, 93, "Section 2 of these parts" } },
      "0-1000 Section 1 of these parts;1160-2000 Section 2 of these parts;" },
    { "at one time, but in another place",
      { { 0, 3000, 0, 0, WIDTH, 60, "Good morning" },
        { 1000, 4000, 0, LINE, WIDTH, 60, "Good moming" } },
      "0-3000 Good morning;1000-4000 Good moming;" },
    { "much of it differs",
      { { 0, 1000, 0, 0, WIDTH, 60, "Good morning" },
        { 1000, 2000, 0, 0, WIDTH, 60, "Good afternoon" } },
      "0-1000 Good morning;1000-2000 Good afternoon;" },
    { "at one time, and one is but a part of the other's place",
      { { 0, 3000, 0, 0, WIDTH, 60, "Good morning" }, { 1000, 4000, 0, 0, 40, 60, "Good moming" } },
      "0-3000 Good morning;1000-4000 Good moming;" },
    { "the same, the smaller one first",
      { { 0, 3000, 0, 0, 40, 60, "Good morning" }, { 1000, 4000, 0, 0, WIDTH, 60, "Good moming" } },
      "0-3000 Good morning;1000-4000 Good moming;" },
    { "one after the other, one has a word more",
      { { 0, 1000, 0, 0, WIDTH, 60, "Good morning" },
        { 1000, 2000, 0, 0, WIDTH, 60, "Good morning to all" } },
      "0-1000 Good morning;1000-2000 Good morning to all;" },
    { "one after the other, one has a word less",
      { { 0, 1000, 0, 0, WIDTH, 60, "Good morning to all" },
        { 1000, 2000, 0, 0, WIDTH, 60, "Good morning" } },
      "0-1000 Good morning to all;1000-2000 Good morning;" },
    { "another digit is no error, however badly it was read",
      { { 0, 3000, 0, 0, WIDTH, 60, "Platform 12" },
        { 1000, 4000, 0, 0, WIDTH, 60, "Platform 13" } },
      "0-3000 Platform 12;1000-4000 Platform 13;" },
    { "one that scrolled away, and another in its old place",
      { { 0, 5000, 0, 0, WIDTH, 0, "^$ make" }, { 2000, 6000, 0, 0, WIDTH, 0, "^$ make" } },
      "0-5000 $ make;2000-6000 $ make;" },
    { "even where the second one never moves",
      { { 0, 5000, 0, 0, WIDTH, 0, "^$ make" }, { 2000, 6000, 0, 0, WIDTH, 0, "$ make" } },
      "0-5000 $ make;2000-6000 $ make;" },
    { "had it not moved it would be one",
      { { 0, 5000, 0, 0, WIDTH, 0, "$ make" }, { 2000, 6000, 0, 0, WIDTH, 0, "$ make" } },
      "0-6000 $ make;" },
    { "two readings of one that scrolls, begun together",
      { { 0, 5000, 0, 0, WIDTH, 0, "^$ make" }, { 200, 6000, 0, 0, WIDTH, 0, "^$ make" } },
      "0-6000 $ make;" },
    { "one that scrolled is no shadow of what is typed where it was",
      { { 0, 5000, 0, 0, 40, 30, "^$ ma" }, { 2000, 6000, 0, 0, WIDTH, 90, "$ make" } },
      "0-5000 $ ma;2000-6000 $ make;" },
    { "what is seen to come up some frames apart begins with the last of it",
      { { 1000, 3000, 0, LINE, WIDTH, 0, "B" },
        { 1080, 3000, 0, 0, WIDTH, 0, "A" },
        { 1210, 3000, BESIDE, 0, WIDTH, 0, "C" } },
      "1080-3000 A;1080-3000 B;1210-3000 C;" },
    { "but what scrolls comes up one after the other",
      { { 1000, 3000, 0, LINE, WIDTH, 0, "^B" }, { 1080, 3000, 0, 0, WIDTH, 0, "A" } },
      "1000-3000 B;1080-3000 A;" },
    { "a part that was seen before by chance",
      { { 480, 1320, 30, 0, 60, 90, "draft) by" },
        { 960, 3000, 0, 0, WIDTH, 90, "As a draft) by the" } },
      "960-3000 As a draft) by the;" },
    { "chance in its place, however well it was read",
      { { 520, 900, 30, 0, 20, 96, "jena" },
        { 520, 5000, 0, 0, WIDTH, 97, "Good morning to you" } },
      "520-5000 Good morning to you;" },
    { "but not beside it",
      { { 520, 900, 90, 0, 20, 96, "jena" },
        { 520, 5000, 0, 0, WIDTH, 97, "Good morning to you" } },
      "520-5000 Good morning to you;520-900 jena;" },
    { "nor for as long",
      { { 520, 3900, 30, 0, 20, 96, "jena" },
        { 520, 5000, 0, 0, WIDTH, 97, "Good morning to you" } },
      "520-5000 Good morning to you;520-3900 jena;" },
    { "one that scrolled until another reading of it begins",
      { { 0, 1000, 0, 0, WIDTH, 60, "^Good morning" },
        { 1000, 2000, 0, 0, WIDTH, 50, "Good moming" } },
      "0-2000 Good morning;" },
    { "a worse reading of the same, in a part of its place",
      { { 0, 3000, 0, 0, 40, 80, "Good moming" }, { 0, 3000, 0, 0, WIDTH, 90, "Good morning" } },
      "0-3000 Good morning;" },
    { "blanks are no text",
      { { 0, 1000, 0, 0, WIDTH, 0, " " },
        { 0, 1000, 0, LINE, WIDTH, 0, "" },
        { 1000, 2000, 0, 0, WIDTH, 0, "A" } },
      "1000-2000 A;" },
    { "nothing", { { 0 } }, "" },
};

static void add_row(struct lines *lines, const struct row *row)
{
    char text[40]; /* borrowed no longer than by the call */
    bool has_moved = row->text[0] == '^';
    (void)snprintf(text, sizeof(text), "%s", row->text + has_moved);
    const struct lines_reading reading = {
        .text = text,
        .confidence = row->confidence ? row->confidence / 100.0 : .5,
        .box = { row->x, row->y, row->width, HEIGHT },
        .has_moved = has_moved,
    };
    lines_add(lines, &reading, row->start_ms * INT64_C(1000), row->end_ms * INT64_C(1000));
    memset(text, 'X', sizeof(text) - 1);
}

/* What lines_next gives now, behind what it gave before. */
static void take(struct lines *lines, struct str *out)
{
    struct lines_stretch stretch;
    while (lines_next(lines, &stretch)) {
        str_addf(out, "%" PRId64 "-%" PRId64 " %s;", stretch.start_us / 1000, stretch.end_us / 1000,
                 stretch.text);
        lines_stretch_release(&stretch);
    }
}

/* Settled as far as it can be after each row; or not before the end. */
static char *stretches_of(const struct row *rows, size_t count, bool as_they_come)
{
    CLEANUP(lines_free) struct lines *lines = lines_new();
    struct str out = { 0 };
    str_add(&out, "");
    for (size_t i = 0; i < count; i++) {
        add_row(lines, &rows[i]);
        if (!as_they_come || i + 1 == count)
            continue;
        int from_ms = rows[i + 1].start_ms;
        for (size_t k = i + 1; k < count; k++)
            from_ms = rows[k].start_ms < from_ms ? rows[k].start_ms : from_ms;
        lines_settle(lines, from_ms * INT64_C(1000));
        take(lines, &out);
    }
    lines_end(lines);
    take(lines, &out);
    return str_take(&out);
}

static void test_stretches(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(runs); i++) {
        size_t run = i / 2, count = 0;
        while (count < COUNT(runs[run].rows) && runs[run].rows[count].text)
            count++;
        CLEANUP(mem_free_text) char *got = stretches_of(runs[run].rows, count, i % 2);
        if (strcmp(got, runs[run].stretches) != 0)
            fail_msg("%s%s: %s", runs[run].name, i % 2 ? ", as they come" : "", got);
    }
}

static int by_end(const void *a, const void *b)
{
    return ((const struct row *)a)->end_ms - ((const struct row *)b)->end_ms;
}

/* The same numbers each time, below `bound`. */
static int chance(int bound)
{
    static uint32_t state = 1;
    state = state * 1664525U + 1013904223U;
    return (int)((state >> 8) % (uint32_t)bound);
}

static void test_when_they_are_settled_is_all_one(void **state)
{
    (void)state;
    static const char *const texts[] = { "Good morning", "Good moming", "^Good morning",
                                         "Good",         "x",           "Item 1" };
    enum { RUNS = 3000, ROWS = 24 };
    for (int run = 0; run < RUNS; run++) {
        struct row rows[ROWS];
        for (int i = 0; i < ROWS; i++) {
            int start_ms = chance(120) * 80, length_ms = chance(8) ? 2000 : 8000;
            rows[i] = (struct row){ .start_ms = start_ms,
                                    .end_ms = start_ms + 80 + chance(length_ms),
                                    .x = chance(2) * 10,
                                    .y = chance(2) * LINE,
                                    .width = chance(3) ? WIDTH : 40,
                                    .confidence = 50 + chance(50),
                                    .text = texts[chance((int)COUNT(texts))] };
        }
        qsort(rows, ROWS, sizeof(*rows), by_end);
        CLEANUP(mem_free_text) char *at_once = stretches_of(rows, ROWS, true);
        CLEANUP(mem_free_text) char *at_end = stretches_of(rows, ROWS, false);
        if (strcmp(at_once, at_end) != 0)
            fail_msg("run %d: %s\n%s", run, at_once, at_end);
    }
}

/* Rows, then what is settled; the last column is what comes out by it. */
static const struct {
    const char *name;
    struct row rows[3];
    int from_ms;
    const char *stretches;
    int next_from_ms;
} settled[] = {
    { "what ended well before",
      { { 0, 1000, 0, 0, WIDTH, 0, "A" }, { 2000, 3000, 0, 0, WIDTH, 0, "B" } },
      1600,
      "0-1000 A;",
      1600 },
    { "what may go on is not settled", { { 0, 1000, 0, 0, WIDTH, 0, "A" } }, 1400, "", 0 },
    { "nor is what lies within one that may go on",
      { { 0, 1000, 0, 0, WIDTH, 0, "A" }, { 900, 3000, 0, LINE, WIDTH, 0, "B" } },
      2000,
      "",
      0 },
    { "nor what comes after one of them",
      { { 0, 3000, 0, LINE, WIDTH, 0, "B" }, { 500, 1000, 0, 0, WIDTH, 0, "A" } },
      2000,
      "",
      0 },
    { "what is added but may come up with others waits",
      { { 0, 100, 0, 0, WIDTH, 0, "A" } },
      150,
      "",
      0 },
    { "and keeps back what it may go on with",
      { { 0, 1000, 0, 0, WIDTH, 0, "A" }, { 1450, 1500, 0, 0, WIDTH, 0, "A" } },
      1600,
      "",
      0 },
};

static void test_what_is_settled_is_given(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(settled); i++) {
        CLEANUP(lines_free) struct lines *lines = lines_new();
        struct str out = { 0 };
        str_add(&out, "");
        for (size_t k = 0; k < COUNT(settled[i].rows) && settled[i].rows[k].text; k++)
            add_row(lines, &settled[i].rows[k]);
        lines_settle(lines, settled[i].from_ms * INT64_C(1000));
        take(lines, &out);
        if (strcmp(str_text(&out), settled[i].stretches) != 0 ||
            lines_next_from_us(lines) != settled[i].next_from_ms * INT64_C(1000))
            fail_msg("%s: %s, next from %" PRId64 " us", settled[i].name, str_text(&out),
                     lines_next_from_us(lines));
        str_release(&out);
    }
}

static void test_a_stretch_has_the_box_of_its_first_and_the_best_confidence(void **state)
{
    (void)state;
    CLEANUP(lines_free) struct lines *lines = lines_new();
    add_row(lines, &(struct row){ 0, 1000, 10, 30, WIDTH, 60, "Hello" });
    add_row(lines, &(struct row){ 1000, 2000, 10, 20, WIDTH, 80, "Hello" });
    add_row(lines, &(struct row){ 2000, 3000, 10, 10, WIDTH, 70, "Hello" });
    lines_end(lines);
    struct lines_stretch stretch, other;
    assert_true(lines_next(lines, &stretch));
    assert_true(stretch.confidence > .79 && stretch.confidence < .81);
    assert_int_equal(stretch.box.x, 10);
    assert_int_equal(stretch.box.y, 30);
    assert_int_equal(stretch.box.width, WIDTH);
    assert_int_equal(stretch.box.height, HEIGHT);
    assert_false(lines_next(lines, &other));
    lines_stretch_release(&stretch);
}

static void test_what_nobody_asked_for_is_freed_too(void **state)
{
    (void)state;
    CLEANUP(lines_free) struct lines *lines = lines_new();
    add_row(lines, &(struct row){ 0, 1000, 0, 0, WIDTH, 0, "A" });
    add_row(lines, &(struct row){ 0, 1000, 0, LINE, WIDTH, 0, "B" });
    lines_end(lines);
    struct lines_stretch stretch;
    assert_true(lines_next(lines, &stretch));
    lines_stretch_release(&stretch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alike),
        cmocka_unit_test(test_stretches),
        cmocka_unit_test(test_when_they_are_settled_is_all_one),
        cmocka_unit_test(test_what_is_settled_is_given),
        cmocka_unit_test(test_a_stretch_has_the_box_of_its_first_and_the_best_confidence),
        cmocka_unit_test(test_what_nobody_asked_for_is_freed_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
