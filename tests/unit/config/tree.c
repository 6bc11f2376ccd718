#include "test.h"

#include "config/tree.h"

#include <string.h>

/* A row without `wrong` parses; else the error begins with it. */
static const struct {
    const char *text, *wrong;
} files[] = {
    { "a: 1\nb: [x, \"y\"]\n", NULL },
    { "", NULL },
    { "# only a comment\n", NULL },
    { "---\na: 1\n...\n", NULL },
    { "%YAML 1.1\n---\na: 1\n", NULL },
    { "\xEF\xBB\xBF"
      "a: 1\n",
      NULL },
    { "a: |\n  two\n  lines\n", NULL },
    { "a: 1\nb: 2\na: 3\n", "f.yaml:3:1: duplicate key 'a', first at line 1" },
    { "a: {b: 1, b: 2}\n", "f.yaml:1:11: duplicate key 'b'" },
    { "a: &x 1\n", "f.yaml:1:4: anchors" },
    { "a: &x [1]\n", "f.yaml:1:4: anchors" },
    { "a: &x {b: 1}\n", "f.yaml:1:4: anchors" },
    { "a: 1\nb: *x\n", "f.yaml:2:4: aliases" },
    { "a: !!str 1\n", "f.yaml:1:4: tags" },
    { "a: !x [1]\n", "f.yaml:1:4: tags" },
    { "%TAG ! tag:x,2000:\n---\na: 1\n", "f.yaml:1:1: %TAG" },
    { "a: 1\n---\nb: 2\n", "f.yaml:2:1: a second document" },
    { "a: 1\n...\nb: 2\n", "f.yaml:3:1: " },
    { "a: 1\n<<: {b: 2}\n", "f.yaml:2:1: merge keys" },
    { "? [a]\n: 1\n", "f.yaml:1:3: a key has to be a word" },
    { "a:\n\t- 1\n", "f.yaml:2:1: a tab" },
    { "a: [1, 2\n", "f.yaml:2:1: " },
    { "a: \"open\n", "f.yaml:2:1: " },
    { "a: b: c\n", "f.yaml:1:5: mapping values" },
    { "a: \"x\\0y\"\n", "f.yaml:1:4: a string may not hold" },
    { "a: 1\n\xC3\xA9 \xFF: 2\n", "f.yaml:2:3: not UTF-8" },
    { "a: \xC3", "f.yaml:1:4: not UTF-8" },
    { "a: 1\nb: \x01\n", "f.yaml:2:4: control characters" },
    { "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]", NULL },
    { "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
      "f.yaml:1:33: nested deeper than 32" },
};

static void test_yaml_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        CLEANUP(tree_free) struct tree *tree = NULL;
        struct err err = { 0 };
        const char *wrong = files[i].wrong;
        int r = tree_parse(files[i].text, strlen(files[i].text), "f.yaml", &tree, &err);
        if ((r < 0) != (wrong != NULL) || (r < 0) != !tree)
            fail_msg("row %zu '%s': %d %s", i, files[i].text, r, err.text);
        if (wrong && strncmp(err.text, wrong, strlen(wrong)) != 0)
            fail_msg("row %zu '%s': %s", i, files[i].text, err.text);
        if (wrong && err.kind != ERR_CONFIG)
            fail_msg("row %zu: kind %s", i, err_kind_name(err.kind));
    }
}

static const struct {
    const char *text;
    enum tree_type type;
} scalars[] = {
    { "5", TREE_INT },      { "-5", TREE_INT },          { "+5", TREE_INT },
    { "0o17", TREE_INT },   { "0x1F", TREE_INT },        { "007", TREE_INT },
    { "0o8", TREE_TEXT },   { "0x", TREE_TEXT },         { "1_000", TREE_TEXT },
    { "5.", TREE_REAL },    { ".5", TREE_REAL },         { "-1.5e3", TREE_REAL },
    { "1e3", TREE_REAL },   { ".", TREE_TEXT },          { "1e", TREE_TEXT },
    { "1.2.3", TREE_TEXT }, { ".inf", TREE_REAL },       { ".nan", TREE_REAL },
    { "inf", TREE_TEXT },   { "true", TREE_BOOL },       { "False", TREE_BOOL },
    { "yes", TREE_TEXT },   { "no", TREE_TEXT },         { "on", TREE_TEXT },
    { "null", TREE_NULL },  { "~", TREE_NULL },          { "", TREE_NULL },
    { "12:30", TREE_TEXT }, { "\"5\"", TREE_TEXT },      { "'true'", TREE_TEXT },
    { "\"\"", TREE_TEXT },  { "2026-01-31", TREE_TEXT },
};

