/* ended.h - what ended under a name: X, X.2 … X.9 and X.TOKEN of done/ or error/. */
#ifndef TAKEUP_SPOOL_ENDED_H
#define TAKEUP_SPOOL_ENDED_H

#include "base/json.h"
#include "spool/layout.h"

/* result.json of the directory `id`; NULL when it has none that can be read. */
json_t *ended_record(const struct spool *spool, enum spool_place place, const char *id);
/* When its record says that it ended; "" when it does not. RFC 3339, so strcmp tells the newer. */
const char *ended_at(const json_t *record);

/* Calls fn for each directory in place that is the end of job `name`, or is itself called `name`.
 * The record is borrowed. The place is listed only where X to X.9 are all taken. */
typedef void ended_fn(void *arg, enum spool_place place, const char *id, json_t *record);
void ended_each(const struct spool *spool, enum spool_place place, const char *name, ended_fn *fn,
                void *arg);

#endif
