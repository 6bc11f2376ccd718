#include "fakes.h"

#include "pipeline/in_hand.h"
#include "pipeline/schedule.h"

#define HEAD "id: p\nsteps:\n"
#define STEP(rest) "  - {" rest "}\n"
#define SOURCE STEP("id: a, use: source, with: {tag: a}")

struct told {
    struct str log, progress;
    int dir_fd;
    bool notes_crops; /* while it runs */
};

static void told_log(void *arg, enum log_level level, const char *step, const char *text)
{
    struct told *told = arg;
    str_addf(&told->log, "%s %s: %s;", log_level_name(level), step, text);
}

static void told_progress(void *arg, const char *step, int64_t done_us, int64_t total_us)
{
    struct told *told = arg;
    str_addf(&told->progress, "%s %d/%d;", step, (int)done_us, (int)total_us);
    told->notes_crops |= faccessat(told->dir_fd, IN_HAND_FILE, F_OK, 0) == 0;
}

/* Runs the pipeline; *ret_body is the result, or NULL. */
static int run_text(const char *text, struct run *run, struct told *told, json_t **ret_body,
                    struct err *err)
{
    struct fixture fixture;
    fixture_make(&fixture, "f.yaml", text, NULL);
    const struct pipeline *pipeline = pipelines_at(fixture.pipelines, 0);
    if (pipeline->broken)
        fail_msg("%s", pipeline->broken->text);
    struct plan *plan = NULL;
    assert_ok(pipeline_plan(fixture.pipelines, pipeline, NULL, &plan, err), *err);
    CLEANUP(mem_free_text) char *out = test_make_dir();
    CLEANUP(fs_close) int dir_fd = open(out, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    told->dir_fd = dir_fd;
    *run = (struct run){ .input_fd = -1,
                         .input_name = "clip",
                         .output_dir = dir_fd,
                         .log = told_log,
                         .progress = told_progress,
                         .arg = told };
    int r = plan_run(plan, run, err);
    *ret_body = NULL;
    CLEANUP(mem_free_text) char *body = NULL;
    size_t len = 0;
    struct err none = { 0 };
    struct json_mark mark;
    if (fs_read_file(dir_fd, "result.json", 1 << 20, &body, &len, &none) == 0)
        assert_int_equal(json_parse(body, len, ret_body, &mark, &none), 1);
    test_remove_dir(&out);
    CLEANUP(mem_free_text) char *story = str_take(&fake_story);
    fixture_end(&fixture);
    str_add(&fake_story, story); /* fixture_end forgets it */
    return r;
}

/* What is done, in order, with all instances closed at the end, whatever fails. */
static const struct {
    const char *text, *failing;
    bool silent;
    const char *story;
    const char *failed_step; /* NULL: the run succeeds */
    enum err_kind kind;
    const char *wrong;
} runs[] = {
    { HEAD SOURCE, NULL, false, "open a;pull a;pull a;finish a;close a;", NULL, 0, NULL },
    { HEAD STEP("id: a, use: source, with: {tag: a, count: 0}"), NULL, false,
      "open a;finish a;close a;", NULL, 0, NULL },
    /* Depth first; finish and close in the order of the DAG and against it. */
    { HEAD STEP("id: b, use: filter, needs: [a], with: {tag: b}")
          SOURCE STEP("id: c, use: reader, needs: [b], with: {tag: c}"),
      NULL, false,
      "open a;open b;open c;pull a;feed b 0;feed c 0;pull a;feed b 1;feed c 1;"
      "finish a;finish b;finish c;close c;close b;close a;",
      NULL, 0, NULL },
    /* Fan-out, then fan-in: d has all its input before it finishes, held items too. */
    { HEAD STEP("id: a, use: source, with: {tag: a, count: 1}")
          STEP("id: b, use: filter, needs: [a], with: {tag: b, hold: true}")
              STEP("id: c, use: filter, needs: [a], with: {tag: c}")
                  STEP("id: d, use: reader, needs: [b, c], with: {tag: d}"),
      NULL, false,
      "open a;open b;open c;open d;pull a;feed b 0;feed c 0;feed d 0;"
      "finish a;finish b;feed d 0;finish c;finish d;close d;close c;close b;close a;",
      NULL, 0, NULL },
    /* Two sources take turns. */
    { HEAD SOURCE STEP("id: b, use: source, with: {tag: b, count: 1}"), NULL, false,
      "open a;open b;pull a;pull b;pull a;finish a;finish b;close b;close a;", NULL, 0, NULL },
    { HEAD SOURCE STEP("id: b, use: filter, needs: [a], with: {tag: b}"), "open a", false,
      "open a;close a;", "a", ERR_INPUT, "no luck with a" },
    { HEAD SOURCE STEP("id: b, use: filter, needs: [a], with: {tag: b}"), "open b", false,
      "open a;open b;close b;close a;", "b", ERR_INPUT, "no luck with b" },
    { HEAD SOURCE STEP("id: b, use: filter, needs: [a], with: {tag: b, hold: true}"), "pull a",
      false, "open a;open b;pull a;close b;close a;", "a", ERR_INPUT, "no luck with a" },
    { HEAD SOURCE STEP("id: b, use: filter, needs: [a], with: {tag: b}")
          STEP("id: c, use: filter, needs: [b], with: {tag: c}"),
      "feed c", false, "open a;open b;open c;pull a;feed b 0;feed c 0;close c;close b;close a;",
      "c", ERR_INPUT, "no luck with c" },
    { HEAD SOURCE STEP("id: b, use: filter, needs: [a], with: {tag: b, hold: true}"), "finish b",
      false, "open a;open b;pull a;feed b 0;pull a;feed b 1;finish a;finish b;close b;close a;",
      "b", ERR_INPUT, "no luck with b" },
    { HEAD SOURCE STEP("id: b, use: filter, needs: [a], with: {tag: b}"), "feed b", true,
      "open a;open b;pull a;feed b 0;close b;close a;", "b", ERR_BUG,
      "step 'b' (filter) failed in feed and did not say why" },
    { HEAD SOURCE STEP("id: b, use: looker, needs: [a], with: {tag: b}"), NULL, false,
      "open a;open b;pull a;feed b 0;close b;close a;", "b", ERR_BUG,
      "step 'b' (looker) emitted what it does not give" },
};

static void test_runs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(runs); i++) {
        struct run run;
        struct told told = { 0 };
        CLEANUP(json_drop) json_t *body = NULL;
        struct err err = { 0 };
        fake_failing = runs[i].failing;
        fake_silent = runs[i].silent;
        int r = run_text(runs[i].text, &run, &told, &body, &err);
        const char *failed = runs[i].failed_step;
        if (strcmp(str_text(&fake_story), runs[i].story) != 0)
            fail_msg("row %zu: %s", i, str_text(&fake_story));
        if ((r < 0) != (failed != NULL) || (r < 0) == (body != NULL) ||
            strcmp(run.failed_step, failed ? failed : "") != 0)
            fail_msg("row %zu: %d '%s' %s", i, r, run.failed_step, err.text);
        if (failed && (err.kind != runs[i].kind || strcmp(err.text, runs[i].wrong) != 0))
            fail_msg("row %zu: %s: %s", i, err_kind_name(err.kind), err.text);
        if (failed && err.kind == ERR_INPUT && strcmp(err.hint, "try another") != 0)
            fail_msg("row %zu: hint '%s'", i, err.hint);
        if (fake_alive != 0)
            fail_msg("row %zu: %d items are left", i, fake_alive);
        str_release(&told.log);
        str_release(&told.progress);
        fakes_reset();
    }
}

