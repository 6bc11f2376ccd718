#include "scenarios.h"

#include "binary.h"

#include "base/fs.h"
#include "base/mem.h"
#include "spool/adopt.h"
#include "spool/cancel.h"
#include "spool/fsck.h"
#include "spool/prune.h"
#include "spool/retry.h"
#include "spool/submit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARTIFACT "what was read\n"

static const struct claim_rules rules = { .settle_ms = 0 };

/* ---- the stage ---- */

void stage_open(struct stage *stage)
{
    struct err err = { 0 };
    if (INSIST(stage->world, &err, spool_open(stage->world->dir, &stage->spool, &err)) == 0)
        (void)INSIST(stage->world, &err, seat_take(stage->spool, &stage->seat, &err));
}

void stage_close(struct stage *stage)
{
    struct err err = { 0 };
    if (stage->seat && seat_leave(&stage->seat, &err) < 0)
        world_stuck(stage->world, "leave", &err);
    spool_close(&stage->spool);
}

/* In a process that ends without a word. */
static void by_a_dead_one(struct world *world, void (*act)(struct stage *stage))
{
    pid_t pid = fork();
    if (pid == 0) {
        struct stage stage = { .world = world };
        stage_open(&stage);
        act(&stage);
        _exit(0);
    }
    (void)waitpid(pid, NULL, 0);
}

static void make_a(struct world *world)
{
    (void)world_drop(world, "a");
}

/* ---- steps of a worker ---- */

/* NULL: it went elsewhere, or lies where the next look finds it. */
static struct claim *take(struct stage *stage, const char *file, bool deferred)
{
    struct claim *claim = NULL;
    struct err err = { 0 };
    for (int i = 0; i < WORLD_TRIES; i++) {
        int r = deferred ? claim_deferred(stage->seat, file, &claim, &err)
                         : claim_pending(stage->seat, PLACE_PENDING, file, &rules, &claim, &err);
        if (r > 0 || (r == 0 && err.kind == ERR_NONE))
            return claim;
    }
    world_stuck(stage->world, "take", &err);
    return NULL;
}

static void give_back(struct stage *stage, struct claim **claim)
{
    struct err err = { 0 };
    (void)INSIST(stage->world, &err, claim_defer(*claim, 0, &err));
    claim_free(claim);
}

/* false: it could not be started, and was given back as a worker does. */
static bool start(struct stage *stage, struct claim **claim, int *ret_out_fd)
{
    struct err err = { 0 };
    if (*claim && world_start(stage->world, *claim, ret_out_fd, &err) == 0)
        return true;
    if (*claim)
        give_back(stage, claim);
    return false;
}

static void run(struct stage *stage, struct claim **claim)
{
    CLEANUP(fs_close) int out = -1;
    struct err err = { 0 };
    if (*claim && !claim_job(*claim, &err)) /* it would end as a bad job */
        world_stuck(stage->world, "read the job", &err);
    if (!start(stage, claim, &out))
        return;
    (void)INSIST(stage->world, &err,
                 fs_write_file(out, "text.txt", ARTIFACT, strlen(ARTIFACT), 0, &err));
    (void)INSIST(stage->world, &err, fs_write_file(out, "result.json", "{}", 2, 0, &err));
    fs_close(&out);
    (void)world_ended(stage->world, *claim, true, &err);
    (void)INSIST(stage->world, &err, world_publish(*claim, &err));
    claim_free(claim);
}

struct adopted {
    struct claim *claims[WORLD_JOBS];
    int count;
};

static void keep(void *arg, struct claim *claim, const char *dead)
{
    struct adopted *adopted = arg;
    (void)dead;
    adopted->claims[adopted->count++] = claim;
}

/* Looks as long as there is something to come. */
static void adopt(struct stage *stage, const struct adopt_rules *adopt_rules)
{
    enum { LOOKS = 4 };
    CLEANUP(adopter_free) struct adopter *adopter = NULL;
    struct err err = { 0 };
    if (adopter_new(stage->seat, adopt_rules, &adopter, &err) < 0)
        return;
    for (int i = 0; i < LOOKS; i++) {
        struct adopted adopted = { 0 };
        (void)INSIST(stage->world, &err, adopter_look(adopter, keep, &adopted, &err));
        for (int j = 0; j < adopted.count; j++)
            run(stage, &adopted.claims[j]);
    }
}

void stage_settle(struct stage *stage)
{
    struct adopt_rules never = { 3600000, 3600000 };
    struct err err = { 0 };
    adopt(stage, &never);
    if (world_in_hand(stage->seat) > 0)
        world_stuck(stage->world, "a living worker has a job in its directory that it forgot",
                    &err);
}

