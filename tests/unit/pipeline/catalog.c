#include "fakes.h"

#include "pipeline/child.h"
#include "pipeline/probe.h"

#include <signal.h>

static char *plugin_path(const char *name)
{
    const char *build = getenv("BUILD");
    return mem_printf("%s/tests/fixtures/plugins/%s.so", build ? build : "build/plain", name);
}

static void link_plugin(const char *dir, const char *name)
{
    CLEANUP(mem_free_text) char *from = plugin_path(name);
    CLEANUP(mem_free_text) char *to = mem_printf("%s/%s.so", dir, name);
    CLEANUP(mem_free_text) char *real = realpath(from, NULL);
    if (!real || symlink(real, to) < 0)
        fail_msg("no plugin %s", from);
}

static const struct {
    const char *name, *off; /* how `off` begins; NULL: it is on */
} plugins[] = {
    { "yolo_tracker", NULL },
    { "crashes", "the process that tried to load it " }, /* a sanitizer changes how it dies */
    { "exits", "it ends the process that loads it" },
    { "new_abi", "it was built for version 3 of step.h, this program has version 2" },
    { "old_abi", "it was built for version 0 of step.h, this program has version 2" },
    { "unresolved", "it cannot be loaded: " },
    { "mock_detector", NULL },
    { "no_plugin", "it exports no 'takeup_plugin'" },
    { "bad_table", "step 'bad_step': parameter 'depth' lies outside its structure" },
    { "threads", "it starts a thread when it is loaded" },
    { "missing", "it cannot be loaded: " },
};

static void test_probe(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(plugins); i++) {
        CLEANUP(mem_free_text) char *path = plugin_path(plugins[i].name);
        CLEANUP(probe_release) struct probe probe = { 0 };
        struct err err = { 0 };
        assert_ok(probe_plugin(path, 60 * 1000, &probe, &err), err);
        if (!probe.off != !plugins[i].off ||
            (probe.off && !str_has_prefix(probe.off, plugins[i].off)))
            fail_msg("row %zu %s: %s", i, plugins[i].name, probe.off ? probe.off : "is on");
    }
}

/* However short the time, one that never comes back is off. */
static void test_a_plugin_that_hangs_is_off(void **state)
{
    (void)state;
    CLEANUP(mem_free_text) char *path = plugin_path("hangs");
    CLEANUP(probe_release) struct probe probe = { 0 };
    struct err err = { 0 };
    assert_ok(probe_plugin(path, 200, &probe, &err), err);
    assert_string_equal(probe.off, "the process that tried to load it did not end within 0.2 s");
}

static void answer_long(void *arg, struct str *answer)
{
    for (int i = 0; i < *(int *)arg; i++)
        str_add(answer, "0123456789");
}

static void answer_die(void *arg, struct str *answer)
{
    (void)arg;
    (void)answer;
    (void)raise(SIGKILL);
}

static void answer_leave(void *arg, struct str *answer)
{
    (void)arg;
    (void)answer;
    _exit(3);
}

static void test_child(void **state)
{
    (void)state;
    int many = 50 * 1000; /* more than a pipe holds */
    CLEANUP(mem_free_text) char *answer = NULL;
    struct err err = { 0 };
    assert_ok(child_ask(answer_long, &many, 60 * 1000, &answer, &err), err);
    assert_int_equal(strlen(answer), 10 * many);
    char *none = NULL;
    assert_true(child_ask(answer_die, NULL, 60 * 1000, &none, &err) < 0);
    assert_string_equal(err.text, "died of signal 9 (Killed)");
    assert_true(child_ask(answer_leave, NULL, 60 * 1000, &none, &err) < 0);
    assert_string_equal(err.text, "ended with status 3");
    assert_null(none);
}

