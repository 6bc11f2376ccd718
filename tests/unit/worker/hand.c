/* The worker's part of a job, with a pipeline that is a fake: what it is called with, and what is
 * published of what it answers. The spool is a real one. */
#include "test.h"

#include "base/json.h"
#include "base/str.h"
#include "spool/scan.h"
#include "spool/survey.h"
#include "worker/hand.h"
#include "worker/settle.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

/* ---- a disk that is full while a test says so ---- */

static bool disk_is_full;
static int syncs;

int fsync(int fd)
{
    syncs++;
    if (!disk_is_full)
        return (int)syscall(SYS_fsync, fd);
    errno = ENOSPC;
    return -1;
}

/* ---- a pipeline that is a fake ---- */

static int source_pull(void *self, struct takeup_output *output)
{
    (void)self, (void)output;
    return 0;
}

static const struct takeup_step fake_source = {
    .name = "fake",
    .help = "gives nothing",
    .takes = TAKEUP_PORT_NONE,
    .gives = TAKEUP_PORT_FRAME,
    .flags = TAKEUP_SERIAL,
    .self_size = 1,
    .pull = source_pull,
};
static const struct takeup_step *const fake_steps[] = { &fake_source, NULL };

static void write_body(const struct attempt *attempt, const char *text)
{
    (void)fs_write_file(attempt->output_dir, RECORD_FILE, text, strlen(text), FS_NEW, NULL);
}

/* Tells in the result what it was called with. */
static void attempt_tells(const struct attempt *attempt, struct attempt_result *result)
{
    CLEANUP(json_drop) json_t *body = json_object();
    CLEANUP(mem_free_text)
    char *text = mem_printf("job=%s input=%s pipeline=%s threads=%d", attempt->job,
                            attempt->input_path, attempt->pipeline->id, attempt->threads);
    json_set_text(body, "text", text);
    json_set(body, "frames", json_array());
    CLEANUP(mem_free_text) char *line = json_line(body);
    write_body(attempt, line);
    attempt->log(attempt->arg, LOG_LEVEL_INFO, "fake", "a line of its log");
    *result = (struct attempt_result){ 0 };
}

static void attempt_fails(const struct attempt *attempt, struct attempt_result *result)
{
    (void)attempt;
    *result = (struct attempt_result){ .failure = FAILURE_INPUT, .step = "fake" };
    (void)err_set(&result->err, ERR_INPUT, 0, "it is a fish, not a video");
    err_hint(&result->err, "give it a video");
}

static void attempt_waits(const struct attempt *attempt, struct attempt_result *result)
{
    (void)attempt;
    *result = (struct attempt_result){ .failure = FAILURE_INPUT_WAIT, .waiting = true };
    (void)err_set(&result->err, ERR_MISSING, 0, "the input is not there");
}

static void attempt_crashes(const struct attempt *attempt, struct attempt_result *result)
{
    (void)result;
    attempt->log(attempt->arg, LOG_LEVEL_INFO, "fake", "its last words");
    (void)raise(SIGKILL);
}

static void attempt_lies_text(const struct attempt *attempt, struct attempt_result *result)
{
    write_body(attempt, "this is no JSON");
    *result = (struct attempt_result){ 0 };
}

static void attempt_lies_list(const struct attempt *attempt, struct attempt_result *result)
{
    write_body(attempt, "[1, 2]");
    *result = (struct attempt_result){ 0 };
}

static void attempt_lies_large(const struct attempt *attempt, struct attempt_result *result)
{
    CLEANUP(mem_free_text) char *text = mem_printf("{\"text\": \"%*s\"}", (8 << 20) + 1, "");
    write_body(attempt, text);
    *result = (struct attempt_result){ 0 };
}

/* It could be read, and the record with it could not. */
static void attempt_lies_deep(const struct attempt *attempt, struct attempt_result *result)
{
    char body[400];
    memset(body, '[', 195);
    memset(body + 195, ']', 195);
    CLEANUP(mem_free_text) char *text = mem_printf("{\"text\": %.390s}", body);
    write_body(attempt, text);
    *result = (struct attempt_result){ 0 };
}

