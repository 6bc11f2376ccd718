/* What takeup status draws, of surveys that stand still: no line is longer than the terminal. */
#include "fixture.h"

#include "base/width.h"
#include "spool/overview.h"

#define RESET "\033[0m"

/* A worker's beat, as JSON. */
static void add_beat(struct survey *survey, const char *name, const char *state, const char *reason,
                     const char *whole, bool alive, double age_s)
{
    size_t i = survey->beat_count++;
    survey->beats = mem_resize(survey->beats, i + 1, sizeof(survey->beats[0]));
    survey->workers = mem_resize(survey->workers, i + 1, sizeof(survey->workers[0]));
    survey->beats[i] = (struct heartbeat_seen){ .worker = mem_strdup(name),
                                                .spool = mem_strdup("/spool"),
                                                .state = mem_strdup(state),
                                                .reason = mem_strdup(reason),
                                                .beat = mem_strdup(""),
                                                .started = mem_strdup(""),
                                                .whole = json_loads(whole, 0, NULL) };
    assert_non_null(survey->beats[i].whole);
    survey->workers[i] = (struct survey_worker){ .alive = alive, .age_s = age_s };
    for (size_t k = 0; k <= i; k++)
        survey->workers[k].beat = &survey->beats[k];
    survey->alive_count += alive;
}

static struct survey make_survey(void)
{
    return (struct survey){ .watchdogs = json_array(), .now_ms = 1000000, .free_bytes = -1 };
}

static const char *const busy =
    "{\"free\":1,\"jobs\":[{\"name\":\"clip\",\"pipeline\":\"ocr_only\",\"step\":\"ocr\","
    "\"progress\":0.25,\"eta_s\":90},{\"name\":\"日本語の長い名前のビデオファイル.mp4\","
    "\"step\":\"frames\"},{\"name\":\"evil\\u001b[31m\\nname\",\"progress\":7,\"eta_s\":1e9}]}";

static void make_busy(struct survey *survey, struct overview *overview)
{
    *survey = make_survey();
    add_beat(survey, "host.1.aaaaaaaa", "busy", "", busy, true, 0.4);
    add_beat(survey, "host.2.bbbbbbbb", "busy", "", "{\"free\":2}", false, 7200);
    add_beat(survey, "host.3.cccccccc", "stopped", "", "{\"free\":2}", false, 7200);
    survey->pending = 112;
    survey->running = 3;
    survey->deferred = 1;
    survey->error = 2;
    survey->lanes[1] = 12;
    survey->lanes[2] = 100;
    survey->free_bytes = (int64_t)5 << 30;
    problems_add(&survey->problems, "pending/half.json", "incomplete: it ends too soon");
    overview->deferred[overview->deferred_count++] =
        (struct overview_job){ mem_strdup("later"), mem_strdup("crash: SIGSEGV in 'ocr'"),
                               1000000 + 125 * 1000 };
    overview->errors[overview->error_count++] = (struct overview_job){
        mem_strdup("bad"), mem_strdup("input: no video, and a text that is far too long for it"),
        1000000 - 3600 * 1000
    };
}

static void make_empty(struct survey *survey, struct overview *overview)
{
    (void)overview;
    *survey = make_survey();
}

static void make_paused(struct survey *survey, struct overview *overview)
{
    (void)overview;
    *survey = make_survey();
    add_beat(survey, "host.1.aaaaaaaa", "paused", "the disk is nearly full", "{\"free\":1}", true,
             1);
}

static const struct {
    const char *name;
    void (*make)(struct survey *survey, struct overview *overview);
    struct overview_look look;
    const char *wanted;
} pages[] = {
    { "busy, 80",
      make_busy,
      { 80, 0, false },
      "takeup: working, 112 jobs pending, 3 running, 1 deferred, 1 that cannot be taken\n"
      "(see below)\n"
      "\n"
      "Workers    beat    jobs     name\n"
      "  busy     0 s     3 of 4   host.1.aaaaaaaa\n"
      "  DEAD     2 h     0 of 2   host.2.bbbbbbbb\n"
      "\n"
      "Running, and the time that is left\n"
      "  clip                             ocr      [#####...............]  25%     90 s\n"
      "  日本語の長い名前のビデオファイ…  frames   [                    ]    ?         \n"
      "  evil\\x1b[31m\\nname               -        [####################] 100%  11574 d\n"
      "\n"
      "Jobs\n"
      "  normal 12   low 100   deferred 1   inbox 0   running 3   done 0   error 2\n"
      "  free 5.0 GiB\n"
      "\n"
      "Deferred: when they are due, and why\n"
      "  later                      in 2 min   crash: SIGSEGV in 'ocr'\n"
      "\n"
      "Last errors (takeup status NAME says what to do)\n"
      "  bad                        60 min ago input: no video, and a text that is far…\n"
      "\n"
      "Cannot be taken, and why\n"
      "  pending/half.json\n"
      "    incomplete: it ends too soon\n" },
    { "busy, 40",
      make_busy,
      { 40, 0, false },
      "takeup: working, 112 jobs pending, 3\n"
      "running, 1 deferred, 1 that cannot be\n"
      "taken (see below)\n"
      "\n"
      "Workers    beat    jobs     name\n"
      "  busy     0 s     3 of 4   host.1.aaaa…\n"
      "  DEAD     2 h     0 of 2   host.2.bbbb…\n"
      "\n"
      "Running, and the time that is left\n"
      "  clip             [#....]  25%     90 s\n"
      "  日本語の長い名…  [     ]    ?         \n"
      "  evil\\x1b[31m\\nn… [#####] 100%  11574 d\n"
      "\n"
      "Jobs\n"
      "  normal 12   low 100   deferred 1\n"
      "  inbox 0   running 3   done 0   error 2\n"
      "  free 5.0 GiB\n"
      "\n"
      "Deferred: when they are due, and why\n"
      "  later         in 2 min   crash: SIGSE…\n"
      "\n"
      "Last errors (takeup status NAME says wh…\n"
      "  bad           60 min ago input: no vi…\n"
      "\n"
      "Cannot be taken, and why\n"
      "  pending/half.json\n"
      "    incomplete: it ends too soon\n" },
    { "empty",
      make_empty,
      { 80, 0, true },
      "\033[1m\033[31mtakeup: NO LIVE WORKER, 0 jobs pending, 0 running; start one with: takeup "
      "worker" RESET "\n\033[1m\033[31m--spool /spool" RESET
      "\n\n\033[1mWorkers    beat    jobs     name" RESET "\n  none has ever beaten here" RESET
      "\n\n\033[1mJobs" RESET
      "\n  normal 0   deferred 0   inbox 0   running 0   done 0   error 0\n" },
    { "paused",
      make_paused,
      { 80, 0, false },
      "takeup: PAUSED (the disk is nearly full), 0 jobs pending, 0 running\n"
      "\nWorkers    beat    jobs     name\n"
      "  paused   1 s     0 of 1   host.1.aaaaaaaa\n"
      "    the disk is nearly full\n"
      "\nJobs\n  normal 0   deferred 0   inbox 0   running 0   done 0   error 0\n" },
    { "few rows",
      make_paused,
      { 80, 4, false },
      "takeup: PAUSED (the disk is nearly full), 0 jobs pending, 0 running\n"
      "\nWorkers    beat    jobs     name\n… 5 more lines\n" },
};

