/* What is opened, read and removed, and what must never be. */
#include "test.h"

#include <errno.h>
#include <string.h>

static void make_kinds(int root)
{
    struct err err = { 0 };
    assert_ok(fs_write_file(root, "five", "12345", 5, 0, &err), err);
    assert_ok(fs_write_file(root, "empty", "", 0, 0, &err), err);
    assert_ok(fs_write_file(root, "nul", "a\0b", 3, 0, &err), err);
    assert_int_equal(symlinkat("five", root, "link"), 0);
    assert_int_equal(symlinkat("nowhere", root, "dangling"), 0);
    assert_int_equal(mkdirat(root, "dir", 0700), 0);
    assert_int_equal(mkfifoat(root, "fifo", 0600), 0);
    assert_ok(fs_write_file(root, "dir/inner", "x", 1, 0, &err), err);
    CLEANUP(fs_close) int large = openat(root, "large", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(ftruncate(large, 100000), 0);
}

static const struct {
    const char *name;
    size_t max;
    int result; /* the length, or a negative errno */
    enum err_kind kind;
} reads[] = {
    { "five", 5, 5, ERR_NONE },
    { "five", 4, -EFBIG, ERR_INPUT },
    { "five", 0, -EFBIG, ERR_INPUT },
    { "five", SIZE_MAX, 5, ERR_NONE },
    { "empty", 0, 0, ERR_NONE },
    { "nul", 10, 3, ERR_NONE },
    { "large", 100000, 100000, ERR_NONE },
    { "large", 99999, -EFBIG, ERR_INPUT },
    { "dir/inner", 1, 1, ERR_NONE },
    { "missing", 10, -ENOENT, ERR_MISSING },
    { "missing/inner", 10, -ENOENT, ERR_MISSING },
    { "five/inner", 10, -ENOTDIR, ERR_IO },
    { "link", 10, -ELOOP, ERR_IO },
    { "dangling", 10, -ELOOP, ERR_IO },
    { "dir", 10, -EINVAL, ERR_INPUT },
    { "fifo", 10, -EINVAL, ERR_INPUT },
    { "/dev/zero", 10, -EINVAL, ERR_INPUT },
    { "", 10, -ENOENT, ERR_MISSING },
};

static void test_read(void **state)
{
    (void)state;
    CLEANUP(test_remove_dir) char *dir = test_make_dir();
    CLEANUP(fs_close) int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    make_kinds(root);
    for (size_t i = 0; i < COUNT(reads); i++) {
        CLEANUP(mem_free_text) char *data = NULL;
        struct err err = { 0 };
        size_t len = 0;
        int r = fs_read_file(root, reads[i].name, reads[i].max, &data, &len, &err);
        if ((r < 0 ? r : (int)len) != reads[i].result || err.kind != reads[i].kind)
            fail_msg("row %zu '%s': %d %zu %s", i, reads[i].name, r, len, err.text);
        if (r < 0 ? !strstr(err.text, reads[i].name) || data : data[len] != '\0')
            fail_msg("row %zu '%s': '%s'", i, reads[i].name, err.text);
    }
}

/* What fstat said, and what the file holds by then. */
static const struct {
    off_t said;
    const char *holds;
} since[] = { { 0, "" }, { 0, "abc" }, { 3, "abc" }, { 3, "abcd" }, { 3, "a" }, { 3, "" } };

static void test_read_changed(void **state)
{
    (void)state;
    CLEANUP(test_remove_dir) char *dir = test_make_dir();
    CLEANUP(fs_close) int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < COUNT(since); i++) {
        CLEANUP(mem_free_text) char *data = NULL;
        CLEANUP(fs_close) int fd = -1;
        struct err err = { 0 };
        struct stat st;
        size_t len = 0;
        assert_ok(fs_write_file(root, "f", since[i].holds, strlen(since[i].holds), 0, &err), err);
        assert_ok(fs_open_file(root, "f", &fd, &st, &err), err);
        st.st_size = since[i].said;
        assert_ok(fs_read_open_file(fd, &st, "f", 99, &data, &len, &err), err);
        if (len != strlen(since[i].holds) || strcmp(data, since[i].holds) != 0)
            fail_msg("row %zu: '%s'", i, data);
    }
}