static void test_catalog_knows_names_and_loads_late(void **state)
{
    (void)state;
    char *dir = test_make_dir();
    link_plugin(dir, "yolo_tracker");
    link_plugin(dir, "crashes");
    link_plugin(dir, "threads");
    struct catalog *catalog = NULL;
    struct err err = { 0 };
    assert_ok(catalog_new(fake_steps, dir, &catalog, &err), err);

    assert_string_equal(catalog_plugin_at(catalog, 0)->name, "crashes");
    assert_non_null(catalog_plugin_at(catalog, 0)->off);
    assert_string_equal(catalog_plugin_at(catalog, 2)->version, "0-mock");
    assert_null(catalog_plugin_at(catalog, 3));
    assert_non_null(catalog_plugin_of(catalog, "threaded")->off);
    assert_string_equal(catalog_plugin_of(catalog, "crashes")->name, "crashes");
    assert_null(catalog_plugin_of(catalog, "source"));
    assert_null(catalog_plugin_of(catalog, "yolo_tracker")->off);
    assert_string_equal(catalog_plugin_of(catalog, "yolo_tracker")->steps[0], "yolo_tracker");

    size_t builtins = COUNT(fake_steps) - 1;
    assert_null(catalog_find(catalog, "yolo_tracker"));
    assert_null(catalog_step_at(catalog, builtins));
    assert_ok(catalog_load_plugins(catalog, &err), err);
    assert_ok(catalog_load_plugins(catalog, &err), err);
    assert_non_null(catalog_find(catalog, "yolo_tracker"));
    assert_null(catalog_find(catalog, "threaded"));
    assert_ptr_equal(catalog_step_at(catalog, builtins), catalog_find(catalog, "yolo_tracker"));
    assert_null(catalog_step_at(catalog, builtins + 1));
    catalog_free(&catalog);
    test_remove_dir(&dir);
}

static int late_loads; /* how often they were asked for */
static bool late_fails;

static int late_load(const struct takeup_step *const **ret_steps, struct err *err)
{
    late_loads++;
    if (late_fails)
        return err_set(err, ERR_MISSING, 0, "no such library");
    *ret_steps = fake_steps;
    return 0;
}

static const char *const late_names[] = { "source", "yolo_tracker", NULL };
static const struct catalog_late late = { late_names, late_load };

static void test_builtins_that_come_late(void **state)
{
    (void)state;
    struct catalog *catalog = NULL;
    struct err err = { 0 };
    late_loads = 0;
    late_fails = true;
    assert_ok(catalog_new_late(&late, NULL, &catalog, &err), err);
    assert_int_equal(late_loads, 0);
    assert_null(catalog_find(catalog, "source"));
    assert_null(catalog_step_at(catalog, 0));
    assert_true(catalog_load_builtins(catalog, &err) < 0);
    assert_int_equal(err.kind, ERR_MISSING);
    late_fails = false;
    assert_ok(catalog_load_builtins(catalog, &err), err);
    assert_ok(catalog_load_builtins(catalog, &err), err);
    assert_int_equal(late_loads, 2);
    assert_ptr_equal(catalog_find(catalog, "source"), fake_steps[0]);
    catalog_free(&catalog);
}

/* Known by name before they are loaded. */
static void test_a_plugin_cannot_bring_a_late_builtin(void **state)
{
    (void)state;
    char *dir = test_make_dir();
    link_plugin(dir, "yolo_tracker");
    struct catalog *catalog = NULL;
    struct err err = { 0 };
    late_loads = 0;
    assert_ok(catalog_new_late(&late, dir, &catalog, &err), err);
    assert_non_null(strstr(catalog_plugin_at(catalog, 0)->off, "is built in already"));
    assert_int_equal(late_loads, 0);
    catalog_free(&catalog);
    test_remove_dir(&dir);
}

static const char *const noop_is_late[] = { "noop", NULL };
static const struct catalog_late with_noop = { noop_is_late, late_load };

