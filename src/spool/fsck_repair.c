/* fsck_repair.c - puts right what can be put right, by the moves of the protocol itself.
 *
 * Nothing here removes a job or its media. What belongs to the dead goes through adoption; what
 * waits in deferred/ is taken into a seat of our own, as a worker would, and given back; what has
 * ended without a whole record is moved to error/ with a record that says so. Should we be killed,
 * a job lies in our seat, and is adopted like any other. */
#include "spool/fsck_private.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "spool/adopt.h"
#include "spool/claim_private.h"
#include "spool/listing.h"
#include "spool/prune.h"
#include "spool/record.h"
#include "spool/survey.h"
#include "spool/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { BEAT_EVERY_MS = 1000, LOOK_EVERY_MS = 50 };

struct repair {
    struct spool *spool;
    const struct fsck_rules *rules;
    struct seat *seat;
    int64_t now_ms;  /* of the spool */
    int64_t beat_at; /* mono */
};

/* 1: repaired. 0: not, or not any more. */
typedef int mend_fn(struct repair *repair, const struct fsck_finding *finding, struct err *err);

static bool is_there(const struct repair *repair, const char *path)
{
    struct stat st;
    return fstatat(spool_root(repair->spool), path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Others take us for a worker: not for a live one that does jobs, nor for a dead one. */
static int beat(struct repair *repair, struct err *err)
{
    if (repair->beat_at && time_mono_ms() - repair->beat_at < BEAT_EVERY_MS)
        return 0;
    struct heartbeat told = { .state = BEAT_PAUSED,
                              .reason = "fsck --repair is at work; this is no worker" };
    repair->beat_at = time_mono_ms();
    return seat_beat(repair->seat, &told, err);
}

/* ---- plain things ---- */

static int mend_mode(struct repair *repair, const struct fsck_finding *finding, struct err *err)
{
    enum { WANTED = S_ISGID | S_IRWXG };
    CLEANUP(fs_close)
    int fd = openat(spool_root(repair->spool), finding->path,
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st) < 0 || fchmod(fd, (st.st_mode & 07777) | WANTED) < 0)
        return err_set(err, ERR_IO, errno, "set the mode of '%s'", finding->path);
    return fstat(fd, &st) == 0 && (st.st_mode & WANTED) == WANTED;
}

static int mend_time(struct repair *repair, const struct fsck_finding *finding, struct err *err)
{
    if (utimensat(spool_root(repair->spool), finding->path, NULL, AT_SYMLINK_NOFOLLOW) < 0)
        return err_set(err, ERR_IO, errno, "set the time of '%s'", finding->path);
    return 1;
}

static int mend_by_removal(struct repair *repair, const struct fsck_finding *finding,
                           struct err *err)
{
    int root = spool_root(repair->spool);
    if (unlinkat(root, finding->path, 0) == 0 || errno == ENOENT ||
        unlinkat(root, finding->path, AT_REMOVEDIR) == 0)
        return 1;
    return err_set(err, ERR_IO, errno, "remove '%s'", finding->path);
}

static int mend_tmp(struct repair *repair, const struct fsck_finding *finding, struct err *err)
{
    const char *name = strchr(finding->path, '/') + 1;
    struct prune_tally tally = { 0 };
    if (prune_kind_of(name) != PRUNE_GONE)
        return mend_by_removal(repair, finding, err);
    int r = prune_remove_gone(repair->spool, &tally, err);
    return r < 0 ? r : !is_there(repair, finding->path);
}

static int mend_held(struct repair *repair, const struct fsck_finding *finding, struct err *err)
{
    int r = prune_put_back(repair->spool, strchr(finding->path, '/') + 1, err);
    return r < 0 ? r : 1;
}

static int mend_cancel(struct repair *repair, const struct fsck_finding *finding, struct err *err)
{
    struct survey_job job = { 0 };
    int r = survey_job(repair->spool, strrchr(finding->path, '/') + 1, NULL, &job, err);
    bool waits = job.state == JOB_INBOX || job.state == JOB_PENDING || job.state == JOB_RUNNING ||
                 job.state == JOB_DEFERRED;
    survey_job_release(&job);
    return r < 0 || waits ? (r < 0 ? r : 0) : mend_by_removal(repair, finding, err);
}

/* ---- aside, into error/ ---- */

/* What is said of a job that could not be put right. */
static json_t *aside_record(const struct repair *repair, const struct fsck_finding *finding,
                            const char *name)
{
    CLEANUP(mem_free_text)
    char *message = mem_printf("moved aside by fsck (%s): %s: %s", fsck_name(finding->code),
                               finding->path, fsck_meaning(finding->code));
    struct record_facts facts = { .status = "error",
                                  .failure = FAILURE_IO,
                                  .message = message,
                                  .hint = "see what is in this directory; submit the job again if "
                                          "it is needed",
                                  .finished_ms = time_wall_ms() };
    char token[TOKEN_SIZE];
    name_token(token);
    json_t *record = record_new(&facts, NULL);
    json_set_text(record, "name", name);
    json_set_text(record, "token", token);
    json_set_text(record, "worker", seat_name(repair->seat));
    json_set_int(record, "attempts", 0);
    json_set_text(record, "fsck", fsck_name(finding->code));
    return record;
}

/* The directory `from` of from_fd, in which no record is, to error/ with this one. */
static int move_aside(struct repair *repair, int from_fd, const char *from, json_t *record,
                      const char *base, struct err *err)
{
    int error_fd = spool_dir(repair->spool, PLACE_ERROR);
    for (int number = 1; number < 1000; number++) {
        char id[NAME_SIZE];
        struct stat st;
        if (number == 1)
            (void)snprintf(id, sizeof(id), "%.200s", base);
        else
            (void)snprintf(id, sizeof(id), "%.200s.%d", base, number);
        bool stays = from_fd == error_fd && strcmp(from, id) == 0;
        if (!stays && fstatat(error_fd, id, &st, AT_SYMLINK_NOFOLLOW) == 0)
            continue;
        json_set_text(record, "id", id);
        CLEANUP(mem_free_text) char *text = json_pretty(record);
        CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", from, RECORD_FILE);
        int r = fs_write_file(from_fd, path, text, strlen(text), FS_SYNC, err);
        if (r < 0)
            return r;
        if (stays || renameat(from_fd, from, error_fd, id) == 0)
            return fs_sync_dir(error_fd, "error", err) < 0 ? -EIO : 1;
        if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR)
            return err_set(err, ERR_IO, errno, "rename '%s' to 'error/%s'", from, id);
    }
    return err_set(err, ERR_IO, EEXIST, "every name for '%s' in 'error'", base);
}

