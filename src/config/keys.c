#include "config/keys.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/suggest.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { LIST_BYTES_MAX = 400 };

static const struct {
    const char *wanted;
    size_t size;
} types[] = {
    [KEY_BOOL] = { "true or false", sizeof(bool) },
    [KEY_INT] = { "an integer", sizeof(int64_t) },
    [KEY_REAL] = { "a number", sizeof(double) },
    [KEY_SIZE] = { "a size in bytes, or as 256MiB", sizeof(int64_t) },
    [KEY_TIME] = { "a time in seconds, or as 0:01:30.5", sizeof(int64_t) },
    [KEY_TEXT] = { "a string", sizeof(const char *) },
    [KEY_STRINGS] = { "a list of strings", sizeof(struct key_strings) },
    [KEY_PATH] = { "the path of a file", sizeof(const char *) },
    [KEY_NODE] = { "anything", sizeof(const struct tree_node *) },
};

size_t key_type_size(enum key_type type)
{
    return types[type].size;
}

const struct key *keys_find(const struct key *keys, const char *name)
{
    for (; keys && keys->name; keys++)
        if (strcmp(keys->name, name) == 0)
            return keys;
    return NULL;
}

/* ---- one value ---- */

/* Where a value comes from, and what to say before what is wrong with it. */
struct source {
    const struct tree *tree;
    const char *front;
    struct err *err;
};

static int fail_type(const struct source *source, const struct key *key,
                     const struct tree_node *node)
{
    const char *wanted = types[key->type].wanted, *advice = "";
    if (node->type == TREE_TEXT && key->type == KEY_STRINGS)
        advice = "; put it in brackets: [text]";
    else if (node->type == TREE_TEXT && key->type == KEY_BOOL)
        advice = "; write true or false";
    else if (node->type == TREE_TEXT && (key->type == KEY_INT || key->type == KEY_REAL))
        advice = "; write it without quotes";
    else if (node->type != TREE_LIST && node->type != TREE_MAP && node->type != TREE_NULL &&
             (key->type == KEY_TEXT || key->type == KEY_PATH))
        advice = "; put it in quotes";
    if (node->type == TREE_BOOL || node->type == TREE_LIST || node->type == TREE_MAP ||
        node->type == TREE_NULL)
        return tree_fail(source->tree, node, source->err, "%sexpected %s, found %s%s",
                         source->front, wanted, tree_type_name(node->type), advice);
    return tree_fail(source->tree, node, source->err, "%sexpected %s, found %s ('%.100s')%s",
                     source->front, wanted, tree_type_name(node->type), node->text, advice);
}

static bool has_bounds(const struct key *key)
{
    return key->min != 0 || key->max != 0;
}

static int check_bounds(const struct source *source, const struct key *key,
                        const struct tree_node *node, double value)
{
    if (!has_bounds(key) || (value >= key->min && value <= key->max))
        return 0;
    bool counts = key->type == KEY_STRINGS;
    return tree_fail(source->tree, node, source->err, "%sexpected %s%.15g to %.15g%s, found %.15g",
                     source->front, counts ? "" : "a value from ", key->min, key->max,
                     counts ? " strings" : "", value);
}

static bool is_choice(const char *choices, const char *text)
{
    size_t len = strlen(text);
    for (const char *at = choices;; at++) {
        size_t word = strcspn(at, "|");
        if (word == len && strncmp(at, text, len) == 0)
            return true;
        at += word;
        if (!*at)
            return false;
    }
}

static int check_choice(const struct source *source, const struct key *key,
                        const struct tree_node *node)
{
    if (!key->choices || is_choice(key->choices, node->text))
        return 0;
    CLEANUP(mem_free_text) char *list = mem_strdup(key->choices);
    for (char *bar = list; (bar = strchr(bar, '|'));)
        *bar = ' ';
    return tree_fail(source->tree, node, source->err, "%sexpected one of: %s; found '%.100s'",
                     source->front, list, node->text);
}

static void *values_keep(struct key_values *values, void *block)
{
    values->blocks = mem_resize(values->blocks, values->block_count + 1, sizeof(*values->blocks));
    values->blocks[values->block_count++] = block;
    return block;
}

static int set_bool(const struct source *source, const struct key *key,
                    const struct tree_node *node, bool *out)
{
    if (node->type != TREE_BOOL)
        return fail_type(source, key, node);
    *out = node->text[0] == 't' || node->text[0] == 'T';
    return 0;
}

static int set_int(const struct source *source, const struct key *key, const struct tree_node *node,
                   int64_t *out)
{
    if (node->type != TREE_INT)
        return fail_type(source, key, node);
    bool octal = node->text[0] == '0' && node->text[1] == 'o';
    bool hex = node->text[0] == '0' && node->text[1] == 'x';
    errno = 0;
    long long value = strtoll(node->text + (octal || hex ? 2 : 0), NULL, octal ? 8 : hex ? 16 : 10);
    if (errno == ERANGE)
        return tree_fail(source->tree, node, source->err, "%s'%.100s' does not fit into 64 bits",
                         source->front, node->text);
    int r = check_bounds(source, key, node, (double)value);
    if (r == 0)
        *out = value;
    return r;
}

