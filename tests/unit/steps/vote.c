/* Two readings of one line, of which the words are voted on. */
#include "test.h"

#include "base/str.h"
#include "steps/vote.h"

#include <stdio.h>
#include <string.h>

enum { WORDS_MAX = 4, LETTER = 10, WIDE = 9 /* of a letter's columns, what is ink */ };

/* A letter is LETTER columns wide; `at` counts them, so what reads "get it" lies where "getit" or
 * "get it" does. */
struct given {
    const char *text; /* NULL ends them */
    int at, percent;
};

static const struct {
    const char *name;
    struct given line[WORDS_MAX + 1], other[WORDS_MAX + 1];
    const char *chosen, *rest;
} cases[] = {
    { "the surer one of each pair of words",
      { { "We", 0, 90 }, { "rnet", 3, 40 }, { "here", 8, 95 } },
      { { "VVe", 0, 50 }, { "met", 3, 80 }, { "hcre", 8, 60 } },
      "We met here",
      "VVe rnet hcre" },
    { "of equals, what was read first",
      { { "clear", 0, 80 } },
      { { "dear", 0, 80 } },
      "clear",
      "dear" },
    { "one against two: the first is surer",
      { { "getit", 0, 90 } },
      { { "get", 0, 70 }, { "it", 3, 70 } },
      "getit",
      "get it" },
    { "one against two: the two are surer in the mean",
      { { "getit", 0, 70 }, { "now", 7, 90 } },
      { { "get", 0, 95 }, { "it", 3, 60 }, { "now", 7, 50 } },
      "get it now",
      "getit now" },
    { "words that overlap in a chain are one place",
      { { "abcd", 0, 50 }, { "efgh", 4, 50 } },
      { { "ab", 0, 90 }, { "cdef", 2, 90 }, { "gh", 6, 90 } },
      "ab cdef gh",
      "abcd efgh" },
    { "a word that only the surer line has stays",
      { { "a", 0, 90 }, { "new", 2, 90 }, { "day", 6, 90 } },
      { { "a", 0, 80 }, { "day", 6, 80 } },
      "a new day",
      "a day" },
    { "a word that only the less sure line has goes",
      { { "a", 0, 60 }, { "|", 2, 99 }, { "day", 6, 20 } },
      { { "a", 0, 80 }, { "day", 6, 80 } },
      "a day",
      "a | day" },
    { "a word that only the surer other has comes in",
      { { "a", 0, 60 }, { "day", 6, 60 } },
      { { "a", 0, 90 }, { "new", 2, 90 }, { "day", 6, 90 } },
      "a new day",
      "a day" },
    { "and one that only the less sure other has does not",
      { { "a", 0, 90 }, { "day", 6, 90 } },
      { { "a", 0, 80 }, { "i", 2, 80 }, { "day", 6, 80 } },
      "a day",
      "a i day" },
    { "nothing against something", { { 0 } }, { { "word", 0, 70 } }, "word", "" },
    { "something against nothing", { { "word", 0, 70 } }, { { 0 } }, "word", "" },
    { "nothing", { { 0 } }, { { 0 } }, "", "" },
};

static struct ballot ballot_of(const struct given *given)
{
    struct ballot ballot = { mem_zero(WORDS_MAX, sizeof(*ballot.words)), 0 };
    for (; given->text; given++) {
        int letters = (int)strlen(given->text);
        ballot.words[ballot.count++] = (struct takeup_word){
            .text = given->text,
            .confidence = (float)given->percent / 100,
            .box = { given->at * LETTER, 0, (letters - 1) * LETTER + WIDE, 20 },
        };
    }
    return ballot;
}

static void assert_reads(const char *name, struct ballot *ballot, const char *expected)
{
    struct str text = { 0 };
    str_add(&text, "");
    for (size_t i = 0; i < ballot->count; i++)
        str_addf(&text, i ? " %s" : "%s", ballot->words[i].text);
    if (strcmp(str_text(&text), expected) != 0)
        fail_msg("%s: '%s', not '%s'", name, str_text(&text), expected);
    str_release(&text);
    free(ballot->words);
}

static void test_of_each_word_the_surer_reading_stays(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct ballot line = ballot_of(cases[i].line), other = ballot_of(cases[i].other);
        vote(&line, &other);
        assert_reads(cases[i].name, &line, cases[i].chosen);
        assert_reads(cases[i].name, &other, cases[i].rest);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_of_each_word_the_surer_reading_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
