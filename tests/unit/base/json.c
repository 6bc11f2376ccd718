#include "test.h"

#include "base/json.h"

#include <string.h>

static const struct {
    const char *text;
    int result; /* 1 whole, 0 ends too soon, -1 wrong */
    int line, column;
} texts[] = {
    { "{}", 1, 0, 0 },
    { "\xEF\xBB\xBF{\"a\":1}", 1, 0, 0 },
    { "", 0, 0, 0 },
    { " \n\t", 0, 0, 0 },
    { "\xEF\xBB\xBF", 0, 0, 0 },
    { "{", 0, 0, 0 },
    { "{\"a\"", 0, 0, 0 },
    { "{\"a\": ", 0, 0, 0 },
    { "{\"a\": tr", 0, 0, 0 },
    { "{\"a\": -", 0, 0, 0 },
    { "{\"a\": 1", 0, 0, 0 },
    { "{\"a\": \"text", 0, 0, 0 },
    { "{\"a\": \"te\\", 0, 0, 0 },
    { "{\"a\": \"te\\u00", 0, 0, 0 },
    { "{\"a\": \"t\xC3", 0, 0, 0 },
    { "{\"a\": \"t\xE2\x82", 0, 0, 0 },
    { "{\"a\": [1, 2\n", 0, 0, 0 },
    { "{\"a\": x}", -1, 1, 7 },
    { "{\"a\": 1,\n \"b\" 2}", -1, 2, 6 },
    { "{\"a\": 1, \"a\": 2}", -1, 1, 12 },
    { "{\"a\": \"\xC3\x28\"}", -1, 1, 7 },
    { "{}}", -1, 1, 3 },
    { "{} {}", -1, 1, 4 },
    { "{\"a\":}", -1, 1, 6 },
};

static void test_parse_tells_short_from_wrong(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++) {
        CLEANUP(json_drop) json_t *value = NULL;
        struct json_mark mark = { 99, 99 };
        struct err err = { 0 };
        int r = json_parse(texts[i].text, strlen(texts[i].text), &value, &mark, &err);
        if ((r < 0 ? -1 : r) != texts[i].result)
            fail_msg("row %zu '%s': %d, %s", i, texts[i].text, r, err.text);
        if (mark.line != texts[i].line || mark.column != texts[i].column)
            fail_msg("row %zu '%s': at %d:%d", i, texts[i].text, mark.line, mark.column);
        if ((value != NULL) != (r == 1))
            fail_msg("row %zu: a value with %d", i, r);
    }
}

static void test_every_start_of_a_job_is_short(void **state)
{
    (void)state;
    const char *job = "{\"input_path\": \"m\xC3\xA9"
                      "dia/\\u00e9.mp4\", \"n\": [1.5e3, true, null]}";
    size_t len = strlen(job);
    for (size_t cut = 0; cut <= len; cut++) {
        CLEANUP(json_drop) json_t *value = NULL;
        struct json_mark mark;
        struct err err = { 0 };
        int r = json_parse(job, cut, &value, &mark, &err);
        if (r != (cut == len))
            fail_msg("cut at %zu of %zu: %d, %s", cut, len, r, err.text);
    }
}

/* The text in JSON shows nothing to a terminal but itself, and means the same. */
static void test_unseen_is_escaped(void **state)
{
    (void)state;
    static const char text[] =
        "\x1b[m\r\n\x7f|\xC2\x9B|\xE2\x80\xAE|\xE2\x80\xAC|\xE2\x80\xA8|\xC3\xA9\"\\";
    static const char escaped[] =
        "\\u001B[m\\r\\n\\u007f|\\u009b|\\u202e|\\u202c|\\u2028|\xC3\xA9\\\"\\\\";
    CLEANUP(json_drop) json_t *object = json_object();
    json_set_text(object, text, text);
    CLEANUP(mem_free_text) char *line = json_line(object);
    CLEANUP(mem_free_text) char *pretty = json_pretty(object);
    CLEANUP(mem_free_text) char *wanted = mem_printf("{\"%s\":\"%s\"}", escaped, escaped);
    CLEANUP(mem_free_text) char *layout = mem_printf("{\n  \"%s\": \"%s\"\n}\n", escaped, escaped);
    assert_string_equal(line, wanted);
    assert_string_equal(pretty, layout);
    CLEANUP(json_drop) json_t *again = NULL;
    struct json_mark mark;
    assert_int_equal(json_parse(line, strlen(line), &again, &mark, NULL), 1);
    assert_true(json_equal(object, again));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse_tells_short_from_wrong),
        cmocka_unit_test(test_unseen_is_escaped),
        cmocka_unit_test(test_every_start_of_a_job_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
