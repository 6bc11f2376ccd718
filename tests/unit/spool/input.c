#include "test.h"

#include "spool/input.h"

#include <string.h>

static const struct {
    const char *path;
    int64_t settle_ms;
    int result;
    const char *told;
} inputs[] = {
    { "clip", 0, 1, "" },
    { "clip", 1, 1, "" },
    { "link", 0, 1, "" },
    { "missing", 0, 0, "No such file" },
    { "missing/clip", 0, 0, "No such file" },
    { "clip/inside", 0, 0, "Not a directory" },
    { "empty", 0, 0, "is empty" },
    { "dir", 0, -1, "is a directory" },
    { "fifo", 0, -1, "not a regular file" },
    { "/dev/null", 0, -1, "not a regular file" },
};

static void test_inputs(void **state)
{
    (void)state;
    struct err err = { 0 };
    CLEANUP(test_remove_dir) char *dir = test_make_dir();
    CLEANUP(fs_close) int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_ok(fs_write_file(root, "clip", "x", 1, 0, &err), err);
    assert_ok(fs_write_file(root, "empty", "", 0, 0, &err), err);
    assert_int_equal(mkdirat(root, "dir", 0700), 0);
    assert_int_equal(mkfifoat(root, "fifo", 0600), 0);
    assert_int_equal(symlinkat("clip", root, "link"), 0);
    for (size_t i = 0; i < COUNT(inputs); i++) {
        CLEANUP(fs_close) int fd = -1;
        struct fs_print print;
        err = (struct err){ 0 };
        int r =
            input_open(root, inputs[i].path, inputs[i].settle_ms, NULL, NULL, &fd, &print, &err);
        if ((r < 0 ? -1 : r) != inputs[i].result || !strstr(err.text, inputs[i].told))
            fail_msg("row %zu '%s': %d '%s'", i, inputs[i].path, r, err.text);
        if ((fd >= 0) != (r == 1) || (r == 1 && print.size_bytes != 1))
            fail_msg("row %zu '%s': descriptor %d", i, inputs[i].path, fd);
    }
}

/* Each look makes it grow, so it never settles. */
static void grow(void *arg)
{
    struct err err = { 0 };
    assert_ok(fs_write_file(*(int *)arg, "clip", "more", 4, FS_APPEND, &err), err);
}

static void test_growing(void **state)
{
    (void)state;
    struct err err = { 0 };
    CLEANUP(test_remove_dir) char *dir = test_make_dir();
    CLEANUP(fs_close) int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(fs_close) int fd = -1;
    struct fs_print print;
    grow(&root);
    assert_int_equal(input_open(root, "clip", 1000, grow, &root, &fd, &print, &err), 0);
    assert_non_null(strstr(err.text, "still changing"));
    CLEANUP(fs_close) int writer = openat(root, "clip", O_WRONLY | O_CLOEXEC);
    assert_true(writer >= 0);
    assert_int_equal(input_open(root, "clip", 0, NULL, NULL, &fd, &print, &err), 0);
    assert_non_null(strstr(err.text, "being written"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inputs),
        cmocka_unit_test(test_growing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
