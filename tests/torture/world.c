/* world.c - the worker that comes after, and the walk that counts. */
#include "world.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "spool/adopt.h"
#include "spool/fsck.h"
#include "spool/listing.h"
#include "spool/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { ROUNDS = 8, ADOPTED_MAX = 32, PATH_SIZE = 1024 };

static const struct claim_rules rules = { .settle_ms = 0 };

/* ---- making ---- */

struct world *world_new(void)
{
    struct world *world =
        /* cppcheck-suppress invalidFunctionArg */
        mmap(NULL, sizeof(*world), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (world == MAP_FAILED)
        abort();
    return world;
}

/* In memory where there is such a thing: the syncs are what is slow elsewhere. */
static const char *base_dir(void)
{
    const char *asked = getenv("TORTURE_DIR"), *tmp = getenv("TMPDIR");
    if (asked)
        return asked;
    return access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : tmp ? tmp : "/tmp";
}

void world_make(struct world *world, bool spool)
{
    struct err err = { 0 };
    *world = (struct world){ 0 };
    (void)snprintf(world->dir, sizeof(world->dir), "%s/takeup-torture-XXXXXX", base_dir());
    if (!mkdtemp(world->dir)) {
        perror(world->dir);
        exit(EXIT_FAILURE);
    }
    fault_watch(world->dir);
    if (spool && spool_init(world->dir, &err) < 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        exit(EXIT_FAILURE);
    }
}

void world_remove(struct world *world)
{
    (void)fs_remove_tree(AT_FDCWD, world->dir, NULL);
}

struct world_job *world_expect(struct world *world, const char *name, int least, int most)
{
    struct world_job *job = &world->jobs[world->job_count++];
    (void)snprintf(job->name, sizeof(job->name), "%s", name);
    job->least = least;
    job->most = most;
    return job;
}

struct world_job *world_drop(struct world *world, const char *name)
{
    char path[PATH_SIZE], text[PATH_SIZE];
    struct err err = { 0 };
    (void)snprintf(path, sizeof(path), "%s/pending/%s.json", world->dir, name);
    (void)snprintf(text, sizeof(text), "{\"input_path\": \"media/%s.mp4\"}", name);
    if (fs_write_file(AT_FDCWD, path, text, strlen(text), FS_NEW, &err) < 0)
        world_stuck(world, "drop", &err);
    return world_expect(world, name, 1, 1);
}

struct world_job *world_job(struct world *world, const char *name)
{
    for (int i = 0; i < world->job_count; i++)
        if (strcmp(world->jobs[i].name, name) == 0)
            return &world->jobs[i];
    return NULL;
}

void world_stuck(struct world *world, const char *call, const struct err *err)
{
    if (!world->stuck[0])
        (void)snprintf(world->stuck, sizeof(world->stuck), "%.100s: %.800s", call, err->text);
}

/* ---- what a worker does ---- */

int world_start(struct world *world, struct claim *claim, int *ret_out_fd, struct err *err)
{
    struct world_job *job = world_job(world, claim_name(claim));
    int number;
    job->starts_most++;
    job->charged_most++;
    int r = claim_start(claim, &number, ret_out_fd, err);
    if (r == 0) {
        job->starts_least++;
        job->charged_least++;
    } else if (world->strict) { /* no runner was started: nothing is charged */
        job->charged_most--;
    }
    return r;
}

int world_ended(struct world *world, struct claim *claim, bool charged, struct err *err)
{
    struct world_job *job = world_job(world, claim_name(claim));
    struct attempt_end end = { .failure = charged ? NULL : "input_wait", .charged = charged };
    if (!charged)
        job->charged_least--;
    int r = claim_ended(claim, &end, err);
    if (r == 0 && !charged)
        job->charged_most--;
    return r;
}

int world_publish(struct claim *claim, struct err *err)
{
    CLEANUP(json_drop) json_t *record = json_object();
    char id[NAME_SIZE];
    json_set_text(record, "status", "done");
    return claim_publish(claim, PLACE_DONE, record, id, err);
}

static bool is_claimed_file(const char *name)
{
    return str_has_suffix(name, ".job");
}

int world_in_hand(struct seat *seat)
{
    CLEANUP(listing_release) struct listing tokens = { 0 };
    int count = 0;
    if (listing_read(seat_dir(seat), ".", &tokens, NULL) < 0)
        return 0;
    for (size_t i = 0; i < tokens.count; i++) {
        CLEANUP(listing_release) struct listing files = { 0 };
        (void)listing_read(seat_dir(seat), tokens.entries[i].name, &files, NULL);
        for (size_t j = 0; j < files.count; j++)
            count += is_claimed_file(files.entries[j].name);
    }
    return count;
}

/* ---- the worker that comes after ---- */

struct adopted {
    struct claim *claims[ADOPTED_MAX];
    int count;
};

static void keep(void *arg, struct claim *claim, const char *dead)
{
    struct adopted *adopted = arg;
    (void)dead;
    adopted->claims[adopted->count++] = claim;
}

static int finish_claim(struct world *world, struct claim **claim, struct err *err)
{
    CLEANUP(fs_close) int out = -1;
    struct world_job *job = world_job(world, claim_name(*claim));
    if (!job)
        return err_set(err, ERR_BUG, 0, "a job '%s' that nobody made", claim_name(*claim));
    int number, r = claim_start(*claim, &number, &out, err);
    fs_close(&out);
    if (r == 0)
        r = claim_ended(*claim, &(struct attempt_end){ .charged = true }, err);
    if (r == 0)
        r = world_publish(*claim, err);
    job->finished += r == 1;
    claim_free(claim);
    return r < 0 ? r : 0;
}

static int adopt_all(struct world *world, struct adopter *adopter, struct err *err)
{
    struct adopted adopted = { 0 };
    int failed = 0, r = adopter_look(adopter, keep, &adopted, err);
    for (int i = 0; i < adopted.count; i++) {
        int one = finish_claim(world, &adopted.claims[i], err);
        failed = one < 0 ? one : failed;
    }
    return r < 0 ? r : failed;
}

static int claim_lane(struct world *world, struct seat *seat, enum spool_place place,
                      struct err *err)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    int r = listing_read(spool_dir(seat_spool(seat), place), ".", &listing, err);
    for (size_t i = 0; i < listing.count && r >= 0; i++) {
        const char *name = listing.entries[i].name;
        struct claim *claim = NULL;
        if (place == PLACE_DEFERRED)
            r = claim_deferred(seat, name, &claim, err);
        else if (listing.entries[i].type == DT_REG)
            r = claim_pending(seat, place, name, &rules, &claim, err);
        if (claim)
            r = finish_claim(world, &claim, err);
    }
    return r < 0 ? r : 0;
}

