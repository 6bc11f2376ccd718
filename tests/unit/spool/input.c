#include "test.h"

#include "spool/input.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>

/* spool/ has what jobs of it name relatively, videos/ and more/ are two roots, out/ is neither.
 * link-root is videos/ by another name, as an administrator may have set it. */
static void make_file(int dir, const char *name, const char *text)
{
    struct err err = { 0 };
    assert_ok(fs_write_file(dir, name, text, strlen(text), 0, &err), err);
}

static void make_socket(const char *dir, const char *name)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", dir, name);
    CLEANUP(fs_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(strlen(path) < sizeof(address.sun_path));
    memcpy(address.sun_path, path, strlen(path) + 1);
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
}

static void make_tree(const char *dir, int fd)
{
    static const char *const dirs[] = { "spool",      "spool/media", "spool/dir", "videos",
                                        "videos/sub", "more",        "out" };
    static const char *const links[][2] = {
        { "clip", "spool/link" },           { "../../videos/clip", "spool/media/link-out" },
        { "../videos", "spool/videos" },    { "nowhere", "spool/dangling" },
        { "../clip", "videos/sub/link" },   { "../out/clip", "videos/link-out" },
        { "../out", "videos/dir-out" },     { "../more/clip", "videos/link-more" },
        { "/etc/passwd", "videos/passwd" }, { "videos", "link-root" },
    };
    for (size_t i = 0; i < COUNT(dirs); i++)
        assert_int_equal(mkdirat(fd, dirs[i], 0700), 0);
    for (size_t i = 0; i < COUNT(links); i++)
        assert_int_equal(symlinkat(links[i][0], fd, links[i][1]), 0);
    static const char *const clips[] = { "spool/clip",      "spool/media/clip", "videos/clip",
                                         "videos/sub/clip", "more/clip",        "out/clip" };
    for (size_t i = 0; i < COUNT(clips); i++)
        make_file(fd, clips[i], "x");
    make_file(fd, "out/secret", "secret");
    make_file(fd, "spool/empty", "");
    assert_int_equal(mkfifoat(fd, "spool/fifo", 0600), 0);
    make_socket(dir, "spool/socket");
}

/* A directory with that tree; end it with leave_tree. */
struct tree {
    char *dir, *spool, *roots[3];
    int fd, spool_fd;
};

