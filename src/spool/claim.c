/* claim.c - one rename takes a job up.
 *
 * The target of the rename is a path that nobody else knows, so whatever the rename answers, what
 * lies there tells whether it happened: over NFSv4.0 a reply gets lost, the client asks again and
 * is told ENOENT for a rename that was done (5 to 10 of 500, measured). A directory is used for
 * another claim only after ENOENT and seen empty. After any other error the first rename may still
 * be on its way to the server: the directory is retired with rmdir, and if that says ENOTEMPTY, the
 * job is ours.
 *
 * The file that is renamed need not be the one that was looked at. So what counts is read again
 * from TOKEN, where only a process that has it open can still change it. */
#include "spool/claim_private.h"

#include "base/mem.h"
#include "base/time.h"
#include "spool/pending.h"
#include "spool/record.h"
#include "spool/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

const struct claim_rules claim_rules_default = { .settle_ms = 2000, .input_wait_ms = 600000 };

/* ---- what a claim holds ---- */

/* Is it there? 1, 0, or < 0: it cannot be told. */
static int look_at(int dir_fd, const char *path)
{
    struct stat st;
    if (fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 1;
    return errno == ENOENT ? 0 : -errno;
}

/* The input of a job from the inbox lies beside X.job, and nowhere else. */
static int check_input(const struct claim *claim, struct err *err)
{
    struct stat st;
    const char *path = claim->job->input_path;
    if (!claim->job->from_inbox)
        return 0;
    if (fstatat(claim->dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_set(err, ERR_IO, errno, "'%s' of this job from the inbox", path);
    return S_ISREG(st.st_mode)
               ? 0
               : err_set(err, ERR_CONFIG, 0, "'%s' of this job is not a regular file", path);
}

/* Errors of the filesystem, not of what lies in it: the next look may have better luck. */
static bool passes(int errnum)
{
    return errnum == EIO || errnum == ESTALE || errnum == EINTR || errnum == ENOMEM ||
           errnum == EMFILE || errnum == ENFILE || errnum == ETIMEDOUT || errnum == EREMOTEIO;
}

static int read_text(struct claim *claim)
{
    CLEANUP(fs_close) int fd = -1;
    struct stat st;
    int r = fs_open_file(claim->dir_fd, claim->file, &fd, &st, &claim->job_err);
    if (r == 0 || fstatat(claim->dir_fd, claim->file, &st, AT_SYMLINK_NOFOLLOW) == 0)
        claim->submitted_ms = fs_mtime_ms(&st);
    return r < 0 ? r
                 : fs_read_open_file(fd, &st, claim->file, JOB_FILE_MAX_BYTES, &claim->text,
                                     &claim->len, &claim->job_err);
}

/* What is wrong with it is in job_err; < 0: it could not be looked at. */
static int read_job(struct claim *claim, enum token_state state)
{
    int r = read_text(claim);
    if (r < 0)
        return passes(-r) ? r : 0;
    int inbox = state == TOKEN_WAS_EMPTY ? 0 : look_at(claim->dir_fd, JOB_INPUT_DIR);
    if (inbox < 0 && passes(-inbox))
        return err_set(&claim->job_err, ERR_IO, -inbox, "stat '" JOB_INPUT_DIR "'");
    r = inbox > 0 ? job_parse_inbox(claim->text, claim->len, &claim->job, &claim->job_err)
                  : job_parse(claim->text, claim->len, &claim->job, &claim->job_err);
    int input = r > 0 ? check_input(claim, &claim->job_err) : 0;
    if (input < 0)
        job_free(&claim->job);
    if (input < 0 && passes(-input))
        return input;
    if (r == 0)
        (void)err_set(&claim->job_err, ERR_CONFIG, 0, "the job file %s",
                      claim->len ? "ends too soon" : "is empty");
    else if (r < 0)
        err_context(&claim->job_err, "%s.json", claim->name);
    return 0;
}

/* Lines that are for ever unreadable are none; but what was charged must not be forgotten because a
 * share was slow to answer. */
static int read_attempts(struct claim *claim, struct err *err)
{
    int r = attempts_read(claim->dir_fd, &claim->attempts, err);
    return r < 0 && passes(-r) ? r : 0;
}

int claim_from_token(struct seat *seat, const char *token, const char *name, enum token_state state,
                     struct claim **ret_claim, struct err *err)
{
    CLEANUP(claim_free) struct claim *claim = MEM_NEW(struct claim);
    claim->seat = seat;
    claim->dir_fd = -1;
    claim->claimed_ms = time_wall_ms();
    (void)snprintf(claim->token, sizeof(claim->token), "%s", token);
    (void)snprintf(claim->name, sizeof(claim->name), "%s", name);
    (void)snprintf(claim->file, sizeof(claim->file), "%.250s.job", name);
    int r = claim_reopen(claim, err);
    if (r < 0)
        return r;
    r = read_job(claim, state);
    if (r < 0) {
        if (err)
            *err = claim->job_err;
        return r;
    }
    struct err unread = { 0 };
    r = read_attempts(claim, &unread);
    if (r < 0) {
        if (err)
            *err = unread;
        return r;
    }
    seat_link(seat, &claim->link, claim);
    *ret_claim = TAKE(claim);
    return 1;
}

void claim_free(struct claim **claim)
{
    struct claim *own = *claim;
    if (!own)
        return;
    seat_unlink(&own->link);
    fs_close(&own->dir_fd);
    free(own->text);
    job_free(&own->job);
    attempts_release(&own->attempts);
    json_decref(own->unwritten);
    json_decref(own->artifacts);
    json_decref(own->warnings);
    free(own);
    *claim = NULL;
}

int claim_reopen(struct claim *claim, struct err *err)
{
    if (claim->dir_fd >= 0)
        return 0;
    claim->dir_fd = openat(seat_dir(claim->seat), claim->token,
                           O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (claim->dir_fd >= 0)
        return 0;
    return err_set(err, ERR_IO, errno, "open 'running/%s/%s' of job '%s'", seat_name(claim->seat),
                   claim->token, claim->name);
}

void claim_refresh(struct claim *claim)
{
    fs_close(&claim->dir_fd);
    if (!claim->moved)
        (void)claim_reopen(claim, NULL);
}

int claim_is_lost(const struct claim *claim, struct err *err)
{
    struct stat st;
    if (claim->moved)
        return 0;
    int there = seat_is_there(claim->seat, err);
    if (there <= 0)
        return there < 0 ? there : 1;
    if (fstatat(seat_dir(claim->seat), claim->token, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 0;
    return errno == ENOENT ? 1
                           : err_set(err, ERR_IO, errno, "stat 'running/%s/%s'",
                                     seat_name(claim->seat), claim->token);
}

int claim_has_job(const struct claim *claim, struct err *err)
{
    struct stat st;
    if (fstatat(claim->dir_fd, claim->file, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 1;
    return errno == ENOENT ? 0 : err_set(err, ERR_IO, errno, "stat '%s'", claim->file);
}

/* X.job is whatever somebody dropped: what is no file (a directory, a link) has no bytes of ours.
 */
int claim_sync_job(struct claim *claim, struct err *err)
{
    struct err own = { 0 };
    struct stat st;
    if (claim->job_is_synced)
        return 0;
    int r = fs_sync_file(claim->dir_fd, claim->file, &own);
    if (r == -EACCES || r == -EPERM || /* not ours to read: then it was not ours to write either */
        (r == -ENOENT && claim->withdrawn) ||
        (r < 0 && fstatat(claim->dir_fd, claim->file, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
         !S_ISREG(st.st_mode)))
        r = 0;
    claim->job_is_synced = r == 0 && fs_is_durable();
    if (r < 0 && err)
        *err = own;
    return r;
}

void claim_sync_jobs(struct seat *seat)
{
    if (seat_has_one_journal(seat))
        return;
    for (struct seat_link *link = seat_links(seat); link; link = link->next)
        if (!link->claim->moved && link->claim->dir_fd >= 0)
            (void)claim_sync_job(link->claim, NULL);
}

const char *claim_name(const struct claim *claim)
{
    return claim->name;
}

const char *claim_token(const struct claim *claim)
{
    return claim->token;
}

int claim_dir(const struct claim *claim)
{
    return claim->dir_fd;
}

int64_t claim_submitted_ms(const struct claim *claim)
{
    return claim->submitted_ms;
}

int64_t claim_claimed_ms(const struct claim *claim)
{
    return claim->claimed_ms;
}

const struct job *claim_job(const struct claim *claim, struct err *err)
{
    if (!claim->job && err)
        *err = claim->job_err;
    return claim->job;
}

const struct attempts *claim_attempts(const struct claim *claim)
{
    return &claim->attempts;
}

/* ---- from pending ---- */

int claim_give_back(struct seat *seat, const char *token, const char *name, int r)
{
    char target[NAME_SIZE];
    name_deferred_format(name, 0, token, target);
    if (renameat(seat_dir(seat), token, spool_dir(seat_spool(seat), PLACE_DEFERRED), target) < 0)
        seat_doubt(seat, token, seat_name(seat));
    return r;
}

/* Whose fault is it that a name cannot be taken? Some errors are the spool's, whatever was asked
 * for. Any other, EIO and ESTALE too, is this one name's as long as our own directory answers: then
 * the next name may well be taken. Should everything fail, so does the next look at the spool. */
static bool is_of_this_name(struct seat *seat, int errnum)
{
    switch (errnum) {
    case ENOSPC:
    case EDQUOT:
    case EROFS:
    case EXDEV:
    case ENOTCONN:
    case EMLINK:
        return false;
    default:
        return seat_is_there(seat, NULL) == 1;
    }
}

/* The rename into TOKEN said ENOENT: was it done all the same? As take_file. */
static int after_enoent(struct seat *seat, const char *token, const char *target, struct err *err)
{
    fs_ask_anew(seat_dir(seat), token); /* a job of that name may have been missed here before */
    int there = look_at(seat_dir(seat), target);
    if (there > 0)
        return 1;
    int empty = there < 0 ? there : look_at(seat_dir(seat), token);
    if (empty > 0) {
        seat_keep_token(seat, token);
        return 0;
    }
    if (empty < 0)
        seat_doubt(seat, token, seat_name(seat));
    return err_set(err, ERR_IO, empty < 0 ? -empty : ENOENT, "our directory 'running/%s'",
                   seat_name(seat));
}

/* 1: it lies in running/ME/TOKEN. 0, < 0: as claim_pending. */
static int take_file(struct seat *seat, enum spool_place lane, const char *file_name,
                     const char *name, char token[TOKEN_SIZE], struct err *err)
{
    int r = seat_take_token(seat, token, err);
    if (r < 0)
        return r;
    char target[TOKEN_SIZE + NAME_SIZE];
    (void)snprintf(target, sizeof(target), "%s/%.250s.job", token, name);
    if (renameat(spool_dir(seat_spool(seat), lane), file_name, seat_dir(seat), target) == 0)
        return 1;
    int errnum = errno;
    if (errnum == ENOENT)
        return after_enoent(seat, token, target, err);
    if (unlinkat(seat_dir(seat), token, AT_REMOVEDIR) < 0 && errno != ENOENT) {
        if (errno == ENOTEMPTY || errno == EEXIST)
            return 1;
        seat_doubt(seat, token, seat_name(seat));
    }
    (void)err_set(err, ERR_IO, errnum, "take '%s/%s'", spool_place_name(lane), file_name);
    return is_of_this_name(seat, errnum) ? 0 : -errnum;
}

/* 1: it is to be taken. 0: not now; *err says why, unless it is gone. */
static int may_take(struct seat *seat, enum spool_place lane, const char *file_name,
                    const struct claim_rules *rules, struct err *err)
{
    struct pending_look look;
    CLEANUP(job_free) struct job *job = NULL;
    pending_look(spool_dir(seat_spool(seat), lane), file_name, &job, &look);
    if (look.state == PENDING_WHOLE)
        return !rules->hold || !rules->hold(rules->arg, job);
    if (look.state == PENDING_GONE)
        return 0;
    if (look.state != PENDING_UNTAKABLE) {
        int64_t now_ms;
        int r = spool_now_ms(seat_spool(seat), seat_name(seat), &now_ms, err);
        if (r < 0)
            return r;
        if (!pending_waits(&look, now_ms, rules))
            return 1;
    }
    if (err)
        *err = look.why;
    return 0;
}

int claim_pending(struct seat *seat, enum spool_place lane, const char *file_name,
                  const struct claim_rules *rules, struct claim **ret_claim, struct err *err)
{
    char name[NAME_SIZE], token[TOKEN_SIZE];
    if (err)
        *err = (struct err){ 0 };
    if (name_is_ignored(file_name) || !name_of_job_file(file_name, name)) {
        (void)err_set(err, ERR_CONFIG, 0, "'%s' is not the name of a job file", file_name);
        return 0;
    }
    int r = rules ? may_take(seat, lane, file_name, rules, err) : 1;
    if (r == 1)
        r = take_file(seat, lane, file_name, name, token, err);
    if (r != 1)
        return r;
    r = claim_from_token(seat, token, name, TOKEN_WAS_EMPTY, ret_claim, err);
    return r < 0 ? claim_give_back(seat, token, name, r) : r;
}

/* ---- from deferred ---- */

/* Somebody took X.job out by hand: the job is withdrawn, and ends as one in hand does. */
static int drop_withdrawn(struct seat *seat, const char *token, const char *name, struct err *err)
{
    CLEANUP(claim_free) struct claim *claim = NULL;
    int r = claim_from_token(seat, token, name, TOKEN_HAD_MORE, &claim, err);
    return r < 0 ? r : claim_defer(claim, 0, err);
}

/* 1: it is running/ME/TOKEN. 0, < 0: as claim_deferred. */
static int take_dir(struct seat *seat, const char *dir_name, const char *token, struct err *err)
{
    int deferred = spool_dir(seat_spool(seat), PLACE_DEFERRED);
    if (renameat(deferred, dir_name, seat_dir(seat), token) == 0)
        return 1;
    int errnum = errno, there = look_at(seat_dir(seat), token);
    if (there > 0)
        return 1;
    if (there == 0 && errnum == ENOENT)
        return 0;
    seat_doubt(seat, token, seat_name(seat)); /* it may still be on its way */
    (void)err_set(err, ERR_IO, errnum, "take 'deferred/%s'", dir_name);
    return is_of_this_name(seat, errnum) ? 0 : -errnum;
}

int claim_deferred(struct seat *seat, const char *dir_name, struct claim **ret_claim,
                   struct err *err)
{
    char name[NAME_SIZE], token[TOKEN_SIZE];
    int64_t due_s;
    if (err)
        *err = (struct err){ 0 };
    if (!name_deferred_parse(dir_name, name, &due_s, token)) {
        (void)err_set(err, ERR_CONFIG, 0, "'deferred/%s' is not a deferred job", dir_name);
        return 0;
    }
    name_token(token); /* an own fresh name, so that what lies there is what this rename moved */
    int r = take_dir(seat, dir_name, token, err);
    if (r != 1)
        return r;
    CLEANUP(fs_close)
    int dir_fd = openat(seat_dir(seat), token, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    r = dir_fd < 0 ? err_set(err, ERR_IO, errno, "open 'deferred/%s' as taken", dir_name)
                   : token_job(dir_fd, name, err);
    if (r == 0) {
        fs_close(&dir_fd);
        r = drop_withdrawn(seat, token, name, err);
    } else if (r == 1) {
        /* What can never be removed or moved is in nobody's way: attempts.jsonl has the story. */
        (void)token_remove_outs(dir_fd, NULL);
        int aside = token_set_aside(dir_fd, err);
        r = aside < 0 &&
                    (passes(-aside) || aside == -ENOSPC || aside == -EDQUOT || aside == -ENOENT)
                ? aside
                : claim_from_token(seat, token, name, TOKEN_HAD_MORE, ret_claim, err);
    }
    return r < 0 ? claim_give_back(seat, token, name, r) : r;
}
