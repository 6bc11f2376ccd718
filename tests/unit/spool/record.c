/* The record, made of what the worker knows and of what a runner, which may be hostile, wrote. */
#include "test.h"

#include "spool/record.h"

#include <string.h>

static void test_failures_have_names(void **state)
{
    (void)state;
    for (enum failure failure = FAILURE_NONE; failure < FAILURE_COUNT; failure++) {
        struct record_facts facts = { .status = "error", .failure = failure, .message = "no" };
        CLEANUP(json_drop) json_t *record = record_new(&facts, NULL);
        const json_t *error = json_object_get(record, "error");
        const char *name = failure_name(failure);
        if (!name || failure_parse(name) != failure)
            fail_msg("failure %d: '%s'", (int)failure, name ? name : "no name");
        if (failure == FAILURE_NONE ? !json_is_null(error)
                                    : strcmp(json_get_text(error, "class", ""), name) != 0)
            fail_msg("failure '%s': error is %s", name, json_type_name(error));
    }
    static const char *const wrong[] = { "", "Crash", "crash ", "inputs", NULL };
    for (size_t i = 0; i < COUNT(wrong); i++)
        assert_int_equal(failure_parse(wrong[i]), FAILURE_COUNT);
    assert_string_equal(failure_name(FAILURE_COUNT), "bug");
}

static const struct {
    const char *body;     /* NULL: none */
    const char *result;   /* as one line */
    const char *warnings; /* as one line */
    int64_t frames_read;  /* -1: not there */
} bodies[] = {
    { NULL, "null", "[]", -1 },
    { "{}", "{}", "[]", -1 },
    { "{\"text\":\"a\",\"segments\":[],\"frames\":null}",
      "{\"text\":\"a\",\"segments\":[],\"frames\":null}", "[]", -1 },
    { "{\"segments\":null,\"segments_file\":\"s.jsonl\",\"boxes\":[1],\"boxes_file\":\"b\"}",
      "{\"segments\":null,\"segments_file\":\"s.jsonl\",\"boxes_file\":\"b\"}", "[]", -1 },
    { "{\"text\":5}", "{}", "[\"'text' of the result was left out: it is a", -1 },
    { "{\"text\":null}", "{}", "[\"'text' of the result was left out: it is null\"]", -1 },
    { "{\"text\":\"a\",\"frames\":{}}", "{\"text\":\"a\"}",
      "[\"'frames' of the result was left out: it is an object\"]", -1 },
    { "{\"frames_file\":[]}", "{}", "[\"'frames_file' of the result was left out: it is a", -1 },
    { "{\"segments\":\"x\"}", "{}", "[\"'segments' of the result was left out: it is a", -1 },
    { "{\"id\":\"x\",\"status\":\"done\",\"error\":1,\"job\":1,\"worker\":\"x\",\"more\":2}", "{}",
      "[]", -1 },
    { "{\"warnings\":[\"b\",5,null,\"c\"]}", "{}", "[\"b\",\"c\"]", -1 },
    { "{\"warnings\":\"b\"}", "{}", "[\"'warnings' of the result was left out: it is a", -1 },
    { "{\"usage\":{\"frames_read\":7,\"cpu_s\":99,\"more\":1}}", "{}", "[]", 7 },
    { "{\"usage\":{\"frames_read\":-1}}", "{}", "[\"'frames_read' of the result was left", -1 },
    { "{\"usage\":{\"frames_read\":\"7\"}}", "{}", "[\"'frames_read' of the result was left", -1 },
    { "{\"usage\":[7]}", "{}", "[\"'usage' of the result was left out: it is a", -1 },
    { "{\"usage\":null}", "{}", "[\"'usage' of the result was left out: it is null\"]", -1 },
    { "[]", "null", "[]", -1 },
    { "\"text\"", "null", "[]", -1 },
};

