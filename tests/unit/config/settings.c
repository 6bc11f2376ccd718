#include "test.h"

#include "base/str.h"
#include "config/settings.h"

#include <string.h>

static char *write_file(const char *dir, const char *name, const char *text)
{
    struct err err = { 0 };
    char *path = mem_printf("%s/%s", dir, name);
    assert_ok(fs_write_file(AT_FDCWD, path, text, strlen(text), 0, &err), err);
    return path;
}

/* Loads the weaker and the stronger file; NULL: it is not there. */
static int load(const char *dir, const char *weak, const char *strong, struct settings **settings,
                struct err *err)
{
    CLEANUP(mem_free_text) char *first = mem_printf("%s/weak.yaml", dir);
    CLEANUP(mem_free_text) char *second = mem_printf("%s/strong.yaml", dir);
    (void)unlink(first);
    (void)unlink(second);
    if (weak)
        free(write_file(dir, "weak.yaml", weak));
    if (strong)
        free(write_file(dir, "strong.yaml", strong));
    const struct settings_file files[] = { { first, true }, { second, true } };
    return settings_load(files, COUNT(files), settings, err);
}

static void test_defaults(void **state)
{
    (void)state;
    CLEANUP(test_remove_dir) char *dir = test_make_dir();
    static const char *const nothing[] = { NULL, "", "# a comment\n", "{}\n" };
    for (size_t i = 0; i < COUNT(nothing); i++) {
        CLEANUP(settings_free) struct settings *settings = NULL;
        struct err err = { 0 };
        assert_ok(load(dir, NULL, nothing[i], &settings, &err), err);
        const struct settings_values *values = settings_values(settings);
        assert_true(values->lease_s == 60 && values->settle_s == 2 && values->input_wait_s == 600);
        assert_true(values->timeout_s == 0 && values->stall_s == 300 && values->backoff_s == 10);
        assert_true(values->rescan_s == 0 && values->max_attempts == 3 && values->jobs == 1);
        assert_int_equal(values->threads, 0);
        assert_int_equal(values->min_free_bytes, (int64_t)256 << 20);
        assert_string_equal(values->durability, "full");
        assert_string_equal(values->default_pipeline, "ocr_only");
        assert_int_equal(values->input_roots.count, 0);
        assert_true(values->on_done.count == 0 && values->on_error.count == 0);
        assert_true(values->notify_timeout_s == 30);
        for (const struct key *key = settings_keys(); key->name; key++)
            assert_null(settings_origin(settings, key->name));
    }
}

static void test_the_stronger_file_wins_key_by_key(void **state)
{
    (void)state;
    CLEANUP(test_remove_dir) char *dir = test_make_dir();
    CLEANUP(settings_free) struct settings *settings = NULL;
    struct err err = { 0 };
    assert_ok(load(dir, "lease_s: 30\njobs: 4\nmin_free: 1GiB\n",
                   "# ours\njobs: 2\ndurability: none\nsettle_s: 0.5\n", &settings, &err),
              err);
    const struct settings_values *values = settings_values(settings);
    assert_true(values->lease_s == 30 && values->jobs == 2 && values->settle_s == 0.5);
    assert_int_equal(values->min_free_bytes, (int64_t)1 << 30);
    assert_string_equal(values->durability, "none");
    assert_true(str_has_suffix(settings_origin(settings, "lease_s"), "/weak.yaml:1"));
    assert_true(str_has_suffix(settings_origin(settings, "jobs"), "/strong.yaml:2"));
    assert_null(settings_origin(settings, "stall_s"));
}

