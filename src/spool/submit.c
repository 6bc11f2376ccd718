/* submit.c - many jobs for a few syncs.
 *
 * A job is written into tmp/, synced, linked into its lane and unlinked in tmp/. The syncs are what
 * takes time, so jobs are written in chunks: all are written, then all synced, and on a journalling
 * filesystem the first of these syncs carries the rest; then all are linked. The lane is synced
 * once, at the end. */
#include "spool/submit.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "spool/job.h"
#include "spool/name.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK = 64, DRAFT_SIZE = 64 };

struct submit {
    struct spool *spool;
    enum spool_place lane;
    char token[TOKEN_SIZE]; /* its drafts in tmp/ are nobody else's */
    struct draft {
        char file_name[NAME_SIZE];
        char *text;
        bool written;
    } drafts[CHUNK];
    int count;
};

int submit_begin(struct spool *spool, enum spool_place lane, struct submit **ret_submit,
                 struct err *err)
{
    if (lane != PLACE_PENDING && lane != PLACE_PENDING_HIGH && lane != PLACE_PENDING_LOW)
        return err_set(err, ERR_BUG, 0, "'%s' is no lane of pending", spool_place_name(lane));
    struct submit *submit = MEM_NEW(struct submit);
    name_token(submit->token);
    submit->spool = spool;
    submit->lane = lane;
    *ret_submit = submit;
    return 0;
}

static void draft_name(const struct submit *submit, int index, char out[DRAFT_SIZE])
{
    (void)snprintf(out, DRAFT_SIZE, "submit.%d.%s.%d", (int)getpid(), submit->token, index);
}

static void drop_drafts(struct submit *submit)
{
    for (int i = 0; i < submit->count; i++) {
        char name[DRAFT_SIZE];
        draft_name(submit, i, name);
        if (submit->drafts[i].written)
            (void)unlinkat(spool_dir(submit->spool, PLACE_TMP), name, 0);
        free(submit->drafts[i].text);
        submit->drafts[i] = (struct draft){ 0 };
    }
    submit->count = 0;
}

void submit_free(struct submit **submit)
{
    if (*submit)
        drop_drafts(*submit);
    free(*submit);
    *submit = NULL;
}

/* ---- one chunk ---- */

