/* Pages of jobs: each job once, in order, whatever is asked for at a time. */
#include "spool/fixture.h"

#include "base/str.h"
#include "serve/jobs.h"

#define TOKEN "0123456789abcdef"
#define JOB "{\"input_path\":\"a.mp4\",\"pipeline_id\":\"zoo\"}"
#define RECORD(name, status, pipeline)                                                             \
    "{\"name\":\"" name "\",\"status\":\"" status "\",\"pipeline\":{\"id\":\"" pipeline            \
    "\"},\"error\":{\"class\":\"input\",\"message\":\"not a video\",\"hint\":\"look\"},"           \
    "\"times\":{\"finished\":\"2026-01-31T14:03:00.000Z\"}}"

static void put(const struct fixture *fixture, const char *path, const char *text)
{
    CLEANUP(mem_free_text) char *own = mem_strdup(path);
    for (char *at = strchr(own, '/'); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        (void)mkdirat(spool_root(fixture->spool), own, 0700);
        *at = '/';
    }
    fixture_drop(fixture, path, text);
}

static void fill(const struct fixture *fixture)
{
    put(fixture, "running/w.1.x/" TOKEN "/runs.job", JOB);
    put(fixture, "pending/high/first.json", JOB);
    put(fixture, "pending/b.json", "{\"input_path\":\"a.mp4\"}");
    put(fixture, "pending/a.json", JOB);
    put(fixture, "pending/half.json.part", JOB);
    put(fixture, "pending/low/last.json", JOB);
    put(fixture, "deferred/later@77@" TOKEN "/later.job", JOB);
    put(fixture, "inbox/ocr/trip/x.mp4", "x");
    put(fixture, "done/Clip/result.json", RECORD("Clip", "done", "ocr"));
    put(fixture, "done/clip.2/result.json", RECORD("clip", "done", "zoo"));
    put(fixture, "done/none/other", "x");
    put(fixture, "error/bad/result.json", RECORD("bad", "error", "ocr"));
    put(fixture, "error/caf\xff/result.json", "{");
}

/* "id:state …", and all the pages in turn, limit to a page; " | " between pages. */
static char *ask(struct jobs *jobs, const char *query_text)
{
    struct str told = { 0 };
    struct err err = { 0 };
    CLEANUP(json_drop) json_t *query = json_loads(query_text, 0, NULL);
    assert_non_null(query);
    for (int pages = 0; pages < 30; pages++) {
        CLEANUP(jobs_query_release) struct jobs_query parsed;
        CLEANUP(json_drop) json_t *page = NULL;
        size_t i;
        const json_t *job;
        if (jobs_query_parse(query, &parsed, &err) < 0 ||
            jobs_page(jobs, &parsed, &page, &err) < 0) {
            str_addf(&told, "! %s", err.text);
            return str_take(&told);
        }
        str_add(&told, pages > 0 ? "|" : "");
        json_array_foreach(json_object_get(page, "jobs"), i, job)
            str_addf(&told, "%s%s", i > 0 ? " " : "", json_get_text(job, "id", "?"));
        const char *next = json_get_text(page, "next", NULL);
        if (!next)
            return str_take(&told);
        json_set_text(query, "cursor", next);
    }
    fail_msg("%s: it never ends", query_text);
    return NULL;
}

#define ALL "runs first a b last later trip--x.mp4 Clip clip.2 none bad caf\xef\xbf\xbd"

static const struct {
    const char *query, *told;
} queries[] = {
    { "{}", ALL },
    { "{\"limit\":\"5\"}", "runs first a b last|later trip--x.mp4 Clip clip.2 none|"
                           "bad caf\xef\xbf\xbd" },
    { "{\"limit\":\"4\"}", "runs first a b|last later trip--x.mp4 Clip|clip.2 none bad "
                           "caf\xef\xbf\xbd" },
    { "{\"limit\":\"1\",\"state\":\"pending\"}", "first|a|b|last" },
    { "{\"limit\":\"1\",\"state\":\"pending\",\"order\":\"desc\"}", "last|b|a|first" },
    { "{\"limit\":\"5\",\"order\":\"desc\"}",
      "caf\xef\xbf\xbd bad none clip.2 Clip|trip--x.mp4 later last b a|first runs" },
    { "{\"state\":\"pending\",\"lane\":\"low\"}", "last" },
    { "{\"lane\":\"normal\"}", "a b" },
    { "{\"state\":\"done\",\"lane\":\"low\"}", "" },
    { "{\"state\":\"running\"}", "runs" },
    { "{\"state\":\"inbox\"}", "trip--x.mp4" },
    { "{\"q\":\"CLIP\"}", "Clip clip.2" },
    { "{\"q\":\"clip\",\"limit\":\"1\"}", "Clip|clip.2" },
    { "{\"q\":\"nothing\"}", "" },
    { "{\"pipeline\":\"zoo\"}", "runs first a last later clip.2" },
    { "{\"pipeline\":\"zoo\",\"limit\":\"2\",\"order\":\"desc\"}",
      "clip.2 later|last a|first runs" },
    { "{\"pipeline\":\"ocr\"}", "trip--x.mp4 Clip bad" },
    { "{\"limit\":\"1000\"}", ALL },
    { "{\"cursor\":\"2622e6a736f6e\"}",
      "last later trip--x.mp4 Clip clip.2 none bad caf\xef\xbf\xbd" },
    { "{\"state\":\"gone\"}", "! state: 'gone' is not pending, deferred, running, done, error or "
                              "inbox" },
    { "{\"lane\":\"fast\"}", "! lane: 'fast' is not high, normal or low" },
    { "{\"limit\":\"0\"}", "! limit: '0' is not a whole number from 1 up" },
    { "{\"limit\":\"-1\"}", "! limit: '-1' is not a whole number from 1 up" },
    { "{\"limit\":\"2x\"}", "! limit: '2x' is not a whole number from 1 up" },
    { "{\"order\":\"up\"}", "! order: 'up' is not asc or desc" },
    { "{\"cursor\":\"\"}", "! cursor: '' is not one that an answer gave as next" },
    { "{\"cursor\":\"2\"}", "! cursor: '2' is not one that an answer gave as next" },
    { "{\"cursor\":\"9aa\"}", "! cursor: '9aa' is not one that an answer gave as next" },
    { "{\"cursor\":\"2zz\"}", "! cursor: '2zz' is not one that an answer gave as next" },
    { "{\"cursor\":\"-2aa\"}", "! cursor: '-2aa' is not one that an answer gave as next" },
};

