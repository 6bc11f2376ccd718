/* Each state that the protocol does not allow: made, found, repaired (where it can be), and then
 * fsck is content. */
#include "fixture.h"

#include "base/proc.h"
#include "base/str.h"
#include "spool/fsck.h"
#include "spool/submit.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOB "{\"input_path\": \"a.mp4\"}"
#define JOB_S "{\"input_path\": \"a.mp4\", \"submission\": \"5u6\"}"
#define RECORD_OF(id, name, status, rest)                                                          \
    "{\"id\": \"" id "\", \"name\": \"" name "\", \"status\": \"" status "\", \"token\": \"t-" id  \
    "\", \"job\": {\"submission\": \"5u6\"}" rest "}"
#define RECORD RECORD_OF("a", "a", "done", "")
#define TOKEN_A "0123456789abcdef"
#define TOKEN_B "fedcba9876543210"

/* Words for what cannot be written down here. */
static const char dead[] = "a dead worker's heartbeat", dead_later[] = "a second one",
                  folder[] = "a directory", linked[] = "another name of done/a/a.job";

/* A step makes a file with that text, or what the word says. */
struct step {
    const char *path, *text;
};

static const struct fsck_rules at_once = { 60000, 1, 3600000 }, nothing_is_new = { 60000, 1, -1 };

