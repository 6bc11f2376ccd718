/* How a file becomes a tree.
 *
 * libyaml's events are taken one by one, so that what is refused (an anchor, a tag, deep nesting)
 * is refused where it stands, before anything is built from it; its document API would expand
 * aliases first and ask later.
 *
 * JSON does not go through libyaml, although YAML 1.2 contains it: libyaml speaks 1.1, refuses
 * "\ud83d\ude00" and keys longer than 1,024 characters, and would let unquoted words pass. jansson
 * keeps no places but that of a syntax error; hence a tree from JSON has no marks, and messages
 * about it name the file and the key.
 *
 * libyaml tells places as characters from 0, and for errors of its reader (a control character)
 * only as a byte offset; here all become line and column from 1. */
#include "config/tree.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

struct tree {
    char *shown;
    struct tree_node *root;
};

/* ---- nodes ---- */

static struct tree_node *node_new(enum tree_type type, struct tree_mark mark)
{
    struct tree_node *node = MEM_NEW(struct tree_node);
    node->type = type;
    node->mark = mark;
    node->text = mem_strdup("");
    return node;
}

static void node_free(struct tree_node **node)
{
    if (!*node)
        return;
    for (size_t i = 0; i < (*node)->count; i++) {
        node_free(&(*node)->items[i]);
        if ((*node)->keys)
            node_free(&(*node)->keys[i]);
    }
    free((*node)->items);
    free((*node)->keys);
    free((char *)(*node)->text);
    free(*node);
    *node = NULL;
}

static void node_set_text(struct tree_node *node, const char *text)
{
    free((char *)node->text);
    node->text = mem_strdup(text);
}

/* Takes key (NULL in a list) and value over. */
static void node_add(struct tree_node *node, struct tree_node *key, struct tree_node *value)
{
    node->items = mem_resize(node->items, node->count + 1, sizeof(*node->items));
    node->items[node->count] = value;
    if (key) {
        node->keys = mem_resize(node->keys, node->count + 1, sizeof(*node->keys));
        node->keys[node->count] = key;
    }
    node->count++;
}

static struct tree *tree_new(const char *shown)
{
    struct tree *tree = MEM_NEW(struct tree);
    tree->shown = mem_strdup(shown);
    return tree;
}

void tree_free(struct tree **tree)
{
    if (!*tree)
        return;
    node_free(&(*tree)->root);
    free((*tree)->shown);
    free(*tree);
    *tree = NULL;
}

const struct tree_node *tree_root(const struct tree *tree)
{
    return tree->root;
}

const char *tree_shown(const struct tree *tree)
{
    return tree->shown;
}

const struct tree_node *tree_get(const struct tree_node *map, const char *key)
{
    for (size_t i = 0; map->type == TREE_MAP && i < map->count; i++)
        if (strcmp(map->keys[i]->text, key) == 0)
            return map->items[i];
    return NULL;
}

const char *tree_type_name(enum tree_type type)
{
    static const char *const names[] = {
        [TREE_NULL] = "nothing",  [TREE_BOOL] = "true or false", [TREE_INT] = "an integer",
        [TREE_REAL] = "a number", [TREE_TEXT] = "a string",      [TREE_LIST] = "a list",
        [TREE_MAP] = "a map",
    };
    return names[type];
}

/* ---- errors ---- */

static int fail_at(const char *shown, struct tree_mark mark, struct err *err, const char *text)
{
    if (mark.line > 0)
        return err_set(err, ERR_CONFIG, 0, "%s:%d:%d: %s", shown, mark.line, mark.column, text);
    return err_set(err, ERR_CONFIG, 0, "%s: %s", shown, text);
}

int tree_fail(const struct tree *tree, const struct tree_node *node, struct err *err,
              const char *format, ...)
{
    va_list args;
    va_start(args, format);
    CLEANUP(mem_free_text) char *text = mem_vprintf(format, args);
    va_end(args);
    return fail_at(tree->shown, node ? node->mark : (struct tree_mark){ 0, 0 }, err, text);
}