/* ---- scenarios ---- */

static void act_init(struct stage *stage)
{
    struct err err = { 0 };
    (void)INSIST(stage->world, &err, spool_init(stage->world->dir, &err));
}

/* As a person does it: whatever failed is submitted again under its name, unless it waits. */
static int submit(struct stage *stage, struct spool *spool, int count, struct err *err)
{
    struct submit *submit = NULL;
    int r = submit_begin(spool, PLACE_PENDING, &submit, err);
    for (int i = 0; i < count && r == 0; i++) {
        CLEANUP(json_drop) json_t *job = json_object();
        json_set_text(job, "input_path", "media/a.mp4");
        r = submit_add(submit, stage->world->jobs[i].name, job, err);
    }
    if (r == 0)
        r = submit_end(submit, err);
    submit_free(&submit);
    return r;
}

static void submit_all(struct stage *stage)
{
    CLEANUP(spool_close) struct spool *spool = NULL;
    struct err err = { 0 };
    if (INSIST(stage->world, &err, spool_open(stage->world->dir, &spool, &err)) < 0)
        return;
    int count = stage->world->job_count;
    if (submit(stage, spool, count, &err) == 0)
        for (int i = 0; i < count; i++)
            stage->world->jobs[i].least = 1;
}

static void make_submit(struct world *world)
{
    (void)world_expect(world, "a", 0, 1);
}

static void make_submit_many(struct world *world)
{
    static const char *const names[] = { "a", "b", "c", "d", "e" };
    for (size_t i = 0; i < COUNT(names); i++)
        (void)world_expect(world, names[i], 0, 1);
}

static void act_seat(struct stage *stage)
{
    struct err err = { 0 };
    struct heartbeat beat = { .state = BEAT_IDLE };
    stage_open(stage);
    for (int i = 0; i < 2 && stage->seat; i++)
        (void)INSIST(stage->world, &err, seat_beat(stage->seat, &beat, &err));
    if (stage->seat)
        (void)seat_leave(&stage->seat, &err); /* what stays is adopted */
    spool_close(&stage->spool);
}

static void act_done(struct stage *stage)
{
    CLEANUP(claim_free) struct claim *claim = take(stage, "a.json", false);
    run(stage, &claim);
}

static void act_error(struct stage *stage)
{
    CLEANUP(claim_free) struct claim *claim = take(stage, "a.json", false);
    CLEANUP(json_drop) json_t *record = json_object();
    char id[NAME_SIZE];
    struct err err = { 0 };
    json_set_text(record, "status", "error");
    if (claim)
        (void)INSIST(stage->world, &err, claim_publish(claim, PLACE_ERROR, record, id, &err));
}

static void act_defer(struct stage *stage)
{
    CLEANUP(claim_free) struct claim *claim = take(stage, "a.json", false);
    CLEANUP(fs_close) int out = -1;
    struct err err = { 0 };
    if (!start(stage, &claim, &out))
        return;
    fs_close(&out);
    (void)world_ended(stage->world, claim, false, &err);
    give_back(stage, &claim);
}

static void make_deferred(struct world *world)
{
    make_a(world);
    by_a_dead_one(world, act_defer);
}

/* The one directory in deferred/. */
static void act_again(struct stage *stage)
{
    char name[NAME_SIZE] = "";
    CLEANUP(fs_close_dir) DIR *dir = NULL;
    fault_pause(true);
    if (fs_open_dir(spool_dir(stage->spool, PLACE_DEFERRED), ".", &dir, NULL) == 0)
        for (const struct dirent *entry; (entry = readdir(dir));)
            if (!fs_is_dots(entry->d_name))
                (void)snprintf(name, sizeof(name), "%s", entry->d_name);
    fs_close_dir(&dir);
    fault_pause(false);
    CLEANUP(claim_free) struct claim *claim = take(stage, name, true);
    run(stage, &claim);
}

static void act_withdrawn(struct stage *stage)
{
    CLEANUP(claim_free) struct claim *claim = take(stage, "a.json", false);
    struct err err = { 0 };
    if (!claim)
        return;
    stage->world->jobs[0].least = 0;
    (void)unlinkat(claim_dir(claim), "a.job", 0);
    (void)INSIST(stage->world, &err, world_publish(claim, &err));
}

/* ---- the inbox ---- */

