/* A worker dies for real: a child that takes a seat and a job, and is killed. */
#include "fixture.h"

#include "spool/adopt.h"
#include "spool/submit.h"
#include "spool/survey.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define JOB "{\"input_path\": \"a.mp4\"}"

static const struct claim_rules rules = { 0 };

/* In the child: takes a.json, says so, and waits for its end. */
static void work(const char *dir, int ready, bool start)
{
    struct spool *spool = NULL;
    struct seat *seat = NULL;
    struct claim *claim = NULL;
    int number, out;
    if (spool_open(dir, &spool, NULL) < 0 || seat_take(spool, &seat, NULL) < 0 ||
        claim_pending(seat, PLACE_PENDING, "a.json", &rules, &claim, NULL) != 1 ||
        (start && claim_start(claim, &number, &out, NULL) < 0) ||
        fs_write_file(claim_dir(claim), "result.json", "{}", 2, 0, NULL) < 0)
        _exit(1);
    (void)!write(ready, "1", 1);
    for (;;)
        (void)pause();
}

static pid_t start_worker(const struct fixture *fixture, bool start)
{
    int ready[2];
    char byte;
    assert_int_equal(pipe(ready), 0);
    pid_t pid = fork();
    if (pid == 0)
        work(fixture->dir, ready[1], start);
    (void)close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    (void)close(ready[0]);
    return pid;
}

static int syncs_until_failure; /* the n-th fsync from now on fails; 0: none */

int fsync(int fd)
{
    if (syncs_until_failure > 0 && --syncs_until_failure == 0) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

/* This host's clocks, off by so much. The times of files are the spool's, and right. */
static int64_t wall_ahead_s, boot_ahead_s;

int clock_gettime(clockid_t clock, struct timespec *now)
{
    long r = syscall(SYS_clock_gettime, clock, now);
    now->tv_sec += clock == CLOCK_REALTIME   ? wall_ahead_s
                   : clock == CLOCK_BOOTTIME ? boot_ahead_s
                                             : 0;
    return (int)r;
}

struct adopted {
    int count;
    struct claim *claim;
};

static void keep(void *arg, struct claim *claim, const char *dead)
{
    struct adopted *adopted = arg;
    assert_non_null(dead);
    adopted->count++;
    claim_free(&adopted->claim);
    adopted->claim = claim;
}

static int look(struct fixture *fixture, int64_t lease_ms, int64_t still_ms, struct adopted *ret)
{
    struct adopt_rules adopt = { lease_ms, still_ms };
    CLEANUP(adopter_free) struct adopter *adopter = NULL;
    struct err err = { 0 };
    assert_ok(adopter_new(fixture->seat, &adopt, &adopter, &err), err);
    int r = adopter_look(adopter, keep, ret, &err);
    assert_ok(r, err);
    return r;
}

static const struct {
    bool start, reap;
    int charged;
} deaths[] = { { false, true, 0 }, { true, true, 1 }, { true, false, 1 } };

static void test_deaths(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(deaths); i++) {
        struct adopted adopted = { 0 };
        siginfo_t info;
        char id[NAME_SIZE];
        struct err err = { 0 };
        CLEANUP(json_drop) json_t *record = json_object();
        fixture_drop(fixture, "pending/a.json", JOB);
        pid_t pid = start_worker(fixture, deaths[i].start);
        if (look(fixture, 3600000, 0, &adopted) != 0 || adopted.count != 0)
            fail_msg("row %zu: adopted from the living", i);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
        if (deaths[i].reap)
            (void)waitpid(pid, NULL, 0);
        if (look(fixture, 3600000, 3600000, &adopted) != 1 || adopted.count != 0)
            fail_msg("row %zu: adopted before it was certain", i);
        (void)look(fixture, 3600000, 0, &adopted);
        if (adopted.count != 1 || !claim_job(adopted.claim, &err) ||
            claim_attempts(adopted.claim)->charged != deaths[i].charged ||
            claim_attempts(adopted.claim)->open)
            fail_msg("row %zu: %d adopted", i, adopted.count);
        assert_int_equal(fixture_count(fixture, "running"), 1);
        assert_int_equal(fixture_count(fixture, "heartbeat"), 2); /* the newest dead one stays */
        assert_int_equal(fstatat(claim_dir(adopted.claim), "result.json", &(struct stat){ 0 }, 0),
                         -1);
        assert_int_equal(claim_publish(adopted.claim, PLACE_DONE, record, id, &err), 1);
        claim_free(&adopted.claim);
        (void)waitpid(pid, NULL, 0);
    }
}

