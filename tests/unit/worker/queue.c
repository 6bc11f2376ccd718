/* Which job is next: between lanes, between new ones and due ones, past those that are held, gone
 * or refused. The spool is a real one; what is claimed is given up at once. */
#include "test.h"

#include "../spool/fixture.h"
#include "base/log.h"
#include "base/str.h"
#include "base/time.h"
#include "worker/queue.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

static const struct queue_rules rules = {
    .claim = { .settle_ms = 3600000, .input_wait_ms = 3600000 }, .rescan_ms = 3600000
};

/* The clock by which it is measured what a listing costs, and so how long the next one is put off.
 * It stands still: on a busy machine a listing may cost more than a test has time. Put here in
 * place of base's by the linker. */
int64_t __wrap_time_mono_us(void);
int64_t __wrap_time_mono_us(void)
{
    return 1000000;
}

static void drop(const struct fixture *fixture, const char *lane, char letter, int count)
{
    for (int i = 0; i < count; i++) {
        CLEANUP(mem_free_text) char *path = mem_printf("%s/%c%04d.json", lane, letter, i);
        fixture_drop(fixture, path, "{\"input_path\": \"a\"}");
    }
}

/* A job in deferred/ that is due, or becomes due in the far future. */
static void defer(const struct fixture *fixture, const char *name, int64_t due_s, const char *text)
{
    CLEANUP(mem_free_text)
    char *dir = mem_printf("deferred/%s@%lld@0123456789abcdef", name, (long long)due_s);
    CLEANUP(mem_free_text) char *path = mem_printf("%s/%s.job", dir, name);
    assert_int_equal(mkdirat(spool_root(fixture->spool), dir, 0700), 0);
    fixture_drop(fixture, path, text);
}

static void look(const struct fixture *fixture, struct queue *queue)
{
    struct err err = { 0 };
    queue_hint(queue);
    assert_ok(queue_look(queue, fixture->seat, &err), err);
}

/* One try: the name's first letter, '-' when it could not be had, '.' when all is spent. */
static char next(const struct fixture *fixture, struct queue *queue)
{
    struct err err = { 0 };
    CLEANUP(claim_free) struct claim *claim = NULL;
    int r = queue_next(queue, fixture->seat, &claim, &err);
    assert_ok(r, err);
    if (!claim)
        return r == 0 ? '.' : '-';
    char letter = claim_name(claim)[0];
    CLEANUP(mem_free_text)
    char *path = mem_printf("running/%s/%s", seat_name(fixture->seat), claim_token(claim));
    assert_ok(fs_remove_tree(spool_root(fixture->spool), path, &err), err);
    return letter;
}

static char *take(const struct fixture *fixture, struct queue *queue, int count)
{
    struct str text = { 0 };
    for (int i = 0; i < count; i++)
        str_addf(&text, "%c", next(fixture, queue));
    return str_take(&text);
}

static int occurrences(const char *text, char letter)
{
    int count = 0;
    for (; *text; text++)
        count += *text == letter;
    return count;
}

/* Of 64 claims, while no lane ends. */
static const struct {
    int high, normal, low, due; /* how many there are */
    int takes_high, takes_normal, takes_low, takes_due;
} shares[] = {
    { 64, 0, 0, 0, 64, 0, 0, 0 },     { 0, 64, 0, 0, 0, 64, 0, 0 },
    { 64, 64, 0, 0, 56, 8, 0, 0 },    { 64, 0, 64, 0, 56, 0, 8, 0 },
    { 0, 64, 64, 0, 0, 56, 8, 0 },    { 64, 64, 64, 0, 56, 7, 1, 0 },
    { 64, 0, 0, 64, 32, 0, 0, 32 },   { 0, 64, 0, 64, 0, 32, 0, 32 },
    { 64, 64, 64, 64, 28, 4, 0, 32 }, { 3, 64, 0, 0, 3, 61, 0, 0 },
    { 0, 0, 64, 3, 0, 0, 61, 3 },
};

