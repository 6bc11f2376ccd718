/* jobs.h - the jobs of a spool, page by page.
 *
 *     jobs_new -> (jobs_query_parse -> jobs_page) … -> jobs_free
 *
 * The order is that of the states (running, pending by lane, deferred, inbox, done, error), and in
 * each that of the names by byte, or all of it backwards. A page begins behind the last job of the
 * page before, so what comes and goes meanwhile makes none appear twice or be left out.
 *
 * Only the files of the jobs that are shown are read, and, to filter by pipeline, those of
 * JOBS_READ_MAX at most: then a page ends early, with a cursor to go on from. */
#ifndef TAKEUP_SERVE_JOBS_H
#define TAKEUP_SERVE_JOBS_H

#include "base/json.h"
#include "serve/shelf.h"

#include <stdbool.h>

enum {
    JOBS_LIMIT = 50,      /* unless asked for */
    JOBS_LIMIT_MAX = 200, /* more is as much */
    JOBS_READ_MAX = 500,
};

struct jobs_query {
    bool shelves[SHELF_COUNT];   /* which are looked at */
    const char *pipeline, *part; /* NULL: any; part: of the name, without regard to case (ASCII) */
    int limit;
    bool backwards;
    bool goes_on; /* behind this one: */
    enum shelf_kind after_kind;
    char *after; /* an entry */
};

/* json: an object of texts, as in docs/http.md; borrowed by *ret_query. ERR_USAGE says what is
 * wrong with it. */
int jobs_query_parse(const json_t *json, struct jobs_query *ret_query, struct err *err);
/* Cleanup handler. */
void jobs_query_release(struct jobs_query *query);

struct jobs;
/* The spool is borrowed. */
struct jobs *jobs_new(const struct spool *spool);
void jobs_free(struct jobs **jobs);

/* {"jobs": [{id, name, state, lane, path, pipeline, worker, due, status, finished, error}, …],
 *  "next": a cursor, or null: there is no more, "total": how many there are in these states,
 *  whatever the filters} */
int jobs_page(struct jobs *jobs, const struct jobs_query *query, json_t **ret_page,
              struct err *err);

#endif