static const struct {
    enum fsck_code code;
    const char *path; /* of the finding */
    struct step steps[6];
    const char *then; /* is there after the repair; NULL: it cannot be repaired */
    const struct fsck_rules *rules;
} rows[] = {
    { FSCK_LITTER, ".takeup.1f", { { ".takeup.1f", "{" } }, ".takeup", &nothing_is_new },
    { FSCK_LITTER, "done/.x.check", { { "done/.x.check", folder } }, "done", &nothing_is_new },
    { FSCK_LITTER, "tmp/.x.check", { { "tmp/.x.check", "" } }, "tmp", &nothing_is_new },
    { FSCK_STRANGE, "running/a", { { "running/a", "" } }, NULL, NULL },
    { FSCK_STRANGE, "deferred/a", { { "deferred/a", "" } }, NULL, NULL },
    { FSCK_STRANGE, "done/a", { { "done/a", "" } }, NULL, NULL },
    { FSCK_STRANGE, "error/a", { { "error/a", "" } }, NULL, NULL },
    { FSCK_STRANGE, "cancel/a", { { "cancel/a", folder } }, NULL, NULL },
    { FSCK_STRANGE, "heartbeat/a", { { "heartbeat/a", "" } }, NULL, NULL },
    { FSCK_PENDING_STRANGE, "pending/a.mp4", { { "pending/a.mp4", "" } }, NULL, NULL },
    { FSCK_PENDING_STRANGE, "pending/low/d", { { "pending/low/d", folder } }, NULL, NULL },
    { FSCK_TWICE,
      "pending/a.json",
      { { "pending/a.json", JOB_S },
        { "done/a", folder },
        { "done/a/a.job", JOB_S },
        { "done/a/result.json", RECORD } },
      "error/a/a.job",
      NULL },
    { FSCK_TWICE,
      "pending/high/a.json",
      { { "done/a", folder },
        { "done/a/a.job", JOB },
        { "done/a/result.json", RECORD },
        { "pending/high/a.json", linked } },
      "done/a/a.job",
      NULL },
    { FSCK_TWICE,
      "pending/a.json",
      { { "pending/a.json", JOB_S },
        { "deferred/a@5@" TOKEN_A, folder },
        { "deferred/a@5@" TOKEN_A "/a.job", JOB_S } },
      "deferred/a@5@" TOKEN_A "/a.job",
      NULL },
    { FSCK_TWICE,
      "deferred/a@5@" TOKEN_A,
      { { "deferred/a@5@" TOKEN_A, folder },
        { "deferred/a@5@" TOKEN_A "/a.job", JOB },
        { "done/a", folder },
        { "done/a/a.job", JOB },
        { "done/a/result.json", "{\"id\": \"a\", \"name\": \"a\", \"status\": \"done\", "
                                "\"token\": \"" TOKEN_A "\"}" } },
      "error/a/a.job",
      NULL },
    { FSCK_JOB_OF_DEAD,
      "running/w.1.x/" TOKEN_A,
      { { "heartbeat/w.1.x.json", dead },
        { "running/w.1.x", folder },
        { "running/w.1.x/" TOKEN_A, folder },
        { "running/w.1.x/" TOKEN_A "/a.job", JOB } },
      "deferred",
      NULL },
    { FSCK_DEBRIS,
      "running/w.1.x/" TOKEN_A,
      { { "heartbeat/w.1.x.json", dead },
        { "running/w.1.x", folder },
        { "running/w.1.x/" TOKEN_A, folder },
        { "running/w.1.x/" TOKEN_A "/attempts.jsonl", "" } },
      "running",
      NULL },
    { FSCK_WORKER_DEAD,
      "running/w.1.x",
      { { "heartbeat/w.1.x.json", dead }, { "running/w.1.x", folder } },
      "heartbeat/w.1.x.json",
      NULL },
    { FSCK_INPUT_ALONE,
      "running/w.1.x/" TOKEN_A,
      { { "heartbeat/w.1.x.json", dead },
        { "running/w.1.x", folder },
        { "running/w.1.x/" TOKEN_A, folder },
        { "running/w.1.x/" TOKEN_A "/input", folder },
        { "running/w.1.x/" TOKEN_A "/input/v.mp4", "V" } },
      "error/v.mp4/input/v.mp4",
      NULL },
    { FSCK_TWO_JOBS,
      "running/w.1.x/" TOKEN_A,
      { { "heartbeat/w.1.x.json", dead },
        { "running/w.1.x", folder },
        { "running/w.1.x/" TOKEN_A, folder },
        { "running/w.1.x/" TOKEN_A "/a.job", JOB },
        { "running/w.1.x/" TOKEN_A "/b.job", JOB } },
      "deferred",
      NULL },
    { FSCK_TWO_JOBS,
      "deferred/a@5@" TOKEN_A,
      { { "deferred/a@5@" TOKEN_A, folder },
        { "deferred/a@5@" TOKEN_A "/a.job", JOB },
        { "deferred/a@5@" TOKEN_A "/b.job", JOB } },
      NULL,
      NULL },
    { FSCK_BEAT_OF_NOBODY,
      "heartbeat/x.json",
      { { "heartbeat/x.json", "{\"worker\": \"y\"}" } },
      NULL,
      NULL },
    { FSCK_BEAT_DEAD,
      "heartbeat/w.1.x.json",
      { { "heartbeat/w.1.x.json", dead }, { "heartbeat/w.1.y.json", dead_later } },
      "heartbeat/w.1.y.json",
      NULL },
    { FSCK_DEFERRED_NAME,
      "deferred/odd",
      { { "deferred/odd", folder }, { "deferred/odd/a.job", JOB } },
      "deferred",
      NULL },
    { FSCK_DEFERRED_OUT,
      "deferred/a@5@" TOKEN_A,
      { { "deferred/a@5@" TOKEN_A, folder },
        { "deferred/a@5@" TOKEN_A "/a.job", JOB },
        { "deferred/a@5@" TOKEN_A "/out.1", folder } },
      "deferred",
      NULL },
    { FSCK_DEFERRED_DUE,
      "deferred/a@99999999999@" TOKEN_A,
      { { "deferred/a@99999999999@" TOKEN_A, folder },
        { "deferred/a@99999999999@" TOKEN_A "/a.job", JOB } },
      "deferred",
      NULL },
    { FSCK_DEFERRED_NO_JOB,
      "deferred/a@5@" TOKEN_A,
      { { "deferred/a@5@" TOKEN_A, folder }, { "deferred/a@5@" TOKEN_A "/crash.txt", "" } },
      "deferred",
      NULL },
    { FSCK_DEFERRED_NO_JOB,
      "deferred/a@5@" TOKEN_A,
      { { "deferred/a@5@" TOKEN_A, folder },
        { "deferred/a@5@" TOKEN_A "/input", folder },
        { "deferred/a@5@" TOKEN_A "/input/v.mp4", "V" } },
      "error/v.mp4/input/v.mp4",
      NULL },
    { FSCK_ENDED_NO_JOB,
      "done/a",
      { { "done/a", folder }, { "done/a/result.json", RECORD } },
      NULL,
      NULL },
    { FSCK_RECORD_MISSING,
      "done/a",
      { { "done/a", folder }, { "done/a/a.job", JOB }, { "done/a/text.txt", "kept" } },
      "error/a/text.txt",
      NULL },
    { FSCK_RECORD_MISSING,
      "error/a",
      { { "error/a", folder }, { "error/a/a.job", JOB } },
      "error/a/result.json",
      NULL },
    { FSCK_RECORD_DAMAGED,
      "done/a",
      { { "done/a", folder },
        { "done/a/a.job", JOB },
        { "done/a/result.json", "{\"id\"" },
        { "error/a", folder },
        { "error/a/a.job", JOB },
        { "error/a/result.json", RECORD_OF("a", "a", "error", ", \"x\": 1") } },
      "error/a.2/result.json.damaged",
      NULL },
    { FSCK_RECORD_STATUS,
      "done/a",
      { { "done/a", folder },
        { "done/a/a.job", JOB },
        { "done/a/result.json", RECORD_OF("a", "a", "cancelled", "") } },
      "error/a/result.json",
      NULL },
    { FSCK_RECORD_STATUS,
      "error/a",
      { { "error/a", folder }, { "error/a/a.job", JOB }, { "error/a/result.json", RECORD } },
      "done/a/result.json",
      NULL },
    { FSCK_RECORD_ID,
      "done/b",
      { { "done/b", folder }, { "done/b/a.job", JOB }, { "done/b/result.json", RECORD } },
      NULL,
      NULL },
    { FSCK_RECORD_NAME,
      "done/a",
      { { "done/a", folder }, { "done/a/b.job", JOB }, { "done/a/result.json", RECORD } },
      NULL,
      NULL },
    { FSCK_RECORD_TOKEN,
      "done/a",
      { { "done/a", folder },
        { "done/a/a.job", JOB },
        { "done/a/result.json", "{\"id\": \"a\", \"name\": \"a\", \"status\": \"done\"}" } },
      NULL,
      NULL },
    { FSCK_ARTIFACT_MISSING,
      "done/a",
      { { "done/a", folder },
        { "done/a/a.job", JOB },
        { "done/a/result.json",
          RECORD_OF("a", "a", "done",
                    ", \"artifacts\": [{\"name\": \"t\", \"size_bytes\": 2}]") } },
      NULL,
      NULL },
    { FSCK_ARTIFACT_SIZE,
      "done/a",
      { { "done/a", folder },
        { "done/a/a.job", JOB },
        { "done/a/t", "123" },
        { "done/a/result.json",
          RECORD_OF("a", "a", "done",
                    ", \"artifacts\": [{\"name\": \"t\", \"size_bytes\": 2}]") } },
      NULL,
      NULL },
    { FSCK_TMP_LEFT,
      "tmp/prune." TOKEN_A ".gone",
      { { "tmp/prune." TOKEN_A ".gone", folder },
        { "tmp/prune." TOKEN_A ".gone/a.job", JOB },
        { "tmp/prune." TOKEN_A ".gone/earlier", folder },
        { "tmp/prune." TOKEN_A ".gone/earlier/1", folder } },
      "tmp",
      &nothing_is_new },
    { FSCK_PRUNE_HELD,
      "tmp/prune." TOKEN_A ".done.a",
      { { "tmp/prune." TOKEN_A ".done.a", folder },
        { "tmp/prune." TOKEN_A ".done.a/a.job", JOB },
        { "tmp/prune." TOKEN_A ".done.a/result.json", RECORD } },
      "done/a/result.json",
      NULL },
    { FSCK_TMP_LEFT, "tmp/submit.1.x", { { "tmp/submit.1.x", "" } }, "tmp", &nothing_is_new },
    { FSCK_TMP_LEFT,
      "tmp/w.1.x.status",
      { { "heartbeat/w.1.x.json", dead }, { "tmp/w.1.x.status", "" } },
      "heartbeat/w.1.x.json",
      NULL },
    { FSCK_CANCEL_OLD, "cancel/a", { { "cancel/a", "" } }, "cancel", &nothing_is_new },
    { FSCK_INBOX_STRAY, "inbox/v.mp4", { { "inbox/v.mp4", "" } }, NULL, NULL },
};

