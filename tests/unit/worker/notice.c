/* STATUS.txt of several workers: one writes it, and another one when that one no longer does. */
#include "test.h"

#include "../spool/fixture.h"
#include "base/log.h"
#include "worker/notice.h"

#include <stdio.h>

static ino_t inode_of(const struct fixture *fixture)
{
    struct stat st;
    assert_int_equal(fstatat(spool_root(fixture->spool), "STATUS.txt", &st, 0), 0);
    return st.st_ino;
}

/* Each in turn, and when the turn is over it is as if some seconds had passed. */
static bool keeps(const struct fixture *fixture, struct notice *notice, const struct queue *queue)
{
    ino_t before = inode_of(fixture);
    notice->next_ms = 0;
    notice_keep(notice, fixture->spool, "me", queue);
    bool wrote = inode_of(fixture) != before;
    if (wrote) {
        static time_t second = 1000;
        second++;
        struct timespec times[2] = { { .tv_sec = second }, { .tv_sec = second } };
        assert_int_equal(utimensat(spool_root(fixture->spool), "STATUS.txt", times, 0), 0);
        notice->stamp_ns = (int64_t)second * 1000000000;
    }
    return wrote;
}

static void test_one_of_many_writes(void **state)
{
    struct fixture *fixture = *state;
    const struct queue_rules rules = { .rescan_ms = 1000 };
    CLEANUP(queue_free) struct queue *queue = queue_new(fixture->spool, &rules);
    struct notice first = { 0 }, second = { 0 };
    fixture_drop(fixture, "STATUS.txt", "of an earlier time");
    assert_true(keeps(fixture, &first, queue));
    assert_true(keeps(fixture, &second, queue)); /* it has just come */
    for (int i = 0; i < 3; i++) {
        assert_false(keeps(fixture, &first, queue));
        assert_true(keeps(fixture, &second, queue));
    }
    assert_false(keeps(fixture, &first, queue));
    assert_true(keeps(fixture, &first, queue)); /* nobody else did */
    pulse_release(&first.pulse);
    pulse_release(&second.pulse);
}

static void test_a_dear_one_is_written_seldom(void **state)
{
    struct fixture *fixture = *state;
    const struct queue_rules rules = { .rescan_ms = 1000 };
    CLEANUP(queue_free) struct queue *queue = queue_new(fixture->spool, &rules);
    struct notice notice = { .next_ms = INT64_MAX };
    notice_keep(&notice, fixture->spool, "me", queue);
    assert_false(fixture_has(fixture, "STATUS.txt"));
    notice_last(&notice, fixture->spool, "me");
    assert_true(fixture_has(fixture, "STATUS.txt"));
}

int main(void)
{
    log_setup(LOG_LEVEL_ERROR, LOG_STYLE_LOGFMT);
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_one_of_many_writes),
        FIXTURE_TEST(test_a_dear_one_is_written_seldom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
