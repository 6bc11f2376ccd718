/* What the dashboard shows of a spool. */
#include "../spool/fixture.h"

#include "base/time.h"
#include "serve/state.h"

#include <errno.h>

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

/* All ages are of one moment: of the same age is of the same time. */
static void set_age(const struct fixture *fixture, const char *path, int64_t age_s)
{
    static int64_t now_ms;
    if (now_ms == 0)
        now_ms = time_wall_ms();
    struct timespec when = { .tv_sec = now_ms / 1000 - age_s };
    assert_int_equal(
        utimensat(spool_root(fixture->spool), path, (struct timespec[]){ when, when }, 0), 0);
}

static json_t *take(const struct fixture *fixture, struct state_memory *memory)
{
    struct err err = { 0 };
    json_t *state = NULL;
    assert_ok(state_take(fixture->spool, memory, &state, &err), err);
    return state;
}

static const json_t *item(const json_t *state, const char *list, size_t i)
{
    return json_array_get(json_object_get(state, list), i);
}

static void assert_text(const json_t *object, const char *key, const char *wanted)
{
    const char *text = json_get_text(object, key, "(none)");
    if (strcmp(text, wanted) != 0)
        fail_msg("%s is '%s', not '%s'", key, text, wanted);
}

static void assert_count(const json_t *object, const char *key, json_int_t wanted)
{
    json_int_t value = json_get_int(object, key, -1);
    if (value != wanted)
        fail_msg("%s is %lld, not %lld", key, (long long)value, (long long)wanted);
}

static void test_empty(void **state)
{
    const struct fixture *fixture = *state;
    CLEANUP(state_memory_free) struct state_memory *memory = state_memory_new(fixture->spool, 1000);
    CLEANUP(json_drop) json_t *seen = take(fixture, memory);
    const json_t *throughput = json_object_get(seen, "throughput");
    assert_count(seen, "format", 1);
    assert_text(seen, "spool", spool_path(fixture->spool));
    assert_int_equal(json_array_size(json_object_get(throughput, "done")), STATE_HOURS);
    assert_count(throughput, "total", 0);
    assert_count(json_object_get(seen, "counts"), "pending", 0);
    assert_int_equal(json_array_size(json_object_get(seen, "errors")), 0);
}

static void put_queue(const struct fixture *fixture)
{
    put(fixture, "pending/b.json", "{\"input_path\":\"b\",\"pipeline_id\":\"slides\"}");
    put(fixture, "pending/a.json", "{\"input_path\":\"a\",\"pipeline_id\":\"slides\"}");
    put(fixture, "pending/high/c.json", "{\"input_path\":\"c\"}");
    put(fixture, "pending/low/half.json", "{\"input_path\":");
    put(fixture, "pending/film.mp4", "V");
    put(fixture, "deferred/d@77@" TOKEN "/d.job",
        "{\"input_path\":\"d\",\"pipeline_id\":\"slides\"}");
    put(fixture, "inbox/ocr_only/x.mp4", "V");
    put(fixture, "inbox/slides/deep/y.mp4", "V");
}

static void test_queue(void **state)
{
    const struct fixture *fixture = *state;
    put_queue(fixture);
    CLEANUP(state_memory_free) struct state_memory *memory = state_memory_new(fixture->spool, 1000);
    CLEANUP(json_drop) json_t *seen = take(fixture, memory);
    const json_t *lanes = json_object_get(seen, "lanes");
    assert_count(lanes, "high", 1);
    assert_count(lanes, "normal", 2);
    assert_count(lanes, "low", 1);
    assert_count(seen, "sampled", 4); /* nobody knows what the half one will say */
    assert_text(item(seen, "pipelines", 0), "id", "slides");
    assert_count(item(seen, "pipelines", 0), "pending", 2);
    assert_count(item(seen, "pipelines", 0), "deferred", 1);
    assert_count(item(seen, "pipelines", 0), "inbox", 1);
    assert_true(json_is_null(json_object_get(item(seen, "pipelines", 1), "id")));
    assert_count(item(seen, "pipelines", 1), "pending", 1);
    assert_text(item(seen, "pipelines", 2), "id", "ocr_only");
    assert_int_equal(json_array_size(json_object_get(seen, "waiting")), 5);
    assert_text(item(seen, "waiting", 0), "name", "c");
    assert_text(item(seen, "waiting", 0), "lane", "high");
    assert_text(item(seen, "waiting", 1), "name", "a");
    assert_text(item(seen, "waiting", 4), "name", "d");
    assert_count(item(seen, "waiting", 4), "due_s", 77);
    assert_count(seen, "problem_count", 2);
    assert_text(item(seen, "problems", 0), "path", "pending/film.mp4");
}

