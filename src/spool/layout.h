/* layout.h - where everything lies in a spool, and how names are made.
 *
 * The protocol, with the reason for each rule, is docs/spool.md. A `struct spool` holds an open
 * descriptor for each of its directories, so nothing here depends on the working directory. */
#ifndef TAKEUP_SPOOL_LAYOUT_H
#define TAKEUP_SPOOL_LAYOUT_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

enum spool_place {
    PLACE_INBOX,
    PLACE_MEDIA,
    PLACE_PENDING,
    PLACE_PENDING_HIGH,
    PLACE_PENDING_LOW,
    PLACE_RUNNING,
    PLACE_DEFERRED,
    PLACE_DONE,
    PLACE_ERROR,
    PLACE_CANCEL,
    PLACE_HEARTBEAT,
    PLACE_TMP,
    PLACE_COUNT
};

struct spool;

/* Makes the directories that are missing (mode 2775, whatever the umask) and .takeup, and syncs
 * them. Harmless on a spool that is whole. An existing directory that holds anything else but
 * hidden files is refused, unless it is a spool already. */
int spool_init(const char *dir, struct err *err);

/* A new .takeup, with a new id, for a spool whose own is lost or damaged. What is there is kept as
 * .takeup.damaged. */
int spool_mark_anew(const char *dir, struct err *err);

/* ERR_MISSING when dir is no spool (the text has its absolute path, the hint the init line). */
int spool_open(const char *dir, struct spool **ret_spool, struct err *err);
void spool_close(struct spool **spool);

const char *spool_path(const struct spool *spool); /* absolute */
const char *spool_id(const struct spool *spool);   /* from .takeup */
int spool_root(const struct spool *spool);         /* descriptor of the spool itself */
int spool_dir(const struct spool *spool, enum spool_place place);
const char *spool_place_name(enum spool_place place); /* "pending/high" */

/* Is the spool still where it was? A mount goes away, and comes back as another one: then nothing
 * that was opened in it works any more. 0: all is as it was. 1: its directories were opened anew by
 * path; their descriptors have the same numbers, but what was opened inside them has to be opened
 * again. < 0: it is not there (ERR_MISSING; also when another spool is), or it fails; *err says
 * which, and nothing has changed. Makes nothing. */
int spool_refresh(struct spool *spool, struct err *err);

/* "Now" by the clock that stamps the spool's files: the time of a file created and written in tmp/
 * under the name OWNER.now, and removed again. */
int spool_now_ms(const struct spool *spool, const char *owner, int64_t *ret_now_ms,
                 struct err *err);

/* Renames a file and a directory along every edge of the protocol. An EXDEV names the edge.
 * `owner` names the files. Leaves nothing behind. */
int spool_check_edges(const struct spool *spool, const char *owner, struct err *err);

#endif