static const struct {
    const char *name;
    unsigned flags;
    int result;
    const char *after;
} writes[] = {
    { "new", FS_NEW | FS_SYNC, 0, "ab" },
    { "five", FS_NEW, -EEXIST, "12345" },
    { "five", FS_APPEND, 0, "12345ab" },
    { "five", 0, 0, "ab" },
    { "new", 0, 0, "ab" },
    { "dir", 0, -EISDIR, NULL },
    { "link", 0, -ELOOP, NULL },
    { "dangling", FS_NEW, -EEXIST, NULL },
    { "no/where", 0, -ENOENT, NULL },
};

static void test_write(void **state)
{
    (void)state;
    CLEANUP(test_remove_dir) char *dir = test_make_dir();
    CLEANUP(fs_close) int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    make_kinds(root);
    for (size_t i = 0; i < COUNT(writes); i++) {
        CLEANUP(mem_free_text) char *data = NULL;
        struct err err = { 0 };
        size_t len = 0;
        int r = fs_write_file(root, writes[i].name, "ab", 2, writes[i].flags, &err);
        if (r != writes[i].result)
            fail_msg("row %zu '%s': %d %s", i, writes[i].name, r, err.text);
        if (writes[i].after && (fs_read_file(root, writes[i].name, 99, &data, &len, &err) < 0 ||
                                strcmp(data, writes[i].after) != 0))
            fail_msg("row %zu '%s': holds '%s'", i, writes[i].name, data ? data : err.text);
    }
    assert_int_equal(fstatat(root, "nowhere", &(struct stat){ 0 }, 0), -1);
}

/* What a tree is made of, and what lies beside it and must stay. */
static void test_remove_tree(void **state)
{
    (void)state;
    CLEANUP(test_remove_dir) char *dir = test_make_dir();
    CLEANUP(fs_close) int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    struct err err = { 0 };
    make_kinds(root);
    assert_int_equal(mkdirat(root, "tree", 0700), 0);
    assert_int_equal(mkdirat(root, "tree/a", 0700), 0);
    assert_int_equal(mkdirat(root, "tree/a/b", 0700), 0);
    assert_ok(fs_write_file(root, "tree/a/b/.hidden", "x", 1, 0, &err), err);
    assert_int_equal(symlinkat("../../dir", root, "tree/a/dirlink"), 0);
    assert_int_equal(symlinkat("../five", root, "tree/filelink"), 0);
    assert_int_equal(symlinkat("..", root, "tree/up"), 0);
    assert_int_equal(mkfifoat(root, "tree/fifo", 0600), 0);
    assert_int_equal(linkat(root, "five", root, "tree/five", 0), 0);
    assert_ok(fs_remove_tree(root, "tree", &err), err);

    struct stat st;
    assert_int_equal(fstatat(root, "tree", &st, AT_SYMLINK_NOFOLLOW), -1);
    assert_int_equal(fstatat(root, "dir/inner", &st, 0), 0);
    assert_int_equal(fstatat(root, "five", &st, 0), 0);
    assert_int_equal(st.st_nlink, 1);

    assert_ok(fs_remove_tree(root, "tree", &err), err); /* is not there */
    assert_int_equal(symlinkat("dir", root, "dirlink"), 0);
    (void)fs_remove_tree(root, "dirlink", &err);
    assert_int_equal(fstatat(root, "dir/inner", &st, 0), 0);
}

static const struct {
    const char *name;
    bool dots;
} dots[] = { { ".", true },   { "..", true }, { "...", false },
             { ".a", false }, { "", false },  { "..a", false } };

static void test_dots(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(dots); i++)
        if (fs_is_dots(dots[i].name) != dots[i].dots)
            fail_msg("row %zu '%s'", i, dots[i].name);
}

/* Somebody has it open for writing: another open file, also of this very process. */
static void test_being_written(void **state)
{
    (void)state;
    CLEANUP(test_remove_dir) char *dir = test_make_dir();
    CLEANUP(fs_close) int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CLEANUP(fs_close) int fd = -1;
    struct stat st;
    struct err err = { 0 };
    make_kinds(root);
    assert_ok(fs_open_file(root, "five", &fd, &st, &err), err);
    assert_int_equal(st.st_size, 5);
    assert_false(fs_is_being_written(fd));
    int writer = openat(root, "five", O_WRONLY | O_CLOEXEC);
    assert_true(writer >= 0);
    assert_true(fs_is_being_written(fd));
    fs_close(&writer);
    assert_false(fs_is_being_written(fd));
    assert_int_equal(writer, -1);
    fs_close(&writer);
}