static bool same_file(int dir_a, const char *a, int dir_b, const char *b)
{
    struct stat first, second;
    return fstatat(dir_a, a, &first, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstatat(dir_b, b, &second, AT_SYMLINK_NOFOLLOW) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

static int name_is_taken(const struct submit *submit, const char *file_name, struct err *err)
{
    return err_set(err, ERR_CONFIG, EEXIST, "a job '%s/%s' is waiting already",
                   spool_place_name(submit->lane), file_name);
}

/* Links the file in tmp/ into the lane; where there are no hard links (FAT, some shares) it is
 * written there: whoever sees a half of it waits for the rest. */
static int put_in_lane(const struct submit *submit, int index, struct err *err)
{
    const struct draft *draft = &submit->drafts[index];
    int tmp = spool_dir(submit->spool, PLACE_TMP), lane = spool_dir(submit->spool, submit->lane);
    char name[DRAFT_SIZE];
    draft_name(submit, index, name);
    if (linkat(tmp, name, lane, draft->file_name, 0) == 0)
        return 0;
    int errnum = errno, r = -errnum;
    if (same_file(tmp, name, lane, draft->file_name))
        return 0; /* it was made, and the reply to that got lost */
    if (errnum == EPERM || errnum == EOPNOTSUPP || errnum == ENOSYS) {
        r = fs_write_file(lane, draft->file_name, draft->text, strlen(draft->text),
                          FS_NEW | FS_SYNC, err);
        if (r < 0 && r != -EEXIST)
            (void)unlinkat(lane, draft->file_name, 0);
        errnum = -r;
    }
    if (r == -EEXIST)
        return name_is_taken(submit, draft->file_name, err);
    return r < 0 ? err_set(err, ERR_IO, errnum, "put job '%s' into '%s/%s'", draft->file_name,
                           spool_path(submit->spool), spool_place_name(submit->lane))
                 : 0;
}

static int sync_drafts(const struct submit *submit, struct err *err)
{
    int tmp = spool_dir(submit->spool, PLACE_TMP), r = 0;
    char name[DRAFT_SIZE];
    for (int i = 0; i < submit->count; i++) {
        draft_name(submit, i, name);
        fs_begin_sync(tmp, name);
    }
    for (int i = 0; r == 0 && i < submit->count; i++) {
        draft_name(submit, i, name);
        r = fs_sync_file(tmp, name, err);
    }
    return r;
}

static int flush(struct submit *submit, struct err *err)
{
    int r = sync_drafts(submit, err);
    for (int i = 0; r == 0 && i < submit->count; i++)
        r = put_in_lane(submit, i, err);
    drop_drafts(submit);
    return r;
}

/* ---- jobs ---- */

/* Is there such a job already? What the link says at the end is what counts. */
static bool is_taken(const struct submit *submit, const char *file_name)
{
    struct stat st;
    for (int i = 0; i < submit->count; i++)
        if (strcmp(submit->drafts[i].file_name, file_name) == 0)
            return true;
    return fstatat(spool_dir(submit->spool, submit->lane), file_name, &st, AT_SYMLINK_NOFOLLOW) ==
           0;
}

static int write_draft(struct submit *submit, const char *file_name, char *text, struct err *err)
{
    struct draft *draft = &submit->drafts[submit->count];
    char name[DRAFT_SIZE];
    draft_name(submit, submit->count++, name);
    (void)snprintf(draft->file_name, sizeof(draft->file_name), "%s", file_name);
    draft->text = text;
    draft->written = true; /* perhaps in part */
    int r =
        fs_write_file(spool_dir(submit->spool, PLACE_TMP), name, text, strlen(text), FS_NEW, err);
    if (r < 0)
        err_context(err, "'%s/tmp'", spool_path(submit->spool));
    return r;
}

int submit_add(struct submit *submit, const char *name, const json_t *job, struct err *err)
{
    int r = name_check(name, err);
    if (r < 0)
        return r;
    CLEANUP(mem_free_text) char *text = json_pretty(job);
    CLEANUP(job_free) struct job *parsed = NULL;
    r = job_parse(text, strlen(text), &parsed, err); /* what a worker would refuse is refused now */
    if (r <= 0)
        return r < 0 ? r : err_set(err, ERR_CONFIG, 0, "job '%s' is empty", name);

    char file_name[NAME_SIZE];
    (void)snprintf(file_name, sizeof(file_name), "%.250s.json", name);
    if (is_taken(submit, file_name))
        return name_is_taken(submit, file_name, err);
    if (submit->count == CHUNK)
        r = flush(submit, err);
    return r < 0 ? r : write_draft(submit, file_name, TAKE(text), err);
}

int submit_end(struct submit *submit, struct err *err)
{
    int r = flush(submit, err);
    return r < 0 ? r
                 : fs_sync_dir(spool_dir(submit->spool, submit->lane),
                               spool_place_name(submit->lane), err);
}

int submit_input_path(const struct spool *spool, const char *path, char **ret_path, struct err *err)
{
    CLEANUP(mem_free_text) char *whole = realpath(path, NULL);
    if (!whole)
        return err_set(err, errno == ENOENT ? ERR_MISSING : ERR_IO, errno, "'%s'", path);
    /* JSON holds Unicode and nothing else: another name would come out changed. */
    if (!str_is_utf8(whole, strlen(whole)))
        return err_set(err, ERR_USAGE, EILSEQ, "'%s' is not UTF-8, and a job file cannot name it",
                       whole);
    size_t len = strlen(spool_path(spool));
    bool inside = str_has_prefix(whole, spool_path(spool)) && whole[len] == '/';
    *ret_path = mem_strdup(inside ? whole + len + 1 : whole);
    return 0;
}
