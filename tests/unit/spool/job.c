#include "test.h"

#include "spool/job.h"

#include <string.h>

#define DEEP_33 "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
#define DEEP_99 DEEP_33 DEEP_33 DEEP_33
#define UP_33 "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
#define UP_99 UP_33 UP_33 UP_33

static const struct {
    const char *text;
    int result;
    const char *told; /* a part of the error's text, or input_path */
} jobs[] = {
    { "{\"input_path\": \"a.mp4\"}", 1, "a.mp4" },
    { "{\"input_path\": \"./a.mp4\"}", 1, "a.mp4" },
    { "{\"input_path\": \"././/a.mp4\"}", 1, "a.mp4" },
    { "{\"input_path\": \"/v/a.mp4\", \"pipeline_id\": null, \"mine\": [1]}", 1, "/v/a.mp4" },
    { "{\"input_path\": \"a\", \"max_attempts\": 3, \"timeout_s\": 60, \"params\": {}}", 1, "a" },
    { "", 0, NULL },
    { "{\"input_path\": \"a.mp", 0, NULL },
    { "{\"input_path\" \"a\"}", -1, "line 1, column" },
    { "[]", -1, "a list" },
    { "{}", -1, "'input_path' is missing" },
    { "{\"input_path\": null}", -1, "'input_path' is missing" },
    { "{\"input_path\": \"\"}", -1, "'input_path'" },
    { "{\"input_path\": \"./\"}", -1, "'input_path' names no file" },
    { "{\"input_path\": 5}", -1, "'input_path' should be a string" },
    { "{\"input_path\": \"a\", \"pipeline_id\": 5}", -1, "'pipeline_id' should be a string" },
    { "{\"input_path\": \"a\", \"params\": []}", -1, "'params' should be an object" },
    { "{\"input_path\": \"a\", \"max_attempts\": 0}", -1, "'max_attempts' should be at least 1" },
    { "{\"input_path\": \"a\", \"timeout_s\": \"5\"}", -1, "'timeout_s' should be an integer" },
    { "{\"input_path\": \"a\", \"inbox_file\": \"b\"}", -1, "'inbox_file' is not allowed" },
    { "{\"input_path\": \"a\", \"input_path\": \"b\"}", -1, "duplicate" },
    { "{\"input_path\": \"a\\u0000b\"}", -1, "there is a NUL" },
    { "{\"input_path\": \"\xFF\"}", -1, "line 1, column 17: byte 0xff is no UTF-8" },
    { "{\"input_path\": \"a\", \"x\": " DEEP_99 UP_99 "}", 1, "a" },
    { "{\"input_path\": \"a\", \"x\": " DEEP_99 "[]" UP_99 "}", -1, "column 125: lists" },
};

static void test_jobs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(jobs); i++) {
        CLEANUP(job_free) struct job *job = NULL;
        struct err err = { 0 };
        int r = job_parse(jobs[i].text, strlen(jobs[i].text), &job, &err);
        if ((r < 0 ? -1 : r) != jobs[i].result)
            fail_msg("row %zu: %d %s", i, r, err.text);
        if (r < 0 && (err.kind != ERR_CONFIG || !strstr(err.text, jobs[i].told)))
            fail_msg("row %zu: '%s'", i, err.text);
        if (r == 1 && strcmp(job->input_path, jobs[i].told) != 0)
            fail_msg("row %zu: input '%s'", i, job->input_path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(test_jobs) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