static void attempt_lies_link(const struct attempt *attempt, struct attempt_result *result)
{
    (void)!symlinkat("/etc/hostname", attempt->output_dir, RECORD_FILE);
    *result = (struct attempt_result){ 0 };
}

static void attempt_says_nothing(const struct attempt *attempt, struct attempt_result *result)
{
    (void)attempt;
    *result = (struct attempt_result){ 0 };
}

/* ---- a worker without its loop ---- */

struct fixture {
    char *dir, *pipelines_dir;
    struct spool *spool;
    struct seat *seat;
    struct loop *loop;
    struct runners *runners;
    struct catalog *catalog;
    struct pipelines *pipelines;
    struct hand_rules rules;
    struct hand_context context;
    struct unsettled *unsettled;
    enum hand_fate fate;
    int fates;
    bool shares_sync; /* then the last sync of a job is the test's */
    struct hand *hand;
};

static void on_fate(void *arg, enum hand_fate fate)
{
    struct fixture *fixture = arg;
    fixture->fate = fate;
    fixture->fates++;
}

static void on_end(void *arg, struct hand *hand)
{
    struct fixture *fixture = arg;
    assert_ptr_equal(hand, fixture->hand);
    hand_conclude(hand);
    if (!disk_is_full && !fixture->shares_sync)
        settle_sync(&fixture->context);
    hand_free(&fixture->hand);
}

static void add_pipeline(const char *dir, const char *name, const char *text)
{
    CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", dir, name);
    struct err err = { 0 };
    assert_ok(fs_write_file(AT_FDCWD, path, text, strlen(text), FS_NEW, &err), err);
}

static int setup(void **state)
{
    struct fixture *fixture = MEM_NEW(struct fixture);
    struct err err = { 0 };
    fixture->dir = test_make_dir();
    fixture->pipelines_dir = test_make_dir();
    add_pipeline(fixture->pipelines_dir, "ocr_only.yaml",
                 "id: ocr_only\nsteps:\n  - {id: frames, use: fake}\n");
    add_pipeline(fixture->pipelines_dir, "other.yaml",
                 "id: other\nsteps:\n  - {id: frames, use: fake}\n");
    add_pipeline(fixture->pipelines_dir, "tracker.yaml",
                 "id: tracker\nsteps:\n  - {id: frames, use: fake}\n"
                 "  - {id: boxes, use: yolo_tracker, needs: [frames]}\n");
    assert_ok(spool_init(fixture->dir, &err), err);
    assert_ok(spool_open(fixture->dir, &fixture->spool, &err), err);
    assert_ok(seat_take(fixture->spool, &fixture->seat, &err), err);
    assert_ok(loop_new(&fixture->loop, &err), err);
    assert_ok(catalog_new(fake_steps, NULL, &fixture->catalog, &err), err);
    assert_ok(pipelines_load(fixture->pipelines_dir, fixture->catalog, &fixture->pipelines, &err),
              err);
    fixture->rules = (struct hand_rules){
        .default_pipeline = "ocr_only", .max_attempts = 2, .input_wait_ms = 600000, .grace_ms = 100
    };
    struct runners_rules rules = { fixture->loop, hand_body, &fixture->context, 0, NULL, NULL };
    fixture->runners = runners_new(&rules);
    fixture->context = (struct hand_context){ .runners = fixture->runners,
                                              .spool = fixture->spool,
                                              .seat = fixture->seat,
                                              .pipelines = fixture->pipelines,
                                              .rules = &fixture->rules,
                                              .threads = 3,
                                              .attempt = attempt_tells,
                                              .unsettled = &fixture->unsettled,
                                              .on_fate = on_fate,
                                              .on_end = on_end,
                                              .arg = fixture };
    log_setup(LOG_LEVEL_ERROR, LOG_STYLE_LOGFMT);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    assert_ok(seat_leave(&fixture->seat, &err), err);
    pipelines_free(&fixture->pipelines);
    catalog_free(&fixture->catalog);
    runners_free(&fixture->runners);
    loop_free(&fixture->loop);
    spool_close(&fixture->spool);
    test_remove_dir(&fixture->dir);
    test_remove_dir(&fixture->pipelines_dir);
    free(fixture);
    return 0;
}