static enum spool_place place_of(const char *path)
{
    return str_has_prefix(path, "done/") ? PLACE_DONE : PLACE_ERROR;
}

static int mend_record(struct repair *repair, const struct fsck_finding *finding, struct err *err)
{
    int place_fd = spool_dir(repair->spool, place_of(finding->path));
    const char *id = strchr(finding->path, '/') + 1;
    CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", id, RECORD_FILE);
    CLEANUP(mem_free_text) char *kept = mem_printf("%s/%s.damaged", id, RECORD_FILE);
    if (renameat(place_fd, path, place_fd, kept) < 0 && errno != ENOENT)
        return err_set(err, ERR_IO, errno, "rename '%s/%s'", finding->path, RECORD_FILE);
    char name[NAME_SIZE];
    CLEANUP(fs_close)
    int fd = openat(place_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return errno == ENOENT ? 0 : err_set(err, ERR_IO, errno, "open '%s'", finding->path);
    if (token_job(fd, name, NULL) != 1)
        (void)snprintf(name, sizeof(name), "%s", id);
    fs_close(&fd);
    CLEANUP(json_drop) json_t *record = aside_record(repair, finding, name);
    return move_aside(repair, place_fd, id, record, id, err);
}

static int mend_status(struct repair *repair, const struct fsck_finding *finding, struct err *err)
{
    enum spool_place from = place_of(finding->path);
    enum spool_place to = from == PLACE_DONE ? PLACE_ERROR : PLACE_DONE;
    const char *id = strchr(finding->path, '/') + 1;
    struct stat st;
    if (fstatat(spool_dir(repair->spool, to), id, &st, AT_SYMLINK_NOFOLLOW) == 0)
        return err_set(err, ERR_IO, EEXIST, "'%s/%s'", spool_place_name(to), id);
    if (renameat(spool_dir(repair->spool, from), id, spool_dir(repair->spool, to), id) < 0)
        return err_set(err, ERR_IO, errno, "move '%s' to '%s/'", finding->path,
                       spool_place_name(to));
    return 1;
}

/* ---- deferred ---- */

/* No job in it: what is left goes, unless media are in it. */
static int end_without_job(struct repair *repair, const struct fsck_finding *finding,
                           const char *token, struct err *err)
{
    static const char *const nothing[] = { NULL };
    CLEANUP(fs_close)
    int fd = openat(seat_dir(repair->seat), token, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    CLEANUP(listing_release) struct listing input = { 0 };
    if (fd < 0)
        return err_set(err, ERR_IO, errno, "open '%s' as taken", finding->path);
    (void)listing_read(fd, "input", &input, NULL);
    if (input.count == 0)
        (void)token_clear(fd, nothing, NULL);
    fs_close(&fd);
    if (unlinkat(seat_dir(repair->seat), token, AT_REMOVEDIR) == 0)
        return 1;
    char base[NAME_SIZE];
    name_for_directory(input.count ? input.entries[0].name : token, base);
    CLEANUP(json_drop) json_t *record = aside_record(repair, finding, base);
    return move_aside(repair, seat_dir(repair->seat), token, record, base, err);
}

static int give_back(struct repair *repair, const struct fsck_finding *finding, const char *token,
                     const char *name, struct err *err)
{
    char old[NAME_SIZE], old_token[TOKEN_SIZE];
    int64_t due_s = repair->now_ms / 1000, told_s = 0;
    if (finding->code == FSCK_DEFERRED_OUT &&
        name_deferred_parse(strchr(finding->path, '/') + 1, old, &told_s, old_token))
        due_s = told_s;
    CLEANUP(claim_free) struct claim *claim = NULL;
    int r = claim_from_token(repair->seat, token, name, TOKEN_HAD_MORE, &claim, err);
    if (r == 1)
        r = claim_defer(claim, due_s, err); /* out.N go with it */
    return r < 0 ? r : 1;
}

static int mend_deferred(struct repair *repair, const struct fsck_finding *finding, struct err *err)
{
    char token[TOKEN_SIZE], name[NAME_SIZE];
    const char *dir_name = strchr(finding->path, '/') + 1;
    name_token(token);
    if (renameat(spool_dir(repair->spool, PLACE_DEFERRED), dir_name, seat_dir(repair->seat),
                 token) < 0)
        return errno == ENOENT ? 0 : err_set(err, ERR_IO, errno, "take '%s'", finding->path);
    CLEANUP(fs_close)
    int fd = openat(seat_dir(repair->seat), token, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int r = fd < 0 ? err_set(err, ERR_IO, errno, "open '%s' as taken", finding->path)
                   : token_job(fd, name, err);
    fs_close(&fd);
    if (r == 1)
        return give_back(repair, finding, token, name, err);
    return r < 0 ? r : end_without_job(repair, finding, token, err);
}

/* ---- a job in two places ---- */

static enum spool_place lane_of(const char *path)
{
    return str_has_prefix(path, "pending/high/")  ? PLACE_PENDING_HIGH
           : str_has_prefix(path, "pending/low/") ? PLACE_PENDING_LOW
                                                  : PLACE_PENDING;
}

static int mend_twice(struct repair *repair, const struct fsck_finding *finding, struct err *err)
{
    static const struct claim_rules at_once = { 0 };
    CLEANUP(claim_free) struct claim *claim = NULL;
    const char *file = strrchr(finding->path, '/') + 1;
    char id[NAME_SIZE];
    int r = 0;
    if (str_has_prefix(finding->path, "pending/"))
        r = claim_pending(repair->seat, lane_of(finding->path), file, &at_once, &claim, err);
    else if (str_has_prefix(finding->path, "deferred/"))
        r = claim_deferred(repair->seat, file, &claim, err);
    if (r != 1)
        return r;
    CLEANUP(json_drop) json_t *record = aside_record(repair, finding, claim_name(claim));
    CLEANUP(mem_free_text)
    char *message = mem_printf("%s; %s", finding->text, "only one of both is a job");
    json_set_text(json_object_get(record, "error"), "message", message);
    r = claim_publish(claim, PLACE_ERROR, record, id, err);
    return r < 0 ? r : 1;
}

/* ---- what the dead left ---- */

static void on_adopted(void *arg, struct claim *claim, const char *dead)
{
    const struct repair *repair = arg;
    if (claim_defer(claim, repair->now_ms / 1000, NULL) < 0) /* the next look tries again */
        seat_doubt(repair->seat, claim_token(claim), dead);
    claim_free(&claim);
}

static void wait_ms(int64_t ms)
{
    struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
    (void)nanosleep(&pause, NULL);
}

/* Until nobody looks dead any more; who has no directory is not among these, but has been still for
 * long enough after that time. */
static int adopt(struct repair *repair, struct err *err)
{
    CLEANUP(adopter_free) struct adopter *adopter = NULL;
    const struct adopt_rules rules = { repair->rules->lease_ms, repair->rules->still_ms };
    int64_t still_ms = time_mono_ms() + repair->rules->still_ms;
    int64_t end_ms = still_ms + 3 * repair->rules->still_ms + BEAT_EVERY_MS;
    int r = adopter_new(repair->seat, &rules, &adopter, err);
    while (r >= 0) {
        int64_t began_ms = time_mono_ms();
        r = beat(repair, err);
        if (r == 0)
            r = adopter_look(adopter, on_adopted, repair, err);
        if ((r == 0 && began_ms > still_ms) || (r > 0 && began_ms > end_ms))
            return 0;
        if (r >= 0)
            wait_ms(LOOK_EVERY_MS);
    }
    return r;
}

static bool is_for_adoption(const struct fsck_finding *finding)
{
    switch (finding->code) {
    case FSCK_WORKER_NO_BEAT:
    case FSCK_WORKER_DEAD:
    case FSCK_JOB_OF_DEAD:
    case FSCK_DEBRIS:
    case FSCK_INPUT_ALONE:
    case FSCK_BEAT_DAMAGED:
    case FSCK_BEAT_DEAD:
    case FSCK_BEAT_FUTURE:
        return true;
    case FSCK_TWICE:
    case FSCK_TWO_JOBS:
        return str_has_prefix(finding->path, "running/");
    default:
        return false;
    }
}

static int repair_dead(struct repair *repair, struct fsck_findings *findings, struct err *err)
{
    bool any = false;
    for (size_t i = 0; i < findings->count; i++)
        any = any || is_for_adoption(&findings->list[i]);
    int r = any ? adopt(repair, err) : 0;
    for (size_t i = 0; i < findings->count; i++)
        if (is_for_adoption(&findings->list[i]))
            findings->list[i].repaired = !is_there(repair, findings->list[i].path);
    return r;
}

/* ---- all of them ---- */

static mend_fn *const mends[FSCK_COUNT] = {
    [FSCK_PLACE_MODE] = mend_mode,        [FSCK_FUTURE] = mend_time,
    [FSCK_LITTER] = mend_by_removal,      [FSCK_TMP_LEFT] = mend_tmp,
    [FSCK_PRUNE_HELD] = mend_held,        [FSCK_CANCEL_OLD] = mend_cancel,
    [FSCK_DEFERRED_NAME] = mend_deferred, [FSCK_DEFERRED_OUT] = mend_deferred,
    [FSCK_DEFERRED_DUE] = mend_deferred,  [FSCK_DEFERRED_NO_JOB] = mend_deferred,
    [FSCK_RECORD_MISSING] = mend_record,  [FSCK_RECORD_DAMAGED] = mend_record,
    [FSCK_RECORD_STATUS] = mend_status,   [FSCK_TWICE] = mend_twice,
};

/* One that fails stops no other; why is added to its text. */
static int repair_each(struct repair *repair, struct fsck_findings *findings, struct err *err)
{
    for (size_t i = 0; i < findings->count; i++) {
        struct fsck_finding *finding = &findings->list[i];
        struct err own = { 0 };
        if (finding->repaired || !mends[finding->code] || is_for_adoption(finding))
            continue;
        int r = beat(repair, err);
        if (r < 0)
            return r;
        finding->repaired = mends[finding->code](repair, finding, &own) == 1;
        if (!own.text[0])
            continue;
        CLEANUP(mem_free_text) char *text = TAKE(finding->text);
        finding->text = mem_printf("%s%s%s", text, text[0] ? "; " : "", own.text);
    }
    return 0;
}

int fsck_repair(struct spool *spool, const struct fsck_rules *rules, struct fsck_findings *findings,
                struct err *err)
{
    struct repair repair = { .spool = spool, .rules = rules };
    int r = seat_take(spool, &repair.seat, err);
    if (r < 0)
        return r;
    r = spool_now_ms(spool, seat_name(repair.seat), &repair.now_ms, err);
    if (r == 0)
        r = repair_dead(&repair, findings, err);
    if (r == 0)
        r = repair_each(&repair, findings, err);
    CLEANUP(mem_free_text) char *file = mem_printf("%s.json", seat_name(repair.seat));
    int left = seat_leave(&repair.seat, r < 0 ? NULL : err);
    if (left == 0) /* no worker's, so nobody should take it for the last beat of one */
        (void)unlinkat(spool_dir(spool, PLACE_HEARTBEAT), file, 0);
    return r < 0 ? r : left;
}