static void test_no_lane_starves(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shares); i++) {
        void *made = NULL;
        (void)fixture_make(&made);
        struct fixture *fixture = made;
        CLEANUP(queue_free) struct queue *queue = queue_new(fixture->spool, &rules);
        drop(fixture, "pending/high", 'h', shares[i].high);
        drop(fixture, "pending", 'n', shares[i].normal);
        drop(fixture, "pending/low", 'l', shares[i].low);
        for (int number = 0; number < shares[i].due; number++) {
            CLEANUP(mem_free_text) char *name = mem_printf("d%d", number);
            defer(fixture, name, 5, "{\"input_path\": \"a\"}");
        }
        look(fixture, queue);
        CLEANUP(mem_free_text) char *took = take(fixture, queue, 64);
        if (occurrences(took, 'h') != shares[i].takes_high ||
            occurrences(took, 'n') != shares[i].takes_normal ||
            occurrences(took, 'l') != shares[i].takes_low ||
            occurrences(took, 'd') != shares[i].takes_due)
            fail_msg("row %zu: %s", i, took);
        queue_free(&queue);
        (void)fixture_end(&made);
    }
}

/* What comes into high/ is next, without another look at the rest. */
static void test_high_is_looked_at_before_each_claim(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(queue_free) struct queue *queue = queue_new(fixture->spool, &rules);
    drop(fixture, "pending", 'n', 3);
    look(fixture, queue);
    assert_int_equal(next(fixture, queue), 'n');
    drop(fixture, "pending/high", 'h', 1);
    assert_int_equal(next(fixture, queue), 'h');
    assert_int_equal(next(fixture, queue), 'n');
}

static void test_not_due_is_not_taken(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(queue_free) struct queue *queue = queue_new(fixture->spool, &rules);
    defer(fixture, "late", time_wall_ms() / 1000 + 100, "{\"input_path\": \"a\"}");
    defer(fixture, "due", time_wall_ms() / 1000 - 1, "{\"input_path\": \"a\"}");
    look(fixture, queue);
    CLEANUP(mem_free_text) char *took = take(fixture, queue, 2);
    assert_string_equal(took, "d.");
    int64_t wait_ms = queue_due_ms(queue) - time_mono_ms();
    assert_true(wait_ms > 80 * 1000 && wait_ms < 110 * 1000);
    assert_true(queue_pending(queue) == 0);
}

/* ---- held ---- */

static bool full[3];

static int group_of(void *arg, const struct job *job)
{
    (void)arg;
    return job->pipeline_id ? job->pipeline_id[0] - '0' : -1;
}

static bool is_full(void *arg, size_t group)
{
    (void)arg;
    return full[group];
}

static void drop_of(const struct fixture *fixture, const char *name, char group)
{
    CLEANUP(mem_free_text) char *path = mem_printf("pending/%s.json", name);
    CLEANUP(mem_free_text)
    char *text = mem_printf("{\"input_path\": \"a\", \"pipeline_id\": \"%c\"}", group);
    fixture_drop(fixture, path, text);
}

