/* What a worker says of itself, and what is made of that by whoever reads it. */
#include "fixture.h"

#include "spool/heartbeat.h"

#include <errno.h>

static const struct heartbeat_seen *seen_of(const struct heartbeat_seen *seen, size_t count,
                                            const char *worker)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(seen[i].worker, worker) == 0)
            return &seen[i];
    return NULL;
}

/* The one of this worker; the caller ends all with heartbeats_free. */
static const struct heartbeat_seen *must_read(const struct fixture *fixture, const char *worker,
                                              struct heartbeat_seen **ret_seen, size_t *ret_count)
{
    struct err err = { 0 };
    assert_ok(heartbeats_read(fixture->spool, ret_seen, ret_count, &err), err);
    const struct heartbeat_seen *seen = seen_of(*ret_seen, *ret_count, worker);
    assert_non_null(seen);
    return seen;
}

static const struct heartbeat_job jobs[] = {
    { "clip", "ocr_only", "lines", 0.5, 12 },
    { "other", "ocr_only", NULL, -1, -1 },
};

static const struct {
    struct heartbeat beat;
    const char *state, *reason;
} beats[] = {
    { { .state = BEAT_IDLE }, "idle", "" },
    { { .state = BEAT_BUSY, .jobs = jobs, .job_count = 2, .pending = 7 }, "busy", "" },
    { { .state = BEAT_PAUSED, .reason = "disk full", .pending = 1 }, "paused", "disk full" },
    { { .state = BEAT_STOPPING, .reason = "\xff", .done = 3, .error = 4 },
      "stopping",
      "\xEF\xBF\xBD" },
};

static void test_fields(void **state)
{
    struct fixture *fixture = *state;
    struct proc_id self;
    int64_t beat_count = 1; /* seat_take's own */
    proc_id_self(&self);
    for (size_t i = 0; i < COUNT(beats); i++) {
        struct heartbeat_seen *all;
        size_t count;
        struct err err = { 0 };
        assert_ok(seat_beat(fixture->seat, &beats[i].beat, &err), err);
        const struct heartbeat_seen *seen =
            must_read(fixture, seat_name(fixture->seat), &all, &count);
        if (strcmp(seen->state, beats[i].state) != 0 || strcmp(seen->reason, beats[i].reason) != 0)
            fail_msg("row %zu: '%s' '%s'", i, seen->state, seen->reason);
        if (seen->beat_count != ++beat_count || seen->pending != beats[i].beat.pending)
            fail_msg("row %zu: beat %lld", i, (long long)seen->beat_count);
        if (json_get_int(seen->whole, "done", -1) != beats[i].beat.done ||
            json_get_int(seen->whole, "error", -1) != beats[i].beat.error ||
            json_array_size(json_object_get(seen->whole, "jobs")) != beats[i].beat.job_count)
            fail_msg("row %zu: counts", i);
        if (seen->who.pid != getpid() || seen->who.start_ticks != self.start_ticks ||
            strcmp(seen->who.boot_id, self.boot_id) != 0 ||
            strcmp(seen->spool, spool_path(fixture->spool)) != 0 || !seen->beat[0] ||
            !seen->started[0] || seen->mtime_ms <= 0)
            fail_msg("row %zu: who", i);
        heartbeats_free(&all, count);
    }
    assert_int_equal(fixture_count(fixture, "tmp"), 0);
    assert_int_equal(fixture_count(fixture, "heartbeat"), 1);
}

static void test_jobs(void **state)
{
    struct fixture *fixture = *state;
    struct heartbeat beat = { .state = BEAT_BUSY, .jobs = jobs, .job_count = 2 };
    struct heartbeat_seen *all;
    size_t count;
    struct err err = { 0 };
    assert_ok(seat_beat(fixture->seat, &beat, &err), err);
    const struct heartbeat_seen *seen = must_read(fixture, seat_name(fixture->seat), &all, &count);
    const json_t *list = json_object_get(seen->whole, "jobs");
    const json_t *first = json_array_get(list, 0), *second = json_array_get(list, 1);
    assert_string_equal(json_get_text(first, "name", ""), "clip");
    assert_string_equal(json_get_text(first, "pipeline", ""), "ocr_only");
    assert_string_equal(json_get_text(first, "step", ""), "lines");
    assert_true(json_get_real(first, "progress", 0) > 0.4);
    assert_true(json_get_real(first, "eta_s", 0) > 11);
    assert_true(json_is_null(json_object_get(second, "step")));
    assert_true(json_is_null(json_object_get(second, "progress")));
    assert_true(json_is_null(json_object_get(second, "eta_s")));
    heartbeats_free(&all, count);
    assert_null(all);
}

