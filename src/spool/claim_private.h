/* claim_private.h - what a claim holds; for claim*.c, publish.c and adopt.c. */
#ifndef TAKEUP_SPOOL_CLAIM_PRIVATE_H
#define TAKEUP_SPOOL_CLAIM_PRIVATE_H

#include "spool/claim.h"

#include <stdbool.h>

struct claim {
    struct seat *seat;
    char token[TOKEN_SIZE];
    char name[NAME_SIZE];
    char file[NAME_SIZE]; /* NAME.job */
    int dir_fd;           /* of TOKEN; -1 after it was moved away */

    char *text; /* the bytes that are run; NULL: they could not be read */
    size_t len;
    struct job *job;
    struct err job_err; /* why job is NULL */
    struct attempts attempts;
    json_t *unwritten; /* an end line that the spool would not take yet; or NULL */
    int64_t submitted_ms, claimed_ms;

    struct seat_link link;
    bool job_is_synced; /* X.job, as it lies in TOKEN */

    json_t *artifacts, *warnings; /* of a publish that was begun; NULL before */
    bool withdrawn;               /* X.job has gone, and an input is there */
    bool moved;                   /* the rename to place is done */
    enum spool_place place;
    char id[NAME_SIZE];
};

/* Makes a claim of running/ME/TOKEN, in which NAME.job lies. */
enum token_state {
    TOKEN_WAS_EMPTY, /* before X.job came: so there is no input/ */
    TOKEN_HAD_MORE,
};
int claim_from_token(struct seat *seat, const char *token, const char *name, enum token_state state,
                     struct claim **ret_claim, struct err *err);

/* For a job that is in our directory, cannot be gone on with, and must not stay there unseen: it
 * goes to deferred/, due now. Returns r. */
int claim_give_back(struct seat *seat, const char *token, const char *name, int r);

/* Makes up its mind about the draft in a TOKEN (claim_inbox.c), if there is one. 1: its input has
 * come, so it is X.job from now on. 0: it has not and cannot any more: draft and input/ are gone.
 */
int claim_inbox_decide(int token_fd, char ret_name[NAME_SIZE], struct err *err);

/* Opens TOKEN again if it was closed. */
int claim_reopen(struct claim *claim, struct err *err);
/* X.job, unless that is done. */
int claim_sync_job(struct claim *claim, struct err *err);
/* Is X.job still there? 1, 0 or < 0. */
int claim_has_job(const struct claim *claim, struct err *err);

/* "out.N". */
enum { OUT_NAME_SIZE = 32 };
void claim_out_name(const struct claim *claim, char out[OUT_NAME_SIZE]);

#endif
