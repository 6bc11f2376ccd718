/* From a tree to a DAG. Checks go from the file's shape over each step for itself to what steps
 * are to each other; the first mistake is the one that is told. Until they are sorted, nodes stand
 * in the order of the file, so that node i is item i of the list of steps, with its marks. */
#include "pipeline/plan.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/suggest.h"
#include "pipeline/params.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_BYTES_MAX = 300 };

/* ---- the file ---- */

struct top_keys {
    const char *id, *description;
    int64_t max_parallel;
    const struct tree_node *steps;
};

static const struct key top_keys[] = {
    { "id", KEY_TEXT, offsetof(struct top_keys, id), NULL, 0, 0, NULL, "its name" },
    { "description", KEY_TEXT, offsetof(struct top_keys, description), NULL, 0, 0, NULL, "a line" },
    { "max_parallel", KEY_INT, offsetof(struct top_keys, max_parallel), NULL, 1, 1000, NULL,
      "jobs of it at a time" },
    { "steps", KEY_NODE, offsetof(struct top_keys, steps), NULL, 0, 0, NULL, "what it does" },
    { 0 },
};

struct step_keys {
    const char *id, *use;
    struct key_strings needs;
    const struct tree_node *with;
};

static const struct key step_keys[] = {
    { "id", KEY_TEXT, offsetof(struct step_keys, id), NULL, 0, 0, NULL, "its name" },
    { "use", KEY_TEXT, offsetof(struct step_keys, use), NULL, 0, 0, NULL, "the step" },
    { "needs", KEY_STRINGS, offsetof(struct step_keys, needs), NULL, 0, 0, NULL, "its input" },
    { "with", KEY_NODE, offsetof(struct step_keys, with), NULL, 0, 0, NULL, "its parameters" },
    { 0 },
};

static int check_id(const struct tree *tree, const struct tree_node *map, const char *what,
                    const char *id, struct err *err)
{
    if (!id)
        return tree_fail(tree, map, err, "%s has no 'id'", what);
    if (!id_is_valid(id))
        return tree_fail(tree, tree_get(map, "id"), err,
                         "the id '%.80s' has to be 1 to 64 of a-z, 0-9, _ and -", id);
    return 0;
}

static int check_top(const struct tree *tree, const struct tree_node *root,
                     const struct plan_file *file, struct err *err)
{
    int r = check_id(tree, root, "the pipeline", file->id, err);
    if (r < 0)
        return r;
    if (!file->steps)
        return tree_fail(tree, root, err, "the pipeline has no 'steps'");
    if (file->steps->type != TREE_LIST)
        return tree_fail(tree, file->steps, err, "'steps': expected a list, found %s",
                         tree_type_name(file->steps->type));
    if (file->steps->count == 0)
        return tree_fail(tree, file->steps, err, "'steps' is empty");
    if (file->steps->count > PLAN_STEPS_MAX)
        return tree_fail(tree, file->steps, err, "more than %d steps", PLAN_STEPS_MAX);
    return 0;
}

int plan_file_read(const struct tree *tree, struct plan_file *ret_file, struct err *err)
{
    const struct key_words words = { "", "key" };
    const struct tree_node *root = tree_root(tree);
    *ret_file = (struct plan_file){ .description = "" };
    if (root->type == TREE_NULL)
        return tree_fail(tree, root, err, "the file is empty");
    int r = key_values_init(&ret_file->top, top_keys, sizeof(struct top_keys), err);
    if (r < 0)
        return r;
    r = key_values_apply(&ret_file->top, tree, root, &words, err);
    const struct top_keys *top = ret_file->top.data;
    ret_file->id = top->id;
    ret_file->description = top->description ? top->description : "";
    ret_file->max_parallel = (int)top->max_parallel;
    ret_file->steps = top->steps;
    return r < 0 ? r : check_top(tree, root, ret_file, err);
}

void plan_file_release(struct plan_file *file)
{
    key_values_release(&file->top);
    *file = (struct plan_file){ 0 };
}

bool plan_file_needs_plugin(const struct plan_file *file, const struct catalog *catalog)
{
    for (size_t i = 0; i < file->steps->count; i++) {
        const struct tree_node *use = tree_get(file->steps->items[i], "use");
        if (!use || catalog_find(catalog, use->text))
            continue;
        const struct catalog_plugin *plugin = catalog_plugin_of(catalog, use->text);
        if (plugin && !plugin->off)
            return true;
    }
    return false;
}