/* The place of a byte; columns count characters. */
static struct tree_mark mark_of_byte(const char *text, size_t offset)
{
    struct tree_mark mark = { 1, 1 };
    for (size_t i = 0; i < offset; i++) {
        if (text[i] == '\n')
            mark = (struct tree_mark){ mark.line + 1, 1 };
        else if (((unsigned char)text[i] & 0xC0) != 0x80)
            mark.column++;
    }
    return mark;
}

static struct tree_mark mark_of(yaml_mark_t at)
{
    return (struct tree_mark){ (int)at.line + 1, (int)at.column + 1 };
}

/* ---- scalars: the core schema of YAML 1.2, section 10.3.2 ---- */

static bool is_one_of(const char *text, const char *const *words)
{
    for (; *words; words++)
        if (strcmp(text, *words) == 0)
            return true;
    return false;
}

static size_t digits(const char *text, const char *set)
{
    return strspn(text, set);
}

static bool is_int(const char *text)
{
    if (text[0] == '0' && (text[1] == 'o' || text[1] == 'x')) {
        size_t n = digits(text + 2, text[1] == 'o' ? "01234567" : "0123456789abcdefABCDEF");
        return n > 0 && text[2 + n] == '\0';
    }
    text += *text == '-' || *text == '+';
    size_t n = digits(text, "0123456789");
    return n > 0 && text[n] == '\0';
}

/* [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )? */
static bool is_real(const char *text)
{
    static const char *const names[] = { ".inf",  ".Inf",  ".INF",  "-.inf", "-.Inf",
                                         "-.INF", "+.inf", "+.Inf", "+.INF", ".nan",
                                         ".NaN",  ".NAN",  NULL };
    if (is_one_of(text, names))
        return true;
    text += *text == '-' || *text == '+';
    size_t whole = digits(text, "0123456789"), part = 0;
    text += whole;
    if (*text == '.') {
        part = digits(text + 1, "0123456789");
        text += 1 + part;
    }
    if (whole + part == 0)
        return false;
    if (*text == 'e' || *text == 'E') {
        text += 1 + (text[1] == '-' || text[1] == '+');
        size_t exponent = digits(text, "0123456789");
        if (exponent == 0)
            return false;
        text += exponent;
    }
    return *text == '\0';
}

static enum tree_type plain_type(const char *text)
{
    static const char *const nulls[] = { "", "~", "null", "Null", "NULL", NULL };
    static const char *const bools[] = { "true", "True", "TRUE", "false", "False", "FALSE", NULL };
    if (is_one_of(text, nulls))
        return TREE_NULL;
    if (is_one_of(text, bools))
        return TREE_BOOL;
    if (is_int(text))
        return TREE_INT;
    return is_real(text) ? TREE_REAL : TREE_TEXT;
}

/* ---- YAML ---- */

struct reader {
    yaml_parser_t parser;
    const char *shown, *text;
    size_t len;
    struct err *err;
};

static int reader_fail(struct reader *reader, yaml_mark_t at, const char *text)
{
    return fail_at(reader->shown, mark_of(at), reader->err, text);
}

/* The byte at a place that libyaml told; NUL beyond the end. */
static char byte_at(const struct reader *reader, yaml_mark_t at)
{
    size_t byte = 0;
    for (size_t i = 0; byte < reader->len && i < at.index; i++)
        do
            byte++;
        while (byte < reader->len && ((unsigned char)reader->text[byte] & 0xC0) == 0x80);
    return byte < reader->len ? reader->text[byte] : '\0';
}

/* What libyaml says of a text that is no YAML. */
static int syntax_fail(struct reader *reader)
{
    const yaml_parser_t *parser = &reader->parser;
    const char *problem = parser->problem ? parser->problem : "not YAML";
    if (parser->error == YAML_MEMORY_ERROR)
        return err_set(reader->err, ERR_MEMORY, ENOMEM, "%s", reader->shown);
    if (parser->error == YAML_READER_ERROR)
        return fail_at(reader->shown, mark_of_byte(reader->text, parser->problem_offset),
                       reader->err, problem);
    if (byte_at(reader, parser->problem_mark) == '\t')
        return reader_fail(reader, parser->problem_mark,
                           "a tab stands where only spaces may indent");
    CLEANUP(mem_free_text)
    char *text = parser->context ? mem_printf("%s (%s, from line %zu)", problem, parser->context,
                                              parser->context_mark.line + 1)
                                 : mem_strdup(problem);
    return reader_fail(reader, parser->problem_mark, text);
}

