/* retry.c - back from error/.
 *
 * The line comes first and is synced: a job that came back without it would have no attempt left.
 * Killed after the line, the job still lies in error/, and a second try adds a second line, which
 * changes nothing. Two who do it at once both write a line, and one of them renames.
 *
 * A job that was cancelled may come back while the request still lies there; it is removed first.
 *
 * Nothing else is changed in error/ID: it can be read by anybody until it is gone from there. */
#include "spool/retry.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "spool/attempts.h"
#include "spool/ended.h"
#include "spool/survey.h"
#include "spool/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool exists_at(int dir_fd, const char *path)
{
    struct stat st;
    return fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- which one ---- */

struct newest {
    char *id, *at;
    size_t count;
};

static void note_newest(void *arg, enum spool_place place, const char *id, json_t *record)
{
    (void)place;
    struct newest *newest = arg;
    newest->count++;
    if (newest->id && strcmp(newest->at, ended_at(record)) > 0)
        return;
    mem_free_text(&newest->id);
    mem_free_text(&newest->at);
    newest->id = mem_strdup(id);
    newest->at = mem_strdup(ended_at(record));
}

/* Why there is nothing of that name in error/: what retry_find says then. */
static int explain(const struct spool *spool, const char *name, struct err *err)
{
    struct survey_job job = { 0 };
    int r = survey_job(spool, name, NULL, &job, err);
    if (r < 0)
        return r;
    switch (job.state) {
    case JOB_INBOX:
    case JOB_PENDING:
    case JOB_DEFERRED:
        (void)err_set(err, ERR_MISSING, 0, "job '%s' waits already: it is in %s", name, job.path);
        break;
    case JOB_RUNNING:
        (void)err_set(err, ERR_MISSING, 0, "job '%s' runs already: it is in %s", name, job.path);
        break;
    case JOB_DONE:
        (void)err_set(err, ERR_MISSING, 0, "job '%s' did not fail: it is in %s", name, job.path);
        err_hint(err, "to have it done once more, submit it again");
        break;
    case JOB_ERROR: /* it came there this very moment, or has no record */
    case JOB_UNKNOWN:
        (void)err_set(err, ERR_MISSING, 0, "there is no job '%s' in %s/error", name,
                      spool_path(spool));
        break;
    }
    bool is_elsewhere = job.state != JOB_ERROR && job.state != JOB_UNKNOWN;
    survey_job_release(&job);
    return is_elsewhere ? -EEXIST : -ENOENT;
}

int retry_find(const struct spool *spool, const char *name, char ret_id[NAME_SIZE],
               size_t *ret_others, struct err *err)
{
    static const char path[] = "error/";
    bool is_path = str_has_prefix(name, path);
    const char *id = is_path ? name + strlen(path) : name;
    if (!id[0] || strchr(id, '/') || fs_is_dots(id) || strlen(id) >= NAME_SIZE)
        return err_set(err, ERR_USAGE, 0, "'%s' cannot be a job's name", name);
    struct newest newest = { 0 };
    if (!is_path)
        ended_each(spool, PLACE_ERROR, name, note_newest, &newest);
    bool found = newest.id || exists_at(spool_dir(spool, PLACE_ERROR), id);
    (void)snprintf(ret_id, NAME_SIZE, "%s", newest.id ? newest.id : id);
    *ret_others = newest.count > 1 ? newest.count - 1 : 0;
    mem_free_text(&newest.id);
    mem_free_text(&newest.at);
    return found ? 0 : explain(spool, id, err);
}

/* ---- back ---- */

static int gone(const char *id, struct err *err)
{
    return err_set(err, ERR_MISSING, ENOENT,
                   "'error/%s' went away meanwhile: somebody else retried or removed it", id);
}

/* Writes the line; *ret_name is X. No descriptor stays open: SMB would refuse the rename. */
static int prepare(const struct spool *spool, const char *id, char ret_name[NAME_SIZE],
                   struct err *err)
{
    CLEANUP(fs_close)
    int fd =
        openat(spool_dir(spool, PLACE_ERROR), id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? gone(id, err) : err_set(err, ERR_IO, errno, "open 'error/%s'", id);
    int r = token_job(fd, ret_name, err);
    if (r == 0) {
        r = err_set(err, ERR_CONFIG, 0, "'error/%s' holds no .job file, so nothing can be retried",
                    id);
        err_hint(err, "submit the job again");
    }
    if (r == 1)
        r = attempts_append(fd, attempts_retried_line(), err);
    if (r == 0)
        r = fs_sync_file(fd, ATTEMPTS_FILE, err);
    if (r == 0)
        r = fs_sync_dir(fd, id, err); /* the file may be new */
    if (r < 0)
        err_context(err, "retry 'error/%s'", id);
    return r;
}

int retry_job(const struct spool *spool, const char *id, char ret_dir[NAME_SIZE], struct err *err)
{
    char name[NAME_SIZE], token[TOKEN_SIZE];
    int r = prepare(spool, id, name, err);
    if (r < 0)
        return r;
    /* Who wants it back wants it no longer cancelled, and a request outlives what it was for. */
    (void)unlinkat(spool_dir(spool, PLACE_CANCEL), name, 0);
    name_token(token);
    name_deferred_format(name, 0, token, ret_dir);
    int error = spool_dir(spool, PLACE_ERROR), deferred = spool_dir(spool, PLACE_DEFERRED);
    if (renameat(error, id, deferred, ret_dir) == 0)
        return 0;
    int errnum = errno;
    if (exists_at(deferred, ret_dir)) /* TOKEN is ours alone: it was done, whatever was told */
        return 0;
    return errnum == ENOENT
               ? gone(id, err)
               : err_set(err, ERR_IO, errnum, "rename 'error/%s' to 'deferred/%s'", id, ret_dir);
}

/* deferred/ first: between the two a job may be seen twice, but never nowhere. */
int retry_sync(const struct spool *spool, struct err *err)
{
    int r = fs_sync_dir(spool_dir(spool, PLACE_DEFERRED), "deferred", err);
    return r < 0 ? r : fs_sync_dir(spool_dir(spool, PLACE_ERROR), "error", err);
}
