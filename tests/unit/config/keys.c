#include "test.h"

#include "config/keys.h"

#include <string.h>

struct values {
    bool deep;
    int64_t depth;
    double fps;
    int64_t from;
    const char *mode;
    struct key_strings formats, names;
    const struct tree_node *any;
    const char *model, *lexicon;
};

static const struct key table[] = {
    { "deep", KEY_BOOL, offsetof(struct values, deep), "true", 0, 0, NULL, "" },
    { "depth", KEY_INT, offsetof(struct values, depth), "3", 1, 9, NULL, "" },
    { "fps", KEY_REAL, offsetof(struct values, fps), "5", 0.01, 240, NULL, "" },
    { "from", KEY_TIME, offsetof(struct values, from), "0", 0, 36000, NULL, "" },
    { "mode", KEY_TEXT, offsetof(struct values, mode), "fast", 0, 0, "fast|good", "" },
    { "formats", KEY_STRINGS, offsetof(struct values, formats), "[srt]", 1, 2, "srt|vtt", "" },
    { "names", KEY_STRINGS, offsetof(struct values, names), NULL, 0, 0, NULL, "" },
    { "any", KEY_NODE, offsetof(struct values, any), NULL, 0, 0, NULL, "" },
    { "model", KEY_PATH, offsetof(struct values, model), "m.onnx", 0, 0, "/lib/plugins", "" },
    { "lexicon", KEY_PATH, offsetof(struct values, lexicon), NULL, 0, 0, NULL, "" },
    { 0 },
};

static const struct key_words words = { "x: ", "key" };

static int apply(const char *text, struct key_values *values, struct tree **tree, struct err *err)
{
    assert_ok(tree_parse_yaml(text, strlen(text), "f", tree, err), *err);
    return key_values_apply(values, *tree, tree_root(*tree), &words, err);
}

static void test_defaults_and_values(void **state)
{
    (void)state;
    CLEANUP(tree_free) struct tree *tree = NULL;
    CLEANUP(key_values_release) struct key_values values = { 0 };
    struct err err = { 0 };
    assert_ok(key_values_init(&values, table, sizeof(struct values), &err), err);
    const struct values *got = values.data;
    assert_true(got->deep && got->depth == 3 && got->fps == 5.0 && !got->any);
    assert_string_equal(got->mode, "fast");
    assert_int_equal(got->formats.count, 1);
    assert_int_equal(got->names.count, 0);

    const char *text = "deep: false\ndepth: 0x9\nfps: 2.5\nmode: good\nformats: [vtt, srt]\n"
                       "names: [no, \"5\"]\nany: {a: 1}\n";
    assert_ok(apply(text, &values, &tree, &err), err);
    assert_true(!got->deep && got->depth == 9 && got->fps == 2.5);
    assert_string_equal(got->mode, "good");
    assert_string_equal(got->formats.items[0], "vtt");
    assert_string_equal(got->names.items[1], "5");
    assert_null(got->names.items[2]);
    assert_int_equal(got->any->type, TREE_MAP);
}

static const struct {
    const char *text, *model, *lexicon;
} paths[] = {
    { "deep: true", "/lib/plugins/m.onnx", NULL },
    { "model: sub/other.onnx", "/lib/plugins/sub/other.onnx", NULL },
    { "model: /srv/m.onnx", "/srv/m.onnx", NULL },
    { "model: \"\"", "", NULL },
    { "lexicon: words.txt", "/lib/plugins/m.onnx", "words.txt" }, /* nowhere to lie in */
};

static void test_paths(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(paths); i++) {
        CLEANUP(tree_free) struct tree *tree = NULL;
        CLEANUP(key_values_release) struct key_values values = { 0 };
        struct err err = { 0 };
        assert_ok(key_values_init(&values, table, sizeof(struct values), &err), err);
        assert_ok(apply(paths[i].text, &values, &tree, &err), err);
        const struct values *got = values.data;
        if (strcmp(got->model, paths[i].model) != 0 || !got->lexicon != !paths[i].lexicon ||
            (got->lexicon && strcmp(got->lexicon, paths[i].lexicon) != 0))
            fail_msg("row %zu '%s': %s", i, paths[i].text, got->model);
    }
}