/* ---- making a state ---- */

/* A heartbeat that says it is of a process of ours that is gone. */
static char *beat_of_dead(const char *path)
{
    struct proc_id self;
    proc_id_self(&self);
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    (void)waitpid(pid, NULL, 0);
    const char *name = strrchr(path, '/') + 1;
    return mem_printf(
        "{\"worker\": \"%.*s\", \"pid\": %d, \"start_ticks\": 1, \"boot_id\": \"%s\", "
        "\"pid_ns\": \"%s\", \"state\": \"busy\", \"beat_count\": 7}",
        (int)(strlen(name) - strlen(".json")), name, (int)pid, self.boot_id, self.pid_ns);
}

static void set_age(const struct fixture *fixture, const char *path, int seconds)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    now.tv_sec -= seconds;
    const struct timespec both[2] = { now, now };
    assert_int_equal(utimensat(spool_root(fixture->spool), path, both, 0), 0);
}

static void make(const struct fixture *fixture, const struct step *step)
{
    int root = spool_root(fixture->spool);
    if (step->text == folder) {
        assert_int_equal(mkdirat(root, step->path, 0775), 0);
    } else if (step->text == linked) {
        assert_int_equal(linkat(root, "done/a/a.job", root, step->path, 0), 0);
    } else if (step->text == dead || step->text == dead_later) {
        CLEANUP(mem_free_text) char *text = beat_of_dead(step->path);
        fixture_drop(fixture, step->path, text);
        set_age(fixture, step->path, step->text == dead ? 20 : 10);
    } else {
        fixture_drop(fixture, step->path, step->text);
    }
}