static void test_bodies(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct record_facts facts = { .status = "error", .cpu_s = 1.5, .max_rss_bytes = 4 };
        CLEANUP(json_drop)
        json_t *body = bodies[i].body ? json_loads(bodies[i].body, JSON_DECODE_ANY, NULL) : NULL;
        CLEANUP(json_drop) json_t *record = record_new(&facts, body);
        CLEANUP(mem_free_text)
        char *result =
            json_dumps(json_object_get(record, "result"), JSON_ENCODE_ANY | JSON_COMPACT);
        CLEANUP(mem_free_text)
        char *warnings = json_dumps(json_object_get(record, "warnings"), JSON_COMPACT);
        const json_t *usage = json_object_get(record, "usage");
        if (bodies[i].body && !body)
            fail_msg("row %zu is not JSON", i);
        if (strcmp(result, bodies[i].result) != 0)
            fail_msg("row %zu: result %s", i, result);
        bool same = strcmp(bodies[i].warnings, "[]") == 0
                        ? strcmp(warnings, "[]") == 0
                        : strncmp(warnings, bodies[i].warnings, strlen(bodies[i].warnings)) == 0;
        if (!same)
            fail_msg("row %zu: warnings %s", i, warnings);
        if (json_get_int(usage, "frames_read", -1) != bodies[i].frames_read)
            fail_msg("row %zu: frames_read", i);
        if (json_get_real(usage, "cpu_s", 0) < 1.4 || json_get_real(usage, "cpu_s", 0) > 1.6 ||
            json_get_int(usage, "max_rss_bytes", 0) != 4 || json_object_get(usage, "more"))
            fail_msg("row %zu: the worker's own usage", i);
        if (strcmp(json_get_text(record, "status", ""), "error") != 0 ||
            !json_is_null(json_object_get(record, "id")) ||
            !json_is_null(json_object_get(record, "worker")) ||
            !json_is_null(json_object_get(record, "job")) ||
            !json_is_null(json_object_get(record, "error")) || json_object_get(record, "more"))
            fail_msg("row %zu: taken over from the body", i);
    }
}

static const struct {
    const char *key;
    int64_t wall_ms;
    const char *text; /* NULL: null */
} times[] = {
    { "submitted", 0, NULL },
    { "claimed", 1769868190042, "2026-01-31T14:03:10.042Z" },
    { "started", 0, NULL },
    { "finished", 1, "1970-01-01T00:00:00.001Z" },
};

static void test_facts(void **state)
{
    (void)state;
    CLEANUP(json_drop)
    json_t *job = json_loads("{\"input_path\":\"a\",\"mine\":{\"deep\":[1,null]}}", 0, NULL);
    struct record_facts facts = { .status = "error",
                                  .failure = FAILURE_CRASH,
                                  .message = "ended by signal \xff",
                                  .hint = "see the log",
                                  .pipeline_id = "ocr_only",
                                  .submitted_ms = times[0].wall_ms,
                                  .claimed_ms = times[1].wall_ms,
                                  .started_ms = times[2].wall_ms,
                                  .finished_ms = times[3].wall_ms,
                                  .job = job };
    CLEANUP(json_drop) json_t *record = record_new(&facts, NULL);
    for (size_t i = 0; i < COUNT(times); i++) {
        const json_t *time = json_object_get(json_object_get(record, "times"), times[i].key);
        if (times[i].text
                ? !json_is_string(time) || strcmp(json_string_value(time), times[i].text) != 0
                : !json_is_null(time))
            fail_msg("row %zu '%s'", i, times[i].key);
    }
    const json_t *error = json_object_get(record, "error");
    assert_string_equal(json_get_text(error, "message", ""), "ended by signal \xEF\xBF\xBD");
    assert_string_equal(json_get_text(error, "hint", ""), "see the log");
    assert_true(json_is_null(json_object_get(error, "step")));
    const json_t *pipeline = json_object_get(record, "pipeline");
    assert_string_equal(json_get_text(pipeline, "id", ""), "ocr_only");
    assert_true(json_is_null(json_object_get(pipeline, "hash")));
    assert_true(json_equal(json_object_get(record, "job"), job));
    json_set_int(job, "later", 1); /* the record has a copy */
    assert_null(json_object_get(json_object_get(record, "job"), "later"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_failures_have_names),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_facts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
