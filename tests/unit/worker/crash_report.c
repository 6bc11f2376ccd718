/* What a runner that was taken over tells goes into crash.txt, and acts on nobody who shows it. */
#include "test.h"

#include "worker/crash_report.h"

#include <stdio.h>
#include <string.h>

#define CSI "\xC2\x9B"
#define OVERRIDE "\xE2\x80\xAE"
#define END "\xE2\x80\xAC"

static void test_told_is_printable(void **state)
{
    (void)state;
    char one[] = "text: \x1b]0;owned\a", two[] = "a\nlimits: none" CSI OVERRIDE END;
    char *const lines[] = { one, two };
    struct runner_end end = { 0 };
    struct crash_notes notes = { .call = -1 };
    (void)snprintf(end.text, sizeof(end.text), "ended\x1b[2J");
    (void)snprintf(end.step, sizeof(end.step), "text\r");
    const struct crash_facts facts = { .attempt = 2,
                                       .frame_us = -1,
                                       .end = &end,
                                       .notes = &notes,
                                       .lines = lines,
                                       .line_count = COUNT(lines) };
    CLEANUP(mem_free_text) char *report = crash_report(&facts);
    static const char *const wanted[] = {
        "\nended\\x1b[2J\n",
        "\nstep: text\\x0d\n",
        "\n  text: \\x1b]0;owned\\x07\n",
        "\n  a\\nlimits: none\\u009b\\u202e\\u202c\n",
    };
    for (size_t i = 0; i < COUNT(wanted); i++)
        if (!strstr(report, wanted[i]))
            fail_msg("row %zu is missing in:\n%s", i, report);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_told_is_printable) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