static int set_real(const struct source *source, const struct key *key,
                    const struct tree_node *node, double *out)
{
    double value;
    if (node->type == TREE_INT) {
        int64_t whole = 0;
        int r = set_int(source, key, node, &whole);
        if (r < 0)
            return r;
        value = (double)whole;
    } else if (node->type == TREE_REAL) {
        /* .inf and .nan are words to YAML, and no numbers to strtod. */
        value = strpbrk(node->text, "nN") ? NAN : strtod(node->text, NULL);
    } else {
        return fail_type(source, key, node);
    }
    if (!isfinite(value))
        return tree_fail(source->tree, node, source->err,
                         "%sexpected a finite number, found %.100s", source->front, node->text);
    int r = check_bounds(source, key, node, value);
    if (r == 0)
        *out = value;
    return r;
}

/* A number and perhaps a unit; below 0 when the text is none. */
static double parse_size(const char *text)
{
    static const struct {
        const char *name;
        double bytes;
    } units[] = {
        { "", 1 },     { "B", 1 },    { "KiB", 0x1p10 }, { "MiB", 0x1p20 }, { "GiB", 0x1p30 },
        { "kB", 1e3 }, { "MB", 1e6 }, { "GB", 1e9 },     { "TB", 1e12 },    { "TiB", 0x1p40 },
    };
    char *end;
    double number = strtod(text, &end);
    if (end == text || !isdigit((unsigned char)text[0]))
        return -1;
    while (*end == ' ')
        end++;
    for (size_t i = 0; i < COUNT(units); i++)
        if (strcmp(end, units[i].name) == 0)
            return number * units[i].bytes;
    return -1;
}

static int set_size(const struct source *source, const struct key *key,
                    const struct tree_node *node, int64_t *out)
{
    if (node->type == TREE_INT)
        return set_int(source, key, node, out);
    double bytes = node->type == TREE_TEXT ? parse_size(node->text) : -1;
    if (bytes < 0)
        return fail_type(source, key, node);
    if (bytes >= 0x1p63)
        return tree_fail(source->tree, node, source->err, "%s'%.100s' does not fit into 64 bits",
                         source->front, node->text);
    int r = check_bounds(source, key, node, bytes);
    if (r == 0)
        *out = (int64_t)bytes;
    return r;
}

/* [[HOURS:]MINUTES:]SECONDS, as FFmpeg has it; below 0 when the text is none. */
static double parse_time(const char *text)
{
    double total_s = 0;
    for (int parts = 1;; parts++) {
        size_t digits = strspn(text, "0123456789");
        bool is_last = text[digits] != ':';
        if (digits == 0 || digits > 9 || parts > 3)
            return -1;
        char *end = (char *)text + digits;
        double part = is_last ? strtod(text, &end) : (double)strtol(text, NULL, 10);
        if (parts > 1 && part >= 60)
            return -1;
        total_s = total_s * 60 + part;
        if (is_last)
            return *end ? -1 : total_s;
        text += digits + 1;
    }
}

static int set_time(const struct source *source, const struct key *key,
                    const struct tree_node *node, int64_t *out)
{
    double value_s = 0;
    int r = 0;
    if (node->type == TREE_INT || node->type == TREE_REAL) {
        r = set_real(source, key, node, &value_s);
    } else {
        value_s = node->type == TREE_TEXT ? parse_time(node->text) : -1;
        r = value_s < 0 ? fail_type(source, key, node) : check_bounds(source, key, node, value_s);
    }
    if (r == 0)
        *out = llrint(value_s * 1e6);
    return r;
}

static int set_text(struct key_values *values, const struct source *source, const struct key *key,
                    const struct tree_node *node, const char **out)
{
    if (node->type != TREE_TEXT)
        return fail_type(source, key, node);
    int r = check_choice(source, key, node);
    if (r == 0)
        *out = values_keep(values, mem_strdup(node->text));
    return r;
}

static int set_path(struct key_values *values, const struct source *source, const struct key *key,
                    const struct tree_node *node, const char **out)
{
    if (node->type != TREE_TEXT)
        return fail_type(source, key, node);
    bool is_whole = !key->choices || !node->text[0] || node->text[0] == '/';
    *out = values_keep(values, is_whole ? mem_strdup(node->text)
                                        : mem_printf("%s/%s", key->choices, node->text));
    return 0;
}

