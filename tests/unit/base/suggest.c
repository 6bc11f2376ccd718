#include "test.h"

#include "base/suggest.h"

#include <string.h>

static const char *const names[] = { "sample", "regions", "ocr", "lines", "captions" };

static const struct {
    const char *word, *nearest;
} words[] = {
    { "smaple", "sample" },
    { "region", "regions" },
    { "orc", "ocr" },
    { "caption", "captions" },
    { "linse", "lines" },
    { "ocr", "ocr" },
    { "cap", "captions" },
    { "li", NULL },
    { "yolo_tracker", NULL },
    { "", NULL },
    { "x", NULL },
    { "sampling_of_all", NULL },
};

static void test_nearest(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(words); i++) {
        const char *found = suggest_nearest(words[i].word, names, COUNT(names));
        if (!found != !words[i].nearest || (found && strcmp(found, words[i].nearest) != 0))
            fail_msg("row %zu '%s': %s", i, words[i].word, found ? found : "none");
    }
}

static void test_list_is_bounded(void **state)
{
    (void)state;
    CLEANUP(mem_free_text) char *all = suggest_list(names, COUNT(names), 100);
    assert_string_equal(all, "sample, regions, ocr, lines, captions");
    CLEANUP(mem_free_text) char *some = suggest_list(names, COUNT(names), 16);
    assert_string_equal(some, "sample, regions … and 3 more");
    CLEANUP(mem_free_text) char *none = suggest_list(names, 0, 16);
    assert_string_equal(none, "none");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest),
        cmocka_unit_test(test_list_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