static struct tree enter_tree(void)
{
    struct tree tree = { .dir = test_make_dir() };
    tree.fd = open(tree.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    make_tree(tree.dir, tree.fd);
    tree.spool_fd = openat(tree.fd, "spool", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    tree.spool = mem_printf("%s/spool", tree.dir);
    tree.roots[0] = mem_printf("%s/link-root", tree.dir);
    tree.roots[1] = mem_printf("%s/more/", tree.dir);
    tree.roots[2] = mem_printf("%s/gone", tree.dir);
    return tree;
}

static void leave_tree(struct tree *tree)
{
    fs_close(&tree->spool_fd);
    fs_close(&tree->fd);
    free(tree->spool);
    for (size_t i = 0; i < COUNT(tree->roots); i++)
        free(tree->roots[i]);
    test_remove_dir(&tree->dir);
}

static struct input_bounds bounds_of(const struct tree *tree, bool has_roots)
{
    return (struct input_bounds){ .root_fd = tree->spool_fd,
                                  .root_path = tree->spool,
                                  .roots = (const char *const *)tree->roots,
                                  .root_count = has_roots ? COUNT(tree->roots) : 0 };
}

static void test_bytes_of(const struct input *input, size_t row, const char *path)
{
    char byte;
    if (read(input->fd, &byte, 1) != 1 || byte != 'x' || input->print.size_bytes != 1)
        fail_msg("row %zu '%s': no video", row, path);
}

static const struct {
    const char *path;
    int64_t settle_ms;
    int result;
    const char *told;
} inputs[] = {
    { "clip", 0, 1, "" },
    { "clip", 1, 1, "" },
    { "link", 0, 1, "" },
    { "dir/../clip", 0, 1, "" },
    { "missing", 0, 0, "No such file" },
    { "dangling", 0, 0, "No such file" },
    { "missing/clip", 0, 0, "No such file" },
    { "clip/inside", 0, 0, "Not a directory" },
    { "empty", 0, 0, "is empty" },
    { "dir", 0, -1, "is a directory" },
    { ".", 0, -1, "is a directory" },
    { "fifo", 0, -1, "is a FIFO, not a regular file" },
    { "socket", 0, -1, "is a socket, not a regular file" },
    { "/dev/null", 0, -1, "is a device, not a regular file" },
    { "../videos/clip", 0, -1, "leads out of the spool" },
    { "media/../../videos/clip", 0, -1, "leads out of the spool" },
    { "../spool/clip", 0, -1, "leads out of the spool" },
    { "media/link-out", 0, -1, "leads out of the spool" },
    { "videos/clip", 0, -1, "leads out of the spool" },
};

static void test_inputs(void **state)
{
    (void)state;
    if (test_is_in_valgrind())
        skip();
    CLEANUP(leave_tree) struct tree tree = enter_tree();
    const struct input_bounds bounds = bounds_of(&tree, false);
    for (size_t i = 0; i < COUNT(inputs); i++) {
        CLEANUP(input_close) struct input input = INPUT_NONE;
        struct err err = { 0 }, early = { 0 };
        int r = input_open(&bounds, inputs[i].path, inputs[i].settle_ms, NULL, NULL, &input, &err);
        if ((r < 0 ? -1 : r) != inputs[i].result || !strstr(err.text, inputs[i].told))
            fail_msg("row %zu '%s': %d '%s'", i, inputs[i].path, r, err.text);
        if ((input.fd >= 0) != (r == 1) || (r < 0 && (err.kind != ERR_INPUT || !err.hint[0])))
            fail_msg("row %zu '%s': descriptor %d, '%s'", i, inputs[i].path, input.fd, err.hint);
        if (r == 1)
            test_bytes_of(&input, i, inputs[i].path);
        int checked = input_check(&bounds, inputs[i].path, &early);
        if ((checked < 0) != (r < 0) || (r < 0 && strcmp(early.text, err.text) != 0))
            fail_msg("row %zu '%s': checked %d '%s'", i, inputs[i].path, checked, early.text);
    }
}

/* Absolute paths, DIR/ in front of each: without roots, and with them. */
static const struct {
    const char *path;
    int open, bound;
    const char *told; /* with roots */
} absolutes[] = {
    { "out/clip", 1, -1, "lies in none of input_roots" },
    { "spool/clip", 1, 1, "" },
    { "spool/media/../clip", 1, 1, "" },
    { "spool//./clip", 1, 1, "" },
    { "spool/media/link-out", 1, -1, "/spool', by '..' or a link" },
    { "spool-not/clip", 0, -1, "lies in none of input_roots" },
    { "link-root/clip", 1, 1, "" },
    { "link-root/sub/link", 1, 1, "" },
    { "link-root/sub/../clip", 1, 1, "" },
    { "videos/clip", 1, 1, "" }, /* the root's real name */
    { "videos/../videos/clip", 1, -1, "/link-root', by '..' or a link" },
    { "more/clip", 1, 1, "" },
    { "more/missing", 0, 0, "No such file" },
    { "gone/clip", 0, 0, "of input_roots, in which input" },
    { "link-root/../out/clip", 1, -1, "/link-root', by '..' or a link" },
    { "link-root/link-out", 1, -1, "/link-root', by '..' or a link" },
    { "link-root/dir-out/clip", 1, -1, "/link-root', by '..' or a link" },
    { "link-root/link-more", 1, -1, "/link-root', by '..' or a link" },
    { "link-root/passwd", 1, -1, "/link-root', by '..' or a link" },
    { "link-root", -1, -1, "is a directory" },
    { "link-root-not/clip", 0, -1, "lies in none of input_roots" },
    { "out/../link-root/clip", 1, -1, "lies in none of input_roots" },
};

static void test_absolute_paths(void **state)
{
    (void)state;
    if (test_is_in_valgrind())
        skip();
    CLEANUP(leave_tree) struct tree tree = enter_tree();
    for (size_t i = 0; i < 2 * COUNT(absolutes); i++) {
        bool has_roots = i >= COUNT(absolutes);
        size_t row = i % COUNT(absolutes);
        int wanted = has_roots ? absolutes[row].bound : absolutes[row].open;
        const struct input_bounds bounds = bounds_of(&tree, has_roots);
        CLEANUP(input_close) struct input input = INPUT_NONE;
        CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", tree.dir, absolutes[row].path);
        struct err err = { 0 }, early = { 0 };
        int r = input_open(&bounds, path, 0, NULL, NULL, &input, &err);
        if ((r < 0 ? -1 : r) != wanted || (has_roots && !strstr(err.text, absolutes[row].told)))
            fail_msg("row %zu '%s', roots %d: %d '%s'", row, absolutes[row].path, has_roots, r,
                     err.text);
        if (has_roots && r < 0 && !strstr(err.text, "directory") &&
            (err.kind != ERR_INPUT || !strstr(err.hint, "input_roots") ||
             !strstr(err.hint, tree.roots[0])))
            fail_msg("row %zu '%s': hint '%s'", row, absolutes[row].path, err.hint);
        if ((input_check(&bounds, path, &early) < 0) != (r < 0))
            fail_msg("row %zu '%s', roots %d: checked '%s'", row, absolutes[row].path, has_roots,
                     early.text);
    }
}

/* The path leads elsewhere by now: what was read is what was allowed, and no second look tells of a
 * file outside. */
static void test_a_path_that_turns(void **state)
{
    (void)state;
    CLEANUP(leave_tree) struct tree tree = enter_tree();
    const struct input_bounds bounds = bounds_of(&tree, true);
    CLEANUP(input_close) struct input input = INPUT_NONE;
    CLEANUP(mem_free_text) char *path = mem_printf("%s/clip", tree.roots[0]);
    struct fs_print print = { 0 };
    struct err err = { 0 };
    assert_int_equal(input_open(&bounds, path, 0, NULL, NULL, &input, &err), 1);
    assert_int_equal(input_look(&input, &print), 0);
    assert_true(fs_print_equal(&print, &input.print));
    assert_int_equal(symlinkat("../out/secret", tree.fd, "videos/link"), 0);
    assert_int_equal(renameat(tree.fd, "videos/link", tree.fd, "videos/clip"), 0);
    print = (struct fs_print){ 0 };
    assert_true(input_look(&input, &print) < 0);
    assert_int_equal(print.inode, 0);
    test_bytes_of(&input, 0, path);
}

/* Until it is killed: videos/clip is the video and a link to the secret, by turns. */
static void turn_for_ever(int fd)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;)
        (void)syscall(SYS_renameat2, fd, "videos/clip", fd, "videos/turn", RENAME_EXCHANGE);
}

