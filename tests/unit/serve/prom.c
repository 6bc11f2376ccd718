/* The metrics' text format, and that what strangers write stays inside of it. */
#include "test.h"

#include "base/str.h"
#include "serve/prom.h"

#include <math.h>

static const struct {
    const char *value, *line;
} values[] = {
    { "plain", "x{worker=\"plain\"} 1\n" },
    { "", "x{worker=\"\"} 1\n" },
    { "a\"b", "x{worker=\"a\\\"b\"} 1\n" },
    { "a\\b", "x{worker=\"a\\\\b\"} 1\n" },
    { "a\nx 2", "x{worker=\"a\\nx 2\"} 1\n" },
    { "a\xff"
      "b",
      "x{worker=\"a\xef\xbf\xbd"
      "b\"} 1\n" },
    { "a} 7", "x{worker=\"a} 7\"} 1\n" },
};

static void escapes_labels(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        CLEANUP(str_release) struct str text = { 0 };
        prom_sample(&text, "x", PROM_LABELS("worker", values[i].value), 1);
        if (strcmp(str_text(&text), values[i].line) != 0)
            fail_msg("'%s': got %s", values[i].value, str_text(&text));
    }
}

static const struct {
    double value;
    const char *line;
} numbers[] = {
    { 0, "x 0\n" },
    { 1.5, "x 1.5\n" },
    { 123456789012345, "x 123456789012345\n" },
    { -INFINITY, "x -Inf\n" },
    { INFINITY, "x +Inf\n" },
    { NAN, "x NaN\n" },
};

static void writes_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        CLEANUP(str_release) struct str text = { 0 };
        prom_sample(&text, "x", NULL, numbers[i].value);
        assert_string_equal(str_text(&text), numbers[i].line);
    }
}

static void tells_a_family(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str text = { 0 };
    prom_family(&text, "x_total", PROM_COUNTER, "one \\ \"two\"\nthree");
    prom_sample(&text, "x_total", PROM_LABELS("a", "1", "b", "2"), 3);
    assert_string_equal(str_text(&text), "# HELP x_total one \\\\ \"two\"\\nthree\n"
                                         "# TYPE x_total counter\n"
                                         "x_total{a=\"1\",b=\"2\"} 3\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(escapes_labels),
        cmocka_unit_test(writes_numbers),
        cmocka_unit_test(tells_a_family),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