static int check_strings(const struct source *source, const struct key *key,
                         const struct tree_node *node)
{
    if (node->type != TREE_LIST)
        return fail_type(source, key, node);
    for (size_t i = 0; i < node->count; i++) {
        const struct tree_node *item = node->items[i];
        if (item->type != TREE_TEXT)
            return tree_fail(
                source->tree, item, source->err, "%sexpected a list of strings, found %s in it%s",
                source->front, tree_type_name(item->type),
                item->type == TREE_LIST || item->type == TREE_MAP ? "" : "; put it in quotes");
        int r = check_choice(source, key, item);
        if (r < 0)
            return r;
    }
    return check_bounds(source, key, node, (double)node->count);
}

static int set_strings(struct key_values *values, const struct source *source,
                       const struct key *key, const struct tree_node *node, struct key_strings *out)
{
    int r = check_strings(source, key, node);
    if (r < 0)
        return r;
    const char **items = values_keep(values, mem_zero(node->count + 1, sizeof(*items)));
    for (size_t i = 0; i < node->count; i++)
        items[i] = values_keep(values, mem_strdup(node->items[i]->text));
    *out = (struct key_strings){ items, node->count };
    return 0;
}

int key_values_set(struct key_values *values, const struct key *key, const struct tree *tree,
                   const struct tree_node *node, const char *front, struct err *err)
{
    const struct source source = { tree, front, err };
    void *out = (char *)values->data + key->offset;
    switch (key->type) {
    case KEY_BOOL:
        return set_bool(&source, key, node, out);
    case KEY_INT:
        return set_int(&source, key, node, out);
    case KEY_REAL:
        return set_real(&source, key, node, out);
    case KEY_SIZE:
        return set_size(&source, key, node, out);
    case KEY_TIME:
        return set_time(&source, key, node, out);
    case KEY_TEXT:
        return set_text(values, &source, key, node, out);
    case KEY_STRINGS:
        return set_strings(values, &source, key, node, out);
    case KEY_PATH:
        return set_path(values, &source, key, node, out);
    case KEY_NODE:
        *(const struct tree_node **)out = node;
        return 0;
    }
    return err_set(err, ERR_BUG, 0, "key '%s' has no type", key->name);
}

/* ---- all values ---- */

static int set_default(struct key_values *values, const struct key *key, struct err *err)
{
    if (!key->otherwise)
        return 0;
    CLEANUP(tree_free) struct tree *tree = NULL;
    int r = tree_parse_yaml(key->otherwise, strlen(key->otherwise), key->name, &tree, err);
    if (r == 0)
        r = key_values_set(values, key, tree, tree_root(tree), "default: ", err);
    if (r < 0 && err)
        err->kind = ERR_BUG;
    return r;
}

int key_values_init(struct key_values *values, const struct key *keys, size_t size, struct err *err)
{
    struct key_values fresh = { .keys = keys, .data = mem_zero(1, size) };
    for (const struct key *key = keys; key && key->name; key++) {
        int r = set_default(&fresh, key, err);
        if (r < 0) {
            key_values_release(&fresh);
            return r;
        }
    }
    *values = fresh;
    return 0;
}

void key_values_release(struct key_values *values)
{
    for (size_t i = 0; i < values->block_count; i++)
        free(values->blocks[i]);
    free(values->blocks);
    free(values->data);
    *values = (struct key_values){ 0 };
}

int keys_fail_unknown(const struct key *keys, const char *name, const struct tree *tree,
                      const struct tree_node *node, const struct key_words *words, struct err *err)
{
    const char **names = NULL;
    size_t count = 0;
    for (const struct key *key = keys; key && key->name; key++) {
        names = mem_resize(names, count + 1, sizeof(*names));
        names[count++] = key->name;
    }
    CLEANUP(mem_free_text) char *list = suggest_list(names, count, LIST_BYTES_MAX);
    const char *near = suggest_nearest(name, names, count);
    int r = tree_fail(tree, node, err, "%sunknown %s '%.100s'%s%s%s; there %s: %s", words->front,
                      words->noun, name, near ? " (did you mean '" : "", near ? near : "",
                      near ? "'?)" : "", count == 1 ? "is" : "are", list);
    free(names);
    return r;
}

int key_values_apply(struct key_values *values, const struct tree *tree,
                     const struct tree_node *map, const struct key_words *words, struct err *err)
{
    if (map->type != TREE_MAP)
        return tree_fail(tree, map, err, "%sexpected a map of %ss, found %s", words->front,
                         words->noun, tree_type_name(map->type));
    for (size_t i = 0; i < map->count; i++) {
        const char *name = map->keys[i]->text;
        const struct key *key = keys_find(values->keys, name);
        if (!key)
            return keys_fail_unknown(values->keys, name, tree, map->keys[i], words, err);
        CLEANUP(mem_free_text) char *front = mem_printf("%s'%s': ", words->front, name);
        int r = key_values_set(values, key, tree, map->items[i], front, err);
        if (r < 0)
            return r;
    }
    return 0;
}
