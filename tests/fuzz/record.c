/* The body of a result: a runner wrote it, which has parsed media. */
#include "fuzz.h"

#include "base/json.h"
#include "base/mem.h"
#include "spool/record.h"

#include <string.h>

static void check_record(const json_t *body)
{
    const struct record_facts facts = { .status = "done", .pipeline_id = "p", .started_ms = 1 };
    CLEANUP(json_drop) json_t *record = record_new(&facts, body);
    MUST(json_is_array(json_object_get(record, "warnings")));
    MUST(strcmp(json_get_text(record, "status", ""), "done") == 0);
    CLEANUP(mem_free_text) char *text = json_pretty(record);
    CLEANUP(json_drop) json_t *again = NULL;
    struct json_mark mark;
    MUST(json_parse(text, strlen(text), &again, &mark, NULL) == 1 && json_equal(record, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(json_drop) json_t *body = NULL;
    struct json_mark mark;
    struct err err = { 0 };
    int r = json_parse((const char *)data, size, &body, &mark, &err);
    MUST((r == 1) == (body != NULL));
    MUST(r >= 0 || err.text[0]);
    if (r == 1)
        check_record(body);
    return 0;
}