static void drop(const struct fixture *fixture, const char *name, const char *text)
{
    struct err err = { 0 };
    assert_ok(fs_write_file(spool_dir(fixture->spool, PLACE_PENDING), name, text, strlen(text),
                            FS_NEW, &err),
              err);
}

static void work(struct fixture *fixture, struct claim *claim)
{
    struct err err = { 0 };
    fixture->fates = 0;
    if (hand_take(&fixture->context, claim, &fixture->hand) == 0) {
        settle_sync(&fixture->context);
        assert_int_equal(fixture->fates, 1);
        return;
    }
    while (fixture->hand)
        assert_ok(loop_wait(fixture->loop, -1, &err), err);
    assert_int_equal(fixture->fates, fixture->shares_sync ? 0 : 1);
}

static void take_pending(struct fixture *fixture, const char *file)
{
    struct err err = { 0 };
    struct claim *claim = NULL;
    struct claim_rules rules = { 0 };
    int r = claim_pending(fixture->seat, PLACE_PENDING, file, &rules, &claim, &err);
    if (r != 1)
        fail_msg("claim '%s': %d, %s", file, r, err.text);
    work(fixture, claim);
}

/* Takes the one job in deferred/, due or not. */
static void take_deferred(struct fixture *fixture)
{
    struct err err = { 0 };
    CLEANUP(scan_release) struct scan scan;
    struct claim *claim = NULL;
    assert_ok(scan_place(fixture->spool, PLACE_DEFERRED, &scan, &err), err);
    assert_int_equal(scan.names.count, 1);
    const char *name = names_get(&scan.names, 0);
    assert_int_equal(claim_deferred(fixture->seat, name, &claim, &err), 1);
    work(fixture, claim);
}

/* The record of an ended job; the test fails when it is not in that state. */
static json_t *record_of(const struct fixture *fixture, const char *name, enum survey_state state)
{
    struct survey_job job = { 0 };
    struct err err = { 0 };
    assert_ok(survey_job(fixture->spool, name, NULL, &job, &err), err);
    if (job.state != state)
        fail_msg("'%s' is %s", name, survey_state_name(job.state));
    json_t *record = json_incref(job.record);
    survey_job_release(&job);
    return record;
}

static const char *error_text(const json_t *record, const char *key)
{
    return json_get_text(json_object_get(record, "error"), key, "");
}

/* ---- tests ---- */

static const struct {
    const char *file, *name, *text, *told;
} calls[] = {
    { "a.json", "a", "{\"input_path\": \"media/a.mp4\", \"pipeline_id\": \"other\"}",
      "job=a input=media/a.mp4 pipeline=other threads=3" },
    { "no id.json", "no id", "{\"input_path\": \"/x/é.mkv\"}",
      "job=no id input=/x/é.mkv pipeline=ocr_only threads=3" },
    { "null.json", "null", "{\"input_path\": \"b\", \"pipeline_id\": null}",
      "job=null input=b pipeline=ocr_only threads=3" },
};

static void test_the_pipeline_is_called_with_name_and_input(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(calls); i++) {
        drop(fixture, calls[i].file, calls[i].text);
        take_pending(fixture, calls[i].file);
        assert_int_equal(fixture->fate, FATE_DONE);
        CLEANUP(json_drop) json_t *record = record_of(fixture, calls[i].name, JOB_DONE);
        assert_string_equal(json_get_text(record, "status", ""), "done");
        assert_string_equal(json_get_text(json_object_get(record, "result"), "text", ""),
                            calls[i].told);
        assert_true(json_is_null(json_object_get(record, "error")));
        assert_int_equal(json_get_int(record, "attempts", 0), 1);
    }
}