/* What lies in the inbox of the one pipeline. */
static int claim_files(struct world *world, struct seat *seat, struct err *err)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    int inbox = spool_dir(seat_spool(seat), PLACE_INBOX);
    int r = listing_read(inbox, WORLD_PIPELINE, &listing, NULL) < 0 ? 0 : 1;
    for (size_t i = 0; i < listing.count && r >= 0; i++) {
        char path[PATH_SIZE];
        struct claim *claim = NULL;
        (void)snprintf(path, sizeof(path), WORLD_PIPELINE "/%s", listing.entries[i].name);
        r = claim_inbox(seat, path, &claim, err);
        if (claim)
            r = finish_claim(world, &claim, err);
    }
    return r < 0 ? r : 0;
}

/* What is left over is found, and repaired, and then there is nothing to be found. */
static int check_and_repair(struct spool *spool, struct err *err)
{
    static const struct fsck_rules at_once = { .old_ms = -1 };
    struct fsck_findings findings = { 0 };
    int r = fsck_run(spool, &at_once, &findings, err);
    if (r == 0 && findings.count > 0)
        r = fsck_repair(spool, &at_once, &findings, err);
    for (size_t i = 0; i < findings.count && r >= 0; i++)
        if (!findings.list[i].repaired)
            r = err_set(err, ERR_BUG, 0, "fsck: %s: %s, not repaired", findings.list[i].path,
                        fsck_name(findings.list[i].code));
    fsck_findings_release(&findings);
    return r < 0 ? r : 0;
}