static const struct {
    const char *text, *wrong;
} mistakes[] = {
    { "- 1\n", ":1:1: expected a map of settings, found a list" },
    { "lease: 60\n",
      ":1:1: unknown setting 'lease' (did you mean 'lease_s'?); there are: lease_s" },
    { "jobs: 2\nleese_s: 60\n", ":2:1: unknown setting 'leese_s' (did you mean 'lease_s'?)" },
    { "lease_s: 2\n", ":1:10: 'lease_s': expected a value from 3 to 86400, found 2" },
    { "lease_s: 60s\n", ":1:10: 'lease_s': expected a number, found a string ('60s')" },
    { "lease_s: \"60\"\n", ":1:10: 'lease_s': expected a number, found a string ('60'); write it" },
    { "lease_s:\n", ":1:9: 'lease_s': expected a number, found nothing" },
    { "settle_s: -1\n", ":1:11: 'settle_s': expected a value from 0 to 3600, found -1" },
    { "input_wait_s: [1]\n", ":1:15: 'input_wait_s': expected a number, found a list" },
    { "min_free: 256 apples\n",
      ":1:11: 'min_free': expected a size in bytes, or as 256MiB, found" },
    { "min_free: -1\n", ":1:11: 'min_free': expected a value from 0 to 1e+15, found -1" },
    { "min_free: 9000PB\n", ":1:11: 'min_free': expected a size" },
    { "min_free: 9000TB\n", ":1:11: 'min_free': expected a value from 0 to 1e+15, found 9e+15" },
    { "min_free: true\n", ":1:11: 'min_free': expected a size in bytes, or as 256MiB, found true" },
    { "max_attempts: 0\n", ":1:15: 'max_attempts': expected a value from 1 to 1000, found 0" },
    { "max_attempts: 2.5\n", ":1:15: 'max_attempts': expected an integer, found a number" },
    { "jobs: 0\n", ":1:7: 'jobs': expected a value from 1 to 1000, found 0" },
    { "jobs: 1001\n", ":1:7: 'jobs': expected a value from 1 to 1000, found 1001" },
    { "durability: some\n", ":1:13: 'durability': expected one of: full none; found 'some'" },
    { "durability: no\n", ":1:13: 'durability': expected one of: full none; found 'no'" },
    { "default_pipeline: 5\n", ":1:19: 'default_pipeline': expected a string, found an integer" },
    { "timeout_s: .inf\n", ":1:12: 'timeout_s': expected a finite number" },
    { "stall_s: never\n", ":1:10: 'stall_s': expected a number, found a string" },
    { "backoff_s: 86401\n", ":1:12: 'backoff_s': expected a value from 0 to 86400, found 86401" },
    { "rescan_s: 3601\n", ":1:11: 'rescan_s': expected a value from 0 to 3600, found 3601" },
    { "input_roots: /srv\n", ":1:14: 'input_roots': expected a list of strings, found a string" },
    { "input_roots: []\n", ":1:14: 'input_roots': expected 1 to 100 strings, found 0" },
    { "input_roots: [/srv, 5]\n", ":1:21: 'input_roots': expected" },
    { "jobs: 1\ninput_roots: [/srv, media]\n",
      ":2:14: 'input_roots': expected absolute paths, as /srv/videos, found 'media'" },
    { "on_done: /bin/true\n", ":1:10: 'on_done': expected a list of strings, found a string" },
    { "on_done: [true]\n", ":1:11: 'on_done': expected" },
    { "on_done: [mail, me]\n",
      ":1:10: 'on_done': expected the absolute path of a program first, as "
      "[/usr/local/bin/tell, --loud], found 'mail'" },
    { "jobs: 1\non_error: [./tell]\n", ":2:11: 'on_error': expected the absolute path" },
    { "on_error: [\"\"]\n", ":1:11: 'on_error': expected the absolute path" },
    { "notify_timeout_s: 0\n", ":1:19: 'notify_timeout_s': expected a value from 0.1 to 3600" },
    { "input_roots: [\"\"]\n", ":1:14: 'input_roots': expected absolute paths" },
    { "jobs: 1\njobs: 2\n", ":2:1: duplicate key 'jobs'" },
    { "jobs: &a 1\n", ":1:7: " },
    { "jobs: 1\n---\njobs: 2\n", ":2:" },
    { "jobs: [\n", ":2:1: " },
};

static void test_mistakes(void **state)
{
    (void)state;
    CLEANUP(test_remove_dir) char *dir = test_make_dir();
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        CLEANUP(settings_free) struct settings *settings = NULL;
        struct err err = { 0 };
        CLEANUP(mem_free_text)
        char *wanted = mem_printf("%s/weak.yaml%s", dir, mistakes[i].wrong);
        int r = load(dir, mistakes[i].text, "jobs: 2\n", &settings, &err);
        if (r >= 0 || settings || err.kind != ERR_CONFIG || !str_has_prefix(err.text, wanted))
            fail_msg("row %zu '%s': %d %s", i, mistakes[i].text, r, err.text);
    }
}

