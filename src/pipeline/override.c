/* override.c - a job's params: other values for the parameters of a plan's steps. */
#include "pipeline/plan.h"

#include "base/mem.h"

#include <errno.h>
#include <string.h>

static struct plan_node *find_override(struct plan *plan, const char *name, const char **ret_param,
                                       struct err *err)
{
    const char *dot = strchr(name, '.');
    CLEANUP(mem_free_text) char *list = plan_ids(plan);
    if (!dot) {
        (void)err_set(err, ERR_CONFIG, 0,
                      "params \"%.100s\": write it as \"STEP.PARAMETER\"; steps of '%s' are: %s",
                      name, plan->id, list);
        return NULL;
    }
    CLEANUP(mem_free_text) char *id = mem_strndup(name, (size_t)(dot - name));
    int index = plan_find(plan, id);
    if (index < 0) {
        (void)err_set(err, ERR_CONFIG, 0,
                      "params \"%.100s\": the pipeline '%s' has no step '%.80s'; there are: %s",
                      name, plan->id, id, list);
        return NULL;
    }
    *ret_param = dot + 1;
    return &plan->nodes[index];
}

static int override_one(struct plan *plan, const char *name, const json_t *value, struct err *err)
{
    const char *param = NULL;
    struct plan_node *node = find_override(plan, name, &param, err);
    if (!node)
        return -EINVAL;
    CLEANUP(tree_free) struct tree *tree = NULL;
    CLEANUP(mem_free_text) char *shown = mem_printf("params \"%.100s\"", name);
    int r = tree_of_json(value, shown, &tree, err);
    if (r < 0)
        return r;
    const struct key *key = keys_find(node->keys, param);
    if (!key) {
        CLEANUP(mem_free_text) char *front = mem_printf("step '%s': ", node->id);
        const struct key_words words = { front, "parameter" };
        return keys_fail_unknown(node->keys, param, tree, NULL, &words, err);
    }
    r = key_values_set(&node->params, key, tree, tree_root(tree), "", err);
    if (r == 0)
        node_close(node, &node->self); /* it was warmed for other parameters */
    return r;
}

int plan_override(struct plan *plan, const json_t *params, struct err *err)
{
    if (!params || json_is_null(params))
        return 0;
    if (!json_is_object(params))
        return err_set(err, ERR_CONFIG, 0, "params: expected an object, found %s",
                       json_type_name(params));
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)params, name, value)
    {
        int r = override_one(plan, name, value, err);
        if (r < 0)
            return r;
    }
    return 0;
}
