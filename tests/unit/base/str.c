/* UTF-8 as RFC 3629 has it, and nothing more; what is not is never passed on. */
#include "test.h"

#include "base/str.h"

#include <string.h>

#define BAD "\xEF\xBF\xBD"

static const struct {
    const char *text;
    const char *clean; /* NULL: it is UTF-8 as it stands */
} texts[] = {
    { "", NULL },
    { "plain", NULL },
    { "\x7f", NULL },
    { "\xC2\x80", NULL },            /* the first of two bytes */
    { "\xE0\xA0\x80", NULL },        /* of three */
    { "\xF0\x90\x80\x80", NULL },    /* of four */
    { "\xED\x9F\xBF", NULL },        /* the last before the surrogates */
    { "\xEE\x80\x80", NULL },        /* the first after them */
    { "\xF4\x8F\xBF\xBF", NULL },    /* U+10FFFF */
    { "\xEF\xBF\xBF", NULL },        /* U+FFFF */
    { "\xC0\x80", BAD BAD },         /* overlong NUL */
    { "\xC1\xBF", BAD BAD },         /* overlong */
    { "\xE0\x9F\xBF", BAD BAD BAD }, /* overlong */
    { "\xF0\x8F\xBF\xBF", BAD BAD BAD BAD },
    { "\xED\xA0\x80", BAD BAD BAD }, /* a surrogate */
    { "\xED\xBF\xBF", BAD BAD BAD }, /* the last of them */
    { "\xF4\x90\x80\x80", BAD BAD BAD BAD },
    { "\xF5\x80\x80\x80", BAD BAD BAD BAD },
    { "\xFF\xFE", BAD BAD },
    { "\x80", BAD },
    { "a\xC3", "a" BAD }, /* cut */
    { "a\xE2\x82", "a" BAD BAD },
    { "a\xF0\x9F\x98", "a" BAD BAD BAD },
    { "\xC3(b", BAD "(b" },
    { "\xE2(\xA1", BAD "(" BAD },
    { "\xE2\x82(", BAD BAD "(" },
    { "\xC3\xA9\xC3\xC3\xA9", "\xC3\xA9" BAD "\xC3\xA9" },
};

static void test_clean(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        size_t len = strlen(texts[i].text);
        /* In a block of its own size, so that a byte read beyond it can be seen. */
        char *exact = mem_resize(NULL, len ? len : 1, 1);
        memcpy(exact, texts[i].text, len);
        CLEANUP(mem_free_text) char *clean = str_utf8_clean(exact, len);
        bool valid = str_is_utf8(exact, len);
        free(exact);
        if (valid != (texts[i].clean == NULL))
            fail_msg("row %zu: valid %d", i, valid);
        if (strcmp(clean, texts[i].clean ? texts[i].clean : texts[i].text) != 0)
            fail_msg("row %zu: '%s'", i, clean);
        if (!str_is_utf8(clean, strlen(clean)))
            fail_msg("row %zu: not clean", i);
    }
    assert_true(str_is_utf8("a\0b", 3));
}

static const struct {
    const char *text;
    size_t max, len;
} cuts[] = {
    { "", 0, 0 },
    { "abc", 0, 0 },
    { "abc", 2, 2 },
    { "abc", 3, 3 },
    { "abc", 99, 3 },
    { "\xC3\xA9", 0, 0 },
    { "\xC3\xA9", 1, 0 },
    { "\xC3\xA9", 2, 2 },
    { "a\xE2\x82\xAC"
      "b",
      1, 1 },
    { "a\xE2\x82\xAC"
      "b",
      2, 1 },
    { "a\xE2\x82\xAC"
      "b",
      3, 1 },
    { "a\xE2\x82\xAC"
      "b",
      4, 4 },
    { "a\xF0\x9F\x98\x80", 4, 1 },
    { "a\xF0\x9F\x98\x80", 5, 5 },
    { "\x80\x80\x80", 2, 0 },
};

static void test_cut(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cuts); i++)
        if (str_utf8_cut(cuts[i].text, cuts[i].max) != cuts[i].len)
            fail_msg("row %zu: %zu", i, str_utf8_cut(cuts[i].text, cuts[i].max));
}

static const struct {
    const char *text, *part;
    bool prefix, suffix;
} parts[] = {
    { "a.json", ".json", false, true }, { "a.json", "a.", true, false },
    { "a.json", "", true, true },       { "", "", true, true },
    { "", "a", false, false },          { "json", ".json", false, false },
    { "aa", "aa", true, true },
};

static void test_parts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(parts); i++)
        if (str_has_prefix(parts[i].text, parts[i].part) != parts[i].prefix ||
            str_has_suffix(parts[i].text, parts[i].part) != parts[i].suffix)
            fail_msg("row %zu '%s' '%s'", i, parts[i].text, parts[i].part);
}

static void test_growing(void **state)
{
    (void)state;
    struct str str = { 0 };
    assert_string_equal(str_text(&str), "");
    for (int i = 0; i < 1000; i++)
        str_addf(&str, "%d,", i % 10);
    str_add_bytes(&str, "\0z", 2);
    str_add_bytes(&str, NULL, 0);
    assert_int_equal(str.len, 2002);
    assert_int_equal(str.data[2001], 'z');
    assert_int_equal(str.data[2002], '\0');
    CLEANUP(mem_free_text) char *text = str_take(&str);
    assert_int_equal(strlen(text), 2000);
    assert_null(str.data);
    CLEANUP(mem_free_text) char *nothing = str_take(&str);
    assert_string_equal(nothing, "");
}

static void test_random_hex(void **state)
{
    (void)state;
    char one[17], other[17], none[1];
    str_random_hex(one, 8);
    str_random_hex(other, 8);
    none[0] = '\0';
    str_random_hex(none, 0);
    assert_int_equal(strspn(one, "0123456789abcdef"), 16);
    assert_int_equal(one[16], '\0');
    assert_string_not_equal(one, other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clean),      cmocka_unit_test(test_cut),
        cmocka_unit_test(test_parts),      cmocka_unit_test(test_growing),
        cmocka_unit_test(test_random_hex),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
