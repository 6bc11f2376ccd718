#include "fakes.h"

#include "pipeline/plan.h"

#define SOURCE "{id: a, use: source}"
#define STEPS(...) "id: p\nsteps: [" __VA_ARGS__ "]\n"

/* A row without `wrong` is fine; else the error has it, behind the file's name. */
static const struct {
    const char *text, *wrong;
    enum err_kind kind;
} files[] = {
    { STEPS(SOURCE), NULL, 0 },
    { STEPS("{id: b, use: reader, needs: [a]}, " SOURCE), NULL, 0 },
    { STEPS(SOURCE ", {id: b, use: filter, needs: [a]}, {id: c, use: reader, needs: [a, b]}"), NULL,
      0 },
    { STEPS("{id: a, use: source, with: }"), NULL, 0 },
    { "", ":1:1: the file is empty", ERR_CONFIG },
    { "- a\n", ":1:1: expected a map of keys, found a list", ERR_CONFIG },
    { "steps: [" SOURCE "]\n", ":1:1: the pipeline has no 'id'", ERR_CONFIG },
    { "id: p\n", ":1:1: the pipeline has no 'steps'", ERR_CONFIG },
    { "id: p\nsteps: []\n", ":2:8: 'steps' is empty", ERR_CONFIG },
    { "id: p\nsteps: {a: 1}\n", ":2:8: 'steps': expected a list, found a map", ERR_CONFIG },
    { "id: P\nsteps: [" SOURCE "]\n", ":1:5: the id 'P' has to be", ERR_CONFIG },
    { "id: 5\nsteps: [" SOURCE "]\n", ":1:5: 'id': expected a string", ERR_CONFIG },
    { "id: a123456789012345678901234567890123456789012345678901234567890123\nsteps: [" SOURCE "]",
      NULL, 0 },
    { "id: a1234567890123456789012345678901234567890123456789012345678901234\nsteps: [" SOURCE "]",
      ":1:5: the id ", ERR_CONFIG },
    { "id: p\nstep: [" SOURCE "]\n",
      ":2:1: unknown key 'step' (did you mean 'steps'?); there are: id, description, "
      "max_parallel, steps",
      ERR_CONFIG },
    { STEPS("x"), ":2:9: step 1: expected a map of keys, found a string", ERR_CONFIG },
    { STEPS("{id: a, uses: source}"), ":2:17: step 1: unknown key 'uses' (did you mean 'use'?)",
      ERR_CONFIG },
    { STEPS("{use: source}"), ":2:9: the step has no 'id'", ERR_CONFIG },
    { STEPS("{id: a b, use: source}"), ":2:14: the id 'a b' has to be", ERR_CONFIG },
    { STEPS("{id: a}"), ":2:9: step 'a' has no 'use'", ERR_CONFIG },
    { STEPS(SOURCE ", {id: a, use: source}"), ":2:36: two steps with the id 'a'", ERR_CONFIG },
    { STEPS("{id: a, use: sorce}"),
      ":2:22: step 'a': there is no step 'sorce' (did you mean "
      "'source'?); there are: source, filter",
      ERR_MISSING },
    { STEPS("{id: a, use: yolo_tracker}"),
      ":2:22: step 'a': there is no step 'yolo_tracker'; there are: ", ERR_MISSING },
    { STEPS("{id: a, use: source, with: {cuont: 1}}"),
      ":2:37: step 'a': unknown parameter 'cuont' (did you mean 'count'?); there are: tag, count",
      ERR_CONFIG },
    { STEPS("{id: a, use: source, with: {count: x}}"),
      ":2:44: step 'a': 'count': expected an integer, found a string", ERR_CONFIG },
    { STEPS("{id: a, use: source, with: {count: 10}}"), ":2:44: step 'a': 'count': expected a val",
      ERR_CONFIG },
    { STEPS("{id: a, use: source, with: [1]}"), ":2:36: step 'a': expected a map of parameters",
      ERR_CONFIG },
    { STEPS("{id: a, use: source, needs: [a]}"), ":2:37: step 'a' (source) is a source and takes",
      ERR_CONFIG },
    { STEPS(SOURCE ", {id: b, use: filter}"), ":2:31: step 'b' (filter) takes frame: its 'needs'",
      ERR_CONFIG },
    { STEPS(SOURCE ", {id: b, use: filter, needs: []}"), ":2:59: step 'b' (filter) takes frame",
      ERR_CONFIG },
    { STEPS(SOURCE ", {id: b, use: filter, needs: a}"), "'needs': expected a list of strings",
      ERR_CONFIG },
    { STEPS(SOURCE ", {id: bb, use: filter, needs: [bc]}"),
      ":2:61: step 'bb' needs 'bc', which is no step here (did you mean 'bb'?); there are: a, bb",
      ERR_CONFIG },
    { STEPS(SOURCE ", {id: b, use: filter, needs: [a, a]}"), ":2:63: step 'b' needs 'a' twice",
      ERR_CONFIG },
    { STEPS(SOURCE ", {id: b, use: writer, needs: [a]}"),
      ":2:60: step 'b' (writer) takes segments, but 'a' (source) gives frame", ERR_CONFIG },
    { STEPS(SOURCE ", {id: b, use: eater, needs: [a]}, {id: c, use: filter, needs: [b]}"),
      "step 'c' (filter) takes frame, but 'b' (eater) gives nothing", ERR_CONFIG },
    { STEPS("{id: b, use: filter, needs: [b]}"), "the pipeline has no source", ERR_CONFIG },
    { STEPS(SOURCE ", {id: b, use: filter, needs: [b]}"),
      ":2:59: the steps go in a circle: b needs b", ERR_CONFIG },
    { STEPS(SOURCE ", {id: b, use: filter, needs: [a, d]}, {id: c, use: filter, needs: [b]}, "
                   "{id: d, use: filter, needs: [c]}, {id: e, use: filter, needs: [d]}"),
      ": the steps go in a circle: b needs d needs c needs b", ERR_CONFIG },
    { STEPS(SOURCE ", {id: b, use: reader, needs: [a]}, {id: c, use: reader, needs: [a]}"),
      "two steps write 'segments' of the result: 'b' (reader) and 'c' (reader)", ERR_CONFIG },
    { STEPS(SOURCE ", {id: b, use: reader, needs: [a]}, {id: c, use: editor, needs: [b]}"), NULL,
      0 },
    { STEPS(SOURCE ", {id: b, use: reader, needs: [a]}, {id: c, use: editor, needs: [b]}, "
                   "{id: d, use: editor, needs: [b]}"),
      "two steps write 'segments' of the result: 'c' (editor) and 'd' (editor)", ERR_CONFIG },
    { STEPS(SOURCE ", {id: b, use: reader, needs: [a]}, {id: c, use: reader, needs: [a]}, "
                   "{id: d, use: editor, needs: [b]}"),
      "two steps write 'segments' of the result: 'c' (reader) and 'd' (editor)", ERR_CONFIG },
    { STEPS(SOURCE ", {id: b, use: reader, needs: [a]}, {id: c, use: text_writer, needs: [b]}"),
      "step 'c' (text_writer) writes 'text.txt', which the result has by itself", ERR_CONFIG },
    { "max_parallel: 1000\n" STEPS(SOURCE), NULL, 0 },
    { "max_parallel: 0\n" STEPS(SOURCE),
      ":1:15: 'max_parallel': expected a value from 1 to 1000, found 0", ERR_CONFIG },
    { "max_parallel: all\n" STEPS(SOURCE),
      ":1:15: 'max_parallel': expected an integer, found a str", ERR_CONFIG },
    { "id: p\nid: q\n", ":2:1: duplicate key 'id'", ERR_CONFIG },
};