static char *draw(size_t i, const struct overview_look *look)
{
    struct survey survey;
    CLEANUP(overview_release) struct overview overview = { 0 };
    pages[i].make(&survey, &overview);
    char *text = overview_text("/spool", &survey, &overview, look);
    survey_release(&survey);
    return text;
}

static void test_pages(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(pages); i++) {
        CLEANUP(mem_free_text) char *text = draw(i, &pages[i].look);
        if (strcmp(text, pages[i].wanted) != 0)
            fail_msg("%s:\n%s", pages[i].name, text);
    }
}

static void test_every_width(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(pages); i++)
        for (int columns = OVERVIEW_COLUMNS_LEAST; columns <= 200; columns++) {
            const struct overview_look look = { columns, 0, false };
            CLEANUP(mem_free_text) char *text = draw(i, &look);
            char *rest = text, *line;
            while ((line = strsep(&rest, "\n")))
                if (width_text(line) > columns || strpbrk(line, "\033\r"))
                    fail_msg("%s at %d: '%s'", pages[i].name, columns, line);
        }
}

/* ---- what is gathered ---- */

static void put_error(const struct fixture *fixture, const char *name, int second)
{
    CLEANUP(mem_free_text) char *dir = mem_printf("error/%s", name);
    CLEANUP(mem_free_text) char *path = mem_printf("%s/result.json", dir);
    CLEANUP(mem_free_text)
    char *text = mem_printf("{\"name\":\"%s\",\"error\":{\"class\":\"input\",\"message\":\"m %s\"},"
                            "\"times\":{\"finished\":\"2026-01-31T14:03:%02d.000Z\"}}",
                            name, name, second);
    assert_int_equal(mkdirat(spool_root(fixture->spool), dir, 0700), 0);
    fixture_drop(fixture, path, text);
}

static int64_t changed_ms(const struct fixture *fixture, const char *path)
{
    struct stat st;
    assert_int_equal(fstatat(spool_root(fixture->spool), path, &st, 0), 0);
    return fs_ctime_ms(&st);
}

/* The order is that of the filesystem's clock, which is coarse. */
static void wait_for_the_next_tick(const struct fixture *fixture, const char *name)
{
    CLEANUP(mem_free_text) char *dir = mem_printf("error/%s", name);
    do
        fixture_drop(fixture, "tmp/clock", "x");
    while (changed_ms(fixture, "tmp/clock") <= changed_ms(fixture, dir));
}

static void test_takes(void **state)
{
    const struct fixture *fixture = *state;
    CLEANUP(overview_release) struct overview overview = { 0 };
    char name[8];
    for (int i = 0; i < OVERVIEW_JOBS + 2; i++) {
        name[0] = (char)('a' + i);
        name[1] = '\0';
        put_error(fixture, name, i);
        wait_for_the_next_tick(fixture, name);
    }
    assert_int_equal(mkdirat(spool_root(fixture->spool), "error/nothing", 0700), 0);
    assert_int_equal(mkdirat(spool_root(fixture->spool), "deferred/late@99@0123456789abcdef", 0700),
                     0);
    fixture_drop(fixture, "deferred/late@99@0123456789abcdef/attempts.jsonl",
                 "{\"event\":\"end\",\"message\":\"first\"}\n"
                 "{\"event\":\"end\",\"message\":\"second\"}\n{\"event\":\"retried\"}\n");
    overview_take(fixture->spool, &overview);
    assert_int_equal(overview.error_count, OVERVIEW_JOBS);
    assert_string_equal(overview.errors[0].name, "nothing");
    assert_string_equal(overview.errors[0].why, "?: it has no record that can be read");
    assert_string_equal(overview.errors[1].name, "g");
    assert_string_equal(overview.errors[1].why, "input: m g");
    assert_string_equal(overview.errors[4].name, "d");
    assert_int_equal(overview.deferred_count, 1);
    assert_string_equal(overview.deferred[0].name, "late");
    assert_string_equal(overview.deferred[0].why, "second");
    assert_int_equal(overview.deferred[0].at_ms, 99000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_every_width),
        cmocka_unit_test_setup_teardown(test_takes, fixture_make, fixture_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
