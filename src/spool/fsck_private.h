/* fsck_private.h - what the parts of fsck share: one look, and what is known of the living. */
#ifndef TAKEUP_SPOOL_FSCK_PRIVATE_H
#define TAKEUP_SPOOL_FSCK_PRIVATE_H

#include "base/json.h"
#include "spool/fsck.h"
#include "spool/heartbeat.h"
#include "spool/name.h"

#include <sys/stat.h>

enum { FSCK_FUTURE_SLACK_MS = 60000 };

/* What tells that two entries are one job: the inode of its file, its submission, its TOKEN. */
struct fsck_key {
    uint64_t hash;
    char *path; /* where the job waits or runs */
};
struct fsck_keys {
    struct fsck_key *keys;
    size_t count, size;
    bool sorted;
};

/* TOKENs of ended jobs. */
struct fsck_tokens {
    uint64_t *list;
    size_t count, size;
};

struct fsck {
    struct spool *spool;
    const struct fsck_rules *rules;
    int64_t now_ms;                 /* of the spool */
    struct fsck_findings *findings; /* of this look: one of the two */
    struct fsck_findings first, second;
    struct heartbeat_seen *beats, *earlier; /* of this look, and of the first one */
    size_t beat_count, earlier_count;
    struct fsck_keys keys;    /* of jobs that have not ended */
    struct fsck_tokens ended; /* of those that have */
};

/* Adds a finding; FORMAT is its text. */
void fsck_add(struct fsck *fsck, enum fsck_code code, const char *path, const char *format, ...)
    PRINTF_LIKE(4, 5);
/* The same for who has no look. */
void fsck_tell(struct fsck_findings *findings, enum fsck_code code, const char *path,
               const char *text);
/* All but the first `count`. */
void fsck_forget(struct fsck_findings *findings, size_t count);
/* The same for PLACE/NAME. */
void fsck_add_at(struct fsck *fsck, enum fsck_code code, enum spool_place place, const char *name,
                 const char *text);
/* Is this time later than the spool's own? */
bool fsck_is_future(const struct fsck *fsck, int64_t ms);
/* Calls fn for each entry of a place that is not hidden or otherwise ignored; what an interrupted
 * check of the edges left is told here. */
typedef void fsck_entry_fn(struct fsck *fsck, enum spool_place place, int dir_fd, const char *name,
                           const struct stat *st);
int fsck_each(struct fsck *fsck, enum spool_place place, fsck_entry_fn *fn, struct err *err);

/* Looks at a part; run again for the second look. */
typedef int fsck_look_fn(struct fsck *fsck, struct err *err);
fsck_look_fn fsck_look_places, fsck_look_workers, fsck_look_beats, fsck_look_pending,
    fsck_look_deferred, fsck_look_ended, fsck_look_tmp, fsck_look_requests;

/* ---- who is dead ---- */

enum fsck_life { FSCK_ALIVE, FSCK_DEAD, FSCK_NOBODY /* no heartbeat */ };
/* dir: of running/WORKER; NULL: not there. Dead also means: unchanged since the first look. */
enum fsck_life fsck_life_of(const struct fsck *fsck, const char *worker, const struct stat *dir);

/* ---- jobs in two places ---- */

/* A job that has not ended: its file FILE in dir_fd, its TOKEN or NULL. */
void fsck_keys_add_job(struct fsck *fsck, int dir_fd, const char *file, const char *token,
                       const char *path);
void fsck_keys_add(struct fsck_keys *keys, uint64_t hash, const char *path);
/* The path of another entry of that key, which is still there; NULL: none. */
const char *fsck_keys_find(struct fsck *fsck, uint64_t hash);
void fsck_keys_release(struct fsck_keys *keys);
uint64_t fsck_key_of_inode(const struct stat *st);
uint64_t fsck_key_of_submission(const char *submission, const char *name);
uint64_t fsck_key_of_token(const char *token);
/* Those of keys that are in it twice. */
void fsck_keys_tell_twice(struct fsck *fsck);

#endif