static void test_result_and_progress(void **state)
{
    (void)state;
    struct run run;
    struct told told = { 0 };
    CLEANUP(json_drop) json_t *body = NULL;
    struct err err = { 0 };
    const char *text = HEAD SOURCE STEP("id: b, use: reader, needs: [a]");
    assert_ok(run_text(text, &run, &told, &body, &err), err);
    assert_string_equal(json_get_text(body, "text", ""), "text 0\ntext 1");
    assert_int_equal(json_array_size(json_object_get(body, "segments")), 2);
    assert_int_equal(json_array_size(json_object_get(body, "frames")), 2);
    assert_null(json_object_get(body, "boxes"));
    const json_t *usage = json_object_get(body, "usage");
    assert_int_equal(json_get_int(usage, "frames_decoded", -1), 4);
    assert_string_equal(str_text(&told.progress), "a 0/2;a 1/2;");
    str_release(&told.log);
    str_release(&told.progress);
    fakes_reset();
}

/* Which steps' segments are the result's: those of the step that says so, else of all. */
static const struct {
    const char *text;
    size_t segments;
} givers[] = {
    { HEAD SOURCE STEP("id: b, use: shy_reader, needs: [a]"), 2 },
    { HEAD SOURCE STEP("id: b, use: shy_reader, needs: [a]") STEP("id: c, use: reader, needs: [a]"),
      2 },
    { HEAD SOURCE STEP("id: b, use: shy_reader, needs: [a]")
          STEP("id: c, use: shy_reader, needs: [a]"),
      4 },
    { HEAD SOURCE, 0 },
    /* Who edits what others give has the last word. */
    { HEAD SOURCE STEP("id: c, use: editor, needs: [b]") STEP("id: b, use: reader, needs: [a]"),
      1 },
    { HEAD SOURCE STEP("id: b, use: reader, needs: [a]") STEP("id: c, use: editor, needs: [b]")
          STEP("id: d, use: editor, needs: [c]"),
      1 },
    { HEAD SOURCE STEP("id: b, use: reader, needs: [a]") STEP("id: c, use: reader, needs: [a]")
          STEP("id: d, use: editor, needs: [b, c]"),
      2 },
};