static void test_a_failure_is_published_with_its_message(void **state)
{
    struct fixture *fixture = *state;
    fixture->context.attempt = attempt_fails;
    drop(fixture, "a.json", "{\"input_path\": \"a\"}");
    take_pending(fixture, "a.json");
    assert_int_equal(fixture->fate, FATE_ERROR);
    CLEANUP(json_drop) json_t *record = record_of(fixture, "a", JOB_ERROR);
    assert_string_equal(json_get_text(record, "status", ""), "error");
    assert_string_equal(error_text(record, "class"), "input");
    assert_string_equal(error_text(record, "step"), "fake");
    assert_string_equal(error_text(record, "message"), "it is a fish, not a video");
    assert_string_equal(error_text(record, "hint"), "give it a video");
}

static void test_the_users_keys_survive(void **state)
{
    struct fixture *fixture = *state;
    const char *text = "{\"input_path\": \"a\", \"case\": {\"id\": [7, \"x\"]}, \"note\": null}";
    drop(fixture, "a.json", text);
    take_pending(fixture, "a.json");
    CLEANUP(json_drop) json_t *record = record_of(fixture, "a", JOB_DONE);
    CLEANUP(json_drop) json_t *dropped = json_loads(text, 0, NULL);
    assert_true(json_equal(json_object_get(record, "job"), dropped));
}

static const struct {
    const char *name, *text, *class, *says;
} refusals[] = {
    { "not JSON", "{\"input_path\": nope}", "job", "line 1" },
    { "no input", "{}", "job", "input_path" },
    { "input of a wrong type", "{\"input_path\": 7}", "job", "input_path" },
    { "unknown pipeline", "{\"input_path\": \"a\", \"pipeline_id\": \"nope\"}", "pipeline",
      "there are: ocr_only, other" },
    { "a plugin that is not there", "{\"input_path\": \"a\", \"pipeline_id\": \"tracker\"}",
      "missing", "yolo_tracker" },
};

static void test_what_cannot_run_ends_without_a_runner(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(refusals); i++) {
        drop(fixture, "a.json", refusals[i].text);
        take_pending(fixture, "a.json");
        char id[32];
        (void)snprintf(id, sizeof(id), i ? "a.%zu" : "a", i + 1);
        CLEANUP(json_drop) json_t *record = record_of(fixture, id, JOB_ERROR);
        if (strcmp(error_text(record, "class"), refusals[i].class) != 0 ||
            !strstr(error_text(record, "message"), refusals[i].says))
            fail_msg("'%s': %s: %s", refusals[i].name, error_text(record, "class"),
                     error_text(record, "message"));
        if (strcmp(refusals[i].class, "job") != 0 && !error_text(record, "hint")[0])
            fail_msg("'%s' does not say what to do", refusals[i].name);
    }
}

static void test_a_crash_is_tried_again_and_then_an_error(void **state)
{
    struct fixture *fixture = *state;
    fixture->context.attempt = attempt_crashes;
    drop(fixture, "a.json", "{\"input_path\": \"a\"}");
    take_pending(fixture, "a.json");
    assert_int_equal(fixture->fate, FATE_DEFERRED);
    take_deferred(fixture);
    assert_int_equal(fixture->fate, FATE_ERROR);
    CLEANUP(json_drop) json_t *record = record_of(fixture, "a", JOB_ERROR);
    assert_string_equal(error_text(record, "class"), "crash");
    assert_non_null(strstr(error_text(record, "message"), "signal 9"));
    assert_int_equal(json_get_int(record, "attempts", 0), 2);
    CLEANUP(mem_free_text) char *crash = NULL;
    size_t len;
    struct err err = { 0 };
    assert_ok(fs_read_file(spool_dir(fixture->spool, PLACE_ERROR), "a/crash.txt", 1 << 20, &crash,
                           &len, &err),
              err);
    assert_non_null(strstr(crash, "attempt 2"));
    assert_non_null(strstr(crash, "its last words"));
}

