/* When a directory is listed anew, and which name is next. Time is what the test says it is. */
#include "fixture.h"

#include "spool/backlog.h"

#include <stdio.h>

enum { SECOND = 1000 * 1000 };
static const struct backlog_share all = { 0, 1 };

struct shelf {
    struct fixture *fixture;
    struct backlog backlog;
    int64_t now_us;
};

static void shelf_begin(struct shelf *shelf, void **state, enum spool_place place)
{
    *shelf = (struct shelf){ .fixture = *state, .now_us = (int64_t)1000 * SECOND };
    backlog_init(&shelf->backlog, shelf->fixture->spool, place);
}

static int look(struct shelf *shelf, enum backlog_cause cause, int64_t later_us)
{
    struct err err = { 0 };
    shelf->now_us += later_us;
    int r = backlog_look(&shelf->backlog, cause, shelf->now_us, &err);
    assert_ok(r, err);
    return r;
}

static void drop(const struct shelf *shelf, const char *name)
{
    CLEANUP(mem_free_text)
    char *path = mem_printf("%s/%s", spool_place_name(shelf->backlog.place), name);
    fixture_drop(shelf->fixture, path, "{}");
}

/* Sets the directory's mtime, which the kernel's clock would not change within its own grain. */
static void touch_dir(const struct shelf *shelf, int64_t seconds)
{
    struct timespec times[2] = { { .tv_sec = seconds }, { .tv_sec = seconds } };
    assert_int_equal(futimens(spool_dir(shelf->fixture->spool, shelf->backlog.place), times), 0);
}

/* Marks all that is left and says how it came: "a b c ". */
static char *take_all(struct shelf *shelf, const struct backlog_share *share, uint64_t max_key)
{
    static char text[4096];
    ssize_t i;
    size_t len = 0;
    text[0] = '\0';
    while ((i = backlog_peek(&shelf->backlog, share, max_key)) >= 0) {
        const char *name = backlog_name(&shelf->backlog, (size_t)i);
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%.*s ", (int)strcspn(name, ".@"),
                                name);
        backlog_mark(&shelf->backlog, (size_t)i, NAMES_SPENT);
    }
    return text;
}

static void test_listed_when_the_mtime_changed(void **state)
{
    struct shelf shelf;
    shelf_begin(&shelf, state, PLACE_PENDING);
    touch_dir(&shelf, 1000);
    assert_int_equal(look(&shelf, BACKLOG_RESCAN, 0), 1);
    /* Within 2 s after a change there may be another of the same mtime. */
    assert_int_equal(look(&shelf, BACKLOG_CLAIM, SECOND), 0);
    assert_int_equal(look(&shelf, BACKLOG_EVENT, 0), 1);
    assert_int_equal(look(&shelf, BACKLOG_RESCAN, SECOND), 1);
    /* That one was made 2 s after it was first seen so. */
    assert_int_equal(look(&shelf, BACKLOG_RESCAN, 10 * SECOND), 0);
    assert_int_equal(look(&shelf, BACKLOG_EVENT, 10 * SECOND), 0);
    drop(&shelf, "a.json");
    touch_dir(&shelf, 1001);
    assert_int_equal(look(&shelf, BACKLOG_CLAIM, 10 * SECOND), 1);
    assert_string_equal(take_all(&shelf, &all, UINT64_MAX), "a ");
    backlog_release(&shelf.backlog);
}

/* There the mtime and the list come from caches of their own: the one may be new and the other old.
 */
static void test_a_share_whose_lists_are_dear(void **state)
{
    enum { DEAR_US = 50000 };
    struct shelf shelf;
    shelf_begin(&shelf, state, PLACE_PENDING);
    assert_int_equal(look(&shelf, BACKLOG_RESCAN, 0), 1);
    shelf.backlog.remote = true;
    for (int i = 0; i < 3; i++) {
        shelf.backlog.cost_us = DEAR_US;
        assert_int_equal(look(&shelf, BACKLOG_RESCAN, 11 * SECOND), 1);
    }
    shelf.backlog.cost_us = DEAR_US; /* that one was made 30 s after it was first seen so */
    assert_int_equal(look(&shelf, BACKLOG_RESCAN, 11 * SECOND), 0);
    backlog_release(&shelf.backlog);
}

static void test_listed_every_five_minutes(void **state)
{
    struct shelf shelf;
    shelf_begin(&shelf, state, PLACE_PENDING);
    assert_int_equal(look(&shelf, BACKLOG_RESCAN, 0), 1);
    assert_int_equal(look(&shelf, BACKLOG_RESCAN, 10 * SECOND), 1);
    assert_int_equal(look(&shelf, BACKLOG_RESCAN, 290 * SECOND), 0);
    assert_int_equal(look(&shelf, BACKLOG_RESCAN, 20 * SECOND), 1);
    backlog_release(&shelf.backlog);
}

