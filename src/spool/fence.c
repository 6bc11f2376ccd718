/* fence.c - out of the directory of a dead worker, and on in a fresh one.
 *
 * The dead one may still hold the directory open, and on NFS even land a new claim in it through
 * its name cache (measured), so nothing goes on in that directory: the job moves to a fresh one.
 * That is filled inside the fence, as .next, X.job last, and then becomes a TOKEN by one rename: a
 * job and its input, which are two files, must not be torn apart when the adopter dies or fails
 * between them. Whoever takes over a fence with a .next in it puts back what lies there and begins
 * again. All these renames are by path, so that an adopter that is taken for dead in its turn finds
 * none of them. What is left of the fence is debris; it is cleared of all but *.job and removed
 * with rmdir, so that a job that turns up in it late stops the rmdir and is adopted as well. */
#include "spool/fence.h"

#include "base/fs.h"
#include "base/mem.h"
#include "spool/claim_private.h"
#include "spool/listing.h"
#include "spool/record.h"
#include "spool/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    ROUNDS = 8,
    ATTEMPTS_MAX_BYTES = 16 << 20,
    PATH_SIZE = TOKEN_SIZE + sizeof(TOKEN_NEXT) + NAME_SIZE,
};

/* What is there for good but cannot be read is no line at all; what only fails now is tried again.
 */
static bool is_unreadable(int r)
{
    return r == -ENOENT || r == -EACCES || r == -EPERM || r == -EFBIG || r == -EINVAL ||
           r == -ELOOP;
}

/* Into .next: what was tried, and that the attempt that was under way is lost. */
static int copy_attempts(const struct adoption *adoption, int from, int to, struct err *err)
{
    CLEANUP(mem_free_text) char *text = NULL;
    size_t len = 0;
    int r = fs_read_file(from, ATTEMPTS_FILE, ATTEMPTS_MAX_BYTES, &text, &len, err);
    if (r < 0 && !is_unreadable(r))
        return r;
    r = fs_write_file(to, ATTEMPTS_FILE, text ? text : "", r < 0 ? 0 : len, 0, err);
    struct attempts attempts = { 0 };
    if (r == 0)
        r = attempts_read(to, &attempts, err);
    if (r == 0 && attempts.open) {
        CLEANUP(mem_free_text) char *message = mem_printf("worker %s died", adoption->dead);
        struct attempt_end end = { .failure = failure_name(FAILURE_LOST),
                                   .message = message,
                                   .charged = true };
        r = attempts_append(to, attempts_end_line(attempts.started, &end), err);
    }
    attempts_release(&attempts);
    return r < 0 ? r : fs_sync_file(to, ATTEMPTS_FILE, err);
}

/* A rename inside running/ME: by path, so that it fails when running/ME is fenced. 0 also when
 * there was nothing to move. */
