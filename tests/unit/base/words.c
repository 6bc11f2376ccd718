/* Times and words of a command line: what is written is read back. */
#include "test.h"

#include "base/str.h"
#include "base/time.h"

#include <string.h>

static const struct {
    const char *text;
    bool valid;
    int64_t wall_ms;
} times[] = {
    { "1970-01-01T00:00:00.000Z", true, 0 },
    { "2026-01-31T14:03:10.042Z", true, 1769868190042 },
    { "2026-01-31T14:03:10Z", false, 0 },
    { "2026-01-31T14:03:10.042", false, 0 },
    { "2026-01-31T14:03:10.042Zx", false, 0 },
    { "2026-1-31T14:03:10.0042Z", false, 0 },
    { "", false, 0 },
    { "yesterday", false, 0 },
};

static void test_times(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(times); i++) {
        int64_t ms = 0;
        char text[TIME_TEXT_SIZE];
        if (time_parse(times[i].text, &ms) != times[i].valid)
            fail_msg("row %zu '%s'", i, times[i].text);
        if (times[i].valid && ms != times[i].wall_ms)
            fail_msg("row %zu '%s': %lld", i, times[i].text, (long long)ms);
        if (times[i].valid && strcmp(time_format(ms, text), times[i].text) != 0)
            fail_msg("row %zu '%s': written as '%s'", i, times[i].text, text);
    }
}

static const struct {
    const char *text, *word;
} words[] = {
    { "/srv/spool", "/srv/spool" },
    { "/my spool", "'/my spool'" },
    { "it's", "'it'\\''s'" },
    { "", "''" },
    { "a$b", "'a$b'" },
    { "caf\xC3\xA9", "'caf\xC3\xA9'" },
};

static void test_shell_words(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(words); i++) {
        CLEANUP(mem_free_text) char *word = str_shell_word(words[i].text);
        if (strcmp(word, words[i].word) != 0)
            fail_msg("row %zu '%s': %s", i, words[i].text, word);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_shell_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