/* The caller ends *event with yaml_event_delete, also after an error. */
static int next_event(struct reader *reader, yaml_event_t *event)
{
    return yaml_parser_parse(&reader->parser, event) ? 0 : syntax_fail(reader);
}

static int check_properties(struct reader *reader, const yaml_event_t *event)
{
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_ALIAS_EVENT)
        return reader_fail(reader, event->start_mark,
                           "aliases (*name) are not supported; write it out");
    if (event->type == YAML_SCALAR_EVENT) {
        anchor = event->data.scalar.anchor;
        tag = event->data.scalar.tag;
    } else if (event->type == YAML_SEQUENCE_START_EVENT) {
        anchor = event->data.sequence_start.anchor;
        tag = event->data.sequence_start.tag;
    } else if (event->type == YAML_MAPPING_START_EVENT) {
        anchor = event->data.mapping_start.anchor;
        tag = event->data.mapping_start.tag;
    }
    if (anchor)
        return reader_fail(reader, event->start_mark,
                           "anchors (&name) are not supported; write it out");
    if (tag)
        return reader_fail(reader, event->start_mark, "tags (!name) are not supported");
    return 0;
}

static int read_scalar(struct reader *reader, const yaml_event_t *event,
                       struct tree_node **ret_node)
{
    const char *text = (const char *)event->data.scalar.value;
    if (strlen(text) != event->data.scalar.length)
        return reader_fail(reader, event->start_mark, "a string may not hold a NUL (\\0)");
    bool plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    *ret_node = node_new(plain ? plain_type(text) : TREE_TEXT, mark_of(event->start_mark));
    node_set_text(*ret_node, text);
    return 0;
}

static int read_node(struct reader *reader, const yaml_event_t *event, int depth,
                     struct tree_node **ret_node);

/* 1: *ret_node is the next item; 0: the collection ends here. */
static int read_item(struct reader *reader, int depth, struct tree_node **ret_node)
{
    CLEANUP(yaml_event_delete) yaml_event_t event = { 0 };
    int r = next_event(reader, &event);
    if (r < 0)
        return r;
    if (event.type == YAML_SEQUENCE_END_EVENT || event.type == YAML_MAPPING_END_EVENT)
        return 0;
    r = read_node(reader, &event, depth, ret_node);
    return r < 0 ? r : 1;
}

static int check_key(struct reader *reader, const struct tree_node *map,
                     const struct tree_node *key)
{
    if (key->type == TREE_LIST || key->type == TREE_MAP)
        return fail_at(reader->shown, key->mark, reader->err, "a key has to be a word");
    if (strcmp(key->text, "<<") == 0)
        return fail_at(reader->shown, key->mark, reader->err,
                       "merge keys (<<) are not supported; write it out");
    if (map->count >= TREE_KEYS_MAX)
        return fail_at(reader->shown, key->mark, reader->err, "a map has more than 1,000 keys");
    for (size_t i = 0; i < map->count; i++) {
        if (strcmp(map->keys[i]->text, key->text) != 0)
            continue;
        CLEANUP(mem_free_text)
        char *text =
            mem_printf("duplicate key '%s', first at line %d", key->text, map->keys[i]->mark.line);
        return fail_at(reader->shown, key->mark, reader->err, text);
    }
    return 0;
}

/* 1: one more pair is in map; 0: it ends here. */
static int read_pair(struct reader *reader, int depth, struct tree_node *map)
{
    CLEANUP(node_free) struct tree_node *key = NULL;
    CLEANUP(node_free) struct tree_node *value = NULL;
    int r = read_item(reader, depth, &key);
    if (r <= 0)
        return r;
    r = check_key(reader, map, key);
    if (r < 0)
        return r;
    r = read_item(reader, depth, &value);
    if (r > 0)
        node_add(map, TAKE(key), TAKE(value));
    return r;
}

static int read_list_item(struct reader *reader, int depth, struct tree_node *list)
{
    struct tree_node *item = NULL;
    int r = read_item(reader, depth, &item);
    if (r > 0)
        node_add(list, NULL, item);
    return r;
}