static void test_held_ones_stop_nobody(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(queue_free) struct queue *queue = queue_new(fixture->spool, &rules);
    const struct queue_limits limits = { 3, group_of, is_full, NULL };
    queue_set_limits(queue, &limits);
    memset(full, 0, sizeof(full));
    drop_of(fixture, "a", '1');
    drop_of(fixture, "b", '1');
    drop_of(fixture, "c", '2');
    drop_of(fixture, "d", '1');
    fixture_drop(fixture, "pending/e.json", "{\"input_path\": \"a\"}");
    defer(fixture, "f", 5, "{\"input_path\": \"a\", \"pipeline_id\": \"1\"}");
    full[1] = true;
    look(fixture, queue);
    CLEANUP(mem_free_text) char *took = take(fixture, queue, 8);
    assert_int_equal(occurrences(took, '-'), 4); /* looked at: a b d, and f where it lies */
    assert_int_equal(occurrences(took, 'c') + occurrences(took, 'e'), 2);
    assert_true(fixture_has(fixture, "deferred/f@5@0123456789abcdef"));
    assert_false(queue_is_drained(queue));
    assert_int_equal(queue_pending(queue), 3);
    assert_int_equal(queue_untaken(queue)->count, 0); /* nothing is wrong with them */

    /* They are not looked into again, not even after another drop. */
    drop_of(fixture, "0", '1');
    look(fixture, queue);
    CLEANUP(mem_free_text) char *again = take(fixture, queue, 3);
    assert_string_equal(again, "-..");

    full[1] = false;
    CLEANUP(mem_free_text) char *freed = take(fixture, queue, 6);
    assert_int_equal(occurrences(freed, '0') + occurrences(freed, 'a') + occurrences(freed, 'b') +
                         occurrences(freed, 'd') + occurrences(freed, 'f'),
                     5);
    assert_true(strchr(freed, '0') < strchr(freed, 'a') &&
                strchr(freed, 'a') < strchr(freed, 'b') && strchr(freed, 'b') < strchr(freed, 'd'));
    assert_int_equal(freed[5], '.');
}

/* ---- gone, refused, unfinished ---- */

static void test_gone_ones_are_counted(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(queue_free) struct queue *queue = queue_new(fixture->spool, &rules);
    drop(fixture, "pending", 'n', 3);
    look(fixture, queue);
    assert_int_equal(unlinkat(spool_dir(fixture->spool, PLACE_PENDING), "n0001.json", 0), 0);
    CLEANUP(mem_free_text) char *took = take(fixture, queue, 4);
    assert_string_equal(took, "n-n.");
    assert_int_equal(queue_counts(queue).claims, 2);
    assert_int_equal(queue_counts(queue).missed, 1);
}

/* A list that is worth nothing any more is made anew. */
static void test_many_gone_ones_end_the_list(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(queue_free) struct queue *queue = queue_new(fixture->spool, &rules);
    drop(fixture, "pending", 'a', 100);
    drop(fixture, "pending", 'z', 1);
    look(fixture, queue);
    for (int i = 0; i < 100; i++) {
        CLEANUP(mem_free_text) char *name = mem_printf("a%04d.json", i);
        assert_int_equal(unlinkat(spool_dir(fixture->spool, PLACE_PENDING), name, 0), 0);
    }
    /* As soon as it may: a small part of the time is for listing. */
    (void)nanosleep(&(struct timespec){ .tv_nsec = 50 * 1000 * 1000 }, NULL);
    int tries = 1;
    char letter;
    while ((letter = next(fixture, queue)) == '-')
        tries++;
    assert_int_equal(letter, 'z');
    if (tries > 50)
        fail_msg("%d tries", tries);
}

static void test_unfinished_ones_are_told_and_tried_again(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(queue_free) struct queue *queue = queue_new(fixture->spool, &rules);
    fixture_drop(fixture, "pending/half.json", "{\"input_path\": ");
    drop(fixture, "pending", 'n', 1);
    look(fixture, queue);
    CLEANUP(mem_free_text) char *took = take(fixture, queue, 3);
    assert_string_equal(took, "-n.");
    assert_int_equal(queue_untaken(queue)->count, 1);
    assert_string_equal(queue_untaken(queue)->problems[0].path, "pending/half.json");
    assert_false(queue_is_drained(queue));
    assert_true(queue_due_ms(queue) < time_mono_ms() + 2100);
    fixture_drop(fixture, "pending/half.json", "{\"input_path\": \"a\"}");
    look(fixture, queue);
    CLEANUP(mem_free_text) char *again = take(fixture, queue, 2);
    assert_string_equal(again, "h.");
    assert_int_equal(queue_untaken(queue)->count, 0);
}