static int finish_in(struct world *world, struct seat *seat, struct err *err)
{
    static const enum spool_place places[] = { PLACE_PENDING_HIGH, PLACE_PENDING, PLACE_PENDING_LOW,
                                               PLACE_DEFERRED };
    struct adopt_rules at_once = { 0, 0 };
    CLEANUP(adopter_free) struct adopter *adopter = NULL;
    int r = adopter_new(seat, &at_once, &adopter, err);
    for (int round = 0; round < ROUNDS && r == 0; round++) {
        r = adopt_all(world, adopter, err);
        for (size_t i = 0; i < COUNT(places) && r == 0; i++)
            r = claim_lane(world, seat, places[i], err);
        if (r == 0)
            r = claim_files(world, seat, err);
    }
    if (r == 0 && world_in_hand(seat) > 0)
        r = err_set(err, ERR_BUG, 0, "the next worker has a job that it does not know of");
    return r;
}

int world_finish(struct world *world, struct err *err)
{
    CLEANUP(spool_close) struct spool *spool = NULL;
    struct seat *seat = NULL;
    int r = spool_init(world->dir, err); /* harmless where nothing is missing */
    if (r == 0)
        r = spool_open(world->dir, &spool, err);
    if (r == 0)
        r = seat_take(spool, &seat, err);
    if (r < 0)
        return r;
    r = finish_in(world, seat, err);
    int left = seat_leave(&seat, r < 0 ? NULL : err);
    return r < 0 ? r : left;
}

int world_repair(const struct world *world, struct err *err)
{
    CLEANUP(spool_close) struct spool *spool = NULL;
    int r = spool_open(world->dir, &spool, err);
    return r < 0 ? r : check_and_repair(spool, err);
}

/* ---- the walk ---- */

struct walk {
    struct world *world;
    int root;
    int counts[WORLD_JOBS];
    struct err *err;
};

static int check_artifacts(int dir_fd, const char *path, const json_t *record, struct err *err)
{
    const json_t *artifacts = json_object_get(record, "artifacts");
    for (size_t i = 0; i < json_array_size(artifacts); i++) {
        const json_t *one = json_array_get(artifacts, i);
        const char *name = json_get_text(one, "name", "");
        struct stat st;
        if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            st.st_size != json_get_int(one, "size_bytes", -1))
            return err_set(err, ERR_BUG, 0, "'%s' has no whole artifact '%s'", path, name);
    }
    return 0;
}

static int check_attempts(int dir_fd, const char *path, const struct world_job *job,
                          const json_t *record, struct err *err)
{
    struct attempts attempts = { 0 };
    int r = attempts_read(dir_fd, &attempts, err), number = 0;
    for (size_t i = 0; r == 0 && i < json_array_size(attempts.lines); i++) {
        const json_t *line = json_array_get(attempts.lines, i);
        number += strcmp(json_get_text(line, "event", ""), "start") == 0;
        if (json_get_int(line, "attempt", number) != number)
            r = err_set(err, ERR_BUG, 0, "'%s': attempt %d is told twice, or not", path, number);
    }
    if (r == 0 && (attempts.started < job->starts_least + job->finished ||
                   attempts.started > job->starts_most + job->finished))
        r = err_set(err, ERR_BUG, 0, "'%s' was started %d times, %d to %d are right", path,
                    attempts.started, job->starts_least + job->finished,
                    job->starts_most + job->finished);
    if (r == 0 && (attempts.charged < job->charged_least + job->finished ||
                   attempts.charged > job->charged_most + job->finished))
        r = err_set(err, ERR_BUG, 0, "'%s' was charged %d times, %d to %d are right", path,
                    attempts.charged, job->charged_least + job->finished,
                    job->charged_most + job->finished);
    if (r == 0 && json_get_int(record, "attempts", -1) != attempts.charged)
        r = err_set(err, ERR_BUG, 0, "'%s': the record says another number of attempts", path);
    attempts_release(&attempts);
    return r;
}

static int check_job_file(int dir_fd, const char *file, const char *path, struct err *err)
{
    CLEANUP(mem_free_text) char *text = NULL;
    CLEANUP(json_drop) json_t *job = NULL;
    struct json_mark mark;
    size_t len;
    int r = fs_read_file(dir_fd, file, 1 << 16, &text, &len, err);
    if (r == 0 && (json_parse(text, len, &job, &mark, NULL) != 1 ||
                   (!str_has_prefix(json_get_text(job, "input_path", ""), "media/") &&
                    !json_object_get(job, "inbox_file"))))
        r = err_set(err, ERR_BUG, 0, "'%s/%s' is not what was dropped", path, file);
    return r;
}