static const struct {
    const char *text, *wrong;
} mistakes[] = {
    { "[1]", "f:1:1: x: expected a map of keys, found a list" },
    { "depht: 1", "f:1:1: x: unknown key 'depht' (did you mean 'depth'?); there are: deep, depth" },
    { "zzz: 1", "f:1:1: x: unknown key 'zzz'; there are: deep" },
    { "deep: yes", "f:1:7: x: 'deep': expected true or false, found a string ('yes'); write true" },
    { "deep: 1", "f:1:7: x: 'deep': expected true or false, found an integer ('1')" },
    { "depth: 1.5", "f:1:8: x: 'depth': expected an integer, found a number ('1.5')" },
    { "depth: \"5\"",
      "f:1:8: x: 'depth': expected an integer, found a string ('5'); write it wit" },
    { "depth: 10", "f:1:8: x: 'depth': expected a value from 1 to 9, found 10" },
    { "depth: 99999999999999999999", "f:1:8: x: 'depth': '99999999999999999999' does not fit" },
    { "depth:", "f:1:7: x: 'depth': expected an integer, found nothing" },
    { "fps: 0", "f:1:6: x: 'fps': expected a value from 0.01 to 240, found 0" },
    { "fps: .nan", "f:1:6: x: 'fps': expected a finite number" },
    { "fps: -.inf", "f:1:6: x: 'fps': expected a finite number" },
    { "fps: 1e999", "f:1:6: x: 'fps': expected a finite number" },
    { "fps: [5]", "f:1:6: x: 'fps': expected a number, found a list" },
    { "from: -1", "f:1:7: x: 'from': expected a value from 0 to 36000, found -1" },
    { "from: 10:00:01", "f:1:7: x: 'from': expected a value from 0 to 36000, found 36001" },
    { "from: .inf", "f:1:7: x: 'from': expected a finite number" },
    { "from: 1:60", "f:1:7: x: 'from': expected a time in seconds, or as 0:01:30.5, found a string "
                    "('1:60')" },
    { "from: 1:60:00", "f:1:7: x: 'from': expected a time" },
    { "from: 1:2:3:4", "f:1:7: x: 'from': expected a time" },
    { "from: 1:-2", "f:1:7: x: 'from': expected a time" },
    { "from: \"1: 2\"", "f:1:7: x: 'from': expected a time" },
    { "from: 1:2x", "f:1:7: x: 'from': expected a time" },
    { "from: \"1:\"", "f:1:7: x: 'from': expected a time" },
    { "from: 2m", "f:1:7: x: 'from': expected a time" },
    { "from: \"\"", "f:1:7: x: 'from': expected a time" },
    { "from: [1]", "f:1:7: x: 'from': expected a time in seconds, or as 0:01:30.5, found a list" },
    { "mode: slow", "f:1:7: x: 'mode': expected one of: fast good; found 'slow'" },
    { "mode: fast|good", "f:1:7: x: 'mode': expected one of" },
    { "mode: fas", "f:1:7: x: 'mode': expected one of" },
    { "mode: 5", "f:1:7: x: 'mode': expected a string, found an integer ('5'); put it in quotes" },
    { "formats: srt",
      "f:1:10: x: 'formats': expected a list of strings, found a string ('srt'); " },
    { "formats: []", "f:1:10: x: 'formats': expected 1 to 2 strings, found 0" },
    { "formats: [srt, vtt, srt]", "f:1:10: x: 'formats': expected 1 to 2 strings, found 3" },
    { "formats: [srt, ass]", "f:1:16: x: 'formats': expected one of: srt vtt; found 'ass'" },
    { "names: [a, 5]", "f:1:12: x: 'names': expected a list of strings, found an integer in it" },
    { "model: 5", "f:1:8: x: 'model': expected the path of a file, found an integer ('5'); put" },
    { "names: {a: b}", "f:1:8: x: 'names': expected a list of strings, found a map" },
};

static void test_mistakes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(mistakes); i++) {
        CLEANUP(tree_free) struct tree *tree = NULL;
        CLEANUP(key_values_release) struct key_values values = { 0 };
        struct err err = { 0 };
        assert_ok(key_values_init(&values, table, sizeof(struct values), &err), err);
        int r = apply(mistakes[i].text, &values, &tree, &err);
        if (r >= 0 || strncmp(err.text, mistakes[i].wrong, strlen(mistakes[i].wrong)) != 0)
            fail_msg("row %zu '%s': %d %s", i, mistakes[i].text, r, err.text);
    }
}

static const struct {
    const char *text;
    int64_t us;
} times[] = {
    { "from: 0", 0 },
    { "from: 90", 90000000 },
    { "from: 1.5", 1500000 },
    { "from: \"7\"", 7000000 },
    { "from: 1:30", 90000000 },
    { "from: 00:01:30", 90000000 },
    { "from: 1:02:03.25", 3723250000 },
    { "from: 75:00", 4500000000 },
    { "from: 0:00.001", 1000 },
};

static void test_times(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(times); i++) {
        CLEANUP(tree_free) struct tree *tree = NULL;
        CLEANUP(key_values_release) struct key_values values = { 0 };
        struct err err = { 0 };
        assert_ok(key_values_init(&values, table, sizeof(struct values), &err), err);
        assert_ok(apply(times[i].text, &values, &tree, &err), err);
        const struct values *got = values.data;
        if (got->from != times[i].us)
            fail_msg("row %zu '%s': %jd", i, times[i].text, (intmax_t)got->from);
    }
}

static const struct key bad_defaults[][2] = {
    { { "a", KEY_INT, 0, "x", 0, 0, NULL, "" }, { 0 } },
    { { "a", KEY_INT, 0, "7", 1, 5, NULL, "" }, { 0 } },
    { { "a", KEY_TEXT, 0, "x", 0, 0, "y|z", "" }, { 0 } },
    { { "a", KEY_STRINGS, 0, "[", 0, 0, NULL, "" }, { 0 } },
};

static void test_a_default_that_does_not_fit_is_a_bug(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_defaults); i++) {
        struct key_values values = { 0 };
        struct err err = { 0 };
        int r = key_values_init(&values, bad_defaults[i], 16, &err);
        if (r >= 0 || err.kind != ERR_BUG || values.data)
            fail_msg("row %zu: %d %s", i, r, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults_and_values),
        cmocka_unit_test(test_paths),
        cmocka_unit_test(test_mistakes),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_a_default_that_does_not_fit_is_a_bug),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