/* Somebody changes the path between each look at it and each use. */
static void test_a_race(void **state)
{
    (void)state;
    enum { ENOUGH = 200 };
    CLEANUP(leave_tree) struct tree tree = enter_tree();
    const struct input_bounds bounds = bounds_of(&tree, true);
    CLEANUP(mem_free_text) char *path = mem_printf("%s/clip", tree.roots[0]);
    assert_int_equal(symlinkat("../out/secret", tree.fd, "videos/turn"), 0);
    pid_t turner = fork();
    if (turner == 0)
        turn_for_ever(tree.fd);
    int opened = 0, refused = 0, leaked = 0;
    while ((opened < ENOUGH || refused < ENOUGH) && leaked == 0) {
        CLEANUP(input_close) struct input input = INPUT_NONE;
        struct err err = { 0 };
        char byte = 0;
        int r = input_open(&bounds, path, 0, NULL, NULL, &input, &err);
        opened += r == 1;
        refused += r < 0;
        leaked += r == 1 && (read(input.fd, &byte, 1) != 1 || byte != 'x');
    }
    assert_int_equal(kill(turner, SIGKILL), 0);
    assert_int_equal(waitpid(turner, NULL, 0), turner);
    assert_int_equal(leaked, 0);
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
    const struct input_bounds bounds = { .root_fd = root };
    CLEANUP(input_close) struct input input = INPUT_NONE;
    grow(&root);
    assert_int_equal(input_open(&bounds, "clip", 1000, grow, &root, &input, &err), 0);
    assert_non_null(strstr(err.text, "still changing"));
    assert_true(input.print.size_bytes > 4 && input.fd < 0);
    CLEANUP(fs_close) int writer = openat(root, "clip", O_WRONLY | O_CLOEXEC);
    assert_true(writer >= 0);
    assert_int_equal(input_open(&bounds, "clip", 0, NULL, NULL, &input, &err), 0);
    assert_non_null(strstr(err.text, "being written"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_inputs),
        cmocka_unit_test(test_absolute_paths),
        cmocka_unit_test(test_a_path_that_turns),
        cmocka_unit_test(test_a_race),
        cmocka_unit_test(test_growing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
