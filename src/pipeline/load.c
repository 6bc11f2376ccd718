#include "pipeline/load.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/suggest.h"
#include "pipeline/child.h"
#include "pipeline/params.h"
#include "pipeline/plan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_BYTES_MAX = 400 };

/* A file: what is shown of it, and what shown points to. */
struct entry {
    struct pipeline shown;
    char *id, *description, *path;
    char hash[17];
    struct err err;
    struct tree *tree;
    struct plan_file file;
    struct plan *plan; /* NULL: broken, or it needs a plugin that is not loaded here */
};

struct pipelines {
    struct catalog *catalog; /* borrowed */
    struct entry **entries;  /* by id, then by path */
    size_t count;
};

static void entry_free(struct entry **entry)
{
    if (!*entry)
        return;
    plan_free(&(*entry)->plan);
    plan_file_release(&(*entry)->file);
    tree_free(&(*entry)->tree);
    free((*entry)->id);
    free((*entry)->description);
    free((*entry)->path);
    free(*entry);
    *entry = NULL;
}

/* ---- one file ---- */

/* FNV-1a, 64 bits: tells one version of a file from another, guards against nothing. */
static void hash_format(const char *bytes, size_t len, char out[17])
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    (void)snprintf(out, 17, "%016" PRIx64, hash);
}

/* What a child is asked: is this plan sound once the plugins are loaded? */
struct question {
    struct catalog *catalog;
    const struct entry *entry;
};

static void check_answer(void *arg, struct str *answer)
{
    const struct question *question = arg;
    const struct entry *entry = question->entry;
    struct err err = { 0 };
    CLEANUP(plan_free) struct plan *plan = NULL;
    int r = catalog_load_plugins(question->catalog, &err);
    if (r == 0)
        r = plan_build(entry->tree, &entry->file, question->catalog, &plan, &err);
    CLEANUP(json_drop) json_t *told = json_object();
    if (r < 0) {
        json_set_text(told, "kind", err_kind_name(err.kind));
        json_set_text(told, "text", err.text);
        json_set_text(told, "hint", err.hint);
    }
    CLEANUP(mem_free_text) char *line = json_line(told);
    str_add(answer, line);
}

static int check_in_child(const struct entry *entry, struct catalog *catalog, struct err *err)
{
    struct question question = { catalog, entry };
    CLEANUP(mem_free_text) char *answer = NULL;
    CLEANUP(json_drop) json_t *told = NULL;
    struct json_mark mark;
    int r = child_ask(check_answer, &question, CHILD_LIMIT_MS, &answer, err);
    if (r < 0) {
        err_context(err, "%s: the process that loaded its plugins", entry->path);
        return r;
    }
    if (json_parse(answer, strlen(answer), &told, &mark, NULL) != 1)
        return err_set(err, ERR_CONFIG, 0, "%s: its plugins end the process that loads them",
                       entry->path);
    const char *text = json_get_text(told, "text", NULL);
    if (!text)
        return 0;
    r = err_set(err, err_kind_parse(json_get_text(told, "kind", "")), 0, "%s", text);
    err_hint(err, "%s", json_get_text(told, "hint", ""));
    return r;
}

/* Reads and checks entry->path; id and description are set as far as they can be read. */
static int entry_read(struct entry *entry, struct catalog *catalog, struct err *err)
{
    CLEANUP(mem_free_text) char *text = NULL;
    CLEANUP(mem_free_text) char *real = realpath(entry->path, NULL); /* may be reached by a link */
    size_t len = 0;
    int r = fs_read_file(AT_FDCWD, real ? real : entry->path, TREE_BYTES_MAX, &text, &len, err);
    if (r < 0)
        return r;
    hash_format(text, len, entry->hash);
    r = tree_parse(text, len, entry->path, &entry->tree, err);
    if (r < 0)
        return r;
    r = plan_file_read(entry->tree, &entry->file, err);
    if (entry->file.id && id_is_valid(entry->file.id))
        entry->id = mem_strdup(entry->file.id);
    if (entry->file.description)
        entry->description = mem_strdup(entry->file.description);
    if (r < 0)
        return r;
    if (plan_file_needs_builtin(&entry->file, catalog)) {
        r = catalog_load_builtins(catalog, err); /* before a fork, to be warm in every runner */
        if (r < 0) {
            err_context(err, "%s", entry->path);
            return r;
        }
    }
    if (plan_file_needs_plugin(&entry->file, catalog))
        return check_in_child(entry, catalog, err);
    return plan_build(entry->tree, &entry->file, catalog, &entry->plan, err);
}

