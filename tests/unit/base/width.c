/* Columns of a terminal: as libc counts them where it knows, and what is cut off. */
#include "test.h"

#include "base/width.h"

#include <locale.h>
#include <stdio.h>
#include <wchar.h>

static const struct {
    const char *text;
    int width;
} widths[] = {
    { "", 0 },
    { "abc", 3 },
    { "é", 1 },
    { "e\xCC\x81", 1 },
    { "日本", 4 },
    { "ｱ", 1 },
    { "Ａ", 2 },
    { "한", 2 },
    { "ไทย", 3 },
    { "กี่", 1 },
    { "👍", 2 },
    { "👍🏽", 4 },
    { "שָׁלוֹם", 4 },
    { "a\xE2\x80\x8B"
      "b",
      2 },
    { "\xFF", 1 },
};

static void test_widths(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(widths); i++)
        if (width_text(widths[i].text) != widths[i].width)
            fail_msg("'%s': %d", widths[i].text, width_text(widths[i].text));
}

static const struct {
    const char *text;
    int columns;
    const char *wanted;
} cuts[] = {
    { "abc", 5, "abc  " },
    { "abc", 3, "abc" },
    { "abcd", 3, "ab…" },
    { "日本語", 6, "日本語" },
    { "日本語", 5, "日本…" },
    { "日本語", 4, "日… " }, /* half a character is none */
    { "e\xCC\x81"
      "e\xCC\x81"
      "e\xCC\x81",
      2, "e\xCC\x81…" }, /* a mark stays with its letter */
    { "a\nb", 10, "a\\nb      " },
    { "\033[31mred", 6, "\\x1b[…" },
    { "a\xE2\x80\xAE"
      "b\xE2\x80\xAC",
      20, "a\\u202eb\\u202c      " },
    { "\xFF\xFE", 4, "\\xf…" },
    { "abc", 1, "…" },
    { "abc", 0, "" },
};

static void test_cuts(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cuts); i++) {
        CLEANUP(str_release) struct str out = { 0 };
        width_add(&out, cuts[i].text, cuts[i].columns);
        if (strcmp(str_text(&out), cuts[i].wanted) != 0)
            fail_msg("row %zu: '%s'", i, str_text(&out));
        assert_int_equal(width_text(str_text(&out)), cuts[i].columns);
    }
}

static size_t encode(uint32_t code, char out[5])
{
    size_t len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
    static const unsigned char first[] = { 0, 0, 0xC0, 0xE0, 0xF0 };
    out[len] = '\0';
    for (size_t i = len; i-- > 1; code >>= 6)
        out[i] = (char)(0x80 | (code & 0x3F));
    out[0] = (char)(first[len] | code);
    return len;
}

/* libc has another version of Unicode, and other minds on some marks: a few may differ. */
static void test_as_libc(void **state)
{
    (void)state;
    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        skip();
    int asked = 0, other = 0;
    for (uint32_t code = 0xA0; code < 0x20000; code++) {
        char text[5];
        int wanted = wcwidth((wchar_t)code);
        if ((code >= 0xD800 && code < 0xE000) || wanted < 0)
            continue;
        (void)encode(code, text);
        asked++;
        other += width_text(text) != wanted;
    }
    assert_true(asked > 60000);
    if (other * 500 > asked)
        fail_msg("%d of %d characters have another width", other, asked);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_as_libc),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
