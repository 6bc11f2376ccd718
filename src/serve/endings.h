/* endings.h - the last jobs that ended, each in a few lines for people.
 *
 *     endings_new -> endings_tell … -> endings_free
 *
 * A record is read once, when its job is first among the newest; one of more than 1 MiB is not
 * read, and only its name and time are told. */
#ifndef TAKEUP_SERVE_ENDINGS_H
#define TAKEUP_SERVE_ENDINGS_H

#include "base/json.h"
#include "serve/history.h"

enum { ENDINGS_SHOWN = 20 };

struct endings;

struct endings *endings_new(const struct spool *spool, enum spool_place place);
void endings_free(struct endings **endings);

/* An array, newest first: {id, name, at, pipeline, took_s, attempts, class, step, message, hint};
 * took_s is below 0 when it is not known, what belongs to an error is null in a job that is done.
 */
json_t *endings_tell(struct endings *endings, const struct history *history);

#endif