static const struct {
    const char *file;   /* in heartbeat/ */
    const char *text;   /* NULL: a directory; "->": a link; "|": a FIFO */
    const char *worker; /* NULL: it is nobody's */
    bool readable;
    const char *state;
    int pid;
} others[] = {
    { "a.json", "{\"state\":\"idle\",\"pid\":5,\"beat_count\":9}", "a", true, "idle", 5 },
    { "b.json", "{}", "b", true, "", 0 },
    { "c.json", "{\"state\":5,\"pid\":\"5\",\"spool\":null}", "c", true, "", 0 },
    { "d.json", "{\"pid\":-1}", "d", true, "", 0 },
    { "e.json", "{\"pid\":99999999999}", "e", true, "", 0 },
    { "f.json", "", "f", false, "", 0 },
    { "g.json", "{\"state\":\"id", "g", false, "", 0 },
    { "h.json", "[]", "h", false, "", 0 },
    { "i.json", "garbage", "i", false, "", 0 },
    { "j.json", NULL, "j", false, "", 0 },
    { "k.json", "->", "k", false, "", 0 },
    { "l.json", "|", "l", false, "", 0 },
    { "notes.txt", "x", NULL, false, "", 0 },
    { ".json", "{}", NULL, false, "", 0 },
    { "dir", NULL, NULL, false, "", 0 },
};

static void make_other(const struct fixture *fixture, const char *file, const char *text)
{
    int dir_fd = spool_dir(fixture->spool, PLACE_HEARTBEAT);
    struct err err = { 0 };
    if (!text)
        assert_int_equal(mkdirat(dir_fd, file, 0700), 0);
    else if (strcmp(text, "->") == 0)
        assert_int_equal(symlinkat("a.json", dir_fd, file), 0);
    else if (strcmp(text, "|") == 0)
        assert_int_equal(mkfifoat(dir_fd, file, 0600), 0);
    else
        assert_ok(fs_write_file(dir_fd, file, text, strlen(text), 0, &err), err);
}

static void test_others(void **state)
{
    struct fixture *fixture = *state;
    struct heartbeat_seen *all;
    size_t count, workers = 1;
    for (size_t i = 0; i < COUNT(others); i++) {
        make_other(fixture, others[i].file, others[i].text);
        workers += others[i].worker != NULL;
    }
    (void)must_read(fixture, seat_name(fixture->seat), &all, &count);
    for (size_t i = 0; i < COUNT(others); i++) {
        if (!others[i].worker)
            continue;
        const struct heartbeat_seen *seen = seen_of(all, count, others[i].worker);
        if (!seen || (seen->whole != NULL) != others[i].readable)
            fail_msg("row %zu '%s': readable", i, others[i].file);
        if (strcmp(seen->state, others[i].state) != 0 || seen->who.pid != others[i].pid ||
            seen->spool[0] || seen->who.host[0])
            fail_msg("row %zu '%s': '%s' %d", i, others[i].file, seen->state, (int)seen->who.pid);
    }
    assert_int_equal(count, workers);
    heartbeats_free(&all, count);
}

/* A directory in the way of its file in tmp/: the beat is written in place, and a shorter one
 * leaves nothing of the longer behind. */
