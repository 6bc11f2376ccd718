/* The directory of one job: what goes, what stays, what is set aside. */
#include "test.h"

#include "spool/token.h"

#include <string.h>

struct place {
    char *path;
    int fd;
};

static int setup(void **state)
{
    struct place *place = MEM_NEW(struct place);
    place->path = test_make_dir();
    place->fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(place->fd >= 0);
    *state = place;
    return 0;
}

static int teardown(void **state)
{
    struct place *place = *state;
    fs_close(&place->fd);
    test_remove_dir(&place->path);
    free(place);
    return 0;
}

/* "dir/" is a directory, anything else a file that holds its own name. */
static void make(const struct place *place, const char *const *names)
{
    for (; *names; names++) {
        struct err err = { 0 };
        size_t len = strlen(*names);
        if ((*names)[len - 1] == '/')
            assert_int_equal(mkdirat(place->fd, *names, 0755), 0);
        else
            assert_ok(fs_write_file(place->fd, *names, *names, len, FS_NEW, &err), err);
    }
}

static void assert_has(const struct place *place, const char *const *names, bool wanted)
{
    struct stat st;
    for (; *names; names++)
        if ((fstatat(place->fd, *names, &st, AT_SYMLINK_NOFOLLOW) == 0) != wanted)
            fail_msg("'%s' is%s there", *names, wanted ? " not" : "");
}

static const char *const ended[] = { "a.job",     "attempts.jsonl", "result.json",
                                     "crash.txt", "input/",         "input/a.mp4",
                                     "notes/",    "notes/n",        NULL };

static void test_set_aside(void **state)
{
    static const char *const stays[] = { "a.job", "attempts.jsonl", "input/a.mp4", NULL };
    static const char *const once[] = { "earlier/1/result.json", "earlier/1/crash.txt",
                                        "earlier/1/notes/n", NULL };
    static const char *const twice[] = { "earlier/2/result.json", NULL };
    static const char *const moved[] = { "result.json",     "crash.txt",         "notes",
                                         "earlier/1/input", "earlier/1/earlier", NULL };
    static const char *const again[] = { "result.json", NULL };
    const struct place *place = *state;
    struct err err = { 0 };
    make(place, ended);
    assert_ok(token_set_aside(place->fd, &err), err);
    assert_has(place, stays, true);
    assert_has(place, once, true);
    assert_has(place, moved, false);
    make(place, again);
    assert_ok(token_set_aside(place->fd, &err), err);
    assert_has(place, once, true);
    assert_has(place, twice, true);
    assert_has(place, stays, true);
}

/* A job that only waits for its next attempt keeps its crash.txt, to which the next one is added.
 */
static void test_not_ended(void **state)
{
    static const char *const deferred[] = { "a.job", "attempts.jsonl", "crash.txt", NULL };
    static const char *const earlier[] = { "earlier", NULL };
    const struct place *place = *state;
    struct err err = { 0 };
    make(place, deferred);
    assert_ok(token_set_aside(place->fd, &err), err);
    assert_has(place, deferred, true);
    assert_has(place, earlier, false);
}

/* As a kill between two moves leaves it. */
static void test_halfway(void **state)
{
    static const char *const halfway[] = { "a.job",      "result.json",         "crash.txt",
                                           "earlier/",   "earlier/1/",          "earlier/1/notes",
                                           "earlier/2/", "earlier/2/something", NULL };
    static const char *const all[] = { "a.job", "earlier/1/result.json", "earlier/1/crash.txt",
                                       "earlier/1/notes", NULL };
    const struct place *place = *state;
    struct err err = { 0 };
    make(place, halfway);
    assert_ok(token_set_aside(place->fd, &err), err);
    assert_has(place, all, true);
}

/* Where `earlier` is in the way, nothing moves, and the job stays whole. */
static void test_in_the_way(void **state)
{
    static const char *const names[] = { "a.job", "result.json", "crash.txt", "earlier", NULL };
    const struct place *place = *state;
    struct err err = { 0 };
    make(place, names);
    assert_true(token_set_aside(place->fd, &err) < 0);
    assert_non_null(strstr(err.text, "earlier"));
    assert_has(place, names, true);
}

/* The record shows that there is something to be moved, so it stays until all else is. */
static void test_record_last(void **state)
{
    static const char *const names[] = { "a.job",      "result.json",       "zz.txt", "earlier/",
                                         "earlier/1/", "earlier/1/zz.txt/", NULL };
    static const char *const again[] = { "earlier/1/result.json", "earlier/1/zz.txt", NULL };
    const struct place *place = *state;
    struct err err = { 0 };
    make(place, names);
    assert_true(token_set_aside(place->fd, &err) < 0);
    assert_has(place, names, true);
    assert_int_equal(unlinkat(place->fd, "earlier/1/zz.txt", AT_REMOVEDIR), 0);
    assert_ok(token_set_aside(place->fd, &err), err);
    assert_has(place, again, true);
}

static void test_discard(void **state)
{
    static const char *const more[] = { "earlier/", "earlier/1/", "earlier/1/result.json",
                                        "out.3/",   "out.3/x",    NULL };
    static const char *const stays[] = { "a.job", "input/a.mp4", "notes/n", NULL };
    static const char *const gone[] = { "attempts.jsonl", "result.json", "crash.txt",
                                        "earlier",        "out.3",       NULL };
    const struct place *place = *state;
    struct err err = { 0 };
    make(place, ended);
    make(place, more);
    assert_ok(token_discard(place->fd, &err), err);
    assert_has(place, stays, true);
    assert_has(place, gone, false);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = { TEST(test_set_aside),   TEST(test_not_ended),
                                        TEST(test_halfway),     TEST(test_in_the_way),
                                        TEST(test_record_last), TEST(test_discard) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
