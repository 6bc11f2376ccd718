/* fixtures.h - videos from tests/fixtures/make, in a directory that goes away again. */
#ifndef TAKEUP_TEST_FIXTURES_H
#define TAKEUP_TEST_FIXTURES_H

#include "test.h"

#include "base/str.h"

/* names: words parted by spaces. As test_make_dir; NULL when they could not be made. */
static inline char *fixtures_make(const char *names)
{
    const char *tests = getenv("TESTS");
    char *dir = test_make_dir();
    char *line = mem_printf("'%s/fixtures/make' '%s' %s", tests ? tests : "tests", dir, names);
    int status = system(line);
    free(line);
    if (status == 0)
        return dir;
    test_remove_dir(&dir);
    return NULL;
}

static inline int fixture_open(const char *dir, const char *name)
{
    char *path = mem_printf("%s/%s", dir, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    free(path);
    if (fd < 0)
        fail_msg("no fixture '%s'", name);
    return fd;
}

#endif