/* ---- asking ---- */

static bool has(const struct fsck_findings *findings, enum fsck_code code, const char *path)
{
    for (size_t i = 0; i < findings->count; i++)
        if (findings->list[i].code == code && strcmp(findings->list[i].path, path) == 0)
            return true;
    return false;
}

static void run(const struct fixture *fixture, const struct fsck_rules *rules,
                struct fsck_findings *ret)
{
    struct err err = { 0 };
    assert_ok(fsck_run(fixture->spool, rules, ret, &err), err);
}

static void test_a_new_spool_is_fine(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(fsck_findings_release) struct fsck_findings findings = { 0 };
    fixture_drop(fixture, "pending/a.json", JOB);
    fixture_drop(fixture, "pending/.hidden", "");
    run(fixture, &at_once, &findings);
    if (findings.count)
        fail_msg("%s: %s", findings.list[0].path, fsck_name(findings.list[0].code));
    assert_int_equal(fixture_count(fixture, "tmp"), 0);
}

static void run_row(size_t i)
{
    struct fixture *fixture;
    CLEANUP(fsck_findings_release) struct fsck_findings found = { 0 }, left = { 0 };
    const struct fsck_rules *rules = rows[i].rules ? rows[i].rules : &at_once;
    struct err err = { 0 };
    (void)fixture_make((void **)&fixture);
    for (size_t step = 0; step < COUNT(rows[i].steps) && rows[i].steps[step].path; step++)
        make(fixture, &rows[i].steps[step]);
    const char *path = rows[i].path;
    run(fixture, rules, &found);
    if (!has(&found, rows[i].code, path))
        fail_msg("row %zu: %s of '%s' is not found", i, fsck_name(rows[i].code), path);
    if (!rows[i].then && found.count != 1)
        fail_msg("row %zu: %zu findings", i, found.count);
    assert_ok(fsck_repair(fixture->spool, rules, &found, &err), err);
    size_t unrepaired = fsck_unrepaired(&found);
    run(fixture, rules, &left);
    if (left.count != unrepaired || (rows[i].then && unrepaired))
        fail_msg("row %zu: %zu of %zu not repaired, then %zu are found (%s)", i, unrepaired,
                 found.count, left.count, left.count ? left.list[0].path : "-");
    if (rows[i].then && !fixture_has(fixture, rows[i].then))
        fail_msg("row %zu: '%s' is not there", i, rows[i].then);
    (void)fixture_end((void **)&fixture);
}

static void test_rows(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        run_row(i);
}

/* Those that depend on times and owners: path, code, age of the file in seconds. */
static const struct {
    enum fsck_code code;
    struct step steps[3];
    const char *path;
    int age_s;
} aged[] = {
    { FSCK_WORKER_NO_BEAT,
      { { "running/w.1.x", folder }, { "running/w.1.x/" TOKEN_A, folder } },
      "running/w.1.x",
      3600 },
    { FSCK_BEAT_DAMAGED,
      { { "heartbeat/w.1.x.json", "{" }, { "heartbeat/w.1.y.json", dead } },
      "heartbeat/w.1.x.json",
      3600 },
    { FSCK_BEAT_FUTURE,
      { { "heartbeat/w.1.x.json", "{\"worker\": \"w.1.x\"}" },
        { "running/w.1.x", folder },
        { "running/w.1.x/" TOKEN_A, folder } },
      "heartbeat/w.1.x.json",
      -3600 },
    { FSCK_FUTURE, { { "pending/a.json", JOB } }, "pending/a.json", -3600 },
    { FSCK_FUTURE, { { NULL, NULL } }, "done", -3600 },
};

