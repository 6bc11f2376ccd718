/* fixtures.h - videos from tests/fixtures/make, in a directory that goes away again. They are made
 * once for all builds where $BUILD says where these are. */
#ifndef TAKEUP_TEST_FIXTURES_H
#define TAKEUP_TEST_FIXTURES_H

#include "test.h"

#include "base/str.h"

/* names: words parted by spaces. As test_make_dir; NULL when they could not be made. */
static inline char *fixtures_make(const char *names)
{
    const char *tests = getenv("TESTS"), *build = getenv("BUILD");
    char *dir = test_make_dir();
    char *line = mem_printf("'%s/fixtures/cached' '%s/../fixtures' '%s' %s",
                            tests ? tests : "tests", build ? build : "build/plain", dir, names);
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