static void test_prints(void **state)
{
    (void)state;
    static const struct fs_print prints[] = {
        { 1, 2, 3 }, { 9, 2, 3 }, { 1, 9, 3 }, { 1, 2, UINT64_MAX }
    };
    for (size_t i = 0; i < COUNT(prints); i++)
        for (size_t j = 0; j < COUNT(prints); j++)
            if (fs_print_equal(&prints[i], &prints[j]) != (i == j))
                fail_msg("rows %zu and %zu", i, j);
    struct stat st = { .st_size = 5, .st_ino = 6, .st_mtim = { 2, 3000001 }, .st_ctim = { 4, 0 } };
    struct fs_print print = fs_print_of(&st);
    assert_int_equal(print.size_bytes, 5);
    assert_int_equal(print.mtime_ns, 2003000001);
    assert_int_equal(print.inode, 6);
    assert_int_equal(fs_mtime_ms(&st), 2003);
    assert_int_equal(fs_ctime_ms(&st), 4000);
}

/* Whoever has the old file open keeps it whole; nothing lies beside the new one, nor after a
 * failure. */
static void test_replace(void **state)
{
    (void)state;
    struct err err = { 0 };
    CLEANUP(test_remove_dir) char *path = test_make_dir();
    CLEANUP(mem_free_text) char *file = mem_printf("%s/page", path);
    CLEANUP(mem_free_text) char *dir = mem_printf("%s/dir", path);
    CLEANUP(mem_free_text) char *text = NULL;
    char old[8] = "";
    size_t len;
    assert_ok(fs_replace_file(file, "old", 3, 0, &err), err);
    CLEANUP(fs_close) int before = open(file, O_RDONLY | O_CLOEXEC);
    assert_ok(fs_replace_file(file, "new", 3, FS_SYNC, &err), err);
    assert_int_equal(read(before, old, sizeof(old)), 3);
    assert_string_equal(old, "old");
    assert_ok(fs_read_file(AT_FDCWD, file, 9, &text, &len, &err), err);
    assert_string_equal(text, "new");
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(fs_replace_file(dir, "x", 1, 0, &err), -EISDIR);
    assert_non_null(strstr(err.text, dir));
    assert_int_equal(rmdir(dir), 0);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(path), 0); /* so it was empty */
    assert_int_equal(mkdir(path, 0700), 0);
}

static void test_share_dir(void **state)
{
    (void)state;
    CLEANUP(test_remove_dir) char *path = test_make_dir();
    CLEANUP(fs_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(mkdirat(fd, "shared", 0700), 0);
    fs_share_dir(fd, "shared");
    struct stat st;
    assert_int_equal(fstatat(fd, "shared", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 02775);
    fs_share_dir(fd, "none"); /* is nobody's trouble */
}

/* Counted or not known, but never wrong. */
static void test_count_subdirs(void **state)
{
    (void)state;
    CLEANUP(test_remove_dir) char *path = test_make_dir();
    CLEANUP(fs_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int64_t i = 0; i < 3; i++) {
        int64_t count = fs_count_subdirs(fd);
        if (count >= 0)
            assert_int_equal(count, i);
        assert_int_equal(mkdirat(fd, (char[]){ (char)('a' + i), '\0' }, 0700), 0);
        assert_int_equal(fs_write_file(fd, "file", "", 0, 0, NULL), 0);
    }
    CLEANUP(fs_close) int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_int_equal(fs_count_subdirs(proc), -1);
    assert_int_equal(fs_count_subdirs(-1), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),      cmocka_unit_test(test_read_changed),
        cmocka_unit_test(test_write),     cmocka_unit_test(test_remove_tree),
        cmocka_unit_test(test_dots),      cmocka_unit_test(test_being_written),
        cmocka_unit_test(test_prints),    cmocka_unit_test(test_replace),
        cmocka_unit_test(test_share_dir), cmocka_unit_test(test_count_subdirs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