static void test_aged(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(aged); i++) {
        CLEANUP(fsck_findings_release) struct fsck_findings found = { 0 }, left = { 0 };
        struct err err = { 0 };
        for (size_t step = 0; step < COUNT(aged[i].steps) && aged[i].steps[step].path; step++)
            make(fixture, &aged[i].steps[step]);
        set_age(fixture, aged[i].path, aged[i].age_s);
        run(fixture, &at_once, &found);
        if (!has(&found, aged[i].code, aged[i].path))
            fail_msg("row %zu is not found", i);
        assert_ok(fsck_repair(fixture->spool, &at_once, &found, &err), err);
        if (aged[i].code == FSCK_BEAT_FUTURE) /* the newest dead one is kept */
            (void)unlinkat(spool_root(fixture->spool), aged[i].path, 0);
        run(fixture, &at_once, &left);
        if (left.count)
            fail_msg("row %zu: then %s: %s", i, left.list[0].path, fsck_name(left.list[0].code));
    }
}

/* By somebody who may not read it. */
static void test_a_reader(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(fsck_findings_release) struct fsck_findings found = { 0 };
    fixture_drop(fixture, "pending/a.json", JOB);
    assert_int_equal(fchmodat(spool_root(fixture->spool), "pending/a.json", 0, 0), 0);
    assert_int_equal(fchmod(spool_root(fixture->spool), 0755), 0);
    bool is_root = geteuid() == 0;
    if (is_root)
        assert_int_equal(seteuid(65534), 0);
    run(fixture, &at_once, &found);
    if (is_root)
        assert_int_equal(seteuid(0), 0);
    assert_true(has(&found, FSCK_PENDING_UNREADABLE, "pending/a.json"));
}

static bool deny_renames; /* as between two filesystems */

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    if (deny_renames && from_fd != to_fd) {
        errno = EXDEV;
        return -1;
    }
    return (int)syscall(SYS_renameat, from_fd, from, to_fd, to);
}

static void test_an_edge(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(fsck_findings_release) struct fsck_findings found = { 0 };
    deny_renames = true;
    run(fixture, &at_once, &found);
    deny_renames = false;
    assert_true(has(&found, FSCK_EDGE, "."));
    assert_int_equal(found.count, 1);
}

static void test_modes(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(fsck_findings_release) struct fsck_findings found = { 0 }, left = { 0 };
    struct err err = { 0 };
    assert_int_equal(fchmodat(spool_root(fixture->spool), "done", 0755, 0), 0);
    run(fixture, &at_once, &found);
    assert_int_equal(found.count, 1);
    assert_true(has(&found, FSCK_PLACE_MODE, "done"));
    assert_ok(fsck_repair(fixture->spool, &at_once, &found, &err), err);
    run(fixture, &at_once, &left);
    assert_int_equal(left.count, 0);
}

/* The last dead worker's heartbeat is kept by those who come later, and these end in order. */
static void test_the_newest_dead_beat_may_stay(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(fsck_findings_release) struct fsck_findings found = { 0 };
    struct err err = { 0 };
    struct seat *seat = NULL;
    static const struct step killed = { "heartbeat/w.1.x.json", dead };
    make(fixture, &killed);
    assert_ok(seat_take(fixture->spool, &seat, &err), err);
    assert_ok(seat_leave(&seat, &err), err);
    run(fixture, &at_once, &found);
    assert_int_equal(found.count, 0);
    int beats = fixture_count(fixture, "heartbeat");
    assert_ok(fsck_repair(fixture->spool, &at_once, &found, &err), err);
    assert_int_equal(fixture_count(fixture, "heartbeat"), beats);
}

/* ---- a spool that cannot be opened ---- */

static void test_a_damaged_spool(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(fsck_findings_release) struct fsck_findings found = { 0 }, left = { 0 };
    struct spool *spool = NULL;
    struct err err = { 0 };
    fixture_drop(fixture, ".takeup", "{");
    assert_int_equal(unlinkat(spool_root(fixture->spool), "pending/high", AT_REMOVEDIR), 0);
    assert_int_equal(fsck_open(fixture->dir, false, &spool, &found, &err), 0);
    assert_int_equal(found.count, 2);
    assert_true(has(&found, FSCK_MARK_DAMAGED, ".takeup"));
    assert_true(has(&found, FSCK_PLACE_MISSING, "pending/high"));
    assert_int_equal(fsck_open(fixture->dir, true, &spool, &left, &err), 1);
    assert_int_equal(left.count, 2);
    assert_int_equal(fsck_unrepaired(&left), 0);
    assert_true(fixture_has(fixture, "pending/high"));
    spool_close(&spool);
}

