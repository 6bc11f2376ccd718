/* test.h - what every unit test includes: cmocka, and a directory of its own. */
#ifndef TAKEUP_TEST_H
#define TAKEUP_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/fs.h"
#include "base/macros.h"
#include "base/mem.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A new empty directory; end it with test_remove_dir. The caller frees the path. */
static inline char *test_make_dir(void)
{
    const char *tmp = getenv("TMPDIR");
    char *path = mem_printf("%s/takeup-test-XXXXXX", tmp ? tmp : "/tmp");
    assert_non_null(mkdtemp(path));
    return path;
}

static inline void test_remove_dir(char **path)
{
    struct err err = { 0 };
    if (fs_remove_tree(AT_FDCWD, *path, &err) < 0)
        fail_msg("%s", err.text);
    free(*path);
    *path = NULL;
}

/* What runs in valgrind has neither openat2 nor a sandbox, and its stacks are others: a test that
 * is about these does not run there (skip). */
static inline bool test_is_in_valgrind(void)
{
    const char *how = getenv("SANITIZE");
    return how && strcmp(how, "valgrind") == 0;
}

/* Fails with the text of err when r is below 0. */
#define assert_ok(r, err)                                                                          \
    do {                                                                                           \
        if ((r) < 0)                                                                               \
            fail_msg("%s", (err).text);                                                            \
    } while (0)

/* The oldest child of this process that was not reaped. */
static inline pid_t test_first_child(void)
{
    int pid = 0;
    char *path = mem_printf("/proc/self/task/%d/children", (int)getpid());
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%d", &pid), 1);
    assert_int_equal(fclose(file), 0);
    free(path);
    return pid;
}

#endif
