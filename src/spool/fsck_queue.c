/* fsck_queue.c - jobs that wait: pending/ and deferred/. */
#include "spool/fsck_private.h"

#include "base/fs.h"
#include "base/mem.h"
#include "spool/listing.h"
#include "spool/name.h"
#include "spool/scan.h"
#include "spool/token.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { DUE_MAX_S = 30 * 86400 };

/* ---- pending ---- */

static void look_job_file(struct fsck *fsck, enum spool_place place, int dir_fd, const char *name,
                          const struct stat *st)
{
    CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", spool_place_name(place), name);
    CLEANUP(fs_close) int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return;
    if (fd < 0)
        fsck_add(fsck, FSCK_PENDING_UNREADABLE, path, "mode %04o, owner %u: %s",
                 st->st_mode & 07777, (unsigned)st->st_uid, strerror(errno));
    if (fsck_is_future(fsck, fs_mtime_ms(st)))
        fsck_add(fsck, FSCK_FUTURE, path, "by %lld s",
                 (long long)(fs_mtime_ms(st) - fsck->now_ms) / 1000);
    fsck_keys_add_job(fsck, dir_fd, name, NULL, path);
}

static void look_pending_entry(struct fsck *fsck, enum spool_place place, int dir_fd,
                               const char *name, const struct stat *st)
{
    char job[NAME_SIZE];
    bool is_lane = place == PLACE_PENDING && S_ISDIR(st->st_mode) &&
                   (strcmp(name, "high") == 0 || strcmp(name, "low") == 0);
    if (is_lane)
        return;
    if (!S_ISREG(st->st_mode))
        fsck_add_at(fsck, FSCK_PENDING_STRANGE, place, name, "not a regular file");
    else if (!name_of_job_file(name, job))
        fsck_add_at(fsck, FSCK_PENDING_STRANGE, place, name, "its name does not end in .json");
    else
        look_job_file(fsck, place, dir_fd, name, st);
}

int fsck_look_pending(struct fsck *fsck, struct err *err)
{
    int r = 0;
    for (size_t i = 0; i < SCAN_LANES && r == 0; i++)
        r = fsck_each(fsck, scan_places[i], look_pending_entry, err);
    return r;
}

/* ---- deferred ---- */

static void look_deferred_dir(struct fsck *fsck, int fd, const char *path, const char *token)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    int jobs = 0;
    char name[NAME_SIZE];
    if (listing_read(fd, ".", &listing, NULL) < 0)
        return;
    for (size_t i = 0; i < listing.count; i++) {
        const char *entry = listing.entries[i].name;
        if (token_is_out(entry))
            fsck_add(fsck, FSCK_DEFERRED_OUT, path, "'%s'", entry);
        if (!name_of_claimed_file(entry, name))
            continue;
        jobs++;
        fsck_keys_add_job(fsck, fd, entry, token, path);
    }
    if (jobs == 0)
        fsck_add(fsck, FSCK_DEFERRED_NO_JOB, path, "%s", "");
    if (jobs > 1)
        fsck_add(fsck, FSCK_TWO_JOBS, path, "%d of them", jobs);
}

static void look_deferred_entry(struct fsck *fsck, enum spool_place place, int dir_fd,
                                const char *name, const struct stat *st)
{
    char job[NAME_SIZE], token[TOKEN_SIZE] = "";
    int64_t due_s = 0;
    CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", spool_place_name(place), name);
    if (!S_ISDIR(st->st_mode)) {
        fsck_add(fsck, FSCK_STRANGE, path, "not a directory X@DUE@TOKEN");
        return;
    }
    if (!name_deferred_parse(name, job, &due_s, token))
        fsck_add(fsck, FSCK_DEFERRED_NAME, path, "%s", "");
    if (due_s > fsck->now_ms / 1000 + DUE_MAX_S)
        fsck_add(fsck, FSCK_DEFERRED_DUE, path, "in %lld days",
                 (long long)(due_s - fsck->now_ms / 1000) / 86400);
    CLEANUP(fs_close)
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd >= 0)
        look_deferred_dir(fsck, fd, path, token[0] ? token : NULL);
    else if (errno != ENOENT)
        fsck_add(fsck, FSCK_STRANGE, path, "cannot be opened: %s", strerror(errno));
}

int fsck_look_deferred(struct fsck *fsck, struct err *err)
{
    return fsck_each(fsck, PLACE_DEFERRED, look_deferred_entry, err);
}
