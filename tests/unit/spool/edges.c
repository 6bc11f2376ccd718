/* The start of a worker when replies get lost, as over NFSv4.0: each call that changes a name is
 * made and says that it was done already. */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TARGETS = 64 };

static int calls, lost;            /* the reply to which of the calls gets lost; 0: to none */
static int across = -1;            /* renames into this directory say EXDEV */
static char targets[TARGETS][300]; /* of the renames */
static int target_count;

static int answer(long r, int repeated)
{
    if (r < 0 || ++calls != lost)
        return (int)r;
    errno = repeated;
    return -1;
}

int mkdirat(int fd, const char *path, mode_t mode)
{
    return answer(syscall(SYS_mkdirat, fd, path, mode), EEXIST);
}

int unlinkat(int fd, const char *path, int flags)
{
    return answer(syscall(SYS_unlinkat, fd, path, flags), ENOENT);
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    if (to_fd == across) {
        errno = EXDEV;
        return -1;
    }
    if (target_count < TARGETS)
        (void)snprintf(targets[target_count++], sizeof(targets[0]), "%s", to);
    return answer(syscall(SYS_renameat2, from_fd, from, to_fd, to, 0), ENOENT);
}

static int count_all(const struct fixture *fixture)
{
    int count = 0;
    for (int place = 0; place < PLACE_COUNT; place++)
        count += fixture_count(fixture, spool_place_name(place));
    return count;
}

static void test_edges_with_a_lost_reply(void **state)
{
    struct fixture *fixture = *state;
    int before = count_all(fixture);
    for (int which = 1;; which++) {
        struct err err = { 0 };
        calls = 0, lost = which;
        int r = spool_check_edges(fixture->spool, "me", &err);
        lost = 0;
        assert_ok(r, err);
        assert_int_equal(count_all(fixture), before); /* nothing is left */
        if (calls < which) {
            assert_true(which > 30); /* all edges were tried */
            return;
        }
    }
}

/* An NFS client may remember of a name that it has removed that it is not there. */
static void test_no_name_is_used_twice(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    target_count = 0;
    assert_ok(spool_check_edges(fixture->spool, "me", &err), err);
    assert_in_range(target_count, 15, TARGETS - 1);
    for (int i = 0; i < target_count; i++)
        for (int j = 0; j < i; j++)
            assert_string_not_equal(targets[i], targets[j]);
}

static void test_an_edge_that_does_not_work(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    int before = count_all(fixture);
    across = spool_dir(fixture->spool, PLACE_DONE);
    int r = spool_check_edges(fixture->spool, "me", &err);
    across = -1;
    assert_true(r < 0);
    assert_non_null(strstr(err.text, "a file cannot be renamed from 'running' to 'done'"));
    assert_non_null(strstr(err.hint, "have to lie on one filesystem"));
    assert_int_equal(count_all(fixture), before);
}

static void test_a_seat_with_a_lost_reply(void **state)
{
    struct fixture *fixture = *state;
    for (int which = 1;; which++) {
        struct seat *seat = NULL;
        struct err err = { 0 };
        char token[TOKEN_SIZE];
        calls = 0, lost = which;
        int r = seat_take(fixture->spool, &seat, &err);
        lost = 0;
        assert_ok(r, err);
        assert_int_equal(fixture_count(fixture, "tmp"), 0);
        assert_ok(seat_take_token(seat, token, &err), err); /* it can claim */
        seat_keep_token(seat, token);
        assert_ok(seat_leave(&seat, &err), err);
        assert_int_equal(fixture_count(fixture, "running"), 1); /* the fixture's own */
        if (calls < which) {
            assert_true(which > 3); /* beat, directory, token */
            return;
        }
    }
}

static void test_a_directory_for_a_claim_with_a_lost_reply(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    char first[TOKEN_SIZE], token[TOKEN_SIZE];
    assert_ok(seat_take_token(fixture->seat, first, &err), err); /* the spare one */
    calls = 0, lost = 1;
    int r = seat_take_token(fixture->seat, token, &err);
    lost = 0;
    assert_ok(r, err);
    assert_int_equal(unlinkat(seat_dir(fixture->seat), first, AT_REMOVEDIR), 0);
    assert_int_equal(unlinkat(seat_dir(fixture->seat), token, AT_REMOVEDIR), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_edges_with_a_lost_reply),
        FIXTURE_TEST(test_no_name_is_used_twice),
        FIXTURE_TEST(test_an_edge_that_does_not_work),
        FIXTURE_TEST(test_a_seat_with_a_lost_reply),
        FIXTURE_TEST(test_a_directory_for_a_claim_with_a_lost_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