static void test_max_attempts_of_the_job_counts(void **state)
{
    struct fixture *fixture = *state;
    fixture->context.attempt = attempt_crashes;
    drop(fixture, "a.json", "{\"input_path\": \"a\", \"max_attempts\": 1}");
    take_pending(fixture, "a.json");
    assert_int_equal(fixture->fate, FATE_ERROR);
}

static void test_a_hostile_body_is_a_crash(void **state)
{
    struct fixture *fixture = *state;
    static attempt_fn *const liars[] = {
        attempt_lies_text, attempt_lies_list, attempt_lies_large,
        attempt_lies_deep, attempt_lies_link, attempt_says_nothing
    };
    fixture->rules.max_attempts = 1;
    for (size_t i = 0; i < COUNT(liars); i++) {
        char file[40], name[32];
        (void)snprintf(name, sizeof(name), "liar%zu", i);
        (void)snprintf(file, sizeof(file), "%s.json", name);
        fixture->context.attempt = liars[i];
        drop(fixture, file, "{\"input_path\": \"a\"}");
        take_pending(fixture, file);
        CLEANUP(json_drop) json_t *record = record_of(fixture, name, JOB_ERROR);
        if (strcmp(error_text(record, "class"), "crash") != 0)
            fail_msg("%s: %s", name, error_text(record, "class"));
    }
}

static void test_waiting_for_the_input_costs_no_attempt(void **state)
{
    struct fixture *fixture = *state;
    fixture->context.attempt = attempt_waits;
    fixture->rules.max_attempts = 1;
    drop(fixture, "a.json", "{\"input_path\": \"a\"}");
    take_pending(fixture, "a.json");
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fixture->fate, FATE_DEFERRED);
        take_deferred(fixture);
    }
    fixture->context.attempt = attempt_tells;
    take_deferred(fixture);
    assert_int_equal(fixture->fate, FATE_DONE);
    CLEANUP(json_drop) json_t *record = record_of(fixture, "a", JOB_DONE);
    assert_int_equal(json_get_int(record, "attempts", 0), 1);
}

static void test_an_input_that_does_not_come_is_an_error_in_the_end(void **state)
{
    struct fixture *fixture = *state;
    fixture->context.attempt = attempt_waits;
    fixture->rules.input_wait_ms = 0;
    drop(fixture, "a.json", "{\"input_path\": \"a\"}");
    take_pending(fixture, "a.json");
    assert_int_equal(fixture->fate, FATE_ERROR);
    CLEANUP(json_drop) json_t *record = record_of(fixture, "a", JOB_ERROR);
    assert_string_equal(error_text(record, "class"), failure_name(FAILURE_INPUT_WAIT));
}

/* The disk is full when a job is to leave: it stays in hand, says why, and leaves when it can. */
static const struct {
    const char *name;
    attempt_fn *attempt;
    enum hand_fate fate;
} refused[] = {
    { "done", attempt_tells, FATE_DONE },
    { "error", attempt_fails, FATE_ERROR },
    { "deferred", attempt_waits, FATE_DEFERRED },
};

/* Full from the moment on at which the runner has started. */
static void fill_disk_and_work(struct fixture *fixture, struct claim *claim)
{
    struct err err = { 0 };
    assert_int_equal(hand_take(&fixture->context, claim, &fixture->hand), 1);
    disk_is_full = true;
    while (fixture->hand)
        assert_ok(loop_wait(fixture->loop, -1, &err), err);
}