static struct entry *entry_new(const char *path, struct catalog *catalog)
{
    struct entry *entry = MEM_NEW(struct entry);
    entry->path = mem_strdup(path);
    int r = entry_read(entry, catalog, &entry->err);
    if (!entry->id) {
        const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
        entry->id = mem_strndup(name, (size_t)(strrchr(name, '.') - name));
    }
    entry->shown = (struct pipeline){
        .id = entry->id,
        .description = entry->description ? entry->description : "",
        .max_parallel = entry->file.max_parallel,
        .path = entry->path,
        .hash = entry->hash,
        .broken = r < 0 ? &entry->err : NULL,
    };
    return entry;
}

int pipeline_validate_file(const char *path, struct catalog *catalog, struct err *err)
{
    CLEANUP(entry_free) struct entry *entry = MEM_NEW(struct entry);
    entry->path = mem_strdup(path);
    return entry_read(entry, catalog, err);
}

/* ---- a directory ---- */

static int is_pipeline_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.' &&
           (str_has_suffix(entry->d_name, ".yaml") || str_has_suffix(entry->d_name, ".yml") ||
            str_has_suffix(entry->d_name, ".json"));
}

static int compare_entries(const void *a, const void *b)
{
    const struct entry *left = *(struct entry *const *)a, *right = *(struct entry *const *)b;
    int order = strcmp(left->id, right->id);
    return order ? order : strcmp(left->path, right->path);
}

static void break_seconds(struct pipelines *pipelines)
{
    for (size_t i = 1; i < pipelines->count; i++) {
        struct entry *entry = pipelines->entries[i];
        size_t first = i - 1;
        if (strcmp(pipelines->entries[first]->id, entry->id) != 0 || entry->shown.broken)
            continue;
        while (first > 0 && strcmp(pipelines->entries[first - 1]->id, entry->id) == 0)
            first--;
        (void)tree_fail(entry->tree, tree_get(tree_root(entry->tree), "id"), &entry->err,
                        "the id '%s' is that of '%s' already", entry->id,
                        pipelines->entries[first]->path);
        entry->shown.broken = &entry->err;
        plan_free(&entry->plan);
    }
}

int pipelines_load(const char *dir, struct catalog *catalog, struct pipelines **ret_pipelines,
                   struct err *err)
{
    struct dirent **names;
    int count = scandir(dir, &names, is_pipeline_file, alphasort);
    if (count < 0) {
        int errnum = errno;
        return err_set(err, errnum == ENOENT || errnum == ENOTDIR ? ERR_MISSING : ERR_IO, errnum,
                       "read the pipelines of '%s'", dir);
    }
    struct pipelines *pipelines = MEM_NEW(struct pipelines);
    pipelines->catalog = catalog;
    pipelines->entries = mem_zero((size_t)count, sizeof(struct entry *));
    for (int i = 0; i < count; i++) {
        CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", dir, names[i]->d_name);
        pipelines->entries[pipelines->count++] = entry_new(path, catalog);
        free(names[i]);
    }
    free(names);
    qsort(pipelines->entries, pipelines->count, sizeof(struct entry *), compare_entries);
    break_seconds(pipelines);
    *ret_pipelines = pipelines;
    return 0;
}

void pipelines_free(struct pipelines **pipelines)
{
    if (!*pipelines)
        return;
    for (size_t i = 0; i < (*pipelines)->count; i++)
        entry_free(&(*pipelines)->entries[i]);
    free((*pipelines)->entries);
    free(*pipelines);
    *pipelines = NULL;
}

const struct pipeline *pipelines_find(const struct pipelines *pipelines, const char *id)
{
    for (size_t i = 0; i < pipelines->count; i++)
        if (strcmp(pipelines->entries[i]->id, id) == 0)
            return &pipelines->entries[i]->shown;
    return NULL;
}

const struct pipeline *pipelines_at(const struct pipelines *pipelines, size_t index)
{
    return index < pipelines->count ? &pipelines->entries[index]->shown : NULL;
}

char *pipelines_list(const struct pipelines *pipelines)
{
    const char **ids = mem_zero(pipelines->count, sizeof(*ids));
    size_t count = 0;
    for (size_t i = 0; i < pipelines->count; i++)
        if (i == 0 || strcmp(pipelines->entries[i - 1]->id, pipelines->entries[i]->id) != 0)
            ids[count++] = pipelines->entries[i]->id;
    char *list = suggest_list(ids, count, LIST_BYTES_MAX);
    free(ids);
    return list;
}

/* ---- plans ---- */

static void learn_warm(struct pipelines *pipelines)
{
    for (size_t i = 0; i < pipelines->count; i++)
        for (size_t j = 0; j < pipelines->count; j++)
            if (pipelines->entries[i]->plan && pipelines->entries[j]->plan)
                plan_learn_warm(pipelines->entries[i]->plan, pipelines->entries[j]->plan);
}