static void pages_through(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture);
    struct jobs *jobs = jobs_new(fixture->spool);
    for (size_t i = 0; i < COUNT(queries); i++) {
        CLEANUP(mem_free_text) char *told = ask(jobs, queries[i].query);
        if (strcmp(told, queries[i].told) != 0)
            fail_msg("%s: got '%s', wanted '%s'", queries[i].query, told, queries[i].told);
    }
    jobs_free(&jobs);
}

static json_t *one(struct jobs *jobs, const char *state, const char *part)
{
    struct err err = { 0 };
    CLEANUP(json_drop) json_t *query = json_object(), *page = NULL;
    CLEANUP(jobs_query_release) struct jobs_query parsed;
    json_set_text(query, "state", state);
    json_set_text(query, "q", part);
    assert_ok(jobs_query_parse(query, &parsed, &err), err);
    assert_ok(jobs_page(jobs, &parsed, &page, &err), err);
    assert_int_equal(json_array_size(json_object_get(page, "jobs")), 1);
    return json_incref(json_array_get(json_object_get(page, "jobs"), 0));
}

static void tells_of_each(void **state)
{
    struct fixture *fixture = *state;
    fill(fixture);
    struct jobs *jobs = jobs_new(fixture->spool);
    CLEANUP(json_drop) json_t *bad = one(jobs, "error", "bad");
    assert_string_equal(json_get_text(bad, "status", ""), "error");
    assert_string_equal(json_get_text(bad, "pipeline", ""), "ocr");
    assert_string_equal(json_get_text(bad, "path", ""), "error/bad");
    assert_string_equal(json_get_text(bad, "finished", ""), "2026-01-31T14:03:00.000Z");
    assert_string_equal(json_get_text(json_object_get(bad, "error"), "hint", ""), "look");
    CLEANUP(json_drop) json_t *later = one(jobs, "deferred", "later");
    assert_string_equal(json_get_text(later, "due", ""), "1970-01-01T00:01:17.000Z");
    CLEANUP(json_drop) json_t *runs = one(jobs, "running", "runs");
    assert_string_equal(json_get_text(runs, "worker", ""), "w.1.x");
    assert_string_equal(json_get_text(runs, "path", ""), "running/w.1.x/" TOKEN);
    CLEANUP(json_drop) json_t *first = one(jobs, "pending", "first");
    assert_string_equal(json_get_text(first, "lane", ""), "high");
    jobs_free(&jobs);
}

/* What comes and goes between two looks is seen at the second, also within one tick of the clock
 * that stamps directories. */
static void sees_changes(void **state)
{
    struct fixture *fixture = *state;
    struct jobs *jobs = jobs_new(fixture->spool);
    for (int i = 0; i < 20; i++) {
        CLEANUP(mem_free_text) char *path = mem_printf("pending/x%02d.json", i);
        put(fixture, path, JOB);
        /* A list that cost much is kept for a while, so until it is there. */
        for (;;) {
            CLEANUP(mem_free_text) char *told = ask(jobs, "{\"limit\":\"200\"}");
            if (strlen(told) == (size_t)(i + 1) * 4 - 1)
                break;
        }
    }
    jobs_free(&jobs);
}

/* Filtering reads no more than it may at a time, and ends all the same. */
static void reads_in_pieces(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    struct jobs *jobs = jobs_new(fixture->spool);
    for (int i = 0; i < JOBS_READ_MAX + 10; i++) {
        CLEANUP(mem_free_text) char *path = mem_printf("pending/x%04d.json", i);
        put(fixture, path, i == JOBS_READ_MAX + 5 ? JOB : "{\"input_path\":\"a\"}");
    }
    CLEANUP(json_drop) json_t *query = json_pack("{ss}", "pipeline", "zoo"), *page = NULL;
    CLEANUP(jobs_query_release) struct jobs_query parsed;
    assert_ok(jobs_query_parse(query, &parsed, &err), err);
    assert_ok(jobs_page(jobs, &parsed, &page, &err), err);
    assert_int_equal(json_array_size(json_object_get(page, "jobs")), 0);
    assert_non_null(json_get_text(page, "next", NULL));
    assert_int_equal(json_get_int(page, "total", 0), JOBS_READ_MAX + 10);
    CLEANUP(mem_free_text) char *told = ask(jobs, "{\"pipeline\":\"zoo\"}");
    CLEANUP(mem_free_text) char *wanted = mem_printf("|x%04d", JOBS_READ_MAX + 5);
    assert_string_equal(told, wanted);
    jobs_free(&jobs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(pages_through),
        FIXTURE_TEST(tells_of_each),
        FIXTURE_TEST(sees_changes),
        FIXTURE_TEST(reads_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
