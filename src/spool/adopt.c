/* adopt.c - what a dead worker left is taken over, once.
 *
 * The fence: running/DEAD/TOKEN is renamed into our own directory. Should the dead one wake, it
 * finds no path to publish from. It may still hold the directory open, though, and on NFS even land
 * a new claim in it through its name cache (measured), so nothing goes on in that directory: the
 * job moves to a fresh TOKEN, X.job last, and until then whoever adopts us starts again from the
 * fenced directory. What is left is debris; it is cleared of all but *.job and removed with rmdir,
 * so that a job that turns up in it late stops the rmdir and is adopted as well.
 *
 * Death: a process of our boot and PID namespace that is gone, or any worker whose beat is older
 * than the lease or from the future by the spool's own file times; both only if we have seen the
 * same beat for a while by our own clock. Where file times say nothing, a whole lease of our own
 * CLOCK_BOOTTIME decides. */
#include "spool/adopt.h"

#include "base/mem.h"
#include "base/time.h"
#include "spool/claim_private.h"
#include "spool/listing.h"
#include "spool/record.h"
#include "spool/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FUTURE_SLACK_MS = 1000, ROUNDS = 8, ATTEMPTS_MAX_BYTES = 16 << 20 };

struct watched {
    char *worker;
    int64_t beat_count, stamp_ms; /* what was seen, */
    int64_t since_ms;             /* and since when, by CLOCK_BOOTTIME */
    enum proc_life life;
    bool has_dir, seen, dead;
};

struct adopter {
    struct seat *seat;
    struct adopt_rules rules;
    struct watched *watched;
    size_t count;
    /* Directories of our own that hold a job which could not be taken over yet. Nobody else would
     * look there while we live. */
    struct unfinished {
        char token[TOKEN_SIZE];
        char *dead;
    } * unfinished;
    size_t unfinished_count;
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
    for (size_t i = 0; i < (*adopter)->unfinished_count; i++)
        free((*adopter)->unfinished[i].dead);
    free((*adopter)->unfinished);
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
        one->since_ms = time_boot_ms();
    one->beat_count = beat_count;
    one->stamp_ms = stamp_ms;
    one->life = life;
    one->seen = true;
}