void pipelines_warm(struct pipelines *pipelines,
                    void (*fn)(void *arg, const struct pipeline *pipeline, const struct err *err),
                    void *arg)
{
    for (size_t i = 0; i < pipelines->count; i++) {
        struct entry *entry = pipelines->entries[i];
        struct err err = { 0 };
        if (entry->plan && plan_warm(entry->plan, true, &err) < 0 && fn)
            fn(arg, &entry->shown, &err);
    }
    learn_warm(pipelines);
}

static struct entry *entry_of(struct pipelines *pipelines, const struct pipeline *pipeline)
{
    for (size_t i = 0; i < pipelines->count; i++)
        if (&pipelines->entries[i]->shown == pipeline)
            return pipelines->entries[i];
    return NULL;
}

static int entry_plan(struct entry *entry, struct catalog *catalog, struct err *err)
{
    if (entry->plan)
        return 0;
    int r = catalog_load_plugins(catalog, err);
    if (r == 0)
        r = plan_build(entry->tree, &entry->file, catalog, &entry->plan, err);
    return r;
}

void pipelines_warm_all(struct pipelines *pipelines)
{
    for (size_t i = 0; i < pipelines->count; i++) {
        struct entry *entry = pipelines->entries[i];
        if (!entry->shown.broken && entry_plan(entry, pipelines->catalog, NULL) == 0)
            (void)plan_warm(entry->plan, true, NULL);
    }
    learn_warm(pipelines);
}

/* The plan of a pipeline that is fine, not warm yet. */
static int find_plan(struct pipelines *pipelines, const struct pipeline *pipeline,
                     struct plan **ret_plan, struct err *err)
{
    struct entry *entry = entry_of(pipelines, pipeline);
    if (!entry)
        return err_set(err, ERR_BUG, 0, "a pipeline that is none of these");
    if (entry->shown.broken) {
        if (err)
            *err = *entry->shown.broken;
        return -EINVAL;
    }
    int r = entry_plan(entry, pipelines->catalog, err);
    if (r == 0)
        *ret_plan = entry->plan;
    return r;
}

int pipeline_check_params(struct pipelines *pipelines, const struct pipeline *pipeline,
                          const json_t *params, struct err *err)
{
    struct plan *plan = NULL;
    int r = find_plan(pipelines, pipeline, &plan, err);
    return r < 0 ? r : plan_override(plan, params, err);
}

int pipeline_plan(struct pipelines *pipelines, const struct pipeline *pipeline,
                  const json_t *params, struct plan **ret_plan, struct err *err)
{
    struct plan *plan = NULL;
    int r = find_plan(pipelines, pipeline, &plan, err);
    if (r == 0)
        r = plan_override(plan, params, err);
    if (r == 0)
        r = plan_warm(plan, false, err);
    if (r == 0)
        *ret_plan = plan;
    return r;
}

static char *plan_dot(const struct plan *plan)
{
    struct str dot = { 0 };
    str_addf(&dot, "digraph \"%s\" {\n  rankdir=LR;\n  node [shape=box];\n", plan->id);
    for (size_t i = 0; i < plan->count; i++)
        str_addf(&dot, "  \"%s\" [label=\"%s\\n%s\"];\n", plan->nodes[i].id, plan->nodes[i].id,
                 plan->nodes[i].step->name);
    for (size_t i = 0; i < plan->count; i++)
        for (size_t j = 0; j < plan->nodes[i].next_count; j++)
            str_addf(&dot, "  \"%s\" -> \"%s\" [label=\"%s\"];\n", plan->nodes[i].id,
                     plan->nodes[plan->nodes[i].next[j]].id, port_name(plan->nodes[i].step->gives));
    str_add(&dot, "}\n");
    return str_take(&dot);
}

int pipeline_dot(struct pipelines *pipelines, const struct pipeline *pipeline, char **ret_dot,
                 struct err *err)
{
    struct plan *plan = NULL;
    int r = find_plan(pipelines, pipeline, &plan, err);
    if (r == 0)
        *ret_dot = plan_dot(plan);
    return r;
}

static void each_file_of(const struct plan_node *node, void (*fn)(void *arg, const char *path),
                         void *arg)
{
    for (const struct key *key = node->keys; key && key->name; key++) {
        if (key->type != KEY_PATH)
            continue;
        const char *path;
        memcpy(&path, (const char *)node->params.data + key->offset, sizeof(path));
        if (path && path[0])
            fn(arg, path);
    }
}

void plan_each_file(const struct plan *plan, void (*fn)(void *arg, const char *path), void *arg)
{
    for (size_t i = 0; i < plan->count; i++)
        each_file_of(&plan->nodes[i], fn, arg);
}
