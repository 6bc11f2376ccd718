/* adopt.c - what a dead worker left is taken over, once.
 *
 * The fence: running/DEAD/TOKEN is renamed into our own directory. Should the dead one wake, it
 * finds no path to publish from. What comes then is in fence.c.
 *
 * Death: a process of our boot and PID namespace that is gone, or any worker whose beat is older
 * than the lease or from the future by the spool's own file times; both only if we have seen the
 * same beat for a while by our own clock. Where file times say nothing, a whole lease of our own
 * CLOCK_BOOTTIME decides. */
#include "spool/adopt.h"

#include "base/mem.h"
#include "base/time.h"
#include "spool/fence.h"
#include "spool/listing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FUTURE_SLACK_MS = 1000, SLICE_MS = 200, SHARE_MS = 5000 };

struct watched {
    char *worker;
    int64_t beat_count, stamp_ms; /* what was seen, */
    int64_t since_ms;             /* and since when, by CLOCK_BOOTTIME */
    enum proc_life life;
    bool has_dir, seen, dead;
    bool cleared;               /* of what it was writing in tmp/ */
    bool has_room;              /* it could take a job, as it says; */
    int64_t claims, claimed_ms; /* and it took one, then (CLOCK_BOOTTIME) */
};

struct adopter {
    struct seat *seat;
    struct adopt_rules rules;
    struct watched *watched;
    size_t count;
    int64_t stop_ms; /* monotonic: then a look ends, and there may be more */
    bool more;
};

int adopter_new(struct seat *seat, const struct adopt_rules *rules, struct adopter **ret_adopter,
                struct err *err)
{
    if (rules->lease_ms < 0 || rules->still_ms < 0)
        return err_set(err, ERR_BUG, 0, "a lease below 0");
    struct adopter *adopter = MEM_NEW(struct adopter);
    adopter->seat = seat;
    adopter->rules = *rules;
    *ret_adopter = adopter;
    return 0;
}

void adopter_set_lease(struct adopter *adopter, int64_t lease_ms)
{
    adopter->rules.lease_ms = lease_ms;
}

void adopter_free(struct adopter **adopter)
{
    if (!*adopter)
        return;
    for (size_t i = 0; i < (*adopter)->count; i++)
        free((*adopter)->watched[i].worker);
    free((*adopter)->watched);
    free(*adopter);
    *adopter = NULL;
}

/* ---- who is dead ---- */

static struct watched *watched_get(struct adopter *adopter, const char *worker)
{
    for (size_t i = 0; i < adopter->count; i++)
        if (strcmp(adopter->watched[i].worker, worker) == 0)
            return &adopter->watched[i];
    adopter->watched =
        mem_resize(adopter->watched, adopter->count + 1, sizeof(adopter->watched[0]));
    struct watched *fresh = &adopter->watched[adopter->count++];
    *fresh = (struct watched){ .worker = mem_strdup(worker), .since_ms = -1 };
    return fresh;
}

static void watched_note(struct watched *one, int64_t beat_count, int64_t stamp_ms,
                         enum proc_life life)
{
    if (one->since_ms < 0 || one->beat_count != beat_count || one->stamp_ms != stamp_ms)
        one->since_ms = time_boot_ms(), one->cleared = false;
    one->beat_count = beat_count;
    one->stamp_ms = stamp_ms;
    one->life = life;
    one->seen = true;
}

static void note_claims(struct watched *one, const struct heartbeat_seen *beat)
{
    int64_t claims = json_get_int(beat->whole, "claims", 0);
    if (claims != one->claims)
        one->claimed_ms = time_boot_ms();
    one->claims = claims;
    one->has_room = (strcmp(beat->state, "idle") == 0 || strcmp(beat->state, "busy") == 0) &&
                    json_get_int(beat->whole, "free", 0) > 0;
}

static void note_beats(struct adopter *adopter, const struct heartbeat_seen *beats, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!beats[i].whole || strcmp(beats[i].worker, seat_name(adopter->seat)) == 0)
            continue;
        struct watched *one = watched_get(adopter, beats[i].worker);
        watched_note(one, beats[i].beat_count, beats[i].mtime_ms, proc_life(&beats[i].who));
        note_claims(one, &beats[i]);
    }
}

