#include "test.h"

#include "base/beneath.h"
#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* in/ is the directory that nothing leads out of. */
static const struct {
    const char *path;
    int found;  /* by the kernel */
    int walked; /* component by component */
} paths[] = {
    { "clip", 0, 0 },
    { "./clip", 0, 0 },
    { ".//sub/./clip", 0, 0 },
    { "sub/../clip", 0, 0 },
    { "sub/../sub/../clip", 0, 0 },
    { ".", 0, 0 },
    { "sub/..", 0, 0 },
    { "sub", 0, 0 },
    { "fifo", 0, 0 },
    { "", -ENOENT, -ENOENT },
    { "missing", -ENOENT, -ENOENT },
    { "missing/clip", -ENOENT, -ENOENT },
    { "clip/inside", -ENOTDIR, -ENOTDIR },
    { "..", -EXDEV, -EXDEV },
    { "../out", -EXDEV, -EXDEV },
    { "../in/clip", -EXDEV, -EXDEV },
    { "sub/../../out", -EXDEV, -EXDEV },
    { "sub/../../in/clip", -EXDEV, -EXDEV },
    { "/", -EXDEV, -EXDEV },
    { "/etc/passwd", -EXDEV, -EXDEV },
    { "link-in", 0, -EOPNOTSUPP },
    { "sub/link-up", 0, -EOPNOTSUPP },
    { "link-dir/clip", 0, -EOPNOTSUPP },
    { "link-out", -EXDEV, -EOPNOTSUPP },
    { "link-absolute", -EXDEV, -EOPNOTSUPP },
    { "link-dir-out/passwd", -EXDEV, -EOPNOTSUPP },
    { "sub/link-far-up", -EXDEV, -EOPNOTSUPP },
    { "loop", -ELOOP, -EOPNOTSUPP },
};

static void make_links(int in_fd)
{
    static const char *const links[][2] = {
        { "clip", "link-in" },
        { "../clip", "sub/link-up" },
        { "sub", "link-dir" },
        { "../out", "link-out" },
        { "/etc/passwd", "link-absolute" },
        { "/etc", "link-dir-out" },
        { "../../out", "sub/link-far-up" },
        { "loop", "loop" },
    };
    for (size_t i = 0; i < COUNT(links); i++)
        assert_int_equal(symlinkat(links[i][0], in_fd, links[i][1]), 0);
}

static int open_tree(const char *dir)
{
    struct err err = { 0 };
    CLEANUP(fs_close) int outer = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(outer, "in", 0700), 0);
    assert_int_equal(mkdirat(outer, "in/sub", 0700), 0);
    assert_ok(fs_write_file(outer, "out", "secret", 6, 0, &err), err);
    assert_ok(fs_write_file(outer, "in/clip", "x", 1, 0, &err), err);
    assert_ok(fs_write_file(outer, "in/sub/clip", "x", 1, 0, &err), err);
    assert_int_equal(mkfifoat(outer, "in/fifo", 0600), 0);
    int in_fd = openat(outer, "in", O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(in_fd >= 0);
    make_links(in_fd);
    return in_fd;
}

static bool has_openat2(int in_fd)
{
    CLEANUP(fs_close) int fd = -1;
    return beneath_find(in_fd, "link-in", &fd) == 0;
}

static void test_nothing_leads_out(void **state)
{
    (void)state;
    CLEANUP(test_remove_dir) char *dir = test_make_dir();
    CLEANUP(fs_close) int in_fd = open_tree(dir);
    bool by_kernel = has_openat2(in_fd); /* not in valgrind */
    for (size_t i = 0; i < COUNT(paths); i++) {
        CLEANUP(fs_close) int found = -1;
        CLEANUP(fs_close) int walked = -1;
        int r = beneath_find(in_fd, paths[i].path, &found);
        if (r != (by_kernel ? paths[i].found : paths[i].walked) || (found >= 0) != (r == 0))
            fail_msg("row %zu '%s': found %d", i, paths[i].path, r);
        r = beneath_walk(in_fd, paths[i].path, &walked);
        if (r != paths[i].walked || (walked >= 0) != (r == 0))
            fail_msg("row %zu '%s': walked %d", i, paths[i].path, r);
        struct stat a, b;
        if (r == 0 && paths[i].found == 0 &&
            (fstat(found, &a) < 0 || fstat(walked, &b) < 0 || a.st_ino != b.st_ino))
            fail_msg("row %zu '%s': two files", i, paths[i].path);
    }
}

/* What is opened is what was found, though its name is another's by now. */
static void test_what_was_found_is_opened(void **state)
{
    (void)state;
    CLEANUP(test_remove_dir) char *dir = test_make_dir();
    CLEANUP(fs_close) int in_fd = open_tree(dir);
    CLEANUP(fs_close) int found = -1;
    CLEANUP(fs_close) int fd = -1;
    char byte;
    assert_int_equal(beneath_find(in_fd, "clip", &found), 0);
    assert_int_equal(renameat(in_fd, "link-out", in_fd, "clip"), 0);
    assert_int_equal(read(found, &byte, 1), -1);
    assert_int_equal(errno, EBADF);
    assert_int_equal(beneath_open(found, &fd), 0);
    assert_int_equal(read(fd, &byte, 1), 1);
    assert_int_equal(byte, 'x');
    assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
    assert_int_equal(fcntl(found, F_GETFD), FD_CLOEXEC);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_leads_out),
        cmocka_unit_test(test_what_was_found_is_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
