/* load.h - pipeline files, checked into plans.
 *
 *     pipelines_load -> pipelines_find -> (fork) -> pipeline_plan -> plan_run (schedule.h)
 *
 * A file that is wrong does not keep the others from being loaded: it is there by its id with
 * `broken` set, so that a job that names it gets the reason. */
#ifndef TAKEUP_PIPELINE_LOAD_H
#define TAKEUP_PIPELINE_LOAD_H

#include "base/err.h"
#include "base/json.h"
#include "pipeline/catalog.h"

struct pipelines; /* all of one directory */
struct plan;      /* a checked DAG with its instances */

struct pipeline {
    const char *id;          /* of a broken file without one: the file's name less its ending */
    const char *description; /* "" when not said */
    int max_parallel;        /* how many of its jobs a worker runs at a time; 0: no limit */
    const char *path;
    const char *hash;         /* of the file's bytes: 16 hex digits */
    const struct err *broken; /* "FILE:LINE:COLUMN: …"; NULL: it is fine */
};

/* Loads *.yaml, *.yml and *.json of dir; two files of one id: the second is broken. Plans that need
 * a plugin's step are checked in a child, so that its code stays out of this process. */
int pipelines_load(const char *dir, struct catalog *catalog, struct pipelines **ret_pipelines,
                   struct err *err);
void pipelines_free(struct pipelines **pipelines);
const struct pipeline *pipelines_find(const struct pipelines *pipelines, const char *id);
const struct pipeline *pipelines_at(const struct pipelines *pipelines, size_t index); /* by id */
/* "ocr_only, slides": for error texts; the caller frees it. */
char *pipelines_list(const struct pipelines *pipelines);

/* Warms the instances of every plan that needs no plugin. What fails (a missing language) fails
 * again, with its reason, in the job that needs it; here fn is told. Starts no thread. */
void pipelines_warm(struct pipelines *pipelines,
                    void (*fn)(void *arg, const struct pipeline *pipeline, const struct err *err),
                    void *arg);

/* Of all plans, and loads the plugins that they need: for a process that does nothing but fork
 * those which run them. What fails does so again in the job. */
void pipelines_warm_all(struct pipelines *pipelines);

/* In the process that runs it, once: the plan with `params` ({"STEP.PARAM": value}, or NULL) in
 * force, warm but for parallel steps, if these are cold: plan_run warms them. Plugins are loaded
 * here, unless pipelines_warm_all did. Borrowed from pipelines. ERR_CONFIG names the parameter and
 * those there are; ERR_MISSING what has to be installed. */
int pipeline_plan(struct pipelines *pipelines, const struct pipeline *pipeline,
                  const json_t *params, struct plan **ret_plan, struct err *err);

/* The same checks for one file, wherever it lies, and nothing kept: `takeup validate`. */
int pipeline_validate_file(const char *path, struct catalog *catalog, struct err *err);

/* Would these params be taken? Nothing is warmed; the plan then has them in force. */
int pipeline_check_params(struct pipelines *pipelines, const struct pipeline *pipeline,
                          const json_t *params, struct err *err);

/* The pipeline as a graph in DOT; nothing is warmed. The caller frees *ret_dot. */
int pipeline_dot(struct pipelines *pipelines, const struct pipeline *pipeline, char **ret_dot,
                 struct err *err);

/* The files that the parameters of its steps name. */
void plan_each_file(const struct plan *plan, void (*fn)(void *arg, const char *path), void *arg);

#endif