static void test_not_listed_for_each_event_while_names_are_left(void **state)
{
    struct shelf shelf;
    shelf_begin(&shelf, state, PLACE_PENDING);
    drop(&shelf, "b.json");
    assert_int_equal(look(&shelf, BACKLOG_RESCAN, 0), 1);
    shelf.backlog.cost_us = SECOND; /* as if it were a million */
    drop(&shelf, "a.json");
    touch_dir(&shelf, 1001);
    assert_int_equal(look(&shelf, BACKLOG_EVENT, 2 * SECOND), 0);
    assert_int_equal(look(&shelf, BACKLOG_EVENT, 20 * SECOND), 0);
    assert_true(backlog_due_us(&shelf.backlog) > shelf.now_us);
    assert_string_equal(take_all(&shelf, &all, UINT64_MAX), "b ");
    /* Spent: the event is remembered, and it is listed now. */
    assert_true(backlog_due_us(&shelf.backlog) <= shelf.now_us);
    assert_int_equal(look(&shelf, BACKLOG_RESCAN, 0), 1);
    assert_true(backlog_due_us(&shelf.backlog) == INT64_MAX);
    assert_string_equal(take_all(&shelf, &all, UINT64_MAX), "a b ");
    /* An event with names left is not put off for ever either. */
    touch_dir(&shelf, 1002);
    assert_int_equal(look(&shelf, BACKLOG_RESCAN, SECOND), 1);
    shelf.backlog.cost_us = SECOND;
    touch_dir(&shelf, 1003);
    assert_int_equal(look(&shelf, BACKLOG_EVENT, 31 * SECOND), 0);
    assert_int_equal(look(&shelf, BACKLOG_EVENT, 2 * SECOND), 1);
    backlog_release(&shelf.backlog);
}

/* What was found out about a name is not found out again for every event. */
static void test_marks_outlive_a_listing(void **state)
{
    struct shelf shelf;
    struct backlog *backlog = &shelf.backlog;
    shelf_begin(&shelf, state, PLACE_PENDING);
    for (const char *c = "abcdef"; *c; c++)
        drop(&shelf, (char[]){ *c, '.', 'j', 's', 'o', 'n', '\0' });
    assert_int_equal(look(&shelf, BACKLOG_RESCAN, 0), 1);
    backlog_mark(backlog, 0, BACKLOG_LEFT);
    backlog_mark(backlog, 1, BACKLOG_REFUSED);
    backlog_mark(backlog, 2, BACKLOG_HELD + 7);
    backlog_mark(backlog, 3, BACKLOG_HELD + 7);
    backlog_mark(backlog, 4, NAMES_SPENT);
    drop(&shelf, "0.json");
    assert_int_equal(unlinkat(spool_dir(shelf.fixture->spool, PLACE_PENDING), "c.json", 0), 0);
    touch_dir(&shelf, 1001);
    assert_int_equal(look(&shelf, BACKLOG_RESCAN, SECOND), 1);
    assert_int_equal(backlog->left, 1);
    assert_int_equal(backlog->refused, 1);
    assert_int_equal(backlog->held_count, 1);
    assert_int_equal(backlog_peek_held(backlog, 6), -1);
    assert_string_equal(backlog_name(backlog, (size_t)backlog_peek_held(backlog, 7)), "d.json");
    assert_string_equal(take_all(&shelf, &all, UINT64_MAX), "0 e f ");
    backlog_retry(backlog);
    assert_string_equal(take_all(&shelf, &all, UINT64_MAX), "a b ");
    backlog_mark(backlog, (size_t)backlog_peek_held(backlog, 7), NAMES_SPENT);
    assert_int_equal(backlog_peek_held(backlog, 7), -1);
    /* But a file may be another by now, so after five minutes all is looked at again. */
    assert_int_equal(look(&shelf, BACKLOG_RESCAN, SECOND), 1);
    backlog_mark(backlog, 0, BACKLOG_HELD);
    assert_int_equal(look(&shelf, BACKLOG_RESCAN, 300 * SECOND), 1);
    assert_int_equal(backlog->held_count, 0);
    backlog_release(backlog);
}

static void test_due_ones_only(void **state)
{
    struct shelf shelf;
    struct backlog *backlog = &shelf.backlog;
    shelf_begin(&shelf, state, PLACE_DEFERRED);
    int fd = spool_dir(shelf.fixture->spool, PLACE_DEFERRED);
    static const char *const names[] = { "c@9@0123456789abcdef", "a@20@0123456789abcdef",
                                         "b@100@0123456789abcdef" };
    for (size_t i = 0; i < COUNT(names); i++)
        assert_int_equal(mkdirat(fd, names[i], 0700), 0);
    assert_true(backlog_first_key(backlog) == UINT64_MAX);
    assert_int_equal(look(&shelf, BACKLOG_RESCAN, 0), 1);
    const struct backlog_share two = { 0, 2 };
    assert_string_equal(take_all(&shelf, &two, 8), "");
    assert_int_equal(backlog_first_key(backlog), 9);
    assert_string_equal(take_all(&shelf, &two, 9), "c ");
    assert_string_equal(take_all(&shelf, &two, 19), "");
    assert_int_equal(backlog_first_key(backlog), 20);
    assert_string_equal(take_all(&shelf, &two, 20), "a ");
    assert_string_equal(take_all(&shelf, &all, 1000), "b ");
    assert_true(backlog_first_key(backlog) == UINT64_MAX);
    for (size_t i = 0; i < COUNT(names); i++)
        assert_int_equal(unlinkat(fd, names[i], AT_REMOVEDIR), 0);
    backlog_release(backlog);
}