/* No heartbeat at all: the time of the directory counts. Two jobs in one TOKEN are two jobs. */
static void test_without_heartbeat(void **state)
{
    struct fixture *fixture = *state;
    struct adopted adopted = { 0 };
    int root = spool_root(fixture->spool);
    assert_int_equal(mkdirat(root, "running/old.1.x", 0700), 0);
    assert_int_equal(mkdirat(root, "running/old.1.x/t", 0700), 0);
    assert_int_equal(mkdirat(root, "running/old.1.x/empty", 0700), 0);
    assert_int_equal(mkdirat(root, "running/old.1.x/t/out.1", 0700), 0);
    fixture_drop(fixture, "running/old.1.x/t/a.job", JOB);
    fixture_drop(fixture, "running/old.1.x/t/b.job", JOB);
    assert_int_equal(look(fixture, 3600000, 0, &adopted), 0);
    assert_int_equal(adopted.count, 0);
    struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    assert_int_equal(utimensat(root, "running/old.1.x", old, 0), 0);
    (void)look(fixture, 3600000, 0, &adopted);
    assert_int_equal(adopted.count, 2);
    assert_false(fixture_has(fixture, "running/old.1.x"));
    claim_free(&adopted.claim);
}

static const struct {
    const char *name;
    int64_t ahead_ms; /* the beat of another host, before the spool's own time */
    int64_t still_ms; /* for so long it must have stood still; it has for no time at all */
    bool dead;
} times[] = {
    { "fresh", 0, 0, false },
    { "younger than the lease", -50000, 0, false },
    { "older than the lease", -70000, 0, true },
    { "older, and not certain yet", -70000, 3600000, false },
    { "hardly from the future", 900, 0, false },
    { "from the future", 3600000, 0, true },
    { "from the future, and not certain yet", 3600000, 3600000, false },
};

/* The heartbeat of far.1.x is so much ahead of the spool's time. */
static void stamp_far(const struct fixture *fixture, int64_t ahead_ms)
{
    int64_t now_ms;
    struct err err = { 0 };
    assert_ok(spool_now_ms(fixture->spool, "test", &now_ms, &err), err);
    int64_t stamp_ms = now_ms + ahead_ms;
    struct timespec stamp[2];
    stamp[0] = stamp[1] =
        (struct timespec){ .tv_sec = stamp_ms / 1000, .tv_nsec = stamp_ms % 1000 * 1000000 };
    assert_int_equal(utimensat(spool_root(fixture->spool), "heartbeat/far.1.x.json", stamp, 0), 0);
}

static void make_far(const struct fixture *fixture, int64_t ahead_ms)
{
    int root = spool_root(fixture->spool);
    assert_int_equal(mkdirat(root, "running/far.1.x", 0700), 0);
    assert_int_equal(mkdirat(root, "running/far.1.x/t", 0700), 0);
    fixture_drop(fixture, "running/far.1.x/t/a.job", JOB);
    fixture_drop(fixture, "heartbeat/far.1.x.json",
                 "{\"worker\": \"far.1.x\", \"pid\": 1, \"boot_id\": \"far\", \"pid_ns\": \"x\"}");
    stamp_far(fixture, ahead_ms);
}

/* The times of the spool's files decide, whatever this host's own clock says. */
static void test_times(void **state)
{
    static const int64_t wrong_s[] = { -3600, 0, 3600 };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(times) * COUNT(wrong_s); i++) {
        size_t row = i / COUNT(wrong_s);
        struct adopted adopted = { 0 };
        make_far(fixture, times[row].ahead_ms);
        wall_ahead_s = wrong_s[i % COUNT(wrong_s)];
        int left = look(fixture, 60000, times[row].still_ms, &adopted);
        bool suspect = times[row].ahead_ms < -60000 || times[row].ahead_ms > 1000;
        if (adopted.count != times[row].dead || left != (suspect && !times[row].dead))
            fail_msg("row %zu, '%s', a clock that is off by %lld s: %d adopted, %d suspect", row,
                     times[row].name, (long long)wall_ahead_s, adopted.count, left);
        wall_ahead_s = 0;
        if (adopted.count == 0)
            (void)look(fixture, 0, 0, &adopted);
        assert_int_equal(claim_defer(adopted.claim, 0, NULL), 0);
        claim_free(&adopted.claim);
        assert_false(fixture_has(fixture, "running/far.1.x"));
    }
}

/* Where the times of files say nothing (here the spool's stands still), the lease is one of our own
 * clock, which goes on while the machine is suspended; counted from when the beat last changed. */