static const struct {
    const struct catalog_late *late;
    const char *use;
    int loads;
    const char *wrong;
} late_uses[] = {
    { &late, "noop", 0, NULL },
    { &late, "source", 1, NULL },
    { &late, "nonesuch", 1, "there are: source" },
    /* The plugin is off since the step is built in: that must not keep it from being loaded. */
    { &with_noop, "noop", 1, "which is off" },
};

static void test_builtins_are_loaded_for_who_needs_them(void **state)
{
    (void)state;
    late_fails = false;
    for (size_t i = 0; i < COUNT(late_uses); i++) {
        char *dir = test_make_dir();
        link_plugin(dir, "noop");
        CLEANUP(mem_free_text)
        char *text = mem_printf("id: t\nsteps:\n  - {id: a, use: %s}\n", late_uses[i].use);
        CLEANUP(mem_free_text) char *path = mem_printf("%s/t.yaml", dir);
        struct err err = { 0 };
        assert_ok(fs_write_file(AT_FDCWD, path, text, strlen(text), FS_NEW, &err), err);
        struct catalog *catalog = NULL;
        assert_ok(catalog_new_late(late_uses[i].late, dir, &catalog, &err), err);
        late_loads = 0;
        int r = pipeline_validate_file(path, catalog, &err);
        if (late_loads != late_uses[i].loads || (r < 0) != (late_uses[i].wrong != NULL) ||
            (r < 0 && !strstr(err.text, late_uses[i].wrong)))
            fail_msg("row %zu: %d loads, %s", i, late_loads, err.text);
        catalog_free(&catalog);
        test_remove_dir(&dir);
    }
}

static void test_two_that_bring_the_same(void **state)
{
    (void)state;
    char *dir = test_make_dir();
    link_plugin(dir, "yolo_tracker");
    CLEANUP(mem_free_text) char *from = mem_printf("%s/yolo_tracker.so", dir);
    CLEANUP(mem_free_text) char *to = mem_printf("%s/z.so", dir);
    CLEANUP(mem_free_text) char *real = realpath(from, NULL);
    assert_int_equal(symlink(real, to), 0);
    struct catalog *catalog = NULL;
    struct err err = { 0 };
    assert_ok(catalog_new(fake_steps, dir, &catalog, &err), err);
    assert_null(catalog_plugin_at(catalog, 0)->off);
    assert_non_null(strstr(catalog_plugin_at(catalog, 1)->off, "comes from '"));
    catalog_free(&catalog);
    test_remove_dir(&dir);
}

static void test_a_directory_that_is_not_there(void **state)
{
    (void)state;
    struct catalog *catalog = NULL;
    struct err err = { 0 };
    assert_ok(catalog_new(fake_steps, "/nonexistent/plugins", &catalog, &err), err);
    assert_null(catalog_plugin_at(catalog, 0));
    assert_string_equal(catalog_plugin_dir(catalog), "/nonexistent/plugins");
    catalog_free(&catalog);
}

#define TRACKED                                                                                    \
    "id: tracked\nsteps:\n  - {id: a, use: source}\n"                                              \
    "  - {id: objects, use: yolo_tracker, needs: [a]"

static const struct {
    const char *plugin, *text; /* plugin NULL: an empty directory */
    enum err_kind kind;
    const char *wrong, *hint;
} tracked[] = {
    { "yolo_tracker", TRACKED "}\n", ERR_NONE, NULL, NULL },
    { "yolo_tracker", TRACKED ", with: {confidence: 2}}\n", ERR_CONFIG,
      ":4:69: step 'objects': 'confidence': expected a value from 0 to 1, found 2", "" },
    { NULL, TRACKED "}\n", ERR_MISSING, ":4:24: step 'objects': there is no step 'yolo_tracker'",
      "install the plugin that brings 'yolo_tracker': put its .so file into '" },
    { "threads",
      "id: t\nsteps:\n  - {id: a, use: source}\n  - {id: b, use: threaded, needs: [a]}\n",
      ERR_MISSING, "which is off: it starts a thread when it is loaded", "mend or replace '" },
};