static int read_collection(struct reader *reader, const yaml_event_t *event, int depth,
                           struct tree_node **ret_node)
{
    if (depth >= TREE_DEPTH_MAX)
        return reader_fail(reader, event->start_mark, "nested deeper than 32 levels");
    bool is_map = event->type == YAML_MAPPING_START_EVENT;
    CLEANUP(node_free)
    struct tree_node *node = node_new(is_map ? TREE_MAP : TREE_LIST, mark_of(event->start_mark));
    int r;
    do
        r = is_map ? read_pair(reader, depth + 1, node) : read_list_item(reader, depth + 1, node);
    while (r > 0);
    if (r == 0)
        *ret_node = TAKE(node);
    return r;
}

static int read_node(struct reader *reader, const yaml_event_t *event, int depth,
                     struct tree_node **ret_node)
{
    int r = check_properties(reader, event);
    if (r < 0)
        return r;
    if (event->type == YAML_SCALAR_EVENT)
        return read_scalar(reader, event, ret_node);
    return read_collection(reader, event, depth, ret_node);
}

static int expect_event(struct reader *reader, yaml_event_type_t type, const char *otherwise)
{
    CLEANUP(yaml_event_delete) yaml_event_t event = { 0 };
    int r = next_event(reader, &event);
    if (r == 0 && event.type != type)
        r = reader_fail(reader, event.start_mark, otherwise);
    return r;
}

/* 1: a document begins; 0: the stream is empty. */
static int read_document_start(struct reader *reader)
{
    CLEANUP(yaml_event_delete) yaml_event_t event = { 0 };
    int r = next_event(reader, &event);
    if (r < 0 || event.type == YAML_STREAM_END_EVENT)
        return r;
    if (event.data.document_start.tag_directives.start !=
        event.data.document_start.tag_directives.end)
        return reader_fail(reader, event.start_mark, "%TAG is not supported");
    return 1;
}

static int read_stream(struct reader *reader, struct tree_node **ret_root)
{
    int r = expect_event(reader, YAML_STREAM_START_EVENT, "not YAML");
    if (r == 0)
        r = read_document_start(reader);
    if (r == 0)
        *ret_root = node_new(TREE_NULL, (struct tree_mark){ 1, 1 });
    if (r <= 0)
        return r;
    CLEANUP(node_free) struct tree_node *root = NULL;
    r = read_item(reader, 0, &root);
    if (r > 0)
        r = expect_event(reader, YAML_DOCUMENT_END_EVENT, "there is something behind the end");
    if (r == 0)
        r = expect_event(reader, YAML_STREAM_END_EVENT,
                         "a second document begins here; one file holds one");
    if (r == 0)
        *ret_root = TAKE(root);
    return r;
}

static int check_utf8(const char *text, size_t len, const char *shown, struct err *err)
{
    if (str_is_utf8(text, len))
        return 0;
    size_t good = 0; /* bytes of whole characters before the wrong one */
    while (good < len) {
        size_t used = 1;
        while (used < 4 && good + used <= len && !str_is_utf8(text + good, used))
            used++;
        if (good + used > len || !str_is_utf8(text + good, used))
            break;
        good += used;
    }
    return fail_at(shown, mark_of_byte(text, good), err, "not UTF-8");
}

static void skip_bom(const char **text, size_t *len)
{
    if (*len >= 3 && memcmp(*text, "\xEF\xBB\xBF", 3) == 0) {
        *text += 3;
        *len -= 3;
    }
}

int tree_parse_yaml(const char *text, size_t len, const char *shown, struct tree **ret_tree,
                    struct err *err)
{
    skip_bom(&text, &len);
    int r = check_utf8(text, len, shown, err);
    if (r < 0)
        return r;
    struct reader reader = { .shown = shown, .text = text, .len = len, .err = err };
    if (!yaml_parser_initialize(&reader.parser))
        return err_set(err, ERR_MEMORY, ENOMEM, "%s", shown);
    yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, len);

    CLEANUP(tree_free) struct tree *tree = tree_new(shown);
    r = read_stream(&reader, &tree->root);
    yaml_parser_delete(&reader.parser);
    if (r == 0)
        *ret_tree = TAKE(tree);
    return r;
}

/* ---- JSON ---- */