#define RECORD                                                                                     \
    "{\"name\":\"clip <b>\",\"attempts\":3,\"pipeline\":{\"id\":\"slides\"},"                      \
    "\"times\":{\"started\":\"2026-01-31T14:03:10.000Z\",\"finished\":\"2026-01-31T14:04:"         \
    "10.500Z\"},\"error\":{\"class\":\"%s\",\"step\":\"ocr\",\"message\":\"m\",\"hint\":\"h\"}}"

static void put_error(const struct fixture *fixture, const char *failure, int64_t age_s)
{
    CLEANUP(mem_free_text) char *text = mem_printf(RECORD, failure);
    put(fixture, "error/clip/result.json", text);
    set_age(fixture, "error/clip", age_s);
}

static void test_errors(void **state)
{
    const struct fixture *fixture = *state;
    put_error(fixture, "stall", 100);
    put(fixture, "error/torn/result.json", "{\"name\":");
    set_age(fixture, "error/torn", 5000);
    CLEANUP(state_memory_free) struct state_memory *memory = state_memory_new(fixture->spool, 1000);
    CLEANUP(json_drop) json_t *seen = take(fixture, memory);
    const json_t *first = item(seen, "errors", 0), *second = item(seen, "errors", 1);
    assert_text(first, "id", "clip");
    assert_text(first, "name", "clip <b>");
    assert_text(first, "class", "stall");
    assert_text(first, "step", "ocr");
    assert_text(first, "message", "m");
    assert_text(first, "hint", "h");
    assert_text(first, "pipeline", "slides");
    assert_count(first, "attempts", 3);
    assert_true(json_get_real(first, "took_s", 0) == 60.5);
    assert_text(second, "name", "torn");
    assert_true(json_get_real(second, "took_s", 0) == -1);
    const json_t *last_hour = json_object_get(json_object_get(seen, "throughput"), "last_hour");
    assert_count(last_hour, "error", 1);
    assert_count(last_hour, "done", 0);
}

/* A record is read once, unless its job ended anew. */
static void test_record_once(void **state)
{
    const struct fixture *fixture = *state;
    put_error(fixture, "stall", 100);
    CLEANUP(state_memory_free) struct state_memory *memory = state_memory_new(fixture->spool, 1000);
    CLEANUP(json_drop) json_t *before = take(fixture, memory);
    assert_text(item(before, "errors", 0), "class", "stall");
    put_error(fixture, "crash", 100);
    CLEANUP(json_drop) json_t *after = take(fixture, memory);
    assert_text(item(after, "errors", 0), "class", "stall");
    CLEANUP(state_memory_free) struct state_memory *other = state_memory_new(fixture->spool, 1000);
    CLEANUP(json_drop) json_t *anew = take(fixture, other);
    assert_text(item(anew, "errors", 0), "class", "crash");
}

/* What was tried again and failed otherwise is told as it is now. */
static void test_failed_anew(void **state)
{
    const struct fixture *fixture = *state;
    int root = spool_root(fixture->spool);
    put_error(fixture, "stall", 100);
    CLEANUP(state_memory_free) struct state_memory *memory = state_memory_new(fixture->spool, 1000);
    CLEANUP(json_drop) json_t *seen = take(fixture, memory);
    assert_int_equal(renameat(root, "error/clip", root, "deferred/clip@0@" TOKEN), 0);
    assert_int_equal(renameat(root, "deferred/clip@0@" TOKEN, root, "error/clip"), 0);
    put_error(fixture, "crash", 50);
    put(fixture, "error/other/result.json", "{}");
    do { /* a list is made when it is worth it */
        json_drop(&seen);
        seen = take(fixture, memory);
    } while (json_array_size(json_object_get(seen, "errors")) < 2);
    assert_text(item(seen, "errors", 1), "id", "clip");
    assert_text(item(seen, "errors", 1), "class", "crash");
}