static void test_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        struct fixture fixture;
        fixture_make(&fixture, "f.yaml", files[i].text, NULL);
        const struct pipeline *pipeline = pipelines_at(fixture.pipelines, 0);
        const struct err *broken = pipeline->broken;
        if (!broken != !files[i].wrong)
            fail_msg("row %zu: %s", i, broken ? broken->text : "is fine");
        if (broken && (!strstr(broken->text, files[i].wrong) || broken->kind != files[i].kind ||
                       !str_has_prefix(broken->text, pipeline->path)))
            fail_msg("row %zu: %s: %s", i, err_kind_name(broken->kind), broken->text);
        struct err err = { 0 };
        int r = pipeline_validate_file(pipeline->path, fixture.catalog, &err);
        if ((r < 0) != (broken != NULL) || (broken && strcmp(broken->text, err.text) != 0))
            fail_msg("row %zu: validate: %d %s", i, r, err.text);
        fixture_end(&fixture);
    }
}

static void test_json_and_links(void **state)
{
    (void)state;
    struct fixture fixture;
    const char *text = "{\"id\": \"j\", \"steps\": [{\"id\": \"a\", \"use\": \"source\", "
                       "\"with\": {\"count\": 3}}]}";
    fixture_make(&fixture, ".hidden", text, NULL);
    CLEANUP(mem_free_text) char *link = mem_printf("%s/j.json", fixture.dir);
    assert_int_equal(symlink(".hidden", link), 0);
    struct err err = { 0 };
    pipelines_free(&fixture.pipelines);
    assert_ok(pipelines_load(fixture.dir, fixture.catalog, &fixture.pipelines, &err), err);
    assert_null(pipelines_find(fixture.pipelines, "j")->broken);
    assert_null(pipelines_at(fixture.pipelines, 1));
    fixture_end(&fixture);
}

