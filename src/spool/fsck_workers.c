/* fsck_workers.c - running/ and heartbeat/: what is of the dead. What a live worker has is its own,
 * and only remembered, should the same job be elsewhere too. */
#include "spool/fsck_private.h"

#include "base/fs.h"
#include "base/mem.h"
#include "spool/listing.h"
#include "spool/name.h"
#include "spool/token.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* What lies in one TOKEN. */
struct content {
    int jobs;
    bool input; /* something is in input/ */
};

static void look_into(struct fsck *fsck, int fd, const char *token, const char *path,
                      struct content *ret)
{
    CLEANUP(listing_release) struct listing listing = { 0 }, input = { 0 };
    char name[NAME_SIZE];
    (void)listing_read(fd, ".", &listing, NULL);
    for (size_t i = 0; i < listing.count; i++) {
        if (!name_of_claimed_file(listing.entries[i].name, name))
            continue;
        ret->jobs++;
        fsck_keys_add_job(fsck, fd, listing.entries[i].name, token, path);
    }
    if (listing_read(fd, "input", &input, NULL) == 0)
        ret->input = ret->input || input.count > 0;
    if (ret->input && !ret->jobs) /* its worker died before it could call the draft X.job */
        ret->jobs = token_draft(fd, name, NULL) == 1;
    /* An adopter that died while it had the job there. */
    CLEANUP(fs_close)
    int next = openat(fd, TOKEN_NEXT, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (next >= 0)
        look_into(fsck, next, token, path, ret);
}

static void look_token(struct fsck *fsck, int worker_fd, const char *worker, const char *token,
                       enum fsck_life life)
{
    CLEANUP(mem_free_text) char *path = mem_printf("running/%s/%s", worker, token);
    CLEANUP(fs_close)
    int fd = openat(worker_fd, token, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct content content = { 0 };
    if (fd < 0)
        return;
    look_into(fsck, fd, token, path, &content);
    if (life != FSCK_DEAD)
        return; /* also when there are two: it may be adopting them */
    if (content.jobs > 1)
        fsck_add(fsck, FSCK_TWO_JOBS, path, "%d of them", content.jobs);
    if (content.jobs)
        fsck_add(fsck, FSCK_JOB_OF_DEAD, path, "%s", "");
    else if (content.input)
        fsck_add(fsck, FSCK_INPUT_ALONE, path, "%s", "");
    else
        fsck_add(fsck, FSCK_DEBRIS, path, "%s", "");
}

static void look_worker(struct fsck *fsck, enum spool_place place, int dir_fd, const char *worker,
                        const struct stat *st)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", spool_place_name(place), worker);
    if (!S_ISDIR(st->st_mode)) {
        fsck_add(fsck, FSCK_STRANGE, path, "not the directory of a worker");
        return;
    }
    CLEANUP(fs_close)
    int fd = openat(dir_fd, worker, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 || listing_read(fd, ".", &listing, NULL) < 0)
        return;
    enum fsck_life life = fsck_life_of(fsck, worker, st);
    bool has_beat = false;
    for (size_t i = 0; i < fsck->beat_count; i++)
        has_beat = has_beat || strcmp(fsck->beats[i].worker, worker) == 0;
    if (!has_beat)
        fsck_add(fsck, FSCK_WORKER_NO_BEAT, path, "%s", "");
    else if (life == FSCK_DEAD && listing.count == 0)
        fsck_add(fsck, FSCK_WORKER_DEAD, path, "%s", "");
    for (size_t i = 0; i < listing.count; i++) {
        if (listing.entries[i].type == DT_DIR)
            look_token(fsck, fd, worker, listing.entries[i].name, life);
        else if (!name_is_ignored(listing.entries[i].name))
            fsck_add(fsck, FSCK_STRANGE, path, "'%s' is no TOKEN", listing.entries[i].name);
    }
}

int fsck_look_workers(struct fsck *fsck, struct err *err)
{
    return fsck_each(fsck, PLACE_RUNNING, look_worker, err);
}

/* ---- heartbeats ---- */

static bool has_dir(const struct fsck *fsck, const char *worker)
{
    struct stat st;
    return fstatat(spool_dir(fsck->spool, PLACE_RUNNING), worker, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

static void look_beat(struct fsck *fsck, const struct heartbeat_seen *beat, int64_t newest_ms)
{
    CLEANUP(mem_free_text) char *path = mem_printf("heartbeat/%s.json", beat->worker);
    const char *named = json_get_text(beat->whole, "worker", "");
    bool dead = fsck_life_of(fsck, beat->worker, NULL) == FSCK_DEAD;
    if (!beat->whole)
        fsck_add(fsck, FSCK_BEAT_DAMAGED, path, "%s", "");
    else if (strcmp(named, beat->worker) != 0)
        fsck_add(fsck, FSCK_BEAT_OF_NOBODY, path, "it says '%s'", named);
    else if (fsck_is_future(fsck, beat->mtime_ms) && dead)
        fsck_add(fsck, FSCK_BEAT_FUTURE, path, "by %lld s",
                 (long long)(beat->mtime_ms - fsck->now_ms) / 1000);
    else if (dead && !heartbeat_has_stopped(beat) && beat->mtime_ms < newest_ms &&
             !has_dir(fsck, beat->worker))
        fsck_add(fsck, FSCK_BEAT_DEAD, path, "%s", "");
}

static void look_beat_entry(struct fsck *fsck, enum spool_place place, int dir_fd, const char *name,
                            const struct stat *st)
{
    (void)dir_fd;
    char worker[NAME_SIZE];
    if (!S_ISREG(st->st_mode) || !name_of_job_file(name, worker))
        fsck_add_at(fsck, FSCK_STRANGE, place, name, "not a heartbeat, WORKER.json");
}

int fsck_look_beats(struct fsck *fsck, struct err *err)
{
    int64_t newest_ms = INT64_MIN;
    for (size_t i = 0; i < fsck->beat_count; i++)
        if (fsck->beats[i].mtime_ms > newest_ms &&
            !heartbeat_has_stopped(&fsck->beats[i]) && /* these go on their own */
            fsck_life_of(fsck, fsck->beats[i].worker, NULL) == FSCK_DEAD)
            newest_ms = fsck->beats[i].mtime_ms;
    for (size_t i = 0; i < fsck->beat_count; i++)
        look_beat(fsck, &fsck->beats[i], newest_ms);
    return fsck_each(fsck, PLACE_HEARTBEAT, look_beat_entry, err);
}