static void test_large_record(void **state)
{
    const struct fixture *fixture = *state;
    size_t size = 3 << 19;
    CLEANUP(mem_free_text) char *text = mem_zero(size + 1, 1);
    memset(text, ' ', size);
    memcpy(text, "{\"name\":\"other\"}", 16);
    put(fixture, "done/large/result.json", text);
    CLEANUP(state_memory_free) struct state_memory *memory = state_memory_new(fixture->spool, 1000);
    CLEANUP(json_drop) json_t *seen = take(fixture, memory);
    assert_text(item(seen, "recent", 0), "name", "large");
}

static void beat(const struct fixture *fixture, const char *worker, const char *more)
{
    char now[TIME_TEXT_SIZE];
    CLEANUP(mem_free_text) char *path = mem_printf("heartbeat/%s.json", worker);
    CLEANUP(mem_free_text)
    char *text = mem_printf("{\"host\":\"elsewhere\",\"pid\":7,\"beat\":\"%s\",%s}",
                            time_format(time_wall_ms(), now), more);
    put(fixture, path, text);
}

static void test_running(void **state)
{
    const struct fixture *fixture = *state;
    beat(fixture, "w.7.a",
         "\"state\":\"busy\",\"jobs\":[{\"name\":\"clip\",\"pipeline\":\"slides\",\"step\":\"ocr\","
         "\"progress\":0.25,\"eta_s\":30}]");
    put(fixture, "running/w.7.a/" TOKEN "/clip.job", "{}");
    put(fixture, "running/x.8.b/" TOKEN "/lost.job", "{}");
    CLEANUP(state_memory_free) struct state_memory *memory = state_memory_new(fixture->spool, 1000);
    CLEANUP(json_drop) json_t *seen = take(fixture, memory);
    const json_t *first = item(seen, "running", 0), *second = item(seen, "running", 1);
    assert_text(first, "name", "clip");
    assert_text(first, "pipeline", "slides");
    assert_text(first, "step", "ocr");
    assert_text(first, "host", "elsewhere");
    assert_true(json_get_real(first, "progress", 0) == 0.25);
    assert_true(json_get_real(first, "eta_s", 0) == 30);
    assert_true(json_is_false(json_object_get(first, "orphan")));
    assert_text(second, "name", "lost");
    assert_true(json_is_true(json_object_get(second, "orphan")));
    assert_true(json_get_real(second, "progress", 0) == -1);
    assert_true(json_is_true(json_object_get(json_object_get(seen, "health"), "healthy")));
}

static void test_paused(void **state)
{
    const struct fixture *fixture = *state;
    struct err err = { 0 };
    assert_ok(seat_leave(&((struct fixture *)*state)->seat, &err), err);
    beat(fixture, "w.7.a", "\"state\":\"paused\",\"reason\":\"the disk is full\"");
    CLEANUP(state_memory_free) struct state_memory *memory = state_memory_new(fixture->spool, 1000);
    CLEANUP(json_drop) json_t *seen = take(fixture, memory);
    const json_t *health = json_object_get(seen, "health");
    assert_ok(seat_take(fixture->spool, &((struct fixture *)*state)->seat, &err), err);
    assert_true(json_is_false(json_object_get(health, "healthy")));
    assert_true(json_is_true(json_object_get(health, "alive")));
    assert_text(health, "reason", "the worker w.7.a is paused: the disk is full");
    assert_text(item(seen, "workers", 0), "reason", "the disk is full");
}

static void test_spool_gone(void **state)
{
    const struct fixture *fixture = *state;
    struct err err = { 0 };
    json_t *seen = NULL;
    CLEANUP(state_memory_free) struct state_memory *memory = state_memory_new(fixture->spool, 1000);
    assert_int_equal(unlinkat(spool_root(fixture->spool), "error", AT_REMOVEDIR), 0);
    assert_int_equal(state_take(fixture->spool, memory, &seen, &err), -ENOENT);
    assert_null(seen);
    assert_non_null(strstr(err.text, "/error'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_empty),       FIXTURE_TEST(test_queue),
        FIXTURE_TEST(test_errors),      FIXTURE_TEST(test_record_once),
        FIXTURE_TEST(test_failed_anew), FIXTURE_TEST(test_large_record),
        FIXTURE_TEST(test_running),     FIXTURE_TEST(test_paused),
        FIXTURE_TEST(test_spool_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
