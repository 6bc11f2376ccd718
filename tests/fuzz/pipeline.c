/* Pipeline files, as YAML and as JSON, with the built-in steps. What stands behind a byte of zero
 * are the "params" of a job. Steps are not warmed, so no model is loaded. */
#include "fuzz.h"

#include "base/json.h"
#include "pipeline/catalog.h"
#include "pipeline/plan.h"
#include "steps/table.h"

#include <string.h>

typedef int parse_fn(const char *text, size_t len, const char *shown, struct tree **ret_tree,
                     struct err *err);

static void override(struct plan *plan, const char *text, size_t len)
{
    CLEANUP(json_drop) json_t *params = NULL;
    struct json_mark mark;
    struct err err = { 0 };
    if (json_parse(text, len, &params, &mark, NULL) == 1)
        MUST(plan_override(plan, params, &err) == 0 || err.text[0]);
}

static void check_plan(const struct plan *plan)
{
    MUST(plan->id[0] && plan->count > 0 && plan->count <= PLAN_STEPS_MAX);
    for (size_t i = 0; i < plan->count; i++)
        for (size_t j = 0; j < plan->nodes[i].needs_count; j++)
            MUST(plan->nodes[i].needs[j] < i);
}

static void load(parse_fn *parse, const char *text, size_t len, const char *params,
                 size_t params_len)
{
    static struct catalog *catalog;
    CLEANUP(tree_free) struct tree *tree = NULL;
    CLEANUP(plan_free) struct plan *plan = NULL;
    struct plan_file file = { 0 };
    struct err err = { 0 };
    if (!catalog)
        MUST(catalog_new(steps_table, NULL, &catalog, &err) == 0);
    int r = parse(text, len, "fuzz", &tree, &err);
    if (r >= 0)
        r = plan_file_read(tree, &file, &err);
    if (r >= 0 && !plan_file_needs_plugin(&file, catalog))
        r = plan_build(tree, &file, catalog, &plan, &err);
    MUST(r >= 0 || (err.kind != ERR_NONE && err.kind != ERR_BUG && err.text[0]));
    if (plan) {
        check_plan(plan);
        override(plan, params, params_len);
    }
    plan_file_release(&file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *zero = size ? memchr(text, '\0', size) : NULL;
    size_t len = zero ? (size_t)(zero - text) : size;
    const char *params = zero ? zero + 1 : text + size;
    size_t params_len = zero ? size - len - 1 : 0;
    load(tree_parse_yaml, text, len, params, params_len);
    load(tree_parse_json, text, len, params, params_len);
    return 0;
}