/* With more behind it than hands are free, so that the list is not at its end for long. */
static void test_what_was_taken_is_no_problem_any_more(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(queue_free) struct queue *queue = queue_new(fixture->spool, &rules);
    fixture_drop(fixture, "pending/half.json", "");
    drop(fixture, "pending", 'n', 3);
    look(fixture, queue);
    CLEANUP(mem_free_text) char *took = take(fixture, queue, 2);
    assert_string_equal(took, "-n");
    assert_int_equal(queue_untaken(queue)->count, 1);
    fixture_drop(fixture, "pending/half.json", "{\"input_path\": \"a\"}");
    look(fixture, queue);
    CLEANUP(mem_free_text) char *again = take(fixture, queue, 1);
    assert_string_equal(again, "h");
    assert_int_equal(queue_untaken(queue)->count, 0);
}

static void test_drained(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    CLEANUP(queue_free) struct queue *queue = queue_new(fixture->spool, &rules);
    assert_false(queue_is_drained(queue));
    drop(fixture, "pending", 'n', 1);
    look(fixture, queue);
    assert_false(queue_is_drained(queue));
    CLEANUP(mem_free_text) char *took = take(fixture, queue, 2);
    assert_string_equal(took, "n.");
    assert_false(queue_is_drained(queue)); /* something may have come meanwhile, */
    drop(fixture, "pending/low", 'l', 1);
    queue_drain(queue);
    assert_ok(queue_look(queue, fixture->seat, &err), err);
    assert_int_equal(next(fixture, queue), 'l'); /* and so it was */
    queue_drain(queue);
    assert_ok(queue_look(queue, fixture->seat, &err), err);
    assert_true(queue_is_drained(queue));
}

/* An event lists the place it names, also when its mtime says nothing (it may be as coarse as 2 s).
 */
static void test_an_event_is_believed(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(queue_free) struct queue *queue = queue_new(fixture->spool, &rules);
    struct err err = { 0 };
    struct stat st;
    int pending = spool_dir(fixture->spool, PLACE_PENDING);
    look(fixture, queue);
    assert_int_equal(fstat(pending, &st), 0);
    drop(fixture, "pending", 'a', 1);
    const struct timespec times[2] = { st.st_atim, st.st_mtim };
    assert_int_equal(futimens(pending, times), 0);
    queue_hint_at(queue, PLACE_DEFERRED);
    assert_ok(queue_look(queue, fixture->seat, &err), err);
    assert_int_equal(queue_pending(queue), 0);
    queue_hint_at(queue, PLACE_PENDING);
    assert_ok(queue_look(queue, fixture->seat, &err), err);
    assert_int_equal(queue_pending(queue), 1);
}

/* A file that an event names is taken without a listing, and only once; what lies beside it is
 * found by the next look. */
static void test_a_named_file_need_not_wait(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(queue_free) struct queue *queue = queue_new(fixture->spool, &rules);
    struct err err = { 0 };
    look(fixture, queue);
    drop(fixture, "pending", 'a', 1);
    drop(fixture, "pending", 'b', 1);
    queue_hint_file(queue, PLACE_PENDING, "b0000.json");
    assert_ok(queue_look(queue, fixture->seat, &err), err);
    assert_int_equal(queue_pending(queue), 1);
    assert_int_equal(next(fixture, queue), 'b');
    assert_false(queue_is_drained(queue));
    assert_int_equal(queue_due_ms(queue), 0);
    assert_ok(queue_look(queue, fixture->seat, &err), err);
    CLEANUP(mem_free_text) char *taken = take(fixture, queue, 2);
    assert_string_equal(taken, "a.");
}

/* These are looked for by a listing. */
static const struct {
    const char *name, *drops, *hint, *second_hint;
    int64_t pending;
} listed[] = {
    { "others wait already", "pending", "b0000.json", NULL, 2 },
    { "more than one has come", NULL, "a0000.json", "b0000.json", 2 },
    { "no job", NULL, "notes.txt", NULL, 2 },
    { "a draft", NULL, ".a0000.json", NULL, 2 },
};

