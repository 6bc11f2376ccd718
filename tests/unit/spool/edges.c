/* The start of a worker when replies get lost, as over NFSv4.0: each call that changes a name is made
 * and says that it was done already. */
#include "fixture.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int calls, lost; /* the reply to which of the calls gets lost; 0: to none */

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

/* What cannot be renamed is still told: the directory that is in the way stays too. */
static void test_an_edge_that_does_not_work(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    int root = spool_root(fixture->spool);
    assert_int_equal(mkdirat(root, "done/.me.check", 0775), 0);
    assert_true(spool_check_edges(fixture->spool, "me", &err) < 0);
    assert_non_null(strstr(err.text, "a file cannot be renamed from 'running' to 'done'"));
    assert_true(fixture_has(fixture, "done/.me.check"));
    assert_int_equal(unlinkat(root, "done/.me.check", AT_REMOVEDIR), 0);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_edges_with_a_lost_reply),
        FIXTURE_TEST(test_an_edge_that_does_not_work),
        FIXTURE_TEST(test_a_seat_with_a_lost_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