static void make_file(struct world *world)
{
    char path[512];
    (void)world_expect(world, "f.mp4", 1, 1);
    (void)snprintf(world->kept, sizeof(world->kept), "done/f.mp4/input/f.mp4");
    (void)snprintf(path, sizeof(path), "%s/inbox/" WORLD_PIPELINE, world->dir);
    (void)mkdir(path, 0775);
    (void)snprintf(path, sizeof(path), "%s/inbox/" WORLD_PIPELINE "/f.mp4", world->dir);
    (void)fs_write_file(AT_FDCWD, path, "", 0, 0, NULL);
}

static struct claim *take_file(struct stage *stage)
{
    struct claim *claim = NULL;
    struct err err = { 0 };
    for (int i = 0; i < WORLD_TRIES; i++) {
        int r = claim_inbox(stage->seat, WORLD_PIPELINE "/f.mp4", &claim, &err);
        if (r > 0 || (r == 0 && err.kind == ERR_NONE))
            return claim;
    }
    world_stuck(stage->world, "take a file", &err);
    return NULL;
}

static void act_file(struct stage *stage)
{
    CLEANUP(claim_free) struct claim *claim = take_file(stage);
    run(stage, &claim);
}

static void make_withdrawn_file(struct world *world)
{
    make_file(world);
    (void)snprintf(world->or_kept, sizeof(world->or_kept), "error/f.mp4/input/f.mp4");
}

static void act_withdrawn_file(struct stage *stage)
{
    CLEANUP(claim_free) struct claim *claim = take_file(stage);
    struct err err = { 0 };
    if (!claim)
        return;
    stage->world->jobs[0].least = 0; /* there is no X.job any more, but a record and the video */
    (void)unlinkat(claim_dir(claim), "f.mp4.job", 0);
    (void)INSIST(stage->world, &err, world_publish(claim, &err));
}

/* ---- what people ask for ---- */

static void make_retry(struct world *world)
{
    make_a(world);
    by_a_dead_one(world, act_error);
    (void)snprintf(world->kept, sizeof(world->kept), "done/a/earlier/1/result.json");
    (void)snprintf(world->or_kept, sizeof(world->or_kept), "error/a/result.json");
}

static void act_retry(struct stage *stage)
{
    char dir[NAME_SIZE];
    struct err err = { 0 };
    for (int i = 0, r = -EIO; i < WORLD_TRIES && r < 0 && r != -ENOENT; i++)
        r = retry_job(stage->spool, "a", dir, &err);
    (void)INSIST(stage->world, &err, retry_sync(stage->spool, &err));
}

static void make_retried(struct world *world)
{
    make_retry(world);
    by_a_dead_one(world, act_retry);
}

static bool end_cancelled(void *arg, const struct cancel_request *request, enum spool_place place,
                          const char *path)
{
    struct stage *stage = arg;
    CLEANUP(claim_free) struct claim *claim = NULL;
    CLEANUP(json_drop) json_t *record = json_object();
    char id[NAME_SIZE];
    struct err err = { 0 };
    (void)request;
    json_set_text(record, "status", "cancelled");
    if (place != PLACE_RUNNING && cancel_claim(stage->seat, place, path, &claim, &err) == 1)
        (void)INSIST(stage->world, &err, claim_publish(claim, PLACE_ERROR, record, id, &err));
    return false;
}

static void act_cancel(struct stage *stage)
{
    CLEANUP(cancel_release) struct cancel_requests requests = { 0 };
    struct err err = { 0 };
    (void)INSIST(stage->world, &err, cancel_ask(stage->spool, "a", &err));
    (void)INSIST(stage->world, &err, cancel_read(stage->spool, &requests, &err));
    (void)INSIST(stage->world, &err,
                 cancel_find(stage->spool, &requests, end_cancelled, stage, &err));
    for (size_t i = 0; i < requests.count; i++)
        (void)INSIST(stage->world, &err, cancel_remove(stage->spool, &requests.all[i], &err));
}

static void make_ended(struct world *world)
{
    struct err err = { 0 };
    world_drop(world, "a")->least = 0;
    if (world_finish(world, &err) < 0)
        world_stuck(world, "make", &err);
}

/* One a has ended, another one waits. */
static void make_taken(struct world *world)
{
    make_ended(world);
    (void)world_drop(world, "a");
    world->job_count = 1;
    world->jobs[0].least = world->jobs[0].most = 2;
    world->late = true; /* their attempts are not told apart here */
}

static void act_prune(struct stage *stage)
{
    struct prune_rules rules_all = { .older_ms = -1, .done = true, .error = true };
    struct prune_tally tally;
    struct err err = { 0 };
    (void)INSIST(stage->world, &err, prune_run(stage->spool, &rules_all, NULL, NULL, &tally, &err));
}