static void write_file(const char *dir, const char *name, const char *text)
{
    struct err err = { 0 };
    CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", dir, name);
    assert_ok(fs_write_file(AT_FDCWD, path, text, strlen(text), FS_NEW, &err), err);
}

static void test_a_broken_file_does_not_hide_the_others(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "z.yaml", STEPS(SOURCE), NULL);
    write_file(fixture.dir, "zz.yml", "id: p\ndescription: second\nsteps: [" SOURCE "]\n");
    write_file(fixture.dir, "bad.yaml", "id: [\n");
    write_file(fixture.dir, "notes.txt", "none of ours");
    struct err err = { 0 };
    pipelines_free(&fixture.pipelines);
    assert_ok(pipelines_load(fixture.dir, fixture.catalog, &fixture.pipelines, &err), err);

    assert_non_null(pipelines_find(fixture.pipelines, "bad")->broken);
    const struct pipeline *first = pipelines_find(fixture.pipelines, "p");
    assert_null(first->broken);
    assert_int_equal(strlen(first->hash), 16);
    const struct pipeline *second = pipelines_at(fixture.pipelines, 2);
    assert_string_equal(second->description, "second");
    assert_string_not_equal(second->hash, first->hash);
    assert_non_null(strstr(second->broken->text, "zz.yml:1:5: the id 'p' is that of '"));
    CLEANUP(mem_free_text) char *list = pipelines_list(fixture.pipelines);
    assert_string_equal(list, "bad, p");
    assert_null(pipelines_find(fixture.pipelines, "q"));
    fixture_end(&fixture);
}

static void test_max_parallel(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "f.yaml", STEPS(SOURCE), NULL);
    assert_int_equal(pipelines_at(fixture.pipelines, 0)->max_parallel, 0);
    fixture_end(&fixture);
    fixture_make(&fixture, "f.yaml", "max_parallel: 2\n" STEPS(SOURCE), NULL);
    assert_int_equal(pipelines_at(fixture.pipelines, 0)->max_parallel, 2);
    fixture_end(&fixture);
}

static void test_no_directory(void **state)
{
    (void)state;
    struct err err = { 0 };
    struct pipelines *pipelines = NULL;
    assert_true(pipelines_load("/nonexistent/pipelines", NULL, &pipelines, &err) < 0);
    assert_int_equal(err.kind, ERR_MISSING);
    assert_non_null(strstr(err.text, "'/nonexistent/pipelines'"));
}

static const struct {
    const char *params, *wrong; /* what plan says; NULL: fine */
    int warmed;                 /* again, because of the params */
} overrides[] = {
    { "{}", NULL, 0 },
    { "null", NULL, 0 },
    { "{\"a.count\": 3}", NULL, 1 },
    { "{\"a.count\": 3, \"b.words\": [\"x\"]}", NULL, 2 },
    { "{\"a.count\": 3, \"a.hold\": true}", NULL, 1 },
    { "[1]", "params: expected an object, found a list", 0 },
    { "{\"count\": 3}", "params \"count\": write it as \"STEP.PARAMETER\"; steps of 'p' are: a, b",
      0 },
    { "{\"c.count\": 3}", "params \"c.count\": the pipeline 'p' has no step 'c'; there are: a, b",
      0 },
    { "{\"a.cuont\": 3}",
      "params \"a.cuont\": step 'a': unknown parameter 'cuont' (did you mean 'count'?); there are: "
      "tag, count, words, hold",
      0 },
    { "{\"b.words\": 5}", "params \"b.words\": expected a list of strings, found an integer", 0 },
    { "{\"b.words\": [5]}", "params \"b.words\": expected a list of strings, found an integer in",
      0 },
    { "{\"a.count\": 3.5}", "params \"a.count\": expected an integer, found a number", 0 },
    { "{\"a.count\": 33}", "params \"a.count\": expected a value from 0 to 9, found 33", 0 },
    { "{\"a.hold\": null}", "params \"a.hold\": expected true or false, found nothing", 0 },
};

static void warm_told(void *arg, const struct pipeline *pipeline, const struct err *err)
{
    str_addf(arg, "%s: %s|%s", pipeline->id, err->text, err->hint);
}

