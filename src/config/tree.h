/* tree.h - a file of settings as a tree, with the place of everything in it.
 *
 *     tree_read -> tree_root, tree_get … tree_fail -> tree_free
 *
 * YAML through libyaml, JSON through jansson. Only what JSON could say as well is taken from YAML:
 * maps with words as keys, lists, strings, numbers, true, false, null. Plain scalars follow the
 * core schema of YAML 1.2, so `no` and `on` are strings. Duplicate keys, anchors, aliases, tags,
 * merge keys and second documents are errors, and so is whatever nests deeper than TREE_DEPTH_MAX.
 *
 * All that the tree gives is borrowed from it. What comes from JSON has no marks. */
#ifndef TAKEUP_CONFIG_TREE_H
#define TAKEUP_CONFIG_TREE_H

#include "base/err.h"
#include "base/json.h"

#include <stdarg.h>
#include <stddef.h>

enum {
    TREE_DEPTH_MAX = 32,
    TREE_BYTES_MAX = 1 << 20,
    TREE_KEYS_MAX = 1000, /* of one map */
};

enum tree_type {
    TREE_NULL,
    TREE_BOOL,
    TREE_INT,
    TREE_REAL,
    TREE_TEXT,
    TREE_LIST,
    TREE_MAP,
};

struct tree_mark {
    int line, column; /* from 1; 0: not known */
};

struct tree_node {
    enum tree_type type;
    struct tree_mark mark;
    const char *text; /* of a scalar, as it was written less its quotes; "" of lists and maps */
    struct tree_node **items; /* of a list its items, of a map its values */
    struct tree_node **keys;  /* of a map, beside items */
    size_t count;
};

struct tree;

/* Reads the file `path` (a link is followed); .json is JSON, everything else YAML. Errors begin
 * with "PATH:LINE:COLUMN: ". */
int tree_read(const char *path, struct tree **ret_tree, struct err *err);
/* The same for bytes that are here already; `shown` stands for them in errors. */
int tree_parse_yaml(const char *text, size_t len, const char *shown, struct tree **ret_tree,
                    struct err *err);
int tree_parse_json(const char *text, size_t len, const char *shown, struct tree **ret_tree,
                    struct err *err);
/* By the ending of `shown`. */
int tree_parse(const char *text, size_t len, const char *shown, struct tree **ret_tree,
               struct err *err);
/* A copy of a value that was parsed elsewhere. */
int tree_of_json(const json_t *value, const char *shown, struct tree **ret_tree, struct err *err);
void tree_free(struct tree **tree);

/* Never NULL; of an empty file a TREE_NULL. */
const struct tree_node *tree_root(const struct tree *tree);
const char *tree_shown(const struct tree *tree);
/* The value of `key`; NULL when it is not there, or map is no map. */
const struct tree_node *tree_get(const struct tree_node *map, const char *key);

/* "an integer", "a list" …: for error texts. */
const char *tree_type_name(enum tree_type type);

/* Sets *err to "FILE:LINE:COLUMN: FORMAT", kind ERR_CONFIG; node NULL: "FILE: FORMAT". Returns
 * below 0. */
int tree_fail(const struct tree *tree, const struct tree_node *node, struct err *err,
              const char *format, ...) PRINTF_LIKE(4, 5);

#endif