bool plan_file_needs_builtin(const struct plan_file *file, const struct catalog *catalog)
{
    for (size_t i = 0; i < file->steps->count; i++) {
        const struct tree_node *use = tree_get(file->steps->items[i], "use");
        if (use &&
            (catalog_is_builtin(catalog, use->text) || !catalog_plugin_of(catalog, use->text)))
            return true;
    }
    return false;
}

/* ---- one step ---- */

struct build {
    const struct tree *tree;
    const struct tree_node *steps;
    const struct catalog *catalog;
    struct plan *plan;
    struct err *err;
};

static int fail_missing(const struct build *build, const struct tree_node *at, const char *text)
{
    int r = tree_fail(build->tree, at, build->err, "%s", text);
    if (build->err)
        build->err->kind = ERR_MISSING;
    return r;
}

static const char **step_names(const struct catalog *catalog, size_t *ret_count)
{
    const char **names = NULL;
    *ret_count = 0;
    const struct takeup_step *step;
    for (size_t i = 0; (step = catalog_step_at(catalog, i)); i++) {
        names = mem_resize(names, i + 1, sizeof(*names));
        names[(*ret_count)++] = step->name;
    }
    return names;
}

/* No code of that name: who could bring it, where it would have to lie, what there is instead. */
static int fail_unknown_step(const struct build *build, const struct tree_node *at, const char *id,
                             const char *use)
{
    CLEANUP(str_release) struct str text = { 0 };
    const char *dir = catalog_plugin_dir(build->catalog);
    const struct catalog_plugin *plugin = catalog_plugin_of(build->catalog, use);
    if (plugin && plugin->off) {
        str_addf(&text, "step '%s': '%s' is brought by the plugin '%s', which is off: %s", id, use,
                 plugin->path, plugin->off);
        int r = fail_missing(build, at, str_text(&text));
        err_hint(build->err, "mend or replace '%s', or take the step '%s' out of the pipeline",
                 plugin->path, id);
        return r;
    }
    size_t count;
    const char **names = step_names(build->catalog, &count);
    const char *near = suggest_nearest(use, names, count);
    CLEANUP(mem_free_text) char *list = suggest_list(names, count, LIST_BYTES_MAX);
    str_addf(&text, "step '%s': there is no step '%.80s'", id, use);
    if (near)
        str_addf(&text, " (did you mean '%s'?)", near);
    free(names);
    str_addf(&text, "; there are: %s. No plugin brings it either", list);
    if (dir)
        str_addf(&text, ": plugins are looked for in '%s'", dir);
    int r = fail_missing(build, at, str_text(&text));
    if (near)
        err_hint(build->err, "write '%s'", near);
    else if (dir)
        err_hint(build->err,
                 "install the plugin that brings '%.80s': put its .so file into '%s' and start "
                 "the worker again (takeup steps shows what there is)",
                 use, dir);
    else
        err_hint(build->err, "name a plugin directory that has the .so file that brings '%.80s'",
                 use);
    return r;
}

static int fill_params(const struct build *build, struct plan_node *node)
{
    CLEANUP(mem_free_text) char *front = mem_printf("step '%s': ", node->id);
    const struct key_words words = { front, "parameter" };
    node->keys = params_keys(node->step, catalog_step_dir(build->catalog, node->step));
    int r = key_values_init(&node->params, node->keys, node->step->params_size, build->err);
    if (r < 0)
        return r;
    if (!node->with)
        return 0;
    return key_values_apply(&node->params, build->tree, node->with, &words, build->err);
}

static int check_step_id(const struct build *build, size_t index, const struct tree_node *map,
                         const char *id)
{
    int r = check_id(build->tree, map, "the step", id, build->err);
    for (size_t i = 0; r == 0 && i < index; i++)
        if (strcmp(build->plan->nodes[i].id, id) == 0)
            r = tree_fail(build->tree, tree_get(map, "id"), build->err,
                          "two steps with the id '%s', the first at line %d", id,
                          build->steps->items[i]->mark.line);
    return r;
}

