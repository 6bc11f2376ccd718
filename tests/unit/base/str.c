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

/* What a stranger may put into a name or a text. */
static const struct {
    const char *text;
    const char *line, *lines; /* printable; NULL: as it is */
    const char *plain;        /* NULL: as it is */
} strangers[] = {
    { "", NULL, NULL, NULL },
    { "a b~", NULL, NULL, NULL },
    { "d\xC3\xA9j\xC3\xA0 \xE6\x97\xA5\xE6\x9C\xAC \xF0\x9F\x98\x80", NULL, NULL, NULL },
    { "a\\n\"'", NULL, NULL, NULL },
    { "a\n\tb\n", "a\\n\\x09b\\n", NULL, NULL },
    { "a\r\nb\rc", "a\\x0d\\nb\\x0dc", "a\\x0d\nb\\x0dc", "a\nb\nc" },
    { "\x1b]0;title\a\x1b[2J", "\\x1b]0;title\\x07\\x1b[2J", "\\x1b]0;title\\x07\\x1b[2J",
      "]0;title[2J" },
    { "\x01\x1f\x7f\v\f\b", "\\x01\\x1f\\x7f\\x0b\\x0c\\x08", "\\x01\\x1f\\x7f\\x0b\\x0c\\x08",
      "" },
    /* C1: 9B is another ESC [; 85 is a new line to some; A0 is an ordinary character. */
    { "\xC2\x80\xC2\x9B"
      "1m\xC2\x9F\xC2\xA0",
      "\\u0080\\u009b1m\\u009f\xC2\xA0", "\\u0080\\u009b1m\\u009f\xC2\xA0", "1m\xC2\xA0" },
    { "a\xC2\x85"
      "b",
      "a\\u0085b", "a\\u0085b", "a\nb" },
    { "a\xE2\x80\xA8"
      "b\xE2\x80\xA9",
      "a\\u2028b\\u2029", "a\\u2028b\\u2029", "a\nb\n" },
    /* Marks of direction, embeddings and overrides, isolates; and what lies beside them. */
    { "\xD8\x9C\xE2\x80\x8E\xE2\x80\x8F", "\\u061c\\u200e\\u200f", "\\u061c\\u200e\\u200f", NULL },
    { "\xE2\x80\xAA\xE2\x80\xAE"
      "gpj.exe\xE2\x80\xAC\xE2\x80\xAC",
      "\\u202a\\u202egpj.exe\\u202c\\u202c", "\\u202a\\u202egpj.exe\\u202c\\u202c", NULL },
    { "\xE2\x81\xA6\xE2\x81\xA9", "\\u2066\\u2069", "\\u2066\\u2069", NULL },
    { "\xD8\x9B\xD8\x9D\xE2\x80\x8D\xE2\x80\x90\xE2\x80\xA7\xE2\x80\xAF\xE2\x81\xA5\xE2\x81\xAA",
      NULL, NULL, NULL },
    /* No UTF-8, cut short or not at all. */
    { "\x80\xFF", "\\x80\\xff", "\\x80\\xff", BAD BAD },
    { "\x9B"
      "2J",
      "\\x9b2J", "\\x9b2J", BAD "2J" },
    { "a\xE2\x80", "a\\xe2\\x80", "a\\xe2\\x80", "a" BAD BAD },
    { "\xC2\x1b[m", "\\xc2\\x1b[m", "\\xc2\\x1b[m", BAD "[m" },
};

static void compare(size_t row, const char *what, const char *got, const char *wanted)
{
    if (strcmp(got, wanted) != 0)
        fail_msg("row %zu, %s: '%s'", row, what, got);
}

static void test_strangers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(strangers); i++) {
        const char *text = strangers[i].text;
        /* In a block of its own size, so that a byte read beyond it can be seen. */
        CLEANUP(mem_free_text) char *exact = mem_strdup(text);
        CLEANUP(mem_free_text) char *line = str_printable(exact);
        CLEANUP(mem_free_text) char *lines = str_printable_lines(exact);
        CLEANUP(mem_free_text) char *plain = str_plain(exact);
        CLEANUP(str_release) struct str added = { 0 };
        str_add_line(&added, "%s", exact);
        CLEANUP(mem_free_text) char *ended = mem_printf("%s\n", line);
        compare(i, "a line", line, strangers[i].line ? strangers[i].line : text);
        compare(i, "lines", lines, strangers[i].lines ? strangers[i].lines : text);
        compare(i, "plain", plain, strangers[i].plain ? strangers[i].plain : text);
        compare(i, "added", str_text(&added), ended);
    }
}

static const struct {
    const char *text;
    size_t len;
    uint32_t code;
} unseen[] = {
    { "", 0, 0 },
    { "a\x1b", 0, 0 },
    { "\x1b[m", 1, 0x1B },
    { "\n", 1, '\n' },
    { "\x7f", 1, 0x7F },
    { "\xC2\x9B", 2, 0x9B },
    { "\xE2\x80\xAE.\xE2\x80\xAC", 3, 0x202E },
    { "\xE2\x80", 0, 0 },
    { "\x9B", 0, 0 },
    { "\xF0\x9F\x98\x80", 0, 0 },
};

static void test_unseen(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(unseen); i++) {
        uint32_t code = 0;
        size_t len = str_unseen(unseen[i].text, &code);
        if (len != unseen[i].len || code != unseen[i].code)
            fail_msg("row %zu: %zu, U+%04X", i, len, (unsigned)code);
    }
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
        cmocka_unit_test(test_random_hex), cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_unseen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