static int move(const struct seat *seat, const char *from, const char *to, struct err *err)
{
    if (renameat(seat_dir(seat), from, seat_dir(seat), to) == 0)
        return 0;
    int errnum = errno;
    struct stat st;
    if (errnum == ENOENT || fstatat(seat_dir(seat), from, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errnum == ENOENT || errno == ENOENT
                   ? 0 /* it was not there, or is no more: then it was moved */
                   : err_set(err, ERR_IO, errno, "stat 'running/%s/%s'", seat_name(seat), from);
    return err_set(err, ERR_IO, errnum, "move 'running/%s/%s'", seat_name(seat), from);
}

/* All that belongs to the job, X.job last. Between a fence and its .next, either way. */
static int move_job(const struct seat *seat, const char *from, const char *to, const char *name,
                    struct err *err)
{
    char job[NAME_SIZE];
    (void)snprintf(job, sizeof(job), "%.250s.job", name);
    const char *const files[] = { "input", "earlier", "crash.txt", job };
    for (size_t i = 0; i < COUNT(files); i++) {
        char source[PATH_SIZE], target[PATH_SIZE];
        (void)snprintf(source, sizeof(source), "%s/%s", from, files[i]);
        (void)snprintf(target, sizeof(target), "%s/%s", to, files[i]);
        int r = move(seat, source, target, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* What an adopter that did not come to its end left in .next goes back. */
static int undo_next(const struct seat *seat, const char *fence, int fence_fd, struct err *err)
{
    static const char *const nothing[] = { NULL };
    char next[PATH_SIZE], name[NAME_SIZE] = "";
    CLEANUP(fs_close)
    int fd = openat(fence_fd, TOKEN_NEXT, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_set(err, ERR_IO, errno, "open '%s/" TOKEN_NEXT "'", fence);
    (void)snprintf(next, sizeof(next), "%s/" TOKEN_NEXT, fence);
    int r = token_job(fd, name, err);
    if (r >= 0)
        r = move_job(seat, next, fence, name, err);
    if (r == 0)
        r = token_clear(fd, nothing, err);
    if (r == 0 && unlinkat(fence_fd, TOKEN_NEXT, AT_REMOVEDIR) < 0 && errno != ENOENT)
        r = err_set(err, ERR_IO, errno, "remove '%s'", next);
    return r;
}

static int fill_next(const struct adoption *adoption, const char *fence, int fence_fd,
                     const char *name, struct err *err)
{
    char next[PATH_SIZE];
    if (mkdirat(fence_fd, TOKEN_NEXT, 0775) < 0 && errno != EEXIST)
        return err_set(err, ERR_IO, errno, "make directory '%s/" TOKEN_NEXT "'", fence);
    fs_share_dir(fence_fd, TOKEN_NEXT); /* as token_make */
    CLEANUP(fs_close)
    int fd = openat(fence_fd, TOKEN_NEXT, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, ERR_IO, errno, "open '%s/" TOKEN_NEXT "'", fence);
    int r = copy_attempts(adoption, fence_fd, fd, err);
    if (r == 0) /* nothing was moved into it yet, so it may be synced */
        r = fs_sync_dir(fd, TOKEN_NEXT, err);
    (void)snprintf(next, sizeof(next), "%s/" TOKEN_NEXT, fence);
    return r < 0 ? r : move_job(adoption->seat, fence, next, name, err);
}

/* Had the job ended before, and been sent back, and was the worker killed before it put that aside?
 * Any other record is of a publish that came to nothing. */
static int keep_earlier(int fd, struct err *err)
{
    struct attempts attempts = { 0 };
    int r = attempts_read(fd, &attempts, err);
    const char *event = "";
    for (size_t i = json_array_size(attempts.lines); i > 0; i--) {
        event = json_get_text(json_array_get(attempts.lines, i - 1), "event", "");
        if (strcmp(event, "start") == 0 || strcmp(event, "retried") == 0)
            break;
    }
    bool retried = strcmp(event, "retried") == 0;
    attempts_release(&attempts);
    if (r < 0)
        return is_unreadable(r) ? 0 : r;
    return retried ? token_set_aside(fd, err) : 0;
}

static int take_over(const struct adoption *adoption, const char *fence, int fence_fd,
                     const char *name, struct err *err)
{
    char next[PATH_SIZE], token[TOKEN_SIZE];
    struct claim *claim = NULL;
    claim_sync_jobs(adoption->seat);
    int r = keep_earlier(fence_fd, err);
    if (r == 0)
        r = fill_next(adoption, fence, fence_fd, name, err);
    if (r < 0)
        return r;
    (void)snprintf(next, sizeof(next), "%s/" TOKEN_NEXT, fence);
    name_token(token);
    r = move(adoption->seat, next, token, err);
    if (r == 0)
        r = claim_from_token(adoption->seat, token, name, TOKEN_HAD_MORE, &claim, err);
    if (r == 1)
        adoption->fn(adoption->arg, claim, adoption->dead);
    else
        seat_doubt(adoption->seat, token, adoption->dead);
    return r < 0 ? r : 0;
}

/* Has it an input whose X.job somebody took away? It is called after that. */
static int find_input(int fd, char ret_name[NAME_SIZE], struct err *err)
{
    CLEANUP(listing_release) struct listing input = { 0 };
    int r = listing_read(fd, JOB_INPUT_DIR, &input, NULL);
    if (r < 0)
        return r == -ENOTDIR || is_unreadable(r)
                   ? 0
                   : err_set(err, ERR_IO, -r, "read '" JOB_INPUT_DIR "' of a job");
    if (input.count > 0)
        name_for_inbox(input.entries[0].name, ret_name);
    return input.count > 0;
}

/* One that was withdrawn is one too: it goes on in a fresh directory like any, and whoever has it
 * then finds that X.job has gone. */
static int find_job(int fd, char ret_name[NAME_SIZE], struct err *err)
{
    int r = token_job(fd, ret_name, err);
    if (r == 0)
        r = claim_inbox_decide(fd, ret_name, err);
    return r != 0 ? r : find_input(fd, ret_name, err);
}

/* All jobs in a fenced directory, then the directory itself. 1: it is gone. 0: something was in the
 * way, look again. */
static int empty_once(const struct adoption *adoption, const char *fence, int fd, struct err *err)
{
    char name[NAME_SIZE];
    int r = undo_next(adoption->seat, fence, fd, err);
    while (r == 0 && (r = find_job(fd, name, err)) == 1) {
        r = take_over(adoption, fence, fd, name, err);
        /* These lines were the first one's; what turns up later has none. */
        if (r == 0)
            (void)unlinkat(fd, ATTEMPTS_FILE, 0);
    }
    if (r == 0)
        r = token_discard(fd, err);
    if (r < 0)
        return r;
    return unlinkat(seat_dir(adoption->seat), fence, AT_REMOVEDIR) == 0 || errno == ENOENT;
}

int fence_empty(const struct adoption *adoption, const char *fence, struct err *err)
{
    CLEANUP(fs_close)
    int fd =
        openat(seat_dir(adoption->seat), fence, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT || errno == ENOTDIR
                   ? 0
                   : err_set(err, ERR_IO, errno, "open '%s'", fence);
    int r = 0;
    for (int round = 0; round < ROUNDS && r == 0; round++)
        r = empty_once(adoption, fence, fd, err);
    return r < 0 ? r : 0;
}
