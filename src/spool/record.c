#include "spool/record.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"

#include <stdlib.h>
#include <string.h>

static const char *const failure_names[FAILURE_COUNT] = {
    [FAILURE_NONE] = "none",
    [FAILURE_JOB] = "job",
    [FAILURE_PIPELINE] = "pipeline",
    [FAILURE_INPUT] = "input",
    [FAILURE_INPUT_WAIT] = "input_wait",
    [FAILURE_INPUT_CHANGED] = "input_changed",
    [FAILURE_MISSING] = "missing",
    [FAILURE_OUTPUT] = "output",
    [FAILURE_IO] = "io",
    [FAILURE_MEMORY] = "memory",
    [FAILURE_TIMEOUT] = "timeout",
    [FAILURE_STALL] = "stall",
    [FAILURE_CRASH] = "crash",
    [FAILURE_LOST] = "lost",
    [FAILURE_SHUTDOWN] = "shutdown",
    [FAILURE_CANCELLED] = "cancelled",
    [FAILURE_BUG] = "bug",
};

const char *failure_name(enum failure failure)
{
    return failure < FAILURE_COUNT ? failure_names[failure] : "bug";
}

enum failure failure_parse(const char *name)
{
    for (size_t i = 0; name && i < COUNT(failure_names); i++)
        if (strcmp(failure_names[i], name) == 0)
            return (enum failure)i;
    return FAILURE_COUNT;
}

/* What is taken of the body: anything else that is in it stays out. */
enum body_type { BODY_TEXT, BODY_LIST, BODY_COUNT };
static const struct {
    const char *key;
    enum body_type type;
} result_keys[] = {
    { "text", BODY_TEXT },     { "segments", BODY_LIST },    { "segments_file", BODY_TEXT },
    { "frames", BODY_LIST },   { "frames_file", BODY_TEXT }, { "boxes_file", BODY_TEXT },
}, usage_keys[] = {
    { "frames_decoded", BODY_COUNT },
    { "frames_read", BODY_COUNT },
};

static bool fits(const json_t *value, enum body_type type)
{
    if (type == BODY_TEXT)
        return json_is_string(value);
    if (type == BODY_LIST)
        return json_is_array(value) || json_is_null(value);
    return json_is_integer(value) && json_integer_value(value) >= 0;
}

static void warn_dropped(json_t *warnings, const char *key, const json_t *value)
{
    CLEANUP(mem_free_text)
    char *text =
        mem_printf("'%s' of the result was left out: it is %s", key, json_type_name(value));
    (void)json_array_append_new(warnings, json_string(text));
}

static void take_key(json_t *into, const json_t *body, const char *key, enum body_type type,
                     json_t *warnings)
{
    json_t *value = json_object_get(body, key);
    if (!value)
        return;
    if (fits(value, type))
        (void)json_object_set(into, key, value);
    else
        warn_dropped(warnings, key, value);
}

static void take_warnings(json_t *warnings, const json_t *body)
{
    const json_t *list = json_object_get(body, "warnings");
    if (list && !json_is_array(list))
        warn_dropped(warnings, "warnings", list);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (json_is_string(json_array_get(list, i)))
            (void)json_array_append(warnings, json_array_get(list, i));
}

static json_t *result_of(const json_t *body, json_t *warnings)
{
    if (!json_is_object(body))
        return NULL;
    json_t *result = json_object();
    for (size_t i = 0; i < COUNT(result_keys); i++)
        take_key(result, body, result_keys[i].key, result_keys[i].type, warnings);
    return result;
}

static json_t *usage_of(const struct record_facts *facts, const json_t *body, json_t *warnings)
{
    json_t *usage = json_object();
    json_set_real(usage, "cpu_s", facts->cpu_s);
    json_set_int(usage, "max_rss_bytes", facts->max_rss_bytes);
    const json_t *told = json_object_get(body, "usage");
    if (told && !json_is_object(told))
        warn_dropped(warnings, "usage", told);
    for (size_t i = 0; i < COUNT(usage_keys); i++)
        take_key(usage, told, usage_keys[i].key, usage_keys[i].type, warnings);
    return usage;
}

static json_t *error_of(const struct record_facts *facts)
{
    if (facts->failure == FAILURE_NONE)
        return NULL;
    json_t *error = json_object();
    json_set_text(error, "class", failure_name(facts->failure));
    json_set_text(error, "step", facts->step);
    json_set_text(error, "message", facts->message);
    json_set_text(error, "hint", facts->hint);
    return error;
}

static json_t *pipeline_of(const struct record_facts *facts)
{
    if (!facts->pipeline_id)
        return NULL;
    json_t *pipeline = json_object();
    json_set_text(pipeline, "id", facts->pipeline_id);
    json_set_text(pipeline, "hash", facts->pipeline_hash);
    return pipeline;
}

static void set_time(json_t *times, const char *key, int64_t wall_ms)
{
    char text[TIME_TEXT_SIZE];
    json_set_text(times, key, wall_ms ? time_format(wall_ms, text) : NULL);
}

static json_t *times_of(const struct record_facts *facts)
{
    json_t *times = json_object();
    set_time(times, "submitted", facts->submitted_ms);
    set_time(times, "claimed", facts->claimed_ms);
    set_time(times, "started", facts->started_ms);
    set_time(times, "finished", facts->finished_ms);
    return times;
}

json_t *record_new(const struct record_facts *facts, const json_t *body)
{
    /* The order of the keys is that of the file: what a person looks for comes first. Those that
     * only claim_publish knows keep their places with null. */
    json_t *record = json_object(), *warnings = json_array();
    json_set(record, "id", NULL);
    json_set(record, "name", NULL);
    json_set_text(record, "status", facts->status);
    json_set(record, "result", result_of(body, warnings));
    json_set(record, "error", error_of(facts));
    take_warnings(warnings, body);
    json_set(record, "warnings", warnings);
    json_set(record, "attempts", NULL);
    json_set(record, "token", NULL);
    json_set(record, "worker", NULL);
    json_set(record, "pipeline", pipeline_of(facts));
    json_set(record, "times", times_of(facts));
    json_set(record, "usage", usage_of(facts, body, warnings));
    json_set(record, "artifacts", json_array());
    json_set(record, "job", facts->job ? json_deep_copy(facts->job) : NULL);
    return record;
}
