/* keys.h - from a tree to a structure in C, by a table of keys.
 *
 *     static const struct key keys[] = {
 *         { "fps", KEY_REAL, offsetof(struct x, fps), "5", 0.1, 60, NULL, "…" }, { 0 } };
 *     struct key_values values;
 *     key_values_init -> key_values_apply … -> values.data -> key_values_release
 *
 * Wrong types, bounds and choices are errors with the place; so are keys that are not in the
 * table, with those that are and the nearest of them. */
#ifndef TAKEUP_CONFIG_KEYS_H
#define TAKEUP_CONFIG_KEYS_H

#include "base/err.h"
#include "config/tree.h"

#include <stddef.h>

enum key_type {
    KEY_BOOL,    /* bool */
    KEY_INT,     /* int64_t */
    KEY_REAL,    /* double; an integer will do */
    KEY_SIZE,    /* int64_t, bytes: an integer, or a text such as 256MiB, 1.5GB */
    KEY_TIME,    /* int64_t, microseconds: a number of seconds, or a text such as 0:01:30.5 */
    KEY_TEXT,    /* const char *, owned by the values */
    KEY_STRINGS, /* struct key_strings, owned by the values */
    KEY_PATH,    /* const char *, owned by the values; see choices */
    KEY_NODE,    /* const struct tree_node *, of any type, borrowed from the tree */
};

struct key_strings {
    const char *const *items;
    size_t count;
};

/* A table ends with a row whose name is NULL. */
struct key {
    const char *name;
    enum key_type type;
    size_t offset;
    const char *otherwise; /* default, as YAML; NULL: zero, no text, no strings, no node */
    double min, max; /* of numbers, of TIME in seconds, of the count of STRINGS; both 0: none */
    /* Of TEXT and of each of STRINGS: "srt|vtt"; NULL: any. Of PATH the directory in which a
     * relative one lies; NULL: it stays as it is. */
    const char *choices;
    const char *help;
};

/* Caller's storage; what data points to lives until key_values_release. */
struct key_values {
    const struct key *keys; /* borrowed */
    void *data;             /* the structure */
    void **blocks;          /* what it points to */
    size_t block_count;
};

/* How a key is spoken of in errors. */
struct key_words {
    const char *front; /* "step 'text': ", or "" */
    const char *noun;  /* "key", "parameter" */
};

/* A structure of size bytes with the defaults in it. ERR_BUG when a default does not fit its own
 * row; *values needs no release then. */
int key_values_init(struct key_values *values, const struct key *keys, size_t size,
                    struct err *err);
void key_values_release(struct key_values *values);

/* Sets what the map says. */
int key_values_apply(struct key_values *values, const struct tree *tree,
                     const struct tree_node *map, const struct key_words *words, struct err *err);
/* Sets one key; front stands before "expected …, found …". */
int key_values_set(struct key_values *values, const struct key *key, const struct tree *tree,
                   const struct tree_node *node, const char *front, struct err *err);

const struct key *keys_find(const struct key *keys, const char *name);
/* How many bytes a value has in the structure. */
size_t key_type_size(enum key_type type);

/* Fails at `node` with: "FRONTunknown NOUN 'name'; did you mean 'x'? NOUNs there are: …". */
int keys_fail_unknown(const struct key *keys, const char *name, const struct tree *tree,
                      const struct tree_node *node, const struct key_words *words, struct err *err);

#endif
