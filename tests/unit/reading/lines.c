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

/* An image a second and in each up to three lines at y 10, 30, 50; "=" tells the confidence. */
static const struct {
    const char *name;
    const char *images[6][3];
    const char *stretches; /* START-END TEXT, in seconds */
} runs[] = {
    { "one text is one stretch", { { "A" }, { "A" }, { "A" } }, "0-3 A;" },
    { "another text is another", { { "A" }, { "B" } }, "0-1 A;1-2 B;" },
    { "a gap parts", { { "A" }, { NULL }, { "A" } }, "0-1 A;2-3 A;" },
    { "the best reading stays", { { "HeIlo=5" }, { "Hello=9" }, { "HelIo=7" } }, "0-3 Hello;" },
    { "a list that counts",
      { { "Item 1" }, { "Item 2" }, { "Item 3" } },
      "0-1 Item 1;1-2 Item 2;2-3 Item 3;" },
    { "two that stand, one that changes",
      { { "A", "B" }, { "A", "C" }, { "A", "C" } },
      "0-3 A;0-1 B;1-3 C;" },
    { "a line that moves", { { "A", "B" }, { "B", "C" }, { "C" } }, "0-1 A;0-2 B;1-3 C;" },
    { "the same twice in one image", { { "A", "A" }, { "A", "A" } }, "0-2 A;0-2 A;" },
    { "blanks are no text", { { " ", "" }, { "A" } }, "1-2 A;" },
};

static void take_ended(struct lines *lines, struct str *out)
{
    const struct lines_stretch *stretch;
    while ((stretch = lines_next(lines)))
        str_addf(out, "%" PRId64 "-%" PRId64 " %s;", stretch->start_us / 1000000,
                 stretch->end_us / 1000000, stretch->text);
}

static void add_image(struct lines *lines, const char *const texts[3], int64_t second)
{
    struct lines_reading readings[3];
    char text[3][40];
    size_t count = 0;
    for (; count < 3 && texts[count]; count++) {
        (void)snprintf(text[count], sizeof(text[count]), "%s", texts[count]);
        char *mark = strchr(text[count], '=');
        readings[count] = (struct lines_reading){ .text = text[count],
                                                  .confidence = mark ? (mark[1] - '0') / 10.0 : .5,
                                                  .box = { 10, 10 + 20 * (int)count, 50, 15 } };
        if (mark)
            *mark = '\0';
    }
    lines_add(lines, readings, count, second * 1000000, (second + 1) * 1000000);
}

static void test_stretches(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(runs); i++) {
        CLEANUP(lines_free) struct lines *lines = lines_new();
        struct str out = { 0 };
        for (size_t image = 0; image < COUNT(runs[i].images); image++) {
            add_image(lines, runs[i].images[image], (int64_t)image);
            take_ended(lines, &out);
        }
        lines_end(lines);
        take_ended(lines, &out);
        if (strcmp(str_text(&out), runs[i].stretches) != 0)
            fail_msg("%s: %s", runs[i].name, str_text(&out));
        str_release(&out);
    }
}

static void test_what_lasts_is_freed_too(void **state)
{
    (void)state;
    CLEANUP(lines_free) struct lines *lines = lines_new();
    add_image(lines, (const char *const[3]){ "A", "B" }, 0);
    assert_null(lines_next(lines));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alike),
        cmocka_unit_test(test_stretches),
        cmocka_unit_test(test_what_lasts_is_freed_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