static struct tree_node *node_of_scalar(const json_t *value)
{
    const struct tree_mark nowhere = { 0, 0 };
    CLEANUP(mem_free_text) char *text = NULL;
    enum tree_type type = TREE_NULL;
    if (json_is_string(value)) {
        type = TREE_TEXT;
        text = mem_strdup(json_string_value(value));
    } else if (json_is_integer(value)) {
        type = TREE_INT;
        text = mem_printf("%lld", (long long)json_integer_value(value));
    } else if (json_is_real(value)) {
        type = TREE_REAL;
        text = mem_printf("%.17g", json_real_value(value));
    } else if (json_is_boolean(value)) {
        type = TREE_BOOL;
        text = mem_strdup(json_is_true(value) ? "true" : "false");
    }
    struct tree_node *node = node_new(type, nowhere);
    if (text)
        node_set_text(node, text);
    return node;
}

static int node_of_json(const json_t *value, int depth, const char *shown,
                        struct tree_node **ret_node, struct err *err)
{
    const struct tree_mark nowhere = { 0, 0 };
    if (!json_is_array(value) && !json_is_object(value)) {
        *ret_node = node_of_scalar(value);
        return 0;
    }
    if (depth >= TREE_DEPTH_MAX)
        return fail_at(shown, nowhere, err, "nested deeper than 32 levels");
    CLEANUP(node_free)
    struct tree_node *node = node_new(json_is_array(value) ? TREE_LIST : TREE_MAP, nowhere);
    struct tree_node *item = NULL;
    for (size_t i = 0; i < json_array_size(value); i++) { /* 0 of an object */
        int r = node_of_json(json_array_get(value, i), depth + 1, shown, &item, err);
        if (r < 0)
            return r;
        node_add(node, NULL, item);
    }
    const char *name;
    json_t *member;
    json_object_foreach((json_t *)value, name, member)
    {
        int r = node_of_json(member, depth + 1, shown, &item, err);
        if (r < 0)
            return r;
        struct tree_node *key = node_new(TREE_TEXT, nowhere);
        node_set_text(key, name);
        node_add(node, key, item);
    }
    *ret_node = TAKE(node);
    return 0;
}

int tree_of_json(const json_t *value, const char *shown, struct tree **ret_tree, struct err *err)
{
    CLEANUP(tree_free) struct tree *tree = tree_new(shown);
    int r = node_of_json(value, 0, shown, &tree->root, err);
    if (r == 0)
        *ret_tree = TAKE(tree);
    return r;
}

int tree_parse_json(const char *text, size_t len, const char *shown, struct tree **ret_tree,
                    struct err *err)
{
    CLEANUP(json_drop) json_t *value = NULL;
    struct json_mark mark = { 0, 0 };
    struct err wrong = { 0 };
    int r = json_parse(text, len, &value, &mark, &wrong);
    if (r == 0) {
        skip_bom(&text, &len);
        return fail_at(shown, mark_of_byte(text, len), err, "the file ends too soon");
    }
    if (r > 0)
        return tree_of_json(value, shown, ret_tree, err);
    /* The text has "line L, column C: " in front of the reason; the place is said once. */
    const char *reason = mark.line > 0 ? strstr(wrong.text, ": ") : NULL;
    return fail_at(shown, (struct tree_mark){ mark.line, mark.column }, err,
                   reason ? reason + 2 : wrong.text);
}

/* ---- files ---- */

int tree_parse(const char *text, size_t len, const char *shown, struct tree **ret_tree,
               struct err *err)
{
    if (str_has_suffix(shown, ".json"))
        return tree_parse_json(text, len, shown, ret_tree, err);
    return tree_parse_yaml(text, len, shown, ret_tree, err);
}

int tree_read(const char *path, struct tree **ret_tree, struct err *err)
{
    CLEANUP(mem_free_text) char *text = NULL;
    CLEANUP(mem_free_text) char *real = realpath(path, NULL); /* fs_read_file opens no link */
    size_t len = 0;
    int r = fs_read_file(AT_FDCWD, real ? real : path, TREE_BYTES_MAX, &text, &len, err);
    if (r < 0)
        return r;
    return tree_parse(text, len, path, ret_tree, err);
}