static void test_a_lease_of_our_own(void **state)
{
    struct fixture *fixture = *state;
    struct adopted adopted = { 0 };
    struct adopt_rules adopt = { 3600000, 0 };
    CLEANUP(adopter_free) struct adopter *adopter = NULL;
    struct err err = { 0 };
    assert_ok(adopter_new(fixture->seat, &adopt, &adopter, &err), err);
    make_far(fixture, 0);
    assert_ok(adopter_look(adopter, keep, &adopted, &err), err);
    boot_ahead_s = 3000;
    assert_ok(adopter_look(adopter, keep, &adopted, &err), err);
    assert_int_equal(adopted.count, 0);
    stamp_far(fixture, 500);
    boot_ahead_s = 5000; /* it beat in between */
    assert_ok(adopter_look(adopter, keep, &adopted, &err), err);
    assert_int_equal(adopted.count, 0);
    boot_ahead_s = 8700;
    assert_ok(adopter_look(adopter, keep, &adopted, &err), err);
    boot_ahead_s = 0;
    assert_int_equal(adopted.count, 1);
    assert_int_equal(claim_defer(adopted.claim, 0, NULL), 0);
    claim_free(&adopted.claim);
}

/* A disk that fails in the midst of an adoption: the job is in our own directory by then, where
 * nobody else would look, so the next look finishes it. */