static void test_params_of_a_job(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(overrides); i++) {
        struct fixture fixture;
        fixture_make(&fixture, "f.yaml", STEPS(SOURCE ", {id: b, use: reader, needs: [a]}"), NULL);
        struct str told = { 0 };
        pipelines_warm(fixture.pipelines, warm_told, &told);
        assert_int_equal(told.len, 0);
        assert_int_equal(fake_warmed, 2);
        CLEANUP(json_drop) json_t *params = json_loads(overrides[i].params, JSON_DECODE_ANY, NULL);
        const struct pipeline *pipeline = pipelines_find(fixture.pipelines, "p");
        struct plan *plan = NULL;
        struct err err = { 0 };
        int r = pipeline_plan(fixture.pipelines, pipeline, params, &plan, &err);
        if ((r < 0) != (overrides[i].wrong != NULL) || (r < 0 && err.kind != ERR_CONFIG) ||
            (r < 0 && !str_has_prefix(err.text, overrides[i].wrong)))
            fail_msg("row %zu: %d %s", i, r, err.text);
        if (r == 0 && fake_warmed != 2 + overrides[i].warmed)
            fail_msg("row %zu: warmed %d times", i, fake_warmed);
        fixture_end(&fixture);
    }
}

static void test_warm_that_fails_tells_why_and_again_in_the_job(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "f.yaml", STEPS("{id: a, use: source, with: {tag: m}}"), NULL);
    const char *why = "step 'a' (source): no model for m";
    CLEANUP(str_release) struct str told = { 0 };
    fake_failing = "warm";
    pipelines_warm(fixture.pipelines, warm_told, &told);
    CLEANUP(mem_free_text) char *expected = mem_printf("p: %s|install it", why);
    assert_string_equal(str_text(&told), expected);

    struct plan *plan = NULL;
    struct err err = { 0 };
    const struct pipeline *pipeline = pipelines_find(fixture.pipelines, "p");
    assert_true(pipeline_plan(fixture.pipelines, pipeline, NULL, &plan, &err) < 0);
    assert_string_equal(err.text, why);
    assert_string_equal(err.hint, "install it");
    assert_int_equal(err.kind, ERR_MISSING);
    fake_failing = NULL;
    assert_ok(pipeline_plan(fixture.pipelines, pipeline, NULL, &plan, &err), err);
    fixture_end(&fixture);
}

static void test_dot(void **state)
{
    (void)state;
    struct fixture fixture;
    fixture_make(&fixture, "f.yaml", STEPS(SOURCE ", {id: b, use: reader, needs: [a]}"), NULL);
    CLEANUP(mem_free_text) char *dot = NULL;
    struct err err = { 0 };
    const struct pipeline *pipeline = pipelines_find(fixture.pipelines, "p");
    assert_ok(pipeline_dot(fixture.pipelines, pipeline, &dot, &err), err);
    assert_int_equal(fake_warmed, 0);
    assert_string_equal(dot, "digraph \"p\" {\n  rankdir=LR;\n  node [shape=box];\n"
                             "  \"a\" [label=\"a\\nsource\"];\n  \"b\" [label=\"b\\nreader\"];\n"
                             "  \"a\" -> \"b\" [label=\"frame\"];\n}\n");
    fixture_end(&fixture);
}

/* Where only the first has to load something, one more is known to cost as much: of another plan,
 * and when a job's params have made it anew. */
static void test_what_one_more_would_take(void **state)
{
    (void)state;
    enum { FIRST_US = 20000 };
    struct fixture fixture;
    struct err err = { 0 };
    struct plan *plan = NULL;
    const char *text = "id: b\nsteps:\n  - {id: a, use: source}\n";
    CLEANUP(json_drop) json_t *params = json_pack("{s:i}", "a.count", 1);
    fixture_make(&fixture, "a.yaml", "id: a\nsteps:\n  - {id: a, use: source}\n", NULL);
    CLEANUP(mem_free_text) char *path = mem_printf("%s/b.yaml", fixture.dir);
    assert_ok(fs_write_file(AT_FDCWD, path, text, strlen(text), FS_NEW, &err), err);
    pipelines_free(&fixture.pipelines);
    assert_ok(pipelines_load(fixture.dir, fixture.catalog, &fixture.pipelines, &err), err);
    fake_first_us = FIRST_US;
    pipelines_warm(fixture.pipelines, NULL, NULL);
    for (size_t i = 0; i < 2; i++) {
        const struct pipeline *pipeline = pipelines_at(fixture.pipelines, i);
        assert_ok(pipeline_plan(fixture.pipelines, pipeline, params, &plan, &err), err);
        if (plan->nodes[0].warm_us < FIRST_US)
            fail_msg("pipeline %zu: %lld us", i, (long long)plan->nodes[0].warm_us);
    }
    assert_int_equal(fake_warmed, 4);
    fixture_end(&fixture);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_json_and_links),
        cmocka_unit_test(test_a_broken_file_does_not_hide_the_others),
        cmocka_unit_test(test_max_parallel),
        cmocka_unit_test(test_no_directory),
        cmocka_unit_test(test_params_of_a_job),
        cmocka_unit_test(test_warm_that_fails_tells_why_and_again_in_the_job),
        cmocka_unit_test(test_what_one_more_would_take),
        cmocka_unit_test(test_dot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