static void test_pipelines_with_a_plugin(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(tracked); i++) {
        char *dir = test_make_dir();
        if (tracked[i].plugin)
            link_plugin(dir, tracked[i].plugin);
        struct fixture fixture;
        fixture_make(&fixture, "t.yaml", tracked[i].text, dir);
        const struct pipeline *pipeline = pipelines_at(fixture.pipelines, 0);
        const struct err *broken = pipeline->broken;
        if ((broken ? broken->kind : ERR_NONE) != tracked[i].kind ||
            (broken && (!strstr(broken->text, tracked[i].wrong) ||
                        !str_has_prefix(broken->hint, tracked[i].hint))))
            fail_msg("row %zu: %s (%s)", i, broken ? broken->text : "is fine",
                     broken ? broken->hint : "");
        if (!tracked[i].plugin && !strstr(broken->text, dir))
            fail_msg("row %zu does not say where: %s", i, broken->text);
        if (catalog_find(fixture.catalog, "yolo_tracker"))
            fail_msg("row %zu: the plugin's code is in this process", i);
        struct plan *plan = NULL;
        struct err err = { 0 };
        int r = pipeline_plan(fixture.pipelines, pipeline, NULL, &plan, &err);
        if ((r < 0) != (broken != NULL) || err.kind != tracked[i].kind)
            fail_msg("row %zu: plan: %d %s", i, r, err.text);
        fixture_end(&fixture);
        test_remove_dir(&dir);
    }
}

static const struct takeup_step unsound[] = {
    { .name = "A step", .help = "" },
    { .name = "s", .help = "", .gives = TAKEUP_PORT_FRAME, .pull = fake_pull },
    { .name = "s", .help = "", .gives = TAKEUP_PORT_FRAME, .pull = fake_pull, .flags = 3 },
    { .name = "s", .help = "", .gives = TAKEUP_PORT_COUNT, .pull = fake_pull, .flags = 1 },
    { .name = "s", .help = "", .gives = TAKEUP_PORT_FRAME, .flags = 1 },
    { .name = "s", .help = "", .pull = fake_pull, .flags = 1 },
    { .name = "s", .help = "", .takes = TAKEUP_PORT_FRAME, .pull = fake_pull, .flags = 1 },
    { .name = "s", .takes = TAKEUP_PORT_FRAME, .feed = fake_eater_feed, .flags = 1 },
    { .name = "s",
      .help = "",
      .takes = TAKEUP_PORT_FRAME,
      .feed = fake_eater_feed,
      .flags = 1,
      .params = fake_table,
      .params_size = 8 },
    { .name = "s",
      .help = "",
      .takes = TAKEUP_PORT_FRAME,
      .feed = fake_eater_feed,
      .flags = 1,
      .reserved = { [7] = 1 } },
};

static void test_unsound_steps(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(unsound); i++) {
        const struct takeup_step *const steps[] = { &unsound[i], NULL };
        struct catalog *catalog = NULL;
        struct err err = { 0 };
        if (catalog_new(steps, NULL, &catalog, &err) >= 0 || err.kind != ERR_BUG || catalog)
            fail_msg("row %zu: %s", i, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_child),
        cmocka_unit_test(test_probe),
        cmocka_unit_test(test_a_plugin_that_hangs_is_off),
        cmocka_unit_test(test_catalog_knows_names_and_loads_late),
        cmocka_unit_test(test_builtins_that_come_late),
        cmocka_unit_test(test_a_plugin_cannot_bring_a_late_builtin),
        cmocka_unit_test(test_builtins_are_loaded_for_who_needs_them),
        cmocka_unit_test(test_two_that_bring_the_same),
        cmocka_unit_test(test_a_directory_that_is_not_there),
        cmocka_unit_test(test_pipelines_with_a_plugin),
        cmocka_unit_test(test_unsound_steps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
