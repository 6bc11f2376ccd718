/* prune.c - which jobs go.
 *
 * All that are old enough are moved into tmp/ first, then done/ and error/ are synced, once, and
 * only then is anything removed: after a power cut a job is whole or not there. */
#include "spool/prune.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"
#include "spool/listing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEPTH_MAX = 64 };

struct candidate {
    char *id;
    int64_t ended_ms;
};

struct candidates {
    struct candidate *list;
    size_t count, size;
};

struct prune {
    const struct spool *spool;
    const struct prune_rules *rules;
    prune_fn *fn;
    void *arg;
    struct prune_tally tally;
    int64_t now_ms;
};

static void candidates_release(struct candidates *candidates)
{
    for (size_t i = 0; i < candidates->count; i++)
        free(candidates->list[i].id);
    free(candidates->list);
    *candidates = (struct candidates){ 0 };
}

static void candidates_add(struct candidates *candidates, const char *id, int64_t ended_ms)
{
    if (candidates->count == candidates->size) {
        candidates->size = candidates->size ? candidates->size * 2 : 64;
        candidates->list =
            mem_resize(candidates->list, candidates->size, sizeof(candidates->list[0]));
    }
    candidates->list[candidates->count++] = (struct candidate){ mem_strdup(id), ended_ms };
}

/* The newest first; of two of one time, by name. */
static int by_age(const void *a, const void *b)
{
    const struct candidate *left = a, *right = b;
    if (left->ended_ms != right->ended_ms)
        return left->ended_ms > right->ended_ms ? -1 : 1;
    return strcmp(left->id, right->id);
}

static bool is_old(const struct prune *prune, int64_t ended_ms)
{
    return prune->now_ms - ended_ms > prune->rules->older_ms;
}

/* To be kept are the newest, so with keep_last all of them are noted. */
static int find(const struct prune *prune, enum spool_place place, struct candidates *ret,
                struct err *err)
{
    CLEANUP(fs_close_dir) DIR *dir = NULL;
    int r = fs_open_dir(spool_dir(prune->spool, place), ".", &dir, err);
    if (r < 0)
        return r;
    const struct dirent *entry;
    while (errno = 0, (entry = readdir(dir))) {
        struct prune_mark mark;
        int64_t ended_ms = 0;
        if (!name_is_ignored(entry->d_name) &&
            prune_mark_of(prune->spool, place, entry->d_name, &mark, &ended_ms) == 1 &&
            (prune->rules->keep_last > 0 || is_old(prune, ended_ms)))
            candidates_add(ret, entry->d_name, ended_ms);
    }
    if (errno)
        return err_set(err, ERR_IO, errno, "list '%s'", spool_place_name(place));
    if (ret->count)
        qsort(ret->list, ret->count, sizeof(ret->list[0]), by_age);
    return 0;
}

/* ---- a dry run ---- */

static int64_t bytes_below(int dir_fd, const char *name, int depth)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    CLEANUP(fs_close)
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int64_t bytes = 0;
    if (fd < 0 || depth > DEPTH_MAX || listing_read(fd, ".", &listing, NULL) < 0)
        return 0;
    for (size_t i = 0; i < listing.count; i++) {
        struct stat st;
        if (fstatat(fd, listing.entries[i].name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        if (S_ISDIR(st.st_mode))
            bytes += bytes_below(fd, listing.entries[i].name, depth + 1);
        else if (S_ISREG(st.st_mode) && st.st_nlink == 1)
            bytes += st.st_size;
    }
    return bytes;
}

/* ---- one place ---- */

/* 1: it goes. Asked again, since what was found may be another job by now. */
static int take(struct prune *prune, enum spool_place place, const struct candidate *candidate,
                struct err *err)
{
    struct prune_mark mark;
    int64_t ended_ms = 0;
    if (prune_mark_of(prune->spool, place, candidate->id, &mark, &ended_ms) != 1 ||
        !is_old(prune, ended_ms))
        return 0;
    if (!prune->rules->dry_run)
        return prune_take(prune->spool, place, candidate->id, &mark, err);
    prune->tally.bytes += bytes_below(spool_dir(prune->spool, place), candidate->id, 0);
    return 1;
}

static int prune_place(struct prune *prune, enum spool_place place, struct err *err)
{
    CLEANUP(candidates_release) struct candidates candidates = { 0 };
    int failed = 0, r = find(prune, place, &candidates, err);
    for (size_t i = (size_t)prune->rules->keep_last;
         r == 0 && candidates.list && i < candidates.count; i++) {
        const struct candidate *candidate = &candidates.list[i];
        int one = take(prune, place, candidate, failed ? NULL : err);
        if (one == 1 && prune->fn)
            prune->fn(prune->arg, place, candidate->id, candidate->ended_ms);
        prune->tally.jobs += one == 1;
        prune->tally.failed += one < 0;
        failed = failed || one >= 0 ? failed : one;
    }
    if (r == 0 && !prune->rules->dry_run)
        r = fs_sync_dir(spool_dir(prune->spool, place), spool_place_name(place), err);
    return r < 0 ? r : failed;
}

/* What a prune that was killed was about to take; its time is that of its rename. */
static int put_back_held(const struct prune *prune, struct err *err)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    int tmp = spool_dir(prune->spool, PLACE_TMP);
    int r = listing_read(tmp, ".", &listing, err);
    for (size_t i = 0; r == 0 && i < listing.count; i++) {
        struct stat st;
        if (prune_kind_of(listing.entries[i].name) == PRUNE_HELD &&
            fstatat(tmp, listing.entries[i].name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            prune->now_ms - fs_ctime_ms(&st) > prune->rules->held_ms)
            r = prune_put_back(prune->spool, listing.entries[i].name, err);
    }
    return r;
}

int prune_run(const struct spool *spool, const struct prune_rules *rules, prune_fn *fn, void *arg,
              struct prune_tally *ret_tally, struct err *err)
{
    struct prune prune = {
        .spool = spool, .rules = rules, .fn = fn, .arg = arg, .now_ms = time_wall_ms()
    };
    const struct {
        bool asked;
        enum spool_place place;
    } places[] = { { rules->done, PLACE_DONE }, { rules->error, PLACE_ERROR } };
    int failed = rules->dry_run ? 0 : put_back_held(&prune, err);
    for (size_t i = 0; i < COUNT(places); i++) {
        int r = places[i].asked ? prune_place(&prune, places[i].place, failed ? NULL : err) : 0;
        failed = failed ? failed : r;
    }
    if (!rules->dry_run) {
        int r = prune_remove_gone(spool, &prune.tally, failed ? NULL : err);
        failed = failed ? failed : r;
    }
    *ret_tally = prune.tally;
    return failed;
}
