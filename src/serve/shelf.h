/* shelf.h - the names of all jobs of one state, sorted, listed anew only when they may have
 * changed.
 *
 *     shelf_init -> (shelf_look -> shelf_find, names_get …) … -> shelf_release
 *
 * A hundred thousand names are listed in 50 ms and take 7 MB; to walk a list that is there costs
 * next to nothing. No file is opened. */
#ifndef TAKEUP_SERVE_SHELF_H
#define TAKEUP_SERVE_SHELF_H

#include "spool/layout.h"
#include "spool/names.h"

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

/* In the order in which a page goes through them. */
enum shelf_kind {
    SHELF_RUNNING, /* names: "X/WORKER/TOKEN" */
    SHELF_HIGH,    /* "X.json" */
    SHELF_NORMAL,
    SHELF_LOW,
    SHELF_DEFERRED, /* "X@DUE@TOKEN" */
    SHELF_INBOX,    /* "PIPELINE/FOLDER/FILE" */
    SHELF_DONE,     /* names of directories */
    SHELF_ERROR,
    SHELF_COUNT
};

struct shelf {
    enum shelf_kind kind;
    const struct spool *spool;  /* borrowed */
    struct names names;         /* by byte */
    struct timespec mtime;      /* of the directory, at the last look */
    int64_t same_us;            /* since when it has been that */
    int64_t listed_us, cost_us; /* 0: never */
    bool is_stale;              /* it has changed since, */
    bool is_sure;               /* or else would have left another mtime */
};

void shelf_init(struct shelf *shelf, const struct spool *spool, enum shelf_kind kind);
void shelf_release(struct shelf *shelf);

int shelf_look(struct shelf *shelf, int64_t now_us, struct err *err);
/* The first that is not before `name`; names.count when all are. */
size_t shelf_find(const struct shelf *shelf, const char *name);

/* The job's name of an entry; false: it is none. */
bool shelf_job_name(enum shelf_kind kind, const char *entry, char *ret_name);
/* "pending" …; "high" … for what lies in a lane, else NULL. */
const char *shelf_state(enum shelf_kind kind);
const char *shelf_lane(enum shelf_kind kind);
enum spool_place shelf_place(enum shelf_kind kind);

#endif