static void test_other_files_are_looked_for(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    for (size_t i = 0; i < COUNT(listed); i++) {
        CLEANUP(queue_free) struct queue *queue = queue_new(fixture->spool, &rules);
        look(fixture, queue);
        drop(fixture, "pending", 'a', 1);
        if (listed[i].drops)
            look(fixture, queue);
        drop(fixture, "pending", 'b', 1);
        queue_hint_file(queue, PLACE_PENDING, listed[i].hint);
        if (listed[i].second_hint)
            queue_hint_file(queue, PLACE_PENDING, listed[i].second_hint);
        assert_ok(queue_look(queue, fixture->seat, &err), err);
        if (queue_pending(queue) != listed[i].pending)
            fail_msg("%s: %lld", listed[i].name, (long long)queue_pending(queue));
        CLEANUP(mem_free_text) char *taken = take(fixture, queue, 3);
        assert_string_equal(taken, "ab.");
    }
}

/* What came first without an event, as another host's files do, is not overtaken by a lower lane.
 */
static void test_a_named_file_overtakes_no_lane(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(queue_free) struct queue *queue = queue_new(fixture->spool, &rules);
    struct err err = { 0 };
    look(fixture, queue);
    drop(fixture, "pending", 'a', 1);
    drop(fixture, "pending/low", 'b', 1);
    queue_hint_file(queue, PLACE_PENDING_LOW, "b0000.json");
    assert_ok(queue_look(queue, fixture->seat, &err), err);
    CLEANUP(mem_free_text) char *taken = take(fixture, queue, 3);
    assert_string_equal(taken, "ab.");
}

/* With a free runner a drained queue is told as soon as nothing was found, and not a retry later.
 */
static void test_a_named_file_ends_a_drain_at_once(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(queue_free) struct queue *queue = queue_new(fixture->spool, &rules);
    struct err err = { 0 };
    look(fixture, queue);
    assert_int_equal(next(fixture, queue), '.');
    drop(fixture, "pending", 'a', 1);
    queue_hint_file(queue, PLACE_PENDING, "a0000.json");
    assert_ok(queue_look(queue, fixture->seat, &err), err);
    assert_int_equal(next(fixture, queue), 'a');
    assert_ok(queue_look(queue, fixture->seat, &err), err);
    assert_int_equal(next(fixture, queue), '.');
    queue_drain(queue);
    assert_true(queue_due_ms(queue) <= time_mono_ms());
}

/* The name of a file that is gone, or is none, does no harm. */
static void test_a_named_file_may_be_gone(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(queue_free) struct queue *queue = queue_new(fixture->spool, &rules);
    struct err err = { 0 };
    look(fixture, queue);
    drop(fixture, "pending", 'a', 1);
    queue_hint_file(queue, PLACE_PENDING, "gone.json");
    assert_ok(queue_look(queue, fixture->seat, &err), err);
    assert_int_equal(next(fixture, queue), '-');
    assert_ok(queue_look(queue, fixture->seat, &err), err);
    assert_int_equal(next(fixture, queue), 'a');
}

int main(void)
{
    log_setup(LOG_LEVEL_ERROR, LOG_STYLE_LOGFMT);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_lane_starves),
        FIXTURE_TEST(test_high_is_looked_at_before_each_claim),
        FIXTURE_TEST(test_not_due_is_not_taken),
        FIXTURE_TEST(test_held_ones_stop_nobody),
        FIXTURE_TEST(test_gone_ones_are_counted),
        FIXTURE_TEST(test_many_gone_ones_end_the_list),
        FIXTURE_TEST(test_unfinished_ones_are_told_and_tried_again),
        FIXTURE_TEST(test_what_was_taken_is_no_problem_any_more),
        FIXTURE_TEST(test_drained),
        FIXTURE_TEST(test_an_event_is_believed),
        FIXTURE_TEST(test_a_named_file_need_not_wait),
        FIXTURE_TEST(test_other_files_are_looked_for),
        FIXTURE_TEST(test_a_named_file_may_be_gone),
        FIXTURE_TEST(test_a_named_file_overtakes_no_lane),
        FIXTURE_TEST(test_a_named_file_ends_a_drain_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