static int fill_node(const struct build *build, size_t index, const struct tree_node *map,
                     const struct step_keys *said)
{
    struct plan_node *node = &build->plan->nodes[index];
    int r = check_step_id(build, index, map, said->id);
    if (r < 0)
        return r;
    node->id = mem_strdup(said->id);
    if (!said->use)
        return tree_fail(build->tree, map, build->err,
                         "step '%s' has no 'use', the name of what it runs", said->id);
    node->step = catalog_find(build->catalog, said->use);
    if (!node->step)
        return fail_unknown_step(build, tree_get(map, "use"), said->id, said->use);
    node->with = said->with && said->with->type != TREE_NULL ? said->with : NULL;
    return fill_params(build, node);
}

static int build_node(const struct build *build, size_t index)
{
    const struct tree_node *map = build->steps->items[index];
    CLEANUP(mem_free_text)
    char *front = mem_printf("step %zu: ", index + 1);
    const struct key_words words = { front, "key" };
    CLEANUP(key_values_release) struct key_values values = { 0 };
    int r = key_values_init(&values, step_keys, sizeof(struct step_keys), build->err);
    if (r == 0)
        r = key_values_apply(&values, build->tree, map, &words, build->err);
    return r < 0 ? r : fill_node(build, index, map, values.data);
}

/* ---- steps among each other ---- */

int plan_find(const struct plan *plan, const char *id)
{
    for (size_t i = 0; i < plan->count; i++)
        if (strcmp(plan->nodes[i].id, id) == 0)
            return (int)i;
    return -1;
}

char *plan_ids(const struct plan *plan)
{
    const char **ids = mem_zero(plan->count, sizeof(*ids));
    for (size_t i = 0; i < plan->count; i++)
        ids[i] = plan->nodes[i].id;
    char *list = suggest_list(ids, plan->count, LIST_BYTES_MAX);
    free(ids);
    return list;
}

static int fail_unknown_need(const struct build *build, const struct plan_node *node,
                             const struct tree_node *at)
{
    const char **ids = mem_zero(build->plan->count, sizeof(*ids));
    for (size_t i = 0; i < build->plan->count; i++)
        ids[i] = build->plan->nodes[i].id;
    const char *near = suggest_nearest(at->text, ids, build->plan->count);
    CLEANUP(mem_free_text) char *list = suggest_list(ids, build->plan->count, LIST_BYTES_MAX);
    free(ids);
    return tree_fail(build->tree, at, build->err,
                     "step '%s' needs '%.80s', which is no step here%s%s%s; there are: %s",
                     node->id, at->text, near ? " (did you mean '" : "", near ? near : "",
                     near ? "'?)" : "", list);
}

static int check_ports(const struct build *build, const struct plan_node *from,
                       const struct plan_node *to, const struct tree_node *at)
{
    if (from->step->gives == to->step->takes)
        return 0;
    return tree_fail(build->tree, at, build->err, "step '%s' (%s) takes %s, but '%s' (%s) gives %s",
                     to->id, to->step->name, port_name(to->step->takes), from->id, from->step->name,
                     port_name(from->step->gives));
}

static void add_number(size_t **numbers, size_t *count, size_t number)
{
    *numbers = mem_resize(*numbers, *count + 1, sizeof(**numbers));
    (*numbers)[(*count)++] = number;
}

static int add_need(const struct build *build, size_t index, const struct tree_node *at)
{
    struct plan_node *node = &build->plan->nodes[index];
    int need = plan_find(build->plan, at->text);
    if (need < 0)
        return fail_unknown_need(build, node, at);
    for (size_t i = 0; i < node->needs_count; i++)
        if (node->needs[i] == (size_t)need)
            return tree_fail(build->tree, at, build->err, "step '%s' needs '%s' twice", node->id,
                             at->text);
    struct plan_node *from = &build->plan->nodes[need];
    add_number(&node->needs, &node->needs_count, (size_t)need);
    add_number(&from->next, &from->next_count, index);
    return 0;
}

