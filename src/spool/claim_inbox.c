/* claim_inbox.c - a file that was dropped without a job becomes one.
 *
 * The job is where its input is. What will be X.job is written first, as a draft, and synced; then
 * one rename brings the file from inbox/PIPELINE/ to TOKEN/input/NAME, and that is the claim; then
 * the draft is called X.job. So no X.job is ever without its input, and a job file that somebody
 * dropped, whatever it says, cannot be taken for one that was never claimed.
 *
 * Whoever finds a draft decides: with an input beside it, it is a job; without one it is removed,
 * but input/ first, by rmdir: should the rename still be on its way to a server, it then finds no
 * target, or rmdir finds the file, and the job is claimed after all. */
#include "spool/claim_private.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "spool/inbox.h"
#include "spool/listing.h"
#include "spool/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What is needed to take one file; all of it is made by split(). */
struct taking {
    struct seat *seat;
    const char *path; /* relative to inbox/ */
    char *folder;     /* of it: "ocr_only/trip" */
    char *pipeline;
    const char *file;     /* in folder */
    char name[NAME_SIZE]; /* X */
    char input[NAME_SIZE + sizeof(JOB_INPUT_DIR)];
    char token[TOKEN_SIZE];
    int folder_fd, token_fd;
};

static void taking_release(struct taking *taking)
{
    mem_free_text(&taking->folder);
    mem_free_text(&taking->pipeline);
    fs_close(&taking->folder_fd);
    fs_close(&taking->token_fd);
}

/* JSON holds no other bytes than UTF-8. The name in input/ is ours to choose, so it is cleaned. */
static void name_input(struct taking *taking)
{
    CLEANUP(mem_free_text) char *clean = str_utf8_clean(taking->file, strlen(taking->file));
    clean[str_utf8_cut(clean, NAME_SIZE - 1)] = '\0';
    (void)snprintf(taking->input, sizeof(taking->input), JOB_INPUT_DIR "/%s", clean);
}

static void draft_name(const char *name, char out[NAME_SIZE])
{
    (void)snprintf(out, NAME_SIZE, ".%.250s.new", name);
}

static int split(struct taking *taking, struct err *err)
{
    const char *first = strchr(taking->path, '/'), *last = strrchr(taking->path, '/');
    if (!first || first == taking->path || !last[1])
        return err_set(err, ERR_BUG, 0, "'inbox/%s' is no file of a pipeline", taking->path);
    taking->pipeline = mem_strndup(taking->path, (size_t)(first - taking->path));
    taking->folder = mem_strndup(taking->path, (size_t)(last - taking->path));
    taking->file = last + 1;
    name_for_inbox(first + 1, taking->name);
    name_input(taking);
    return 0;
}

/* ---- the empty TOKEN gets all but the input ---- */

static int write_draft(const struct taking *taking, struct err *err)
{
    CLEANUP(json_drop) json_t *job = json_object();
    json_set_text(job, "inbox_file", taking->input + sizeof(JOB_INPUT_DIR));
    json_set_text(job, "pipeline_id", taking->pipeline);
    CLEANUP(mem_free_text) char *text = json_pretty(job);
    char draft[NAME_SIZE];
    draft_name(taking->name, draft);
    return fs_write_file(taking->token_fd, draft, text, strlen(text), FS_SYNC, err);
}

