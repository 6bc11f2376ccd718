/* prune.h - remove jobs that ended long ago.
 *
 * Nothing is removed in place: a directory that is half empty would be a broken result, and one
 * that is empty is replaced by the next rename to its name. So a job leaves done/ or error/ by one
 * rename into tmp/ and is removed there, with the media of the inbox in its input/, and never an
 * input that lies elsewhere. A prune that was killed is finished by the next one. */
#ifndef TAKEUP_SPOOL_PRUNE_H
#define TAKEUP_SPOOL_PRUNE_H

#include "spool/layout.h"
#include "spool/name.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct prune_rules {
    int64_t older_ms; /* ended longer ago than this: by its record, else by its directory's time */
    bool done, error; /* which places */
    int keep_last;    /* of each place so many of the newest stay, however old */
    bool dry_run;     /* only tell */
    int64_t held_ms;  /* 60000: older ones in tmp/ are of a prune that was killed */
};

struct prune_tally {
    int64_t jobs, bytes; /* of a dry run: what would go */
    int64_t failed;      /* what could not be moved or removed */
};

/* A job that goes, or would. */
typedef void prune_fn(void *arg, enum spool_place place, const char *id, int64_t ended_ms);

/* One that cannot be removed stops no other: then negative, *err tells of the first. */
int prune_run(const struct spool *spool, const struct prune_rules *rules, prune_fn *fn, void *arg,
              struct prune_tally *ret_tally, struct err *err);

/* ---- in tmp/ ---- */

/* What a prune calls things there: prune.RANDOM.gone, which anybody may remove, and before it is
 * made sure that this is the job that was to go, prune.RANDOM.PLACE.ID. */
enum prune_kind { PRUNE_NONE, PRUNE_GONE, PRUNE_HELD };
enum prune_kind prune_kind_of(const char *tmp_name);

/* Removes all that is prune.RANDOM.gone, whoever made it. */
int prune_remove_gone(const struct spool *spool, struct prune_tally *tally, struct err *err);
/* Puts a held one back where it came from, under another name if that one is taken. */
int prune_put_back(const struct spool *spool, const char *tmp_name, struct err *err);

/* Which job place/id is, and when it ended: by its record, else by the directory's time. 1: known.
 * 0: there is no such directory. */
struct prune_mark {
    char token[64]; /* of the record; "" when there is none */
    uint64_t inode; /* then this counts */
};
int prune_mark_of(const struct spool *spool, enum spool_place place, const char *id,
                  struct prune_mark *ret_mark, int64_t *ret_ended_ms);
/* Moves place/id into tmp/ for removal. 1: done. 0: it is gone, or is another job by now. */
int prune_take(const struct spool *spool, enum spool_place place, const char *id,
               const struct prune_mark *mark, struct err *err);

#endif