static void test_a_failed_adoption_is_finished(void **state)
{
    struct fixture *fixture = *state;
    int root = spool_root(fixture->spool);
    struct adopt_rules adopt = { 3600000, 0 };
    struct timespec old[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    for (int failing = 1; failing <= 2; failing++) {
        struct adopted adopted = { 0 };
        struct err err = { 0 };
        CLEANUP(adopter_free) struct adopter *adopter = NULL;
        assert_ok(adopter_new(fixture->seat, &adopt, &adopter, &err), err);
        assert_int_equal(mkdirat(root, "running/old.1.x", 0700), 0);
        assert_int_equal(mkdirat(root, "running/old.1.x/t", 0700), 0);
        fixture_drop(fixture, "running/old.1.x/t/a.job", JOB);
        assert_int_equal(utimensat(root, "running/old.1.x", old, 0), 0);
        syncs_until_failure = failing;
        assert_true(adopter_look(adopter, keep, &adopted, &err) < 0);
        assert_int_equal(adopted.count, 0);
        assert_ok(adopter_look(adopter, keep, &adopted, &err), err);
        if (adopted.count != 1 || strcmp(claim_name(adopted.claim), "a") != 0)
            fail_msg("sync %d failed: %d adopted", failing, adopted.count);
        assert_int_equal(claim_defer(adopted.claim, 0, &err), 0);
        claim_free(&adopted.claim);
        assert_int_equal(fixture_count(fixture, "deferred"), failing);
        /* It is empty, and goes by its own time, which the adoption has made new. */
        assert_int_equal(unlinkat(root, "running/old.1.x", AT_REMOVEDIR), 0);
    }
}

/* Adopters that died in the midst of it: their directory holds a fence, and in it .next with some
 * of what belongs to the job. It is one job again, with its input and what was tried. */
static void test_an_adoption_that_was_cut_off(void **state)
{
    static const char *const cut[][2] = {
        { "running/old.1.x/t/a.job", "running/old.1.x/t/.next/input" },
        { "running/old.1.x/t/.next/a.job", "running/old.1.x/t/.next/input" },
        { "running/old.1.x/t/a.job", "running/old.1.x/t/input" },
    };
    struct fixture *fixture = *state;
    int root = spool_root(fixture->spool);
    for (size_t i = 0; i < COUNT(cut); i++) {
        struct adopted adopted = { 0 };
        CLEANUP(mem_free_text) char *clip = mem_printf("%s/a.mp4", cut[i][1]);
        assert_int_equal(mkdirat(root, "running/old.1.x", 0700), 0);
        assert_int_equal(mkdirat(root, "running/old.1.x/t", 0700), 0);
        assert_int_equal(mkdirat(root, "running/old.1.x/t/.next", 0700), 0);
        assert_int_equal(mkdirat(root, cut[i][1], 0700), 0);
        fixture_drop(fixture, cut[i][0], JOB);
        fixture_drop(fixture, clip, "x");
        fixture_drop(fixture, "running/old.1.x/t/.next/attempts.jsonl", "torn");
        fixture_drop(fixture, "running/old.1.x/t/attempts.jsonl",
                     "{\"event\":\"start\",\"attempt\":1}\n");
        (void)look(fixture, 0, 0, &adopted);
        struct stat st;
        if (adopted.count != 1 || claim_attempts(adopted.claim)->charged != 1 ||
            fstatat(claim_dir(adopted.claim), "input/a.mp4", &st, 0) < 0 ||
            fixture_has(fixture, "running/old.1.x"))
            fail_msg("row %zu: %d adopted", i, adopted.count);
        assert_int_equal(claim_defer(adopted.claim, 0, NULL), 0);
        claim_free(&adopted.claim);
    }
}

/* A directory of our own that a claim was in doubt about: what lies in it comes back. */
static void test_doubts(void **state)
{
    struct fixture *fixture = *state;
    struct adopted adopted = { 0 };
    CLEANUP(mem_free_text) char *dir = mem_printf("running/%s/t", seat_name(fixture->seat));
    CLEANUP(mem_free_text) char *job = mem_printf("%s/a.job", dir);
    assert_int_equal(mkdirat(spool_root(fixture->spool), dir, 0700), 0);
    fixture_drop(fixture, job, JOB);
    seat_doubt(fixture->seat, "nothing", seat_name(fixture->seat));
    seat_doubt(fixture->seat, "t", seat_name(fixture->seat));
    assert_int_equal(look(fixture, 3600000, 3600000, &adopted), 0);
    assert_int_equal(adopted.count, 1);
    assert_string_equal(claim_name(adopted.claim), "a");
    assert_false(fixture_has(fixture, dir));
    assert_int_equal(seat_doubt_count(fixture->seat), 0);
    assert_int_equal(claim_defer(adopted.claim, 0, NULL), 0);
    claim_free(&adopted.claim);
}

/* Of two dead ones the heartbeat of the older goes, and what both were writing. */
static void test_unfinished_writes_go(void **state)
{
    struct fixture *fixture = *state;
    int root = spool_root(fixture->spool);
    struct adopted adopted = { 0 };
    fixture_drop(fixture, "heartbeat/older.json", "{");
    fixture_drop(fixture, "heartbeat/newer.json", "{");
    fixture_drop(fixture, "tmp/older.now", "");
    fixture_drop(fixture, "tmp/newer.now", "");
    for (int i = 1; i <= 2; i++) {
        struct timespec old[2] = { { .tv_sec = 1000L * i }, { .tv_sec = 1000L * i } };
        assert_int_equal(
            utimensat(root, i == 1 ? "heartbeat/older.json" : "heartbeat/newer.json", old, 0), 0);
    }
    assert_int_equal(look(fixture, 3600000, 0, &adopted), 0);
    assert_false(fixture_has(fixture, "heartbeat/older.json"));
    assert_false(fixture_has(fixture, "tmp/older.now"));
    assert_true(fixture_has(fixture, "heartbeat/newer.json"));
    assert_false(fixture_has(fixture, "tmp/newer.now"));
}

static void must_beat(struct seat *seat, enum heartbeat_state state, int open_hands, int64_t claims)
{
    struct err err = { 0 };
    struct heartbeat beat = { .state = state, .free = open_hands, .claims = claims };
    assert_ok(seat_beat(seat, &beat, &err), err);
}

static uint32_t workers_seen(struct adopter *adopter)
{
    struct err err = { 0 };
    assert_ok(adopter_look(adopter, NULL, NULL, &err), err);
    return adopter_share(adopter).workers;
}

/* Who counts is who can claim: a job in the share of one that cannot would wait for it. */
static void test_share(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    struct seat *seats[3] = { fixture->seat };
    struct adopter *adopters[3];
    struct adopt_rules adopting = { 60000, 3000 };
    bool ranks[3] = { false };
    for (size_t i = 0; i < COUNT(seats); i++) {
        if (i > 0)
            assert_ok(seat_take(fixture->spool, &seats[i], &err), err);
        assert_ok(adopter_new(seats[i], &adopting, &adopters[i], &err), err);
        assert_int_equal(adopter_share(adopters[i]).workers, 1); /* has not looked yet */
        must_beat(seats[i], BEAT_IDLE, 1, 0);
    }
    for (size_t i = 0; i < COUNT(seats); i++) {
        assert_int_equal(workers_seen(adopters[i]), 3);
        ranks[adopter_share(adopters[i]).rank] = true;
    }
    assert_true(ranks[0] && ranks[1] && ranks[2]);
    must_beat(seats[1], BEAT_BUSY, 0, 0);
    assert_int_equal(workers_seen(adopters[0]), 2);
    must_beat(seats[1], BEAT_BUSY, 0, 7); /* full, but not for long */
    assert_int_equal(workers_seen(adopters[0]), 3);
    must_beat(seats[2], BEAT_PAUSED, 1, 0);
    assert_int_equal(workers_seen(adopters[0]), 2);
    assert_ok(seat_leave(&seats[1], &err), err);
    assert_int_equal(workers_seen(adopters[0]), 1);
    assert_ok(seat_leave(&seats[2], &err), err);
    for (size_t i = 0; i < COUNT(adopters); i++)
        adopter_free(&adopters[i]);
}

static void test_survey(void **state)
{
    struct fixture *fixture = *state;
    struct survey survey;
    struct survey_job job;
    struct err err = { 0 };
    fixture_drop(fixture, "pending/clip.mp4", "x");
    fixture_drop(fixture, "pending/half.json", "{");
    struct submit *submit = NULL;
    CLEANUP(json_drop) json_t *json = json_object();
    json_set_text(json, "input_path", "a.mp4");
    assert_ok(submit_begin(fixture->spool, PLACE_PENDING_HIGH, &submit, &err), err);
    assert_ok(submit_add(submit, "a", json, &err), err);
    assert_int_equal(submit_add(submit, "a", json, &err), -EEXIST);
    assert_int_equal(err.kind, ERR_CONFIG);
    assert_ok(submit_end(submit, &err), err);
    submit_free(&submit);
    assert_int_equal(fixture_count(fixture, "tmp"), 0);

    assert_ok(survey_take(fixture->spool, &(struct survey_how){ 0 }, &survey, &err), err);
    CLEANUP(mem_free_text) char *text = survey_text(fixture->spool, &survey);
    assert_int_equal(survey.alive_count, 1);
    assert_int_equal(survey.pending, 2);
    assert_int_equal(survey.problems.count, 2);
    assert_ptr_equal(strstr(text, "takeup: ready, 2 jobs pending, 0 running, 2 that cannot"), text);
    assert_non_null(strstr(text, "media go to media/"));
    assert_non_null(strstr(text, "incomplete"));
    survey.alive_count = 0;
    CLEANUP(mem_free_text) char *dead = survey_text(fixture->spool, &survey);
    assert_ptr_equal(strstr(dead, "takeup: NO LIVE WORKER, 2 jobs pending"), dead);
    assert_ok(survey_write_status(fixture->spool, "me", &survey, &err), err);
    assert_true(fixture_has(fixture, "STATUS.txt"));
    survey_release(&survey);

    assert_ok(survey_job(fixture->spool, "a", NULL, &job, &err), err);
    assert_int_equal(job.state, JOB_PENDING);
    assert_string_equal(job.path, "pending/high/a.json");
    survey_job_release(&job);
    assert_ok(survey_job(fixture->spool, "nothing", NULL, &job, &err), err);
    assert_int_equal(job.state, JOB_UNKNOWN);
    survey_job_release(&job);
}

static void test_layout(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    struct spool *spool = NULL;
    CLEANUP(mem_free_text) char *inner = mem_printf("%s/media", fixture->dir);
    CLEANUP(mem_free_text) char *hint = mem_printf("takeup init %s", inner);
    assert_ok(spool_init(fixture->dir, &err), err); /* harmless */
    assert_ok(spool_check_edges(fixture->spool, "me", &err), err);
    assert_int_equal(spool_refresh(fixture->spool, &err), 0);
    assert_true(spool_open(inner, &spool, &err) < 0);
    assert_int_equal(err.kind, ERR_MISSING);
    assert_string_equal(err.hint, hint);
    fixture_drop(fixture, "media/.gitignore", "");
    fixture_drop(fixture, "media/clip.mp4", "");
    assert_true(spool_init(inner, &err) < 0);
    assert_non_null(strstr(err.text, "clip.mp4"));
    assert_int_equal(unlinkat(spool_root(fixture->spool), "media/clip.mp4", 0), 0);
    assert_ok(spool_init(inner, &err), err); /* hidden files are no content */
    fixture_drop(fixture, "media/.takeup", "{\"format\": 2, \"id\": \"x\"}");
    assert_true(spool_open(inner, &spool, &err) < 0);
    assert_non_null(strstr(err.text, "format 2"));
    struct stat st;
    assert_int_equal(fstatat(spool_root(fixture->spool), "pending/high", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 02775);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_deaths),
        FIXTURE_TEST(test_without_heartbeat),
        FIXTURE_TEST(test_times),
        FIXTURE_TEST(test_a_lease_of_our_own),
        FIXTURE_TEST(test_a_failed_adoption_is_finished),
        FIXTURE_TEST(test_an_adoption_that_was_cut_off),
        FIXTURE_TEST(test_doubts),
        FIXTURE_TEST(test_unfinished_writes_go),
        FIXTURE_TEST(test_share),
        FIXTURE_TEST(test_survey),
        FIXTURE_TEST(test_layout),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