static const struct {
    const char *text;
    int64_t bytes;
} sizes[] = {
    { "0", 0 },
    { "4096", 4096 },
    { "\"4096\"", 4096 },
    { "1KiB", 1024 },
    { "1.5 GiB", (int64_t)3 << 29 },
    { "2TiB", (int64_t)2 << 40 },
    { "10kB", 10000 },
    { "10 MB", 10000000 },
    { "3GB", 3000000000 },
    { "1TB", 1000000000000 },
    { "7B", 7 },
};

static void test_sizes(void **state)
{
    (void)state;
    CLEANUP(test_remove_dir) char *dir = test_make_dir();
    for (size_t i = 0; i < COUNT(sizes); i++) {
        CLEANUP(settings_free) struct settings *settings = NULL;
        struct err err = { 0 };
        CLEANUP(mem_free_text) char *text = mem_printf("min_free: %s\n", sizes[i].text);
        int r = load(dir, text, NULL, &settings, &err);
        if (r < 0 || settings_values(settings)->min_free_bytes != sizes[i].bytes)
            fail_msg("row %zu '%s': %d %s", i, sizes[i].text, r, err.text);
    }
}

static void test_files_that_cannot_be_read(void **state)
{
    (void)state;
    CLEANUP(test_remove_dir) char *dir = test_make_dir();
    CLEANUP(mem_free_text) char *path = mem_printf("%s/named.yaml", dir);
    const struct settings_file named = { path, false }, optional = { path, true };
    CLEANUP(settings_free) struct settings *settings = NULL;
    struct err err = { 0 };
    assert_true(settings_load(&named, 1, &settings, &err) < 0);
    assert_int_equal(err.kind, ERR_MISSING);
    assert_non_null(strstr(err.text, "/named.yaml'"));

    /* Something is there, so somebody means something by it. */
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(settings_load(&optional, 1, &settings, &err) < 0);
    assert_non_null(strstr(err.text, "/named.yaml'"));
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_true(settings_load(&optional, 1, &settings, &err) < 0);
    assert_null(settings);
}

static void test_what_is_wrong_with_a_value_is_told_with_its_place(void **state)
{
    (void)state;
    CLEANUP(test_remove_dir) char *dir = test_make_dir();
    CLEANUP(settings_free) struct settings *settings = NULL;
    struct err err = { 0 };
    assert_ok(load(dir, "jobs: 1\ndefault_pipeline: x\n", NULL, &settings, &err), err);
    assert_true(settings_fail(settings, "default_pipeline", &err, "there is no '%s'", "x") < 0);
    assert_true(str_has_suffix(err.text, "/weak.yaml:2:19: 'default_pipeline': there is no 'x'"));
    assert_true(settings_fail(settings, "durability", &err, "no") < 0);
    assert_string_equal(err.text, "setting 'durability': no");
    assert_int_equal(err.kind, ERR_CONFIG);
}

static void test_as_json(void **state)
{
    (void)state;
    CLEANUP(test_remove_dir) char *dir = test_make_dir();
    CLEANUP(settings_free) struct settings *settings = NULL;
    CLEANUP(json_drop) json_t *all = json_object();
    struct err err = { 0 };
    assert_ok(load(dir, "jobs: 7\nbackoff_s: 2.5\n", NULL, &settings, &err), err);
    for (const struct key *key = settings_keys(); key->name; key++)
        json_set(all, key->name, settings_json(settings, key));
    assert_int_equal(json_get_int(all, "jobs", 0), 7);
    assert_true(json_get_real(all, "backoff_s", 0) == 2.5);
    assert_int_equal(json_get_int(all, "min_free", 0), 256 << 20);
    assert_string_equal(json_get_text(all, "durability", ""), "full");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_the_stronger_file_wins_key_by_key),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_files_that_cannot_be_read),
        cmocka_unit_test(test_what_is_wrong_with_a_value_is_told_with_its_place),
        cmocka_unit_test(test_as_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
