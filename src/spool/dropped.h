/* dropped.h - what lies in inbox/, for who only looks: nothing is opened, nothing remembered.
 *
 * A worker knows more (inbox.h): whether a file is whole takes two looks. */
#ifndef TAKEUP_SPOOL_DROPPED_H
#define TAKEUP_SPOOL_DROPPED_H

#include "spool/layout.h"

#include <stdbool.h>
#include <stdint.h>

struct dropped {
    int64_t count;     /* files that are, or could become, jobs */
    bool more;         /* there are more than were counted */
    int64_t oldest_ms; /* age of the oldest of the first hundred; 0: there is none */
};

/* Lists no more than 100,000 names. What cannot be read counts nothing. */
void dropped_count(const struct spool *spool, int64_t now_ms, struct dropped *ret_dropped);

/* Calls fn for each of these files, in no order; no more than that are listed. The path is from
 * inbox/: "PIPELINE/FOLDER/FILE". */
typedef void dropped_fn(void *arg, const char *path);
void dropped_each(const struct spool *spool, dropped_fn *fn, void *arg);

/* The path, from the spool, of the file that would become job X; NULL: there is none. Without a
 * listing of files, so a name that was cut (name_for_inbox) is not found. The caller frees it. */
char *dropped_find(const struct spool *spool, const char *name);

#endif
