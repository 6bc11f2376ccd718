/* What is text, and how sure a reader has to be of it. */
#include "test.h"

#include "steps/plausible.h"

static const struct {
    const char *text;
    bool has_letter;
} letters[] = {
    { "", false },
    { " ", false },
    { "--- .", false },
    { "|", false },
    { "= / \\", false },
    { "\xe2\x80\x94 \xe2\x80\x9c", false }, /* a dash, a quote */
    { "\xe2\x84\xa2", false },              /* a trade mark */
    { "\xe2\x82\xac \xc2\xa9", false },     /* a euro, a copyright */
    { "\xe2\x96\xa0 \xc3\x97", false },     /* a square, a times */
    { "\xe2\xb2\x80", true },               /* Coptic */
    { "\xe2\x82\xac 5", true },
    { "a", true },
    { "7", true },
    { "- 7 -", true },
    { "\xc3\xa9", true },
    { "\xe2\x80\x94\xd0\x96", true },
    { "\xe5\x87\xba\xe5\x8f\xa3", true },
};

static void test_a_text_has_a_letter(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(letters); i++)
        if (plausible_has_letter(letters[i].text) != letters[i].has_letter)
            fail_msg("'%s'", letters[i].text);
}

/* In percent, where .6 is enough for a line. */
static const struct {
    const char *text;
    int percent;
    bool is_kept; /* at that confidence */
} readings[] = {
    /* Of pictures. */
    { "il", 90, false },
    { "L", 84, false },
    { "I", 85, false },
    { "T", 91, false },
    { "TTT", 87, false },
    { "LL=", 89, false },
    { "po", 81, false },
    { "LI IL TT LL", 90, false },
    { "L=LLE L Os L= LE", 67, false },
    { "xK q", 79, false },
    /* Of text. */
    { "12:05:33", 94, true },
    { "11:11", 94, true },
    { "OK", 95, true },
    { "I", 96, true },
    { "Yes.", 90, true },
    { "No.", 85, true },
    { "break", 81, true },
    { "Till then", 61, true },
    { "Good morning", 60, true },
    { "Good morning", 59, false },
    { "It is I, so go on", 85, true },
    { "I am on my way home now", 61, true },
    /* A word of two characters; an umlaut is one letter. */
    { "\xe5\x87\xba\xe5\x8f\xa3", 81, true },
    { "\xe5\x87\xba\xe5\x8f\xa3", 79, false },
    { "M\xc3\xbcnch\xc3\xa4n", 79, false },
    { "M\xc3\xbcnch\xc3\xa4n.", 61, true },
    { "\xe4\xbb\x8a \xe6\x97\xa5 \xe5\x87\xba \xe5\x8f\xa3 \xe4\xbb\x8a \xe6\x97\xa5 \xe5\x87\xba "
      "\xe5\x8f\xa3",
      61, true },
};

static void test_few_letters_and_strokes_need_more_confidence(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(readings); i++) {
        double least = plausible_least(readings[i].text, .6);
        if ((readings[i].percent / 100.0 >= least) != readings[i].is_kept)
            fail_msg("'%s' needs %g", readings[i].text, least);
    }
}

static void test_it_is_a_part_of_the_way_from_what_a_line_needs(void **state)
{
    (void)state;
    static const double leasts[] = { 0, .6, .9, 1 };
    for (size_t i = 0; i < COUNT(leasts); i++) {
        double least = leasts[i], before = least;
        static const char *const texts[] = { "Good morning", "Hi!", "Hi", "il" };
        assert_true(plausible_least("Good morning", least) == least);
        for (size_t k = 0; k < COUNT(texts); k++) {
            double needed = plausible_least(texts[k], least);
            assert_true(needed >= before && needed <= 1);
            assert_true(k == 0 || least == 1 || needed > before);
            before = needed;
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_text_has_a_letter),
        cmocka_unit_test(test_few_letters_and_strokes_need_more_confidence),
        cmocka_unit_test(test_it_is_a_part_of_the_way_from_what_a_line_needs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
