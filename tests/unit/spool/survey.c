/* Where a job is, and whether all is well, as whoever only looks is told. */
#include "fixture.h"

#include "spool/survey.h"

#define JOB "{\"input_path\":\"a.mp4\"}"
#define TOKEN "0123456789abcdef"

static void make_dirs(const struct fixture *fixture, const char *path)
{
    CLEANUP(mem_free_text) char *own = mem_strdup(path);
    for (char *at = strchr(own, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        (void)mkdirat(spool_root(fixture->spool), own, 0700);
        *at = '/';
    }
}

static void put(const struct fixture *fixture, const char *path, const char *text)
{
    make_dirs(fixture, path);
    fixture_drop(fixture, path, text);
}

static void put_record(const struct fixture *fixture, const char *dir, const char *name,
                       const char *submission, int second)
{
    CLEANUP(mem_free_text) char *path = mem_printf("%s/result.json", dir);
    CLEANUP(mem_free_text)
    char *text = mem_printf("{\"name\":\"%s\",\"job\":{\"submission\":\"%s\"},"
                            "\"times\":{\"finished\":\"2026-01-31T14:03:%02d.000Z\"}}",
                            name, submission, second);
    put(fixture, path, text);
}

static const struct {
    const char *name;
    enum survey_state state;
    const char *path, *worker;
    int64_t due_s;
    int attempts; /* -1: NULL */
} places[] = {
    { "waits", JOB_PENDING, "pending/waits.json", NULL, 0, -1 },
    { "first", JOB_PENDING, "pending/high/first.json", NULL, 0, -1 },
    { "both", JOB_PENDING, "pending/both.json", NULL, 0, -1 }, /* ended once, waits again */
    { "runs", JOB_RUNNING, "running/w.1.x/" TOKEN, "w.1.x", 0, 1 },
    { "later", JOB_DEFERRED, "deferred/later@77@" TOKEN, NULL, 77, 0 },
    { "a@5@b", JOB_DEFERRED, "deferred/a@5@b@78@" TOKEN, NULL, 78, 0 },
    { "fine", JOB_DONE, "done/fine", NULL, 0, 0 },
    { "bad", JOB_ERROR, "error/bad", NULL, 0, 0 },
    { "clip", JOB_ERROR, "error/clip.2", NULL, 0, 0 }, /* the newest of four */
    { "clip.2", JOB_ERROR, "error/clip.2", NULL, 0, 0 },
    { "clip.3", JOB_DONE, "done/clip.3", NULL, 0, 0 },
    { "many", JOB_DONE, "done/many." TOKEN, NULL, 0, 0 },
    { "new.mp4", JOB_INBOX, "inbox/ocr/new.mp4", NULL, 0, -1 },
    { "trip--day 1--x.mp4", JOB_INBOX, "inbox/ocr/trip/day 1/x.mp4", NULL, 0, -1 },
    { "a--b.mp4", JOB_INBOX, "inbox/zoo/a--b.mp4", NULL, 0, -1 },
    { "a--b--c.mp4", JOB_INBOX, "inbox/zoo/a--b/c.mp4", NULL, 0, -1 },
    { "again.mp4", JOB_INBOX, "inbox/ocr/again.mp4", NULL, 0, -1 }, /* the earlier one has ended */
    { "half.mp4.part", JOB_UNKNOWN, NULL, NULL, 0, -1 },
    { "trip", JOB_UNKNOWN, NULL, NULL, 0, -1 },
    { "top.mp4", JOB_UNKNOWN, NULL, NULL, 0, -1 },
    { "trip--..--new.mp4", JOB_UNKNOWN, NULL, NULL, 0, -1 },
    { "link.mp4", JOB_UNKNOWN, NULL, NULL, 0, -1 },
    { "norecord", JOB_UNKNOWN, NULL, NULL, 0, -1 },
    { "waits.json", JOB_UNKNOWN, NULL, NULL, 0, -1 },
    { "cli", JOB_UNKNOWN, NULL, NULL, 0, -1 },
    { "nothing", JOB_UNKNOWN, NULL, NULL, 0, -1 },
};

static void put_places(const struct fixture *fixture)
{
    put(fixture, "pending/waits.json", JOB);
    put(fixture, "pending/high/first.json", JOB);
    put(fixture, "pending/both.json", JOB);
    put(fixture, "running/w.1.x/" TOKEN "/runs.job", JOB);
    put(fixture, "running/w.1.x/" TOKEN "/attempts.jsonl", "{\"event\":\"start\"}\n{\"ev");
    put(fixture, "deferred/later@77@" TOKEN "/later.job", JOB);
    put(fixture, "deferred/a@5@b@78@" TOKEN "/a@5@b.job", JOB);
    put(fixture, "inbox/ocr/new.mp4", "V");
    put(fixture, "inbox/ocr/again.mp4", "V");
    put(fixture, "inbox/ocr/runs", "V"); /* the next of that name */
    put(fixture, "inbox/ocr/half.mp4.part", "V");
    put(fixture, "inbox/ocr/trip/day 1/x.mp4", "V");
    put(fixture, "inbox/zoo/a--b.mp4", "V");
    put(fixture, "inbox/zoo/a--b/c.mp4", "V");
    put(fixture, "inbox/top.mp4", "V");
    assert_int_equal(symlinkat("new.mp4", spool_root(fixture->spool), "inbox/ocr/link.mp4"), 0);
    put_record(fixture, "done/again.mp4", "again.mp4", "s", 1);
    put(fixture, "done/norecord/clip.job", JOB);
    put_record(fixture, "done/both", "both", "s", 1);
    put_record(fixture, "done/fine", "fine", "s", 1);
    put_record(fixture, "error/bad", "bad", "s", 1);
    put_record(fixture, "done/clip", "clip", "s1", 1);
    put_record(fixture, "done/clip.2", "clip", "s2", 2);
    put_record(fixture, "done/clip.3", "clip", "s3", 3);
    put_record(fixture, "error/clip.2", "clip", "s4", 9);
    put_record(fixture, "done/many", "many", "m1", 1);
    for (int i = 2; i <= 9; i++) {
        CLEANUP(mem_free_text) char *dir = mem_printf("done/many.%d", i);
        put_record(fixture, dir, "many", "m", i);
    }
    put_record(fixture, "done/many." TOKEN, "many", "mlast", 30);
}

static void test_places(void **state)
{
    struct fixture *fixture = *state;
    put_places(fixture);
    for (size_t i = 0; i < COUNT(places); i++) {
        struct survey_job job;
        struct err err = { 0 };
        const char *wanted = places[i].path, *worker = places[i].worker;
        assert_ok(survey_job(fixture->spool, places[i].name, NULL, &job, &err), err);
        if (job.state != places[i].state)
            fail_msg("row %zu '%s': %s %s", i, places[i].name, survey_state_name(job.state),
                     job.reason ? job.reason : "");
        if (!job.path != !wanted || (wanted && strcmp(job.path, wanted) != 0))
            fail_msg("row %zu '%s': at '%s'", i, places[i].name, job.path ? job.path : "nowhere");
        if (!job.worker != !worker || (worker && strcmp(job.worker, worker) != 0) ||
            job.due_s != places[i].due_s || job.reason)
            fail_msg("row %zu '%s': worker, due or reason", i, places[i].name);
        bool ended = job.state == JOB_DONE || job.state == JOB_ERROR;
        if ((job.record != NULL) != ended ||
            (job.attempts ? (int)json_array_size(job.attempts) : -1) != places[i].attempts)
            fail_msg("row %zu '%s': record or attempts", i, places[i].name);
        CLEANUP(json_drop) json_t *json = survey_job_json(places[i].name, &job);
        if (strcmp(json_get_text(json, "state", ""), survey_state_name(job.state)) != 0)
            fail_msg("row %zu '%s': as JSON", i, places[i].name);
        survey_job_release(&job);
    }
}

static void test_wrong_names(void **state)
{
    struct fixture *fixture = *state;
    static const char *const wrong[] = { "", "a/b", "/", "../pending/a" };
    struct survey_job job;
    struct err err = { 0 };
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (survey_job(fixture->spool, wrong[i], NULL, &job, &err) >= 0 || err.kind != ERR_USAGE)
            fail_msg("row %zu '%s'", i, wrong[i]);
    char name[400];
    memset(name, 'n', sizeof(name) - 1);
    name[sizeof(name) - 1] = '\0';
    assert_ok(survey_job(fixture->spool, name, NULL, &job, &err), err);
    assert_int_equal(job.state, JOB_UNKNOWN);
    survey_job_release(&job);
}

static const struct {
    const char *name, *submission;
    const char *path;
} submissions[] = {
    { "clip", "s1", "done/clip" },
    { "clip", "s3", "done/clip.3" },
    { "clip", "s4", "error/clip.2" },
    { "clip", "none", NULL },     /* ended ones of that name are not ours: it was withdrawn */
    { "both", "s", "done/both" }, /* ours has ended, though another one waits */
    { "both", "other", "pending/both.json" },
    { "many", "mlast", "done/many." TOKEN },
    { "nothing", "s", NULL },
    { "new.mp4", "s", NULL }, /* a file has none */
};

static void test_submissions(void **state)
{
    struct fixture *fixture = *state;
    put_places(fixture);
    for (size_t i = 0; i < COUNT(submissions); i++) {
        struct survey_job job;
        struct err err = { 0 };
        const char *wanted = submissions[i].path;
        assert_ok(survey_submission(fixture->spool, submissions[i].name, submissions[i].submission,
                                    NULL, &job, &err),
                  err);
        if (!job.path != !wanted || (wanted && strcmp(job.path, wanted) != 0))
            fail_msg("row %zu: at '%s'", i, job.path ? job.path : "nowhere");
        survey_job_release(&job);
    }
}

static const struct {
    const char *name, *text; /* NULL: a directory; "->": a link; "|": a FIFO */
    const char *reason;      /* NULL: none */
} untaken[] = {
    { "fine", JOB, NULL },
    { "half", "{\"input_path\":", "incomplete, waiting for the rest" },
    { "empty", "", "it is empty" },
    { "wrong", "{\"input_path\" 5}", "becomes an error in" },
    { "keyless", "{}", "'input_path' is missing" },
    { "dir", NULL, "not a regular file" },
    { "link", "->", "link" },
    { "fifo", "|", "not a regular file" },
};

static void test_reasons(void **state)
{
    struct fixture *fixture = *state;
    int pending = spool_dir(fixture->spool, PLACE_PENDING);
    for (size_t i = 0; i < COUNT(untaken); i++) {
        CLEANUP(mem_free_text) char *file = mem_printf("%s.json", untaken[i].name);
        struct survey_job job;
        struct err err = { 0 };
        const char *text = untaken[i].text;
        if (!text)
            assert_int_equal(mkdirat(pending, file, 0700), 0);
        else if (strcmp(text, "->") == 0)
            assert_int_equal(symlinkat("fine.json", pending, file), 0);
        else if (strcmp(text, "|") == 0)
            assert_int_equal(mkfifoat(pending, file, 0600), 0);
        else
            assert_ok(fs_write_file(pending, file, text, strlen(text), 0, &err), err);
        assert_ok(survey_job(fixture->spool, untaken[i].name, NULL, &job, &err), err);
        if (job.state != JOB_PENDING || !job.reason != !untaken[i].reason ||
            (job.reason && !strstr(job.reason, untaken[i].reason)))
            fail_msg("row %zu '%s': %s", i, untaken[i].name, job.reason ? job.reason : "taken");
        survey_job_release(&job);
    }
}

/* Whether anybody lives to take what was dropped is seen by the pulse of who asks; `takeup wait`
 * asks often, and no look of it may take seconds. */
static void test_who_would_take_it(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    CLEANUP(pulse_release) struct pulse pulse = { 0 };
    const struct survey_how how = { .pulse = &pulse };
    assert_ok(seat_leave(&fixture->seat, &err), err);
    put(fixture, "inbox/ocr/film.mp4", "V");
    for (int beat = 1; beat <= 2; beat++) {
        CLEANUP(mem_free_text)
        char *text = mem_printf("{\"host\":\"elsewhere\",\"beat\":\"2001-09-09T01:46:40.000Z\","
                                "\"beat_count\":%d,\"state\":\"idle\"}",
                                beat);
        struct timespec when = { .tv_sec = 1000000000 };
        struct survey_job job;
        put(fixture, "heartbeat/w.0.x.json", text);
        assert_int_equal(utimensat(spool_root(fixture->spool), "heartbeat/w.0.x.json",
                                   (struct timespec[]){ when, when }, 0),
                         0);
        assert_ok(survey_job(fixture->spool, "film.mp4", &how, &job, &err), err);
        assert_int_equal(job.state, JOB_INBOX);
        assert_int_equal(job.reason != NULL, beat == 1);
        if (beat == 1)
            assert_true(pulse_left_ms(&pulse, "w.0.x") > 0); /* it was not waited for */
        survey_job_release(&job);
    }
    assert_ok(seat_take(fixture->spool, &fixture->seat, &err), err);
}

static const struct {
    enum heartbeat_state beat;
    const char *reason;
    bool worker; /* false: it has left */
    int pending; /* jobs */
    bool running, problem;
    int dropped;
    const char *first; /* the start of the first line */
} situations[] = {
    { BEAT_IDLE, NULL, true, 0, false, false, 0, "takeup: ready, 0 jobs pending, 0 running\n" },
    { BEAT_IDLE, NULL, true, 1, false, false, 0, "takeup: ready, 1 job pending, 0 running\n" },
    { BEAT_BUSY, NULL, true, 2, true, false, 0, "takeup: working, 2 jobs pending, 1 running\n" },
    { BEAT_PAUSED, "disk full", true, 1, false, false, 0,
      "takeup: PAUSED (disk full), 1 job pending, 0 running\n" },
    { BEAT_PAUSED, NULL, true, 0, false, false, 0, "takeup: PAUSED (no reason told), 0 jobs" },
    { BEAT_IDLE, NULL, true, 0, false, true, 0,
      "takeup: ready, 0 jobs pending, 0 running, 1 that cannot be taken (see below)\n" },
    { BEAT_IDLE, NULL, false, 2, false, false, 0,
      "takeup: NO LIVE WORKER, 2 jobs pending, 0 running; start one with: takeup worker --spool " },
    { BEAT_IDLE, NULL, false, 0, false, false, 0, "takeup: NO LIVE WORKER, 0 jobs pending" },
    { BEAT_IDLE, NULL, true, 0, false, false, 2,
      "takeup: ready, 0 jobs pending, 2 files in inbox (the oldest for 0 s), 0 running\n" },
    { BEAT_IDLE, NULL, false, 1, false, false, 1,
      "takeup: NO LIVE WORKER, 1 job pending, 1 file in inbox (the oldest for 0 s), 0 running; "
      "start" },
};

static void test_first_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(situations); i++) {
        void *made = NULL;
        struct err err = { 0 };
        struct survey survey;
        (void)fixture_make(&made);
        struct fixture *fixture = made;
        struct heartbeat beat = { .state = situations[i].beat, .reason = situations[i].reason };
        for (int number = 0; number < situations[i].pending; number++) {
            CLEANUP(mem_free_text) char *path = mem_printf("pending/%d.json", number);
            put(fixture, path, JOB);
        }
        for (int number = 0; number < situations[i].dropped; number++) {
            CLEANUP(mem_free_text) char *path = mem_printf("inbox/ocr/%d/%d.mp4", number, number);
            put(fixture, path, "V");
        }
        if (situations[i].running)
            put(fixture, "running/w.1.x/" TOKEN "/runs.job", JOB);
        if (situations[i].problem)
            put(fixture, "pending/clip.mp4", "x");
        if (situations[i].worker)
            assert_ok(seat_beat(fixture->seat, &beat, &err), err);
        else
            assert_ok(seat_leave(&fixture->seat, &err), err);
        assert_ok(survey_take(fixture->spool, &(struct survey_how){ 0 }, &survey, &err), err);
        CLEANUP(mem_free_text) char *text = survey_text(fixture->spool, &survey);
        CLEANUP(json_drop) json_t *json = survey_json(fixture->spool, &survey);
        if (strncmp(text, situations[i].first, strlen(situations[i].first)) != 0)
            fail_msg("row %zu: '%s'", i, text);
        if (json_get_int(json, "alive", -1) != situations[i].worker ||
            json_get_int(json, "pending", -1) != situations[i].pending ||
            json_get_int(json, "inbox", -1) != situations[i].dropped ||
            json_get_int(json, "running", -1) != situations[i].running ||
            json_array_size(json_object_get(json, "problems")) != situations[i].problem)
            fail_msg("row %zu: as JSON", i);
        survey_release(&survey);
        (void)fixture_end(&made);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_places),
        FIXTURE_TEST(test_wrong_names),
        FIXTURE_TEST(test_submissions),
        FIXTURE_TEST(test_reasons),
        FIXTURE_TEST(test_who_would_take_it),
        cmocka_unit_test(test_first_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