/* Each name is in just one share; each takes its own in order, then the rest in order. */
static void test_shares(void **state)
{
    enum { NAMES = 200, WORKERS = 4 };
    int taken[NAMES] = { 0 };
    struct shelf shelf;
    shelf_begin(&shelf, state, PLACE_PENDING);
    for (int i = 0; i < NAMES; i++) {
        char name[32];
        (void)snprintf(name, sizeof(name), "%03d.json", i);
        drop(&shelf, name);
    }
    for (uint32_t rank = 0; rank < WORKERS; rank++) {
        const struct backlog_share share = { rank, WORKERS };
        touch_dir(&shelf, 1000 + rank);
        assert_int_equal(look(&shelf, BACKLOG_RESCAN, SECOND), 1);
        int own = 0, seen = 0, before = -1;
        bool rest = false;
        ssize_t i;
        while ((i = backlog_peek(&shelf.backlog, &share, UINT64_MAX)) >= 0) {
            int number = atoi(backlog_name(&shelf.backlog, (size_t)i));
            bool is_rest = backlog_is_of_rest(&shelf.backlog, (size_t)i);
            if (is_rest != rest)
                before = -1;
            if ((rest && !is_rest) || number <= before)
                fail_msg("rank %u: %d after %d", rank, number, before);
            rest = is_rest;
            before = number;
            own += !is_rest;
            taken[number] += !is_rest;
            seen++;
            backlog_mark(&shelf.backlog, (size_t)i, NAMES_SPENT);
        }
        assert_int_equal(seen, NAMES);
        if (own < NAMES / WORKERS / 2 || own > NAMES / WORKERS * 2)
            fail_msg("rank %u has %d of %d", rank, own, NAMES);
    }
    for (int i = 0; i < NAMES; i++)
        assert_int_equal(taken[i], 1);
    backlog_release(&shelf.backlog);
}

/* Another number of workers: nothing that waits is forgotten, nothing comes twice. */
static void test_shares_change(void **state)
{
    struct shelf shelf;
    shelf_begin(&shelf, state, PLACE_PENDING);
    for (const char *c = "abcdefghij"; *c; c++)
        drop(&shelf, (char[]){ *c, '.', 'j', 's', 'o', 'n', '\0' });
    assert_int_equal(look(&shelf, BACKLOG_RESCAN, 0), 1);
    bool seen[10] = { false };
    for (uint32_t turn = 0; turn < 10; turn++) {
        const struct backlog_share share = { turn % 3, 3 + turn % 2 };
        ssize_t i = backlog_peek(&shelf.backlog, &share, UINT64_MAX);
        assert_true(i >= 0 && !seen[i]);
        seen[i] = true;
        backlog_mark(&shelf.backlog, (size_t)i, NAMES_SPENT);
    }
    assert_int_equal(backlog_peek(&shelf.backlog, &all, UINT64_MAX), -1);
    backlog_release(&shelf.backlog);
}

static void test_a_directory_that_is_gone(void **state)
{
    struct fixture *fixture = *state;
    struct shelf shelf;
    struct err err = { 0 };
    shelf_begin(&shelf, state, PLACE_PENDING);
    drop(&shelf, "a.json");
    assert_int_equal(look(&shelf, BACKLOG_RESCAN, 0), 1);
    int fd = dup(spool_dir(fixture->spool, PLACE_PENDING));
    int file = openat(spool_root(fixture->spool), ".takeup", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0 && file >= 0);
    /* As good as EIO: its descriptor is one of a file now. */
    assert_true(dup3(file, spool_dir(fixture->spool, PLACE_PENDING), O_CLOEXEC) >= 0);
    assert_true(backlog_look(&shelf.backlog, BACKLOG_EVENT, shelf.now_us + SECOND, &err) < 0);
    assert_non_null(strstr(err.text, "pending"));
    assert_true(dup3(fd, spool_dir(fixture->spool, PLACE_PENDING), O_CLOEXEC) >= 0);
    assert_string_equal(take_all(&shelf, &all, UINT64_MAX), "a ");
    (void)close(fd);
    (void)close(file);
    backlog_release(&shelf.backlog);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_listed_when_the_mtime_changed),
        FIXTURE_TEST(test_a_share_whose_lists_are_dear),
        FIXTURE_TEST(test_listed_every_five_minutes),
        FIXTURE_TEST(test_not_listed_for_each_event_while_names_are_left),
        FIXTURE_TEST(test_marks_outlive_a_listing),
        FIXTURE_TEST(test_due_ones_only),
        FIXTURE_TEST(test_shares),
        FIXTURE_TEST(test_shares_change),
        FIXTURE_TEST(test_a_directory_that_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