/* ---- the dead and their heirs ---- */

static void write_in(int dir_fd, const char *name)
{
    (void)fs_write_file(dir_fd, name, "{}", 2, 0, NULL);
}

/* A job in each state that a worker may leave it in. */
static void act_leave_all(struct stage *stage)
{
    static const char *const names[] = { "a", "b", "c", "d", "e" };
    struct err err = { 0 };
    (void)take_file(stage);
    for (size_t i = 0; i < COUNT(names); i++) {
        char file[16];
        int out = -1;
        (void)snprintf(file, sizeof(file), "%s.json", names[i]);
        struct claim *claim = take(stage, file, false);
        if (names[i][0] > 'a' && claim && world_start(stage->world, claim, &out, &err) == 0)
            write_in(out, "text.txt");
        if (names[i][0] == 'c')
            (void)world_ended(stage->world, claim, false, &err);
        if (names[i][0] == 'd') { /* in the midst of publishing */
            write_in(claim_dir(claim), "text.txt");
            write_in(claim_dir(claim), "result.json");
        }
        if (names[i][0] == 'e' && mkdirat(claim_dir(claim), "earlier", 0775) == 0)
            write_in(claim_dir(claim), "crash.txt");
    }
}

static void make_dead(struct world *world)
{
    static const char *const names[] = { "a", "b", "c", "d", "e" };
    for (size_t i = 0; i < COUNT(names); i++)
        (void)world_drop(world, names[i]);
    make_file(world);
    by_a_dead_one(world, act_leave_all);
}

static void act_adopt(struct stage *stage)
{
    struct adopt_rules at_once = { 0, 0 };
    adopt(stage, &at_once);
}

/* The adopter was itself killed; where, is another point at each call. */
static void act_killed_adopter(struct stage *stage)
{
    struct fault_plan plan = { .mode = FAULT_KILL_AFTER, .at = stage->world->variant };
    fault_arm(&plan, &stage->world->seen);
    act_adopt(stage);
}

static void make_dead_twice(struct world *world)
{
    static int calls;
    make_dead(world);
    world->variant = 1 + 37L * calls++ % 331;
    by_a_dead_one(world, act_killed_adopter);
}

static void act_repair(struct stage *stage)
{
    static const struct fsck_rules at_once = { 0 };
    struct err err = { 0 };
    struct fsck_findings findings = { 0 };
    (void)INSIST(stage->world, &err, fsck_run(stage->spool, &at_once, &findings, &err));
    (void)INSIST(stage->world, &err, fsck_repair(stage->spool, &at_once, &findings, &err));
    fsck_findings_release(&findings);
}

const struct scenario scenarios[] = {
    { "init", NULL, act_init, true, true, 3, false },
    { "submit", make_submit, submit_all, true, false, 1, false },
    { "submit many", make_submit_many, submit_all, true, false, 2, false },
    { "seat", NULL, act_seat, true, false, 1, false },
    { "claim to done", make_a, act_done, false, false, 1, false },
    { "claim to error", make_a, act_error, false, false, 1, false },
    { "name taken", make_taken, act_done, false, false, 1, false },
    { "defer", make_a, act_defer, false, false, 1, false },
    { "deferred to done", make_deferred, act_again, false, false, 1, false },
    { "withdrawn", make_a, act_withdrawn, false, false, 1, false },
    { "inbox", make_file, act_file, false, false, 1, false },
    { "withdrawn file", make_withdrawn_file, act_withdrawn_file, false, false, 1, false },
    { "retry", make_retry, act_retry, false, false, 1, false },
    { "retried to done", make_retried, act_again, false, false, 1, false },
    { "cancel", make_a, act_cancel, false, false, 1, false },
    { "cancel deferred", make_deferred, act_cancel, false, false, 2, false },
    { "prune", make_ended, act_prune, false, false, 1, false },
    { "adoption", make_dead, act_adopt, false, false, 6, false },
    { "adoption of adoption", make_dead_twice, act_adopt, false, false, 11, false },
    { "repair", make_dead, act_repair, false, false, 97, false },
    { "worker", binary_make, NULL, true, false, 37, true },
};
const size_t scenario_count = COUNT(scenarios);

const struct scenario *scenario_find(const char *name)
{
    for (size_t i = 0; i < scenario_count; i++)
        if (strcmp(scenarios[i].name, name) == 0)
            return &scenarios[i];
    return NULL;
}