static void test_what_the_spool_refuses_is_tried_again(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(refused); i++) {
        struct err err = { 0 };
        struct claim *claim = NULL;
        struct claim_rules rules = { 0 };
        const char *name = NULL, *reason = NULL;
        fixture->context.attempt = refused[i].attempt;
        drop(fixture, "a.json", "{\"input_path\": \"a\"}");
        assert_int_equal(
            claim_pending(fixture->seat, PLACE_PENDING, "a.json", &rules, &claim, &err), 1);
        fill_disk_and_work(fixture, claim);
        if (fixture->fate != FATE_STUCK || !fixture->unsettled)
            fail_msg("'%s': fate %d with a full disk", refused[i].name, fixture->fate);
        settle_again(&fixture->context);
        assert_true(settle_problem(fixture->unsettled, 0, &name, &reason));
        assert_string_equal(name, "a");
        assert_non_null(strstr(reason, "No space left on device"));
        assert_false(settle_problem(fixture->unsettled, 1, &name, &reason));
        disk_is_full = false;
        settle_again(&fixture->context);
        if (fixture->fate != refused[i].fate || fixture->unsettled)
            fail_msg("'%s': fate %d with room again", refused[i].name, fixture->fate);
    }
    assert_int_equal(faccessat(spool_dir(fixture->spool, PLACE_DONE), "a/result.json", F_OK, 0), 0);
    assert_int_equal(faccessat(spool_dir(fixture->spool, PLACE_ERROR), "a/result.json", F_OK, 0),
                     0);
}

/* Jobs that end one after the other are where they belong, and are told when one sync has made all
 * of them sure; not told when it fails. */
static void test_jobs_share_the_last_sync(void **state)
{
    static const char *const files[] = { "a.json", "b.json", "c.json" };
    struct fixture *fixture = *state;
    const char *name, *reason;
    fixture->shares_sync = true;
    fixture->fates = 0;
    for (size_t i = 0; i < COUNT(files); i++) {
        drop(fixture, files[i], "{\"input_path\": \"a\"}");
        take_pending(fixture, files[i]);
    }
    assert_int_equal(faccessat(spool_dir(fixture->spool, PLACE_DONE), "c/result.json", F_OK, 0), 0);
    assert_int_equal(fixture->fates, 0);
    assert_true(settle_sync_due_ms(fixture->unsettled) < INT64_MAX);
    assert_false(settle_problem(fixture->unsettled, 0, &name, &reason));
    disk_is_full = true;
    settle_sync(&fixture->context);
    assert_int_equal(fixture->fates, 0);
    assert_true(settle_problem(fixture->unsettled, 2, &name, &reason));
    disk_is_full = false;
    syncs = 0;
    settle_sync(&fixture->context);
    assert_int_equal(syncs, 1);
    assert_int_equal(fixture->fates, 3);
    assert_null(fixture->unsettled);
    assert_true(settle_sync_due_ms(fixture->unsettled) == INT64_MAX);
}

static void test_two_jobs_of_one_name_are_both_there(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 0; i < 2; i++) {
        drop(fixture, "a.json", i ? "{\"input_path\": \"second\"}" : "{\"input_path\": \"first\"}");
        take_pending(fixture, "a.json");
    }
    CLEANUP(json_drop) json_t *second = record_of(fixture, "a.2", JOB_DONE);
    assert_string_equal(json_get_text(second, "id", ""), "a.2");
    assert_string_equal(json_get_text(second, "name", ""), "a");
    assert_non_null(strstr(json_get_text(json_object_get(second, "result"), "text", ""), "second"));
}

#define HAND_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        HAND_TEST(test_the_pipeline_is_called_with_name_and_input),
        HAND_TEST(test_a_failure_is_published_with_its_message),
        HAND_TEST(test_the_users_keys_survive),
        HAND_TEST(test_what_cannot_run_ends_without_a_runner),
        HAND_TEST(test_a_crash_is_tried_again_and_then_an_error),
        HAND_TEST(test_max_attempts_of_the_job_counts),
        HAND_TEST(test_a_hostile_body_is_a_crash),
        HAND_TEST(test_waiting_for_the_input_costs_no_attempt),
        HAND_TEST(test_an_input_that_does_not_come_is_an_error_in_the_end),
        HAND_TEST(test_what_the_spool_refuses_is_tried_again),
        HAND_TEST(test_two_jobs_of_one_name_are_both_there),
        HAND_TEST(test_jobs_share_the_last_sync),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