static void note_beats(struct adopter *adopter, const struct heartbeat_seen *beats, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (beats[i].whole && strcmp(beats[i].worker, seat_name(adopter->seat)) != 0)
            watched_note(watched_get(adopter, beats[i].worker), beats[i].beat_count,
                         beats[i].mtime_ms, proc_life(&beats[i].who));
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

/* ---- one job ---- */

struct adoption {
    struct adopter *adopter;
    struct seat *seat;
    const char *dead;
    adopt_fn *fn;
    void *arg;
};

static void remember(const struct adoption *adoption, const char *token)
{
    struct adopter *adopter = adoption->adopter;
    adopter->unfinished = mem_resize(adopter->unfinished, adopter->unfinished_count + 1,
                                     sizeof(adopter->unfinished[0]));
    struct unfinished *one = &adopter->unfinished[adopter->unfinished_count++];
    (void)snprintf(one->token, sizeof(one->token), "%s", token);
    one->dead = mem_strdup(adoption->dead);
}

/* Into the fresh TOKEN: what was tried, and that the attempt that was under way is lost. */
static int copy_attempts(const struct adoption *adoption, int from, int to, struct err *err)
{
    CLEANUP(mem_free_text) char *text = NULL;
    size_t len = 0;
    int r = fs_read_file(from, ATTEMPTS_FILE, ATTEMPTS_MAX_BYTES, &text, &len, NULL);
    r = fs_write_file(to, ATTEMPTS_FILE, text ? text : "", r < 0 ? 0 : len, FS_NEW, err);
    struct attempts attempts = { 0 };
    if (r == 0)
        r = attempts_read(to, &attempts, err);
    if (r == 0 && attempts.open) {
        CLEANUP(mem_free_text) char *message = mem_printf("worker %s died", adoption->dead);
        struct attempt_end end = { failure_name(FAILURE_LOST), message, true, NULL };
        r = attempts_append(to, attempts_end_line(attempts.started, &end), err);
    }
    attempts_release(&attempts);
    return r < 0 ? r : fs_sync_file(to, ATTEMPTS_FILE, err);
}

/* Into the fresh TOKEN: X.job of a job from the inbox, with its time. */
static int copy_job(int from, int to, const char *file, struct err *err)
{
    CLEANUP(mem_free_text) char *text = NULL;
    size_t len;
    struct stat st;
    if (fstatat(from, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_set(err, ERR_IO, errno, "stat '%s'", file);
    int r = fs_read_file(from, file, JOB_FILE_MAX_BYTES, &text, &len, err);
    if (r == 0)
        r = fs_write_file(to, file, text, len, FS_NEW, err);
    if (r < 0)
        return r;
    (void)utimensat(to, file, (struct timespec[]){ { .tv_nsec = UTIME_OMIT }, st.st_mtim }, 0);
    return fs_sync_file(to, file, err);
}

static int move(int from, int to, const char *what, struct err *err)
{
    struct stat st;
    if (renameat(from, what, to, what) == 0)
        return 0;
    int errnum = errno;
    return fstatat(to, what, &st, AT_SYMLINK_NOFOLLOW) == 0
               ? 0
               : err_set(err, ERR_IO, errnum, "move '%s' of a job that is adopted", what);
}

/* What makes the job comes last: until then it is where it was. That is X.job, or for a job from
 * the inbox its input: an X.job without it is no job, and is in both places meanwhile. */
static int move_job(int from, int to, const char *file, bool from_inbox, struct err *err)
{
    static const char *const along[] = { "earlier", "crash.txt" };
    for (size_t i = 0; i < COUNT(along); i++)
        if (renameat(from, along[i], to, along[i]) < 0 && errno != ENOENT)
            return err_set(err, ERR_IO, errno, "move '%s' of '%s'", along[i], file);
    if (!from_inbox)
        return move(from, to, file, err);
    int r = move(from, to, JOB_INPUT_DIR, err);
    if (r == 0 && unlinkat(from, file, 0) < 0 && errno != ENOENT)
        r = err_set(err, ERR_IO, errno, "remove '%s', which was adopted", file);
    return r;
}

/* Is this X.job one that a worker made of a file in inbox/? Such have these two keys, and nothing
 * more. In one that somebody dropped, `inbox_file` is wrong, and is to be told as that. */
static bool is_from_inbox(int fd, const char *file)
{
    CLEANUP(mem_free_text) char *text = NULL;
    CLEANUP(job_free) struct job *job = NULL;
    size_t len;
    return fs_read_file(fd, file, JOB_FILE_MAX_BYTES, &text, &len, NULL) == 0 &&
           job_parse_inbox(text, len, &job, NULL) == 1 && job->from_inbox && job->pipeline_id &&
           json_object_size(job->whole) == 2;
}

static int fill_token(const struct adoption *adoption, int fence_fd, const char *token,
                      const char *file, bool from_inbox, struct err *err)
{
    CLEANUP(fs_close)
    int fd = openat(seat_dir(adoption->seat), token, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, ERR_IO, errno, "open 'running/%s/%s'", seat_name(adoption->seat),
                       token);
    int r = copy_attempts(adoption, fence_fd, fd, err);
    if (r == 0 && from_inbox)
        r = copy_job(fence_fd, fd, file, err);
    if (r == 0) /* nothing was moved into it yet, so it may be synced */
        r = fs_sync_dir(fd, token, err);
    return r < 0 ? r : move_job(fence_fd, fd, file, from_inbox, err);
}

static int take_over(const struct adoption *adoption, int fence_fd, const char *name,
                     struct err *err)
{
    char token[TOKEN_SIZE], file[NAME_SIZE];
    (void)snprintf(file, sizeof(file), "%.250s.job", name);
    bool from_inbox = is_from_inbox(fence_fd, file);
    int r = from_inbox ? claim_inbox_undo(fence_fd, file, err) : 1;
    if (r <= 0)
        return r; /* 0: it died before the file came, and so there is no job yet */
    r = token_make(seat_dir(adoption->seat), token, err);
    if (r < 0)
        return r;
    r = fill_token(adoption, fence_fd, token, file, from_inbox, err);
    struct claim *claim = NULL;
    if (r == 0)
        r = claim_from_token(adoption->seat, token, name, &claim, err);
    if (r == 1)
        adoption->fn(adoption->arg, claim, adoption->dead);
    if (r < 0 && unlinkat(seat_dir(adoption->seat), token, AT_REMOVEDIR) < 0)
        remember(adoption, token); /* the job may have moved there already */
    return r < 0 ? r : 0;
}

/* All jobs in a fenced directory, then the directory itself. */
static int empty_fence(const struct adoption *adoption, const char *fence, struct err *err)
{
    int seat_fd = seat_dir(adoption->seat);
    CLEANUP(fs_close)
    int fd = openat(seat_fd, fence, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOTDIR ? 0 : err_set(err, ERR_IO, errno, "open '%s'", fence);
    for (int round = 0; round < ROUNDS; round++) {
        char name[NAME_SIZE];
        int r;
        while ((r = token_job(fd, name, err)) == 1) {
            r = take_over(adoption, fd, name, err);
            if (r < 0)
                return r;
            /* These lines were the first one's; what turns up later has none. */
            (void)unlinkat(fd, ATTEMPTS_FILE, 0);
        }
        if (r == 0)
            r = token_discard(fd, err);
        if (r < 0)
            return r;
        if (unlinkat(seat_fd, fence, AT_REMOVEDIR) == 0)
            return 0;
    }
    return 0; /* it holds an input whose job is elsewhere: that is kept */
}

/* ---- one worker ---- */

static int adopt_token(const struct adoption *adoption, int dead_fd, const char *token,
                       struct err *err)
{
    if (unlinkat(dead_fd, token, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0; /* it was empty */
    char fence[TOKEN_SIZE];
    name_token(fence);
    if (renameat(dead_fd, token, seat_dir(adoption->seat), fence) < 0) {
        int errnum = errno;
        struct stat st;
        if (fstatat(seat_dir(adoption->seat), fence, &st, AT_SYMLINK_NOFOLLOW) < 0)
            return errnum == ENOENT ? 0
                                    : err_set(err, ERR_IO, errnum, "adopt 'running/%s/%s'",
                                              adoption->dead, token);
    }
    int r = empty_fence(adoption, fence, err);
    if (r < 0)
        remember(adoption, fence);
    return r;
}

/* What failed in an earlier look, once more. */
static int finish_earlier(struct adopter *adopter, adopt_fn *fn, void *arg, struct err *err)
{
    size_t count = adopter->unfinished_count;
    struct unfinished *earlier = TAKE(adopter->unfinished);
    int failed = 0;
    adopter->unfinished_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct adoption adoption = { adopter, adopter->seat, earlier[i].dead, fn, arg };
        int r = empty_fence(&adoption, earlier[i].token, err);
        if (r < 0 && r != -ENOENT) {
            remember(&adoption, earlier[i].token);
            failed = r;
        }
        free(earlier[i].dead);
    }
    free(earlier);
    return failed;
}

static int adopt_worker(const struct adoption *adoption, struct watched *dead, struct err *err)
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
    for (size_t i = 0; r == 0 && i < listing.count; i++)
        if (listing.entries[i].type == DT_DIR)
            r = adopt_token(adoption, fd, listing.entries[i].name, err);
    fs_close(&fd);
    if (r == 0 && unlinkat(running, dead->worker, AT_REMOVEDIR) == 0)
        dead->has_dir = false;
    return r;
}

/* What it was writing in tmp/ when it died. */
static void remove_unfinished_writes(const struct adopter *adopter, const char *worker)
{
    static const char *const endings[] = { "json", "status", "now" };
    for (size_t i = 0; i < COUNT(endings); i++) {
        char file[NAME_SIZE];
        (void)snprintf(file, sizeof(file), "%.240s.%s", worker, endings[i]);
        (void)unlinkat(spool_dir(seat_spool(adopter->seat), PLACE_TMP), file, 0);
    }
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
        const struct watched *one = &adopter->watched[i];
        char file[NAME_SIZE];
        if (!one->dead || one->has_dir || one == newest)
            continue;
        (void)snprintf(file, sizeof(file), "%.240s.json", one->worker);
        (void)unlinkat(beats, file, 0);
        remove_unfinished_writes(adopter, one->worker);
    }
}

int adopter_look(struct adopter *adopter, adopt_fn *fn, void *arg, struct err *err)
{
    int suspects = 0, failed = 0;
    int r = look_around(adopter, &suspects, err);
    if (r < 0)
        return r;
    failed = finish_earlier(adopter, fn, arg, err);
    for (size_t i = 0; i < adopter->count; i++) {
        struct watched *one = &adopter->watched[i];
        struct adoption adoption = { adopter, adopter->seat, one->worker, fn, arg };
        if (!one->dead || !one->has_dir)
            continue;
        r = adopt_worker(&adoption, one, failed ? NULL : err); /* one that fails stops no other */
        failed = failed ? failed : r;
    }
    remove_beats(adopter);
    return failed ? failed : suspects;
}
