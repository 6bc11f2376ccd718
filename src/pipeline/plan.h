/* plan.h - a checked DAG with its instances. Private to the room.
 *
 *     plan_build -> plan_override -> plan_warm -> (schedule.c runs it) -> plan_free */
#ifndef TAKEUP_PIPELINE_PLAN_H
#define TAKEUP_PIPELINE_PLAN_H

#include "api/step.h"
#include "base/err.h"
#include "base/json.h"
#include "config/keys.h"
#include "config/tree.h"
#include "pipeline/catalog.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PLAN_STEPS_MAX = 100 };

/* A step of a pipeline. */
struct plan_node {
    char *id;
    const struct takeup_step *step; /* borrowed from the catalog */
    size_t *needs, *next;           /* numbers of nodes */
    size_t needs_count, next_count;
    const struct tree_node *with; /* NULL: nothing was said */
    struct key *keys;
    struct key_values params;
    void *self;      /* the first instance; NULL: cold */
    int64_t warm_us; /* the most that an instance of this step took to warm, as far as is known */
};

struct plan {
    char *id;
    const struct tree *tree; /* borrowed */
    struct plan_node *nodes; /* each behind all that it needs */
    size_t count;
};

/* What a file says before any step is looked up. Points into the tree and into itself. */
struct plan_file {
    struct key_values top; /* owns the texts */
    const char *id, *description;
    int max_parallel;              /* 0: not said */
    const struct tree_node *steps; /* a list */
};

/* id and description may be there even when it fails. End it with plan_file_release always. */
int plan_file_read(const struct tree *tree, struct plan_file *ret_file, struct err *err);
void plan_file_release(struct plan_file *file);
/* Does it name a step whose code is in a plugin that has still to be loaded? */
bool plan_file_needs_plugin(const struct plan_file *file, const struct catalog *catalog);
/* Does it use a step that is built in, or that no plugin brings? One that there is not counts: what
 * is told of it names those there are. */
bool plan_file_needs_builtin(const struct plan_file *file, const struct catalog *catalog);

/* The tree has to live as long as the plan. */
int plan_build(const struct tree *tree, const struct plan_file *file, const struct catalog *catalog,
               struct plan **ret_plan, struct err *err);
void plan_free(struct plan **plan);
/* The number of the step that is called so; -1: none is. */
int plan_find(const struct plan *plan, const char *id);
/* How all of them are called, for a message; the caller frees it. */
char *plan_ids(const struct plan *plan);

/* Puts {"STEP.PARAM": value} in force, for good; the steps that it changes are cold then. */
int plan_override(struct plan *plan, const json_t *params, struct err *err);

/* Makes and warms the instances that are cold; unless `all`, those of parallel steps that have
 * something to warm stay so, for threads of a run. All are tried; *err is of the first that failed.
 */
int plan_warm(struct plan *plan, bool all, struct err *err);
/* Instances may share what they load, and then only the first takes its time to warm: what one more
 * would take in a run is told by the slowest of a step, in whichever plan. */
void plan_learn_warm(struct plan *plan, const struct plan *from);
/* Closes and frees these instances. */
void plan_close(struct plan *plan);

/* One more of a parallel step: *ret_self is the caller's, to be ended by node_close. By any thread.
 */
int node_warm(const struct plan_node *node, void **ret_self, struct err *err);
/* NULL afterwards; accepts NULL. */
void node_close(const struct plan_node *node, void **self);

enum err_kind failure_kind(enum takeup_failure failure);

/* Does this node's step name `key` among what it writes? */
bool node_writes(const struct plan_node *node, const char *key);
/* Does a step behind this one, that gives the same kind of items, write the key too? Then that one
 * has the last word: it edits what this one gives. */
bool plan_is_edited(const struct plan *plan, size_t node, const char *key);

#endif
