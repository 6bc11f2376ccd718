#include "test.h"

#include "base/str.h"
#include "reading/lines.h"

#include <inttypes.h>
#include <stdio.h>
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

static void test_stretches(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(runs); i++) {
        CLEANUP(lines_free) struct lines *lines = lines_new();
        struct str out = { 0 };
        const struct lines_stretch *stretch;
        str_add(&out, "");
        for (size_t k = 0; k < COUNT(runs[i].rows) && runs[i].rows[k].text; k++)
            add_row(lines, &runs[i].rows[k]);
        lines_end(lines);
        while ((stretch = lines_next(lines)))
            str_addf(&out, "%" PRId64 "-%" PRId64 " %s;", stretch->start_us / 1000,
                     stretch->end_us / 1000, stretch->text);
        if (strcmp(str_text(&out), runs[i].stretches) != 0)
            fail_msg("%s: %s", runs[i].name, str_text(&out));
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
    const struct lines_stretch *stretch = lines_next(lines);
    assert_non_null(stretch);
    assert_true(stretch->confidence > .79 && stretch->confidence < .81);
    assert_int_equal(stretch->box.x, 10);
    assert_int_equal(stretch->box.y, 30);
    assert_int_equal(stretch->box.width, WIDTH);
    assert_int_equal(stretch->box.height, HEIGHT);
    assert_null(lines_next(lines));
}

static void test_what_nobody_asked_for_is_freed_too(void **state)
{
    (void)state;
    CLEANUP(lines_free) struct lines *lines = lines_new();
    add_row(lines, &(struct row){ 0, 1000, 0, 0, WIDTH, 0, "A" });
    add_row(lines, &(struct row){ 0, 1000, 0, LINE, WIDTH, 0, "B" });
    lines_end(lines);
    assert_non_null(lines_next(lines));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alike),
        cmocka_unit_test(test_stretches),
        cmocka_unit_test(test_a_stretch_has_the_box_of_its_first_and_the_best_confidence),
        cmocka_unit_test(test_what_nobody_asked_for_is_freed_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