static void test_in_place(void **state)
{
    struct fixture *fixture = *state;
    struct heartbeat long_one = { .state = BEAT_BUSY, .jobs = jobs, .job_count = 2 };
    struct heartbeat short_one = { .state = BEAT_PAUSED, .reason = "x" };
    struct heartbeat_seen *all;
    struct stat before, after;
    size_t count;
    struct err err = { 0 };
    CLEANUP(mem_free_text) char *file = mem_printf("%s.json", seat_name(fixture->seat));
    int tmp = spool_dir(fixture->spool, PLACE_TMP);
    int beat_fd = spool_dir(fixture->spool, PLACE_HEARTBEAT);
    assert_ok(seat_beat(fixture->seat, &long_one, &err), err);
    assert_int_equal(fstatat(beat_fd, file, &before, 0), 0);
    assert_int_equal(mkdirat(tmp, file, 0700), 0);
    assert_ok(seat_beat(fixture->seat, &short_one, &err), err);
    assert_int_equal(fstatat(beat_fd, file, &after, 0), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    const struct heartbeat_seen *seen = must_read(fixture, seat_name(fixture->seat), &all, &count);
    assert_non_null(seen->whole);
    assert_string_equal(seen->state, "paused");
    assert_int_equal(seen->beat_count, 3);
    heartbeats_free(&all, count);

    assert_int_equal(unlinkat(beat_fd, file, 0), 0); /* nothing left to be overwritten or touched */
    assert_int_equal(seat_beat(fixture->seat, &short_one, &err), -EISDIR);
    assert_non_null(strstr(err.text, spool_path(fixture->spool)));
    assert_int_equal(unlinkat(tmp, file, AT_REMOVEDIR), 0);
    assert_ok(seat_beat(fixture->seat, &short_one, &err), err);
    assert_int_equal(fstatat(beat_fd, file, &after, 0), 0);
}

static void test_two_seats(void **state)
{
    struct fixture *fixture = *state;
    struct seat *second = NULL;
    struct heartbeat last = { .state = BEAT_STOPPING, .pending = 5, .done = 6, .error = 7 };
    struct heartbeat_seen *all;
    size_t count;
    struct err err = { 0 };
    char token[TOKEN_SIZE];
    assert_ok(seat_take(fixture->spool, &second, &err), err);
    assert_string_not_equal(seat_name(fixture->seat), seat_name(second));
    assert_int_equal(fixture_count(fixture, "heartbeat"), 2);
    assert_int_equal(fixture_count(fixture, "running"), 2);
    assert_int_equal(seat_is_there(second, &err), 1);
    assert_ok(seat_take_token(second, token, &err), err);
    assert_ok(seat_beat(second, &last, &err), err);

    CLEANUP(mem_free_text) char *name = mem_strdup(seat_name(second));
    assert_ok(seat_leave(&second, &err), err);
    assert_null(second);
    assert_int_equal(fixture_count(fixture, "running"), 1);
    const struct heartbeat_seen *seen = must_read(fixture, name, &all, &count);
    assert_int_equal(count, 2);
    assert_string_equal(seen->state, "stopped");
    assert_string_equal(seen->reason, "");
    assert_int_equal(seen->pending, 5);
    assert_int_equal(json_get_int(seen->whole, "done", 0), 6);
    assert_int_equal(json_get_int(seen->whole, "error", 0), 7);
    assert_string_equal(seen_of(all, count, seat_name(fixture->seat))->state, "idle");
    heartbeats_free(&all, count);
    assert_ok(seat_leave(&second, &err), err); /* nothing to leave */
}

/* What a claim left in its directory stays for whoever adopts it. */
static void test_leave_keeps_jobs(void **state)
{
    struct fixture *fixture = *state;
    struct seat *second = NULL;
    struct err err = { 0 };
    char token[TOKEN_SIZE];
    assert_ok(seat_take(fixture->spool, &second, &err), err);
    assert_ok(seat_take_token(second, token, &err), err);
    CLEANUP(mem_free_text)
    char *job = mem_printf("running/%s/%s/a.job", seat_name(second), token);
    fixture_drop(fixture, job, "{}");
    assert_ok(seat_leave(&second, &err), err);
    assert_true(fixture_has(fixture, job));
}

static void test_adopted(void **state)
{
    struct fixture *fixture = *state;
    struct seat *second = NULL;
    struct err err = { 0 };
    assert_ok(seat_take(fixture->spool, &second, &err), err);
    assert_ok(fs_remove_tree(spool_dir(fixture->spool, PLACE_RUNNING), seat_name(second), &err),
              err);
    assert_int_equal(seat_is_there(second, &err), 0);
    assert_ok(seat_leave(&second, &err), err);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_fields),    FIXTURE_TEST(test_jobs),
        FIXTURE_TEST(test_others),    FIXTURE_TEST(test_in_place),
        FIXTURE_TEST(test_two_seats), FIXTURE_TEST(test_leave_keeps_jobs),
        FIXTURE_TEST(test_adopted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
