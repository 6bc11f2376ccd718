#include "test.h"

#include "base/str.h"

#include <errno.h>
#include <string.h>

static const struct {
    size_t len; /* of the text */
    int errnum, result;
    size_t told; /* the length that is left */
    const char *ends;
} texts[] = {
    { 0, 0, -EINVAL, 0, "" },
    { 1, 0, -EINVAL, 1, "x" },
    { 1, ENOENT, -ENOENT, 28, "x: No such file or directory" },
    { ERR_TEXT_SIZE - 2, 0, -EINVAL, ERR_TEXT_SIZE - 2, "x" },
    { ERR_TEXT_SIZE - 1, 0, -EINVAL, ERR_TEXT_SIZE - 1, "x" },
    { ERR_TEXT_SIZE, 0, -EINVAL, ERR_TEXT_SIZE - 1, "x" },
    { ERR_TEXT_SIZE - 6, ENOENT, -ENOENT, ERR_TEXT_SIZE - 1, "x: No " },
    { ERR_TEXT_SIZE + 99, ENOENT, -ENOENT, ERR_TEXT_SIZE - 1, "x" },
};

static void fill(char *text, size_t len)
{
    memset(text, 'x', len);
    text[len] = '\0';
}

static void test_set(void **state)
{
    (void)state;
    char text[ERR_TEXT_SIZE + 100];
    for (size_t i = 0; i < COUNT(texts); i++) {
        struct err err = { .kind = ERR_BUG, .hint = "old", .text = "old" };
        fill(text, texts[i].len);
        int r = err_set(&err, ERR_IO, texts[i].errnum, "%s", text);
        if (r != texts[i].result || err.kind != ERR_IO || err.errnum != texts[i].errnum)
            fail_msg("row %zu: %d", i, r);
        if (strlen(err.text) != texts[i].told || !str_has_suffix(err.text, texts[i].ends))
            fail_msg("row %zu: %zu bytes, '%s'", i, strlen(err.text), err.text);
        if (err.hint[0])
            fail_msg("row %zu: hint '%s'", i, err.hint);
        assert_int_equal(err_set(NULL, ERR_IO, texts[i].errnum, "%s", text), r);
    }
}

static const struct {
    size_t front, len, told;
} contexts[] = {
    { 1, 1, 4 },
    { 0, 0, 2 },
    { 500, 522, ERR_TEXT_SIZE - 1 },
    { 500, 520, ERR_TEXT_SIZE - 2 },
    { ERR_TEXT_SIZE - 1, 5, ERR_TEXT_SIZE - 1 },
    { ERR_TEXT_SIZE + 50, ERR_TEXT_SIZE - 1, ERR_TEXT_SIZE - 1 },
};

static void test_context(void **state)
{
    (void)state;
    char front[ERR_TEXT_SIZE + 100];
    for (size_t i = 0; i < COUNT(contexts); i++) {
        struct err err = { .kind = ERR_INPUT, .errnum = 5, .hint = "kept" };
        fill(err.text, contexts[i].len);
        memset(front, 'f', contexts[i].front);
        front[contexts[i].front] = '\0';
        err_context(&err, "%s", front);
        if (strlen(err.text) != contexts[i].told)
            fail_msg("row %zu: %zu bytes", i, strlen(err.text));
        if (contexts[i].front && err.text[0] != 'f')
            fail_msg("row %zu: '%s'", i, err.text);
        if (err.kind != ERR_INPUT || err.errnum != 5 || strcmp(err.hint, "kept") != 0)
            fail_msg("row %zu: more than the text has changed", i);
    }
    err_context(NULL, "front");
}

static void test_hint(void **state)
{
    (void)state;
    static const size_t lens[] = { 0, 1, ERR_HINT_SIZE - 1, ERR_HINT_SIZE, ERR_HINT_SIZE + 50 };
    char text[ERR_HINT_SIZE + 100];
    for (size_t i = 0; i < COUNT(lens); i++) {
        struct err err = { .text = "kept", .hint = "old" };
        size_t told = lens[i] < ERR_HINT_SIZE ? lens[i] : ERR_HINT_SIZE - 1;
        fill(text, lens[i]);
        err_hint(&err, "%s", text);
        if (strlen(err.hint) != told || strcmp(err.text, "kept") != 0)
            fail_msg("row %zu: %zu bytes", i, strlen(err.hint));
    }
    err_hint(NULL, "hint");
}

static void test_kinds_have_names(void **state)
{
    (void)state;
    for (enum err_kind kind = ERR_NONE; kind < ERR_KIND_COUNT; kind++)
        if (err_kind_parse(err_kind_name(kind)) != kind)
            fail_msg("kind %d: '%s'", (int)kind, err_kind_name(kind));
    static const char *const wrong[] = { "", "IO", "io ", "nothing", NULL };
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_int_equal(err_kind_parse(wrong[i]), ERR_BUG);
    assert_string_equal(err_kind_name(ERR_KIND_COUNT), "bug");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_context),
        cmocka_unit_test(test_hint),
        cmocka_unit_test(test_kinds_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
