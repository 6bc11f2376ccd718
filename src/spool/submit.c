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

struct submit {
    struct spool *spool;
    enum spool_place lane;
    char tmp_name[64]; /* in tmp/ */
};

int submit_begin(struct spool *spool, enum spool_place lane, struct submit **ret_submit,
                 struct err *err)
{
    if (lane != PLACE_PENDING && lane != PLACE_PENDING_HIGH && lane != PLACE_PENDING_LOW)
        return err_set(err, ERR_BUG, 0, "'%s' is no lane of pending", spool_place_name(lane));
    struct submit *submit = MEM_NEW(struct submit);
    char token[TOKEN_SIZE];
    name_token(token);
    submit->spool = spool;
    submit->lane = lane;
    (void)snprintf(submit->tmp_name, sizeof(submit->tmp_name), "submit.%d.%s", (int)getpid(),
                   token);
    *ret_submit = submit;
    return 0;
}

static bool same_file(int dir_a, const char *a, int dir_b, const char *b)
{
    struct stat first, second;
    return fstatat(dir_a, a, &first, AT_SYMLINK_NOFOLLOW) == 0 &&
           fstatat(dir_b, b, &second, AT_SYMLINK_NOFOLLOW) == 0 && first.st_dev == second.st_dev &&
           first.st_ino == second.st_ino;
}

/* Links the file in tmp/ into the lane; where there are no hard links (FAT, some shares) it is
 * written there: whoever sees a half of it waits for the rest. */
static int put_in_lane(struct submit *submit, const char *file_name, const char *text,
                       struct err *err)
{
    int tmp = spool_dir(submit->spool, PLACE_TMP), lane = spool_dir(submit->spool, submit->lane);
    const char *lane_name = spool_place_name(submit->lane);
    if (linkat(tmp, submit->tmp_name, lane, file_name, 0) == 0)
        return 0;
    int errnum = errno, r = -errnum;
    if (errnum == EEXIST && same_file(tmp, submit->tmp_name, lane, file_name))
        return 0; /* the reply to a link that was made got lost, and it was asked for again */
    if (errnum == EPERM || errnum == EOPNOTSUPP || errnum == ENOSYS) {
        r = fs_write_file(lane, file_name, text, strlen(text), FS_NEW | FS_SYNC, err);
        if (r < 0 && r != -EEXIST)
            (void)unlinkat(lane, file_name, 0);
        errnum = -r;
    }
    if (r == -EEXIST)
        return err_set(err, ERR_CONFIG, EEXIST, "a job '%s/%s' is waiting already", lane_name,
                       file_name);
    return r < 0 ? err_set(err, ERR_IO, errnum, "put job '%s' into '%s/%s'", file_name,
                           spool_path(submit->spool), lane_name)
                 : 0;
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

    int tmp = spool_dir(submit->spool, PLACE_TMP);
    char file_name[NAME_SIZE];
    (void)snprintf(file_name, sizeof(file_name), "%.250s.json", name);
    r = fs_write_file(tmp, submit->tmp_name, text, strlen(text), FS_NEW | FS_SYNC, err);
    if (r < 0)
        err_context(err, "'%s/tmp'", spool_path(submit->spool));
    else
        r = put_in_lane(submit, file_name, text, err);
    (void)unlinkat(tmp, submit->tmp_name, 0); /* its name is nobody else's */
    return r;
}

int submit_end(struct submit *submit, struct err *err)
{
    return fs_sync_dir(spool_dir(submit->spool, submit->lane), spool_place_name(submit->lane), err);
}

void submit_free(struct submit **submit)
{
    free(*submit);
    *submit = NULL;
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