/* Directories; for one without a heartbeat that can be read, its own time counts. */
static void note_dirs(struct adopter *adopter, const struct listing *running)
{
    int running_fd = spool_dir(seat_spool(adopter->seat), PLACE_RUNNING);
    for (size_t i = 0; i < running->count; i++) {
        const char *worker = running->entries[i].name;
        struct stat st;
        if (running->entries[i].type != DT_DIR || worker[0] == '.' ||
            strcmp(worker, seat_name(adopter->seat)) == 0 ||
            fstatat(running_fd, worker, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        struct watched *one = watched_get(adopter, worker);
        if (!one->seen)
            watched_note(one, -1, fs_mtime_ms(&st), PROC_UNKNOWN);
        one->has_dir = true;
    }
}

/* An unreadable heartbeat without a directory: it goes like any dead one's, in its time. */
static void note_unreadable(struct adopter *adopter, const struct heartbeat_seen *beats,
                            size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct watched *one = NULL;
        if (!beats[i].whole && strcmp(beats[i].worker, seat_name(adopter->seat)) != 0)
            one = watched_get(adopter, beats[i].worker);
        if (one && !one->seen)
            watched_note(one, -1, beats[i].mtime_ms, PROC_UNKNOWN);
    }
}

static void forget_unseen(struct adopter *adopter)
{
    size_t kept = 0;
    for (size_t i = 0; i < adopter->count; i++) {
        if (adopter->watched[i].seen)
            adopter->watched[kept++] = adopter->watched[i];
        else
            free(adopter->watched[i].worker);
    }
    adopter->count = kept;
}

/* Sets dead; true when it looks dead and is not certain yet. */
static bool judge(const struct adopt_rules *rules, struct watched *one, int64_t now_ms)
{
    int64_t still_ms = time_boot_ms() - one->since_ms, age_ms = now_ms - one->stamp_ms;
    bool suspect = one->life == PROC_GONE || age_ms > rules->lease_ms || age_ms < -FUTURE_SLACK_MS;
    one->dead = (suspect && still_ms >= rules->still_ms) || still_ms >= rules->lease_ms;
    return suspect && !one->dead && one->has_dir; /* without one it has nothing to leave */
}

static int look_around(struct adopter *adopter, int *ret_suspects, struct err *err)
{
    struct spool *spool = seat_spool(adopter->seat);
    CLEANUP(listing_release) struct listing running = { 0 };
    struct heartbeat_seen *beats = NULL;
    size_t count = 0;
    int64_t now_ms;
    int r = listing_read(spool_dir(spool, PLACE_RUNNING), ".", &running, err);
    if (r == 0)
        r = heartbeats_read(spool, &beats, &count, err);
    if (r == 0) /* after the beats: none that is alive is from the future then */
        r = spool_now_ms(spool, seat_name(adopter->seat), &now_ms, err);
    if (r == 0) {
        for (size_t i = 0; i < adopter->count; i++)
            adopter->watched[i].seen = adopter->watched[i].has_dir = false;
        note_beats(adopter, beats, count);
        note_dirs(adopter, &running);
        note_unreadable(adopter, beats, count);
        forget_unseen(adopter);
        *ret_suspects = 0;
        for (size_t i = 0; i < adopter->count; i++)
            *ret_suspects += judge(&adopter->rules, &adopter->watched[i], now_ms);
    }
    heartbeats_free(&beats, count);
    return r;
}

struct backlog_share adopter_share(const struct adopter *adopter)
{
    struct backlog_share share = { 0, 1 };
    int64_t now_ms = time_boot_ms();
    for (size_t i = 0; i < adopter->count; i++) {
        const struct watched *one = &adopter->watched[i];
        bool claims = one->has_room || (one->claimed_ms && now_ms - one->claimed_ms < SHARE_MS);
        if (!one->has_dir || one->dead || one->life == PROC_GONE || !claims ||
            now_ms - one->since_ms >= SHARE_MS)
            continue;
        share.workers++;
        share.rank += strcmp(one->worker, seat_name(adopter->seat)) < 0;
    }
    return share;
}

/* ---- one worker ---- */

static int adopt_token(const struct adoption *adoption, int dead_fd, const char *token,
                       struct err *err)
{
    if (unlinkat(dead_fd, token, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0; /* it was empty */
    struct seat *seat = adoption->seat;
    char fence[TOKEN_SIZE];
    name_token(fence);
    int r = 0;
    if (renameat(dead_fd, token, seat_dir(seat), fence) < 0) {
        int errnum = errno;
        struct stat st;
        bool there = fstatat(seat_dir(seat), fence, &st, AT_SYMLINK_NOFOLLOW) == 0;
        if (!there && errnum == ENOENT && errno == ENOENT)
            return 0;
        if (!there)
            r = err_set(err, ERR_IO, errnum, "adopt 'running/%s/%s'", adoption->dead, token);
    }
    if (r == 0)
        r = fence_empty(adoption, fence, err);
    if (r < 0)
        seat_doubt(seat, fence, adoption->dead);
    return r;
}

/* What failed in an earlier look, or in a claim, once more. */
static int clear_doubts(struct adopter *adopter, adopt_fn *fn, void *arg, struct err *err)
{
    int failed = 0;
    for (size_t count = seat_doubt_count(adopter->seat); count > 0; count--) {
        char token[TOKEN_SIZE], whose[NAME_SIZE];
        seat_take_doubt(adopter->seat, token, whose);
        struct adoption adoption = { adopter->seat, whose, fn, arg };
        int r = fence_empty(&adoption, token, failed ? NULL : err);
        if (r < 0) {
            seat_doubt(adopter->seat, token, whose);
            failed = failed ? failed : r;
        }
    }
    return failed;
}

/* A worker that takes over thousands must still beat. */
static bool is_over(struct adopter *adopter)
{
    adopter->more = adopter->more || time_mono_ms() >= adopter->stop_ms;
    return adopter->more;
}

static int adopt_worker(struct adopter *adopter, const struct adoption *adoption,
                        struct watched *dead, struct err *err)
{
    int running = spool_dir(seat_spool(adoption->seat), PLACE_RUNNING);
    CLEANUP(fs_close)
    int fd = openat(running, dead->worker, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        dead->has_dir = false;
    if (fd < 0)
        return dead->has_dir ? err_set(err, ERR_IO, errno, "open 'running/%s'", dead->worker) : 0;
    CLEANUP(listing_release) struct listing listing = { 0 };
    int r = listing_read(fd, ".", &listing, err);
    for (size_t i = 0; r == 0 && i < listing.count && !is_over(adopter); i++)
        if (listing.entries[i].type == DT_DIR)
            r = adopt_token(adoption, fd, listing.entries[i].name, err);
    fs_close(&fd);
    if (r == 0 && !adopter->more && unlinkat(running, dead->worker, AT_REMOVEDIR) == 0)
        dead->has_dir = false;
    return r;
}

/* What it was writing in tmp/ when it died. */
static void remove_unfinished_writes(const struct adopter *adopter, struct watched *one)
{
    static const char *const endings[] = { "json", "status", "now" };
    for (size_t i = 0; i < COUNT(endings) && !one->cleared; i++) {
        char file[NAME_SIZE];
        (void)snprintf(file, sizeof(file), "%.240s.%s", one->worker, endings[i]);
        (void)unlinkat(spool_dir(seat_spool(adopter->seat), PLACE_TMP), file, 0);
    }
    one->cleared = true;
}

/* The newest stays, so that `health` can say when the last beat was. */
static void remove_beats(const struct adopter *adopter)
{
    int beats = spool_dir(seat_spool(adopter->seat), PLACE_HEARTBEAT);
    const struct watched *newest = NULL;
    for (size_t i = 0; i < adopter->count; i++)
        if (adopter->watched[i].dead &&
            (!newest || adopter->watched[i].stamp_ms > newest->stamp_ms))
            newest = &adopter->watched[i];
    for (size_t i = 0; i < adopter->count; i++) {
        struct watched *one = &adopter->watched[i];
        char file[NAME_SIZE];
        if (!one->dead || one->has_dir)
            continue;
        remove_unfinished_writes(adopter, one);
        (void)snprintf(file, sizeof(file), "%.240s.json", one->worker);
        if (one != newest)
            (void)unlinkat(beats, file, 0);
    }
}

int adopter_look(struct adopter *adopter, adopt_fn *fn, void *arg, struct err *err)
{
    int suspects = 0, failed = 0;
    adopter->stop_ms = time_mono_ms() + SLICE_MS;
    adopter->more = false;
    int r = look_around(adopter, &suspects, err);
    if (r < 0)
        return r;
    failed = clear_doubts(adopter, fn, arg, err);
    for (size_t i = 0; i < adopter->count && !adopter->more; i++) {
        struct watched *one = &adopter->watched[i];
        struct adoption adoption = { adopter->seat, one->worker, fn, arg };
        if (!one->dead || !one->has_dir)
            continue;
        r = adopt_worker(adopter, &adoption, one,
                         failed ? NULL : err); /* one that fails stops no other */
        failed = failed ? failed : r;
    }
    remove_beats(adopter);
    return failed ? failed : suspects + (int)seat_doubt_count(adopter->seat) + adopter->more;
}

bool adopter_has_more(const struct adopter *adopter)
{
    return adopter->more;
}