/* PLACE/ID, in which a job ended. */
static int check_ended(const struct walk *walk, const char *path, const char *file,
                       const struct world_job *job)
{
    CLEANUP(fs_close) int dir_fd = openat(walk->root, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(mem_free_text) char *text = NULL;
    CLEANUP(json_drop) json_t *record = NULL;
    struct json_mark mark;
    size_t len;
    int r = fs_read_file(dir_fd, RECORD_FILE, 1 << 20, &text, &len, walk->err);
    if (r < 0)
        return r;
    if (json_parse(text, len, &record, &mark, walk->err) != 1)
        return err_set(walk->err, ERR_BUG, 0, "'%s' has a torn record", path);
    if (strcmp(json_get_text(record, "id", ""), strchr(path, '/') + 1) != 0 ||
        strcmp(json_get_text(record, "name", ""), job->name) != 0)
        return err_set(walk->err, ERR_BUG, 0, "the record in '%s' is of another job", path);
    r = check_job_file(dir_fd, file, path, walk->err);
    if (r == 0)
        r = check_artifacts(dir_fd, path, record, walk->err);
    if (r < 0 || walk->world->late)
        return r;
    return check_attempts(dir_fd, path, job, record, walk->err);
}

static int count_job(struct walk *walk, const char *dir, const char *file)
{
    char name[NAME_SIZE];
    bool ended = (str_has_prefix(dir, "done/") || str_has_prefix(dir, "error/")) &&
                 strchr(dir, '/') == strrchr(dir, '/');
    (void)name_of_claimed_file(file, name);
    struct world_job *job = world_job(walk->world, name);
    if (!ended)
        return err_set(walk->err, ERR_BUG, 0, "job '%s' is in '%s'", name, dir);
    if (!job)
        return err_set(walk->err, ERR_BUG, 0, "'%s' holds a job that nobody made", dir);
    walk->counts[job - walk->world->jobs]++;
    return check_ended(walk, dir, file, job);
}

/* What may lie about when all is over: ended jobs, beats, the mark of the spool. */
static bool may_stay(const char *dir, const char *name)
{
    static const char *const places[] = { "inbox", "media", "pending", "running",   "deferred",
                                          "done",  "error", "cancel",  "heartbeat", "tmp" };
    if (strcmp(dir, "pending") == 0)
        return strcmp(name, "high") == 0 || strcmp(name, "low") == 0;
    if (strcmp(dir, ".") != 0)
        return str_has_prefix(dir, "done") || str_has_prefix(dir, "error") ||
               strcmp(dir, "heartbeat") == 0 || strcmp(dir, "media") == 0 ||
               strcmp(dir, "inbox") == 0;
    for (size_t i = 0; i < COUNT(places); i++)
        if (strcmp(name, places[i]) == 0)
            return true;
    return strcmp(name, ".takeup") == 0 || strcmp(name, "STATUS.txt") == 0;
}

static int walk_dir(struct walk *walk, const char *dir)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    int r = listing_read(walk->root, dir, &listing, walk->err);
    for (size_t i = 0; i < listing.count && r == 0; i++) {
        const char *name = listing.entries[i].name;
        char path[PATH_SIZE];
        (void)snprintf(path, sizeof(path), "%s%s%s", strcmp(dir, ".") == 0 ? "" : dir,
                       strcmp(dir, ".") == 0 ? "" : "/", name);
        if (is_claimed_file(name))
            r = count_job(walk, dir, name);
        else if (!may_stay(dir, name))
            r = err_set(walk->err, ERR_BUG, 0, "'%s' was left", path);
        else if (listing.entries[i].type == DT_DIR)
            r = walk_dir(walk, path);
    }
    return r;
}

int world_check(struct world *world, struct err *err)
{
    CLEANUP(fs_close) int root = open(world->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct walk walk = { .world = world, .root = root, .err = err };
    int r = walk_dir(&walk, ".");
    for (int i = 0; i < world->job_count && r == 0; i++)
        if (walk.counts[i] < world->jobs[i].least || walk.counts[i] > world->jobs[i].most)
            r = err_set(err, ERR_BUG, 0, "job '%s' is there %d times", world->jobs[i].name,
                        walk.counts[i]);
    struct stat st;
    if (r == 0 && world->kept[0] && fstatat(root, world->kept, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
        (!world->or_kept[0] || fstatat(root, world->or_kept, &st, AT_SYMLINK_NOFOLLOW) < 0))
        r = err_set(err, ERR_BUG, errno, "'%s'", world->kept);
    return r;
}