static int link_node(const struct build *build, size_t index)
{
    const struct plan_node *node = &build->plan->nodes[index];
    const struct tree_node *map = build->steps->items[index];
    const struct tree_node *needs = tree_get(map, "needs");
    size_t count = needs ? needs->count : 0;
    if (step_is_source(node->step) && count > 0)
        return tree_fail(build->tree, needs, build->err,
                         "step '%s' (%s) is a source and takes nothing: take its 'needs' away",
                         node->id, node->step->name);
    if (!step_is_source(node->step) && count == 0)
        return tree_fail(build->tree, needs ? needs : map, build->err,
                         "step '%s' (%s) takes %s: its 'needs' has to name a step that gives it",
                         node->id, node->step->name, port_name(node->step->takes));
    for (size_t i = 0; i < count; i++) {
        int r = add_need(build, index, needs->items[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

static int check_node_ports(const struct build *build, size_t index)
{
    const struct plan_node *node = &build->plan->nodes[index];
    const struct tree_node *needs = tree_get(build->steps->items[index], "needs");
    for (size_t i = 0; i < node->needs_count; i++) {
        int r = check_ports(build, &build->plan->nodes[node->needs[i]], node, needs->items[i]);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- order ---- */

static bool all_placed(const struct plan_node *node, const bool *placed)
{
    for (size_t i = 0; i < node->needs_count; i++)
        if (!placed[node->needs[i]])
            return false;
    return true;
}

/* From any step that could not be placed, back along what it needs and what could not be placed
 * either, one comes round to a step seen before: from there on it is the cycle. */
static int fail_cycle(const struct build *build, const bool *placed)
{
    const struct plan *plan = build->plan;
    bool seen[PLAN_STEPS_MAX] = { false };
    size_t at = 0;
    while (placed[at])
        at++;
    while (!seen[at]) {
        const struct plan_node *node = &plan->nodes[at];
        seen[at] = true;
        for (size_t i = 0; i < node->needs_count; i++)
            if (!placed[node->needs[i]]) {
                at = node->needs[i];
                break;
            }
    }
    CLEANUP(str_release) struct str path = { 0 };
    size_t first = at;
    do {
        const struct plan_node *node = &plan->nodes[at];
        str_addf(&path, "%s needs ", node->id);
        size_t i = 0;
        while (placed[node->needs[i]])
            i++;
        at = node->needs[i];
    } while (at != first);
    str_add(&path, plan->nodes[first].id);
    return tree_fail(build->tree, tree_get(build->steps->items[first], "needs"), build->err,
                     "the steps go in a circle: %.600s", str_text(&path));
}

/* order[i] is the number of the node that comes i-th; of those that could come next the one that
 * stands first in the file. */
static int find_order(const struct build *build, size_t *order)
{
    bool placed[PLAN_STEPS_MAX] = { false };
    size_t done = 0;
    while (done < build->plan->count) {
        size_t at = 0;
        while (at < build->plan->count &&
               (placed[at] || !all_placed(&build->plan->nodes[at], placed)))
            at++;
        if (at == build->plan->count)
            return fail_cycle(build, placed);
        placed[at] = true;
        order[done++] = at;
    }
    return 0;
}

static void renumber(size_t *numbers, size_t count, const size_t *place)
{
    for (size_t i = 0; i < count; i++)
        numbers[i] = place[numbers[i]];
}

static int sort_nodes(const struct build *build)
{
    struct plan *plan = build->plan;
    size_t order[PLAN_STEPS_MAX] = { 0 }, place[PLAN_STEPS_MAX] = { 0 };
    int r = find_order(build, order);
    if (r < 0)
        return r;
    struct plan_node *sorted = mem_zero(plan->count, sizeof(*sorted));
    for (size_t i = 0; i < plan->count; i++) {
        sorted[i] = plan->nodes[order[i]];
        place[order[i]] = i;
    }
    for (size_t i = 0; i < plan->count; i++) {
        renumber(sorted[i].needs, sorted[i].needs_count, place);
        renumber(sorted[i].next, sorted[i].next_count, place);
    }
    free(plan->nodes);
    plan->nodes = sorted;
    return 0;
}

/* ---- what they write ---- */

bool node_writes(const struct plan_node *node, const char *key)
{
    for (const char *const *name = node->step->writes; name && *name; name++)
        if (strcmp(*name, key) == 0)
            return true;
    return false;
}

/* What every run writes by itself. */
static const char *const sink_writes[] = {
    "text",         "frames",         "warnings",    "usage",       "text.txt",
    "frames.jsonl", "segments.jsonl", "boxes.jsonl", "result.json", "partial.jsonl",
};

static bool leads_to_editor(const struct plan *plan, size_t at, enum takeup_port port,
                            const char *key, bool seen[PLAN_STEPS_MAX])
{
    const struct plan_node *node = &plan->nodes[at];
    seen[at] = true; /* the steps may still go in a circle */
    for (size_t i = 0; i < node->next_count; i++) {
        size_t to = node->next[i];
        if (plan->nodes[to].step->gives == port && node_writes(&plan->nodes[to], key))
            return true;
        if (!seen[to] && leads_to_editor(plan, to, port, key, seen))
            return true;
    }
    return false;
}

bool plan_is_edited(const struct plan *plan, size_t node, const char *key)
{
    bool seen[PLAN_STEPS_MAX] = { false };
    enum takeup_port port = plan->nodes[node].step->gives;
    const char *own = port == TAKEUP_PORT_SEGMENTS ? "segments"
                      : port == TAKEUP_PORT_BOXES  ? "boxes"
                                                   : "";
    return strcmp(own, key) == 0 && leads_to_editor(plan, node, port, key, seen);
}

static int check_writes(const struct build *build, size_t index)
{
    const struct plan_node *node = &build->plan->nodes[index];
    const struct tree_node *at = build->steps->items[index];
    for (const char *const *name = node->step->writes; name && *name; name++) {
        for (size_t i = 0; i < COUNT(sink_writes); i++)
            if (strcmp(sink_writes[i], *name) == 0)
                return tree_fail(build->tree, at, build->err,
                                 "step '%s' (%s) writes '%s', which the result has by itself",
                                 node->id, node->step->name, *name);
        for (size_t i = 0; i < index; i++)
            if (node_writes(&build->plan->nodes[i], *name) &&
                !plan_is_edited(build->plan, i, *name) &&
                !plan_is_edited(build->plan, index, *name))
                return tree_fail(build->tree, at, build->err,
                                 "two steps write '%s' of the result: '%s' (%s) and '%s' (%s)",
                                 *name, build->plan->nodes[i].id, build->plan->nodes[i].step->name,
                                 node->id, node->step->name);
    }
    return 0;
}

static int check_source(const struct build *build)
{
    for (size_t i = 0; i < build->plan->count; i++)
        if (step_is_source(build->plan->nodes[i].step))
            return 0;
    return tree_fail(build->tree, build->steps, build->err,
                     "the pipeline has no source: no step of it reads the input");
}

static int for_each_step(const struct build *build, int (*fn)(const struct build *, size_t))
{
    int r = 0;
    for (size_t i = 0; r == 0 && i < build->steps->count; i++)
        r = fn(build, i);
    return r;
}

static int build_one(const struct build *build, size_t index)
{
    build->plan->count = index + 1; /* so that plan_free sees what there is of it */
    return build_node(build, index);
}

int plan_build(const struct tree *tree, const struct plan_file *file, const struct catalog *catalog,
               struct plan **ret_plan, struct err *err)
{
    CLEANUP(plan_free) struct plan *plan = MEM_NEW(struct plan);
    plan->id = mem_strdup(file->id);
    plan->tree = tree;
    plan->nodes = mem_zero(file->steps->count, sizeof(*plan->nodes));
    const struct build build = { tree, file->steps, catalog, plan, err };

    int r = for_each_step(&build, build_one);
    if (r == 0)
        r = for_each_step(&build, link_node);
    if (r == 0)
        r = for_each_step(&build, check_node_ports);
    if (r == 0)
        r = for_each_step(&build, check_writes);
    if (r == 0)
        r = check_source(&build);
    if (r == 0)
        r = sort_nodes(&build);
    if (r == 0)
        *ret_plan = TAKE(plan);
    return r;
}

/* ---- the end ---- */

void plan_free(struct plan **plan)
{
    if (!*plan)
        return;
    plan_close(*plan);
    for (size_t i = 0; i < (*plan)->count; i++) {
        struct plan_node *node = &(*plan)->nodes[i];
        key_values_release(&node->params);
        free(node->keys);
        free(node->needs);
        free(node->next);
        free(node->id);
    }
    free((*plan)->nodes);
    free((*plan)->id);
    free(*plan);
    *plan = NULL;
}