static void test_whose_segments(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(givers); i++) {
        struct run run;
        struct told told = { 0 };
        CLEANUP(json_drop) json_t *body = NULL;
        struct err err = { 0 };
        assert_ok(run_text(givers[i].text, &run, &told, &body, &err), err);
        size_t count = json_array_size(json_object_get(body, "segments"));
        if (count != givers[i].segments)
            fail_msg("row %zu: %zu segments", i, count);
        str_release(&told.progress);
        fakes_reset();
    }
}

/* Of the last step. */
static const struct {
    const char *text;
    int inputs;
} takers[] = {
    { HEAD SOURCE, 0 },
    { HEAD SOURCE STEP("id: b, use: reader, needs: [a]"), 1 },
    { HEAD SOURCE STEP("id: b, use: filter, needs: [a]") STEP("id: c, use: reader, needs: [a, b]"),
      2 },
};

static void test_a_step_knows_how_many_it_takes_from(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(takers); i++) {
        struct run run;
        struct told told = { 0 };
        CLEANUP(json_drop) json_t *body = NULL;
        struct err err = { 0 };
        assert_ok(run_text(takers[i].text, &run, &told, &body, &err), err);
        if (fake_inputs != takers[i].inputs)
            fail_msg("row %zu: %d", i, fake_inputs);
        str_release(&told.progress);
        fakes_reset();
    }
}

/* The file of what is in hand is made for those who may die over a crop, and for nobody else. */
static const struct {
    const char *text;
    bool notes_crops;
} noted[] = {
    { HEAD SOURCE STEP("id: b, use: reader, needs: [a]"), false },
    { HEAD SOURCE STEP("id: b, use: cutter, needs: [a]"), false },
    { HEAD SOURCE STEP("id: b, use: cutter, needs: [a]")
          STEP("id: c, use: crop_reader, needs: [b]"),
      true },
};

static void test_who_notes_crops(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(noted); i++) {
        struct run run;
        struct told told = { 0 };
        CLEANUP(json_drop) json_t *body = NULL;
        struct err err = { 0 };
        assert_ok(run_text(noted[i].text, &run, &told, &body, &err), err);
        if (told.notes_crops != noted[i].notes_crops)
            fail_msg("row %zu", i);
        str_release(&told.progress);
        fakes_reset();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs),
        cmocka_unit_test(test_result_and_progress),
        cmocka_unit_test(test_whose_segments),
        cmocka_unit_test(test_a_step_knows_how_many_it_takes_from),
        cmocka_unit_test(test_who_notes_crops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