static void test_what_is_no_spool(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(fsck_findings_release) struct fsck_findings found = { 0 };
    CLEANUP(mem_free_text) char *inner = mem_printf("%s/media", fixture->dir);
    struct spool *spool = NULL;
    struct err err = { 0 };
    assert_true(fsck_open(inner, true, &spool, &found, &err) < 0);
    assert_int_equal(err.kind, ERR_MISSING);
    assert_int_equal(found.count, 0);
    fixture_drop(fixture, ".takeup", "{\"format\": 2, \"id\": \"x\"}"); /* newer, not damaged */
    assert_true(fsck_open(fixture->dir, true, &spool, &found, &err) < 0);
    assert_int_equal(found.count, 0);
    assert_int_equal(fixture_count(fixture, "media"), 0);
}

/* ---- beside the living ---- */

static void test_a_live_job_is_left_alone(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(fsck_findings_release) struct fsck_findings found = { 0 };
    const struct claim_rules rules = { 0 };
    CLEANUP(claim_free) struct claim *claim = NULL;
    struct err err = { 0 };
    fixture_drop(fixture, "pending/a.json", JOB);
    assert_int_equal(claim_pending(fixture->seat, PLACE_PENDING, "a.json", &rules, &claim, &err),
                     1);
    run(fixture, &at_once, &found);
    assert_int_equal(found.count, 0);
    assert_ok(fsck_repair(fixture->spool, &at_once, &found, &err), err);
    assert_int_equal(fstatat(claim_dir(claim), "a.job", &(struct stat){ 0 }, 0), 0);
    assert_ok(claim_defer(claim, 0, &err), err);
}

/* In the child: a worker on a host whose clock is far behind, whose beat goes on all the same. */
static void beat_for_ever(const struct fixture *fixture)
{
    for (int count = 0;; count++) {
        CLEANUP(mem_free_text)
        char *text = mem_printf("{\"worker\": \"w.1.x\", \"beat_count\": %d}", count);
        const struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
        const struct timespec pause = { .tv_nsec = 1000000 };
        (void)fs_write_file(spool_root(fixture->spool), "tmp/beat", text, strlen(text), 0, NULL);
        (void)utimensat(spool_root(fixture->spool), "tmp/beat", old, 0);
        (void)renameat(spool_root(fixture->spool), "tmp/beat", spool_root(fixture->spool),
                       "heartbeat/w.1.x.json");
        (void)nanosleep(&pause, NULL);
    }
}

static void test_a_beat_that_moves_is_life(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(fsck_findings_release) struct fsck_findings found = { 0 };
    static const struct fsck_rules rules = { 60000, 300, 3600000 };
    static const struct step steps[] = { { "running/w.1.x", folder },
                                         { "running/w.1.x/" TOKEN_A, folder },
                                         { "running/w.1.x/" TOKEN_A "/a.job", JOB } };
    for (size_t i = 0; i < COUNT(steps); i++)
        make(fixture, &steps[i]);
    pid_t pid = fork();
    if (pid == 0)
        beat_for_ever(fixture);
    while (!fixture_has(fixture, "heartbeat/w.1.x.json"))
        (void)usleep(1000);
    run(fixture, &rules, &found);
    (void)kill(pid, SIGKILL);
    (void)waitpid(pid, NULL, 0);
    if (found.count)
        fail_msg("%s: %s", found.list[0].path, fsck_name(found.list[0].code));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_a_new_spool_is_fine),
        cmocka_unit_test(test_rows),
        FIXTURE_TEST(test_aged),
        FIXTURE_TEST(test_a_reader),
        FIXTURE_TEST(test_an_edge),
        FIXTURE_TEST(test_modes),
        FIXTURE_TEST(test_the_newest_dead_beat_may_stay),
        FIXTURE_TEST(test_a_damaged_spool),
        FIXTURE_TEST(test_what_is_no_spool),
        FIXTURE_TEST(test_a_live_job_is_left_alone),
        FIXTURE_TEST(test_a_beat_that_moves_is_life),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