static int prepare(struct taking *taking, struct err *err)
{
    int r = seat_take_token(taking->seat, taking->token, err);
    if (r < 0)
        return r;
    taking->token_fd =
        openat(seat_dir(taking->seat), taking->token, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (taking->token_fd < 0)
        return err_set(err, ERR_IO, errno, "open 'running/%s/%s'", seat_name(taking->seat),
                       taking->token);
    r = write_draft(taking, err);
    if (r == 0 && mkdirat(taking->token_fd, JOB_INPUT_DIR, 0775) < 0)
        r = err_set(err, ERR_IO, errno, "make '" JOB_INPUT_DIR "' for 'inbox/%s'", taking->path);
    if (r < 0)
        return r;
    fs_share_dir(taking->token_fd, JOB_INPUT_DIR); /* as token_make */
    return fs_sync_dir(taking->token_fd, taking->token, err);
}

/* ---- and gets it, or goes ---- */

/* 1: it holds something, whatever the error was: sshfs says EPERM for ENOTEMPTY. */
static int remove_input(int token_fd, struct err *err)
{
    if (unlinkat(token_fd, JOB_INPUT_DIR, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    int errnum = errno;
    CLEANUP(listing_release) struct listing listing = { 0 };
    if (listing_read(token_fd, JOB_INPUT_DIR, &listing, NULL) == 0 && listing.count > 0)
        return 1;
    return err_set(err, ERR_IO, errnum, "remove '" JOB_INPUT_DIR "' of a job from the inbox");
}

/* 1: it is X.job. */
static int promote(int token_fd, const char *name, struct err *err)
{
    char draft[NAME_SIZE], job[NAME_SIZE];
    struct stat st;
    draft_name(name, draft);
    (void)snprintf(job, sizeof(job), "%.250s.job", name);
    if (renameat(token_fd, draft, token_fd, job) == 0)
        return 1;
    int errnum = errno;
    if (fstatat(token_fd, job, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return 1; /* it was done, whatever the answer was */
    return err_set(err, ERR_IO, errnum, "rename '%s' to '%s'", draft, job);
}

int claim_inbox_decide(int token_fd, char ret_name[NAME_SIZE], struct err *err)
{
    char draft[NAME_SIZE];
    int r = token_draft(token_fd, ret_name, err);
    if (r != 1)
        return r;
    r = remove_input(token_fd, err);
    if (r != 0)
        return r < 0 ? r : promote(token_fd, ret_name, err);
    draft_name(ret_name, draft);
    if (unlinkat(token_fd, draft, 0) < 0 && errno != ENOENT)
        return err_set(err, ERR_IO, errno, "remove '%s'", draft);
    return 0;
}

static void retire_token(const struct taking *taking)
{
    if (taking->token[0] && unlinkat(seat_dir(taking->seat), taking->token, AT_REMOVEDIR) < 0 &&
        errno != ENOENT)
        seat_doubt(taking->seat, taking->token, seat_name(taking->seat));
}

/* What concerns this one file only. One on another filesystem cannot be renamed, and copies of
 * videos are not for the worker to make. */
static bool is_of_this_file(int errnum)
{
    return errnum == EACCES || errnum == EPERM || errnum == EBUSY || errnum == ETXTBSY ||
           errnum == EXDEV || errnum == EROFS;
}

/* 1: the file is ours. 0: not; *err is set unless it is gone. */
static int take(struct taking *taking, struct err *err)
{
    int r, errnum = 0;
    struct stat st;
    if (renameat(taking->folder_fd, taking->file, taking->token_fd, taking->input) == 0) {
        r = promote(taking->token_fd, taking->name, err);
    } else {
        errnum = errno; /* it may have been done all the same */
        r = claim_inbox_decide(taking->token_fd, taking->name, err);
    }
    if (r < 0)
        seat_doubt(taking->seat, taking->token, seat_name(taking->seat));
    if (r != 0)
        return r;
    fs_close(&taking->token_fd);
    if (errnum == ENOENT) {
        if (fstatat(seat_dir(taking->seat), taking->token, &st, AT_SYMLINK_NOFOLLOW) < 0)
            return err_set(err, ERR_IO, ENOENT, "our directory 'running/%s'",
                           seat_name(taking->seat));
        seat_keep_token(taking->seat, taking->token);
        return 0;
    }
    retire_token(taking);
    (void)err_set(err, ERR_IO, errnum, "take 'inbox/%s'", taking->path);
    return is_of_this_file(errnum) ? 0 : -errnum;
}

/* Nothing was renamed into TOKEN yet. */
static void drop_token(struct taking *taking)
{
    if (taking->token_fd >= 0)
        (void)claim_inbox_decide(taking->token_fd, taking->name, NULL);
    retire_token(taking);
}

int claim_inbox(struct seat *seat, const char *path, struct claim **ret_claim, struct err *err)
{
    CLEANUP(taking_release)
    struct taking taking = { .seat = seat, .path = path, .folder_fd = -1, .token_fd = -1 };
    if (err)
        *err = (struct err){ 0 };
    int r = split(&taking, err);
    if (r < 0)
        return r;
    r = inbox_open_folder(seat_spool(seat), taking.folder, &taking.folder_fd, err);
    if (r < 0) {
        if (r == -ENOENT && err)
            *err = (struct err){ 0 };
        return r == -ENOENT || is_of_this_file(-r) ? 0 : r;
    }
    claim_sync_jobs(seat);
    r = prepare(&taking, err);
    if (r < 0) {
        drop_token(&taking);
        return r;
    }
    r = take(&taking, err);
    if (r != 1)
        return r;
    /* btrfs would show it in both places after a power cut; X.job, which is new, need not be. */
    r = fs_sync_dir(taking.folder_fd, taking.folder, err);
    fs_close(&taking.folder_fd);
    fs_close(&taking.token_fd);
    if (r == 0)
        r = claim_from_token(seat, taking.token, taking.name, TOKEN_HAD_MORE, ret_claim, err);
    return r < 0 ? claim_give_back(seat, taking.token, taking.name, r) : r;
}