static void test_scalars_follow_the_core_schema(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(scalars); i++) {
        CLEANUP(mem_free_text) char *text = mem_printf("a: %s\n", scalars[i].text);
        CLEANUP(tree_free) struct tree *tree = NULL;
        struct err err = { 0 };
        assert_ok(tree_parse_yaml(text, strlen(text), "f", &tree, &err), err);
        const struct tree_node *node = tree_get(tree_root(tree), "a");
        if (node->type != scalars[i].type)
            fail_msg("row %zu '%s': %s", i, scalars[i].text, tree_type_name(node->type));
    }
}

static void test_marks_and_order(void **state)
{
    (void)state;
    const char *text = "top:\n  - id: \xC3\xA9\n    x: [1, 22]\n";
    CLEANUP(tree_free) struct tree *tree = NULL;
    struct err err = { 0 };
    assert_ok(tree_parse_yaml(text, strlen(text), "f", &tree, &err), err);
    const struct tree_node *item = tree_get(tree_root(tree), "top")->items[0];
    assert_string_equal(item->keys[0]->text, "id");
    assert_string_equal(tree_get(item, "id")->text, "\xC3\xA9");
    const struct tree_node *last = tree_get(item, "x")->items[1];
    assert_int_equal(last->mark.line, 3);
    assert_int_equal(last->mark.column, 12);
    assert_null(tree_get(item, "y"));
    assert_null(tree_get(last, "x"));
    (void)tree_fail(tree, last, &err, "%s", "here");
    assert_string_equal(err.text, "f:3:12: here");
}

static const struct {
    const char *text, *wrong;
} json_files[] = {
    { "{\"a\": [1, 2.5, true, null, \"\\ud83d\\ude00\"]}", NULL },
    { "\xEF\xBB\xBF{}", NULL },
    { "{\"a\": 1,\n \"a\": 2}", "f.json:2:4: duplicate object key" },
    { "{\"a\": 1,\n \"b\" 2}", "f.json:2:6: " },
    { "{\"a\": x}", "f.json:1:7: " },
    { "{\"a\": 1", "f.json:1:8: the file ends too soon" },
    { "", "f.json:1:1: the file ends too soon" },
    { "{} {}", "f.json:1:4: " },
    { "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
      "f.json: nested deeper than 32" },
};

static void test_json_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(json_files); i++) {
        CLEANUP(tree_free) struct tree *tree = NULL;
        struct err err = { 0 };
        const char *wrong = json_files[i].wrong;
        int r = tree_parse(json_files[i].text, strlen(json_files[i].text), "f.json", &tree, &err);
        if ((r < 0) != (wrong != NULL) || (wrong && !strstr(err.text, wrong)))
            fail_msg("row %zu '%s': %d %s", i, json_files[i].text, r, err.text);
    }
}

static void test_read_bounds_the_size(void **state)
{
    (void)state;
    char *dir = test_make_dir();
    CLEANUP(mem_free_text) char *path = mem_printf("%s/big.yaml", dir);
    CLEANUP(mem_free_text) char *link = mem_printf("%s/link.yaml", dir);
    struct err err = { 0 };
    assert_ok(fs_write_file(AT_FDCWD, path, "a: 1\n", 5, FS_NEW, &err), err);
    assert_int_equal(symlink("big.yaml", link), 0);
    struct tree *tree = NULL;
    assert_ok(tree_read(link, &tree, &err), err);
    tree_free(&tree);
    assert_int_equal(truncate(path, TREE_BYTES_MAX + 1), 0);
    assert_true(tree_read(path, &tree, &err) < 0);
    assert_non_null(strstr(err.text, "big.yaml"));
    assert_null(tree);
    test_remove_dir(&dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_yaml_files),
        cmocka_unit_test(test_scalars_follow_the_core_schema),
        cmocka_unit_test(test_marks_and_order),
        cmocka_unit_test(test_json_files),
        cmocka_unit_test(test_read_bounds_the_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
