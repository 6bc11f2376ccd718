/* pending.c - half-written job files are never consumed.
 *
 * A file is whole when it parses: no JSON object is the start of another one, so then nothing can
 * be missing, and it does not matter who has it open. One that ends too soon waits for its rest.
 * One that is wrong before its end may be an editor's half-way state, so it waits for a moment, and
 * for as long as somebody has it open for writing, but not for longer than a short one would: a
 * process that keeps it open for ever must not keep it in pending for ever. */
#include "spool/pending.h"

#include "base/fs.h"
#include "base/mem.h"
#include "spool/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

enum { FUTURE_SLACK_MS = 60000 };

int64_t pending_changed_ms(const struct stat *st)
{
    int64_t mtime_ms = fs_mtime_ms(st), ctime_ms = fs_ctime_ms(st);
    return mtime_ms > ctime_ms + FUTURE_SLACK_MS ? ctime_ms : mtime_ms;
}

static enum pending_state parse(int fd, const struct stat *st, const char *file_name,
                                struct job **ret_job, struct err *why)
{
    CLEANUP(mem_free_text) char *text = NULL;
    CLEANUP(job_free) struct job *job = NULL;
    size_t len;
    int r = fs_read_open_file(fd, st, file_name, JOB_FILE_MAX_BYTES, &text, &len, why);
    if (r < 0)
        return r == -EFBIG ? PENDING_WRONG : PENDING_UNTAKABLE;
    r = job_parse(text, len, &job, why);
    if (r == 0)
        (void)err_set(why, ERR_CONFIG, 0, len ? "it ends too soon" : "it is empty");
    if (ret_job)
        *ret_job = TAKE(job);
    return r > 0 ? PENDING_WHOLE : r == 0 ? PENDING_SHORT : PENDING_WRONG;
}

void pending_look(int lane_fd, const char *file_name, struct job **ret_job,
                  struct pending_look *ret_look)
{
    struct pending_look look = { .state = PENDING_UNTAKABLE };
    CLEANUP(fs_close) int fd = -1;
    struct stat st;
    if (ret_job)
        *ret_job = NULL;
    int r = fs_open_file(lane_fd, file_name, &fd, &st, &look.why);
    if (r == -ENOENT || r == -ENAMETOOLONG) /* no file can have such a name */
        look.state = PENDING_GONE;
    if (r == 0) {
        look.changed_ms = pending_changed_ms(&st);
        look.state = parse(fd, &st, file_name, ret_job, &look.why);
        if (look.state == PENDING_SHORT || look.state == PENDING_WRONG)
            look.being_written = !fs_is_remote(fd) && fs_is_being_written(fd);
    }
    *ret_look = look;
}

int pending_deferred_job(int deferred_fd, const char *dir_name, struct job **ret_job)
{
    CLEANUP(fs_close)
    int fd = openat(deferred_fd, dir_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    CLEANUP(mem_free_text) char *text = NULL;
    char name[NAME_SIZE], file[NAME_SIZE];
    size_t len;
    if (fd < 0 || token_job(fd, name, NULL) != 1)
        return 0;
    (void)snprintf(file, sizeof(file), "%.250s.job", name);
    if (fs_read_file(fd, file, JOB_FILE_MAX_BYTES, &text, &len, NULL) < 0)
        return 0;
    return job_parse(text, len, ret_job, NULL) == 1;
}

bool pending_waits(struct pending_look *look, int64_t now_ms, const struct claim_rules *rules)
{
    bool long_wait = look->state == PENDING_SHORT || look->being_written;
    int64_t limit_ms = long_wait ? rules->input_wait_ms : rules->settle_ms;
    int64_t age_ms = now_ms - look->changed_ms;
    if (age_ms >= limit_ms)
        return false;
    /* A clock that runs behind must not make it wait for longer than the rule says. */
    int64_t left_ms = age_ms < 0 ? limit_ms : limit_ms - age_ms;
    if (look->state == PENDING_SHORT)
        err_context(&look->why, "incomplete, waiting for the rest for another %lld s",
                    (long long)((left_ms + 999) / 1000));
    else
        err_context(&look->why, "wrong%s, becomes an error in %lld s",
                    look->being_written ? " and still being written" : "",
                    (long long)((left_ms + 999) / 1000));
    return true;
}
