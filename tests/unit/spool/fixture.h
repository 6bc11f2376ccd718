/* fixture.h - a new spool for each test. */
#ifndef TAKEUP_TEST_SPOOL_FIXTURE_H
#define TAKEUP_TEST_SPOOL_FIXTURE_H

#include "test.h"

#include "spool/claim.h"
#include "spool/layout.h"
#include "spool/seat.h"

#include <string.h>

struct fixture {
    char *dir;
    struct spool *spool;
    struct seat *seat;
};

static inline int fixture_make(void **state)
{
    struct err err = { 0 };
    struct fixture *fixture = MEM_NEW(struct fixture);
    fixture->dir = test_make_dir();
    assert_ok(spool_init(fixture->dir, &err), err);
    assert_ok(spool_open(fixture->dir, &fixture->spool, &err), err);
    assert_ok(seat_take(fixture->spool, &fixture->seat, &err), err);
    *state = fixture;
    return 0;
}

static inline int fixture_end(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    assert_ok(seat_leave(&fixture->seat, &err), err);
    spool_close(&fixture->spool);
    test_remove_dir(&fixture->dir);
    free(fixture);
    return 0;
}

static inline void fixture_drop(const struct fixture *fixture, const char *path, const char *text)
{
    struct err err = { 0 };
    assert_ok(fs_write_file(spool_root(fixture->spool), path, text, strlen(text), 0, &err), err);
}

static inline bool fixture_has(const struct fixture *fixture, const char *path)
{
    struct stat st;
    return fstatat(spool_root(fixture->spool), path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* How many entries a directory has; hidden ones too. */
static inline int fixture_count(const struct fixture *fixture, const char *path)
{
    CLEANUP(fs_close_dir) DIR *dir = NULL;
    struct err err = { 0 };
    assert_ok(fs_open_dir(spool_root(fixture->spool), path, &dir, &err), err);
    int count = 0;
    const struct dirent *entry;
    while ((entry = readdir(dir)))
        count += !fs_is_dots(entry->d_name);
    return count;
}

#define FIXTURE_TEST(test) cmocka_unit_test_setup_teardown(test, fixture_make, fixture_end)

#endif
