/* A line is an event, whatever it tells of. */
#include "test.h"

#include "base/log.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define TITLE "\x1b]0;x\a"
#define CSI "\xC2\x9B"
#define OVERRIDE "\xE2\x80\xAE"
#define END "\xE2\x80\xAC"
#define SEPARATOR "\xE2\x80\xA8"

static const struct {
    const char *value;
    const char *logfmt, *json;
} values[] = {
    { "clip", "clip", "\"clip\"" },
    { "", "\"\"", "\"\"" },
    { "d\xC3\xA9j\xC3\xA0", "d\xC3\xA9j\xC3\xA0", "\"d\xC3\xA9j\xC3\xA0\"" },
    { "a b", "\"a b\"", "\"a b\"" },
    { "a=b", "\"a=b\"", "\"a=b\"" },
    { "a\"\\", "\"a\\\"\\\\\"", "\"a\\\"\\\\\"" },
    { "a\nlevel=info", "\"a\\nlevel=info\"", "\"a\\nlevel=info\"" },
    { "a\r\tb", "\"a\\u000d\\u0009b\"", "\"a\\u000d\\u0009b\"" },
    { TITLE, "\"\\u001b]0;x\\u0007\"", "\"\\u001b]0;x\\u0007\"" },
    { "\x7f", "\"\\u007f\"", "\"\\u007f\"" },
    { CSI "2J", "\"\\u009b2J\"", "\"\\u009b2J\"" },
    { "a" OVERRIDE "4pm" END, "\"a\\u202e4pm\\u202c\"", "\"a\\u202e4pm\\u202c\"" },
    { "a" SEPARATOR "b", "\"a\\u2028b\"", "\"a\\u2028b\"" },
    { "\xFF", "\"\xEF\xBF\xBD\"", "\"\xEF\xBF\xBD\"" },
};

/* What log_write writes to stderr of such a value. */
static char *written(enum log_style style, const char *value)
{
    int ends[2], saved = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    assert_true(saved >= 0);
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
    log_setup(LOG_LEVEL_INFO, style);
    log_info(LOG_FIELDS("job", value), "%s", value);
    assert_true(dup2(saved, STDERR_FILENO) >= 0);
    (void)close(saved);
    (void)close(ends[1]);
    char line[1024];
    ssize_t len = read(ends[0], line, sizeof(line));
    (void)close(ends[0]);
    assert_true(len > 0);
    return mem_strndup(line, (size_t)len);
}

static void test_values(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        CLEANUP(mem_free_text) char *logfmt = written(LOG_STYLE_LOGFMT, values[i].value);
        CLEANUP(mem_free_text) char *json = written(LOG_STYLE_JSON, values[i].value);
        CLEANUP(mem_free_text)
        char *pairs = mem_printf(" msg=%s job=%s\n", values[i].logfmt, values[i].logfmt);
        CLEANUP(mem_free_text)
        char *members = mem_printf(",\"msg\":%s,\"job\":%s}\n", values[i].json, values[i].json);
        if (!strstr(logfmt, pairs))
            fail_msg("row %zu: %s", i, logfmt);
        if (!strstr(json, members))
            fail_msg("row %zu: %s", i, json);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_values) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
