/* A scan: in which order, what is due, and what is said of the rest. */
#include "fixture.h"

#include "base/str.h"
#include "spool/scan.h"

#include <sys/socket.h>
#include <sys/un.h>

#define TOKEN "0123456789abcdef"

static const char *const dropped[] = {
    "pending/b.json",      "pending/B.json",     "pending/a.json",        "pending/a 1.json",
    "pending/10.json",     "pending/9.json",     "pending/\xC3\xA9.json", "pending/high/z.json",
    "pending/high/y.json", "pending/low/a.json",
};

static const struct {
    size_t lane;
    const char *names; /* each ended by '|' */
} lanes[] = {
    { 0, "y.json|z.json|" },
    { 1, "10.json|9.json|B.json|a 1.json|a.json|b.json|\xC3\xA9.json|" },
    { 2, "a.json|" },
};

static void must_scan(const struct fixture *fixture, enum spool_place place, struct scan *ret_scan)
{
    struct err err = { 0 };
    assert_ok(scan_place(fixture->spool, place, ret_scan, &err), err);
}

static void test_order(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(dropped); i++)
        fixture_drop(fixture, dropped[i], "");
    assert_int_equal(scan_places[0], PLACE_PENDING_HIGH);
    assert_int_equal(scan_places[1], PLACE_PENDING);
    assert_int_equal(scan_places[2], PLACE_PENDING_LOW);
    assert_int_equal(scan_places[SCAN_DEFERRED], PLACE_DEFERRED);
    for (size_t i = 0; i < COUNT(lanes); i++) {
        CLEANUP(str_release) struct str names = { 0 };
        CLEANUP(scan_release) struct scan scan;
        must_scan(fixture, scan_places[lanes[i].lane], &scan);
        for (size_t j = 0; j < scan.names.count; j++)
            str_addf(&names, "%s|", names_get(&scan.names, j));
        if (strcmp(str_text(&names), lanes[i].names) != 0)
            fail_msg("lane %zu: %s", i, str_text(&names));
        assert_int_equal(scan.problems.count, 0);
    }
}

static void test_empty(void **state)
{
    struct fixture *fixture = *state;
    struct scan scan;
    for (size_t i = 0; i < SCAN_PLACES; i++) {
        must_scan(fixture, scan_places[i], &scan);
        assert_int_equal(scan.names.count + scan.problems.count, 0);
        scan_release(&scan);
        scan_release(&scan);
    }
}

/* By due time, not as text. */
static const char *const deferred[] = { "c@9@" TOKEN, "a@10@" TOKEN, "a@b@20@" TOKEN, "b@20@" TOKEN,
                                        "a@100@" TOKEN };
static const uint64_t dues[] = { 9, 10, 20, 20, 100 };

static void test_deferred(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(scan_release) struct scan scan;
    int deferred_fd = spool_dir(fixture->spool, PLACE_DEFERRED);
    for (size_t i = COUNT(deferred); i > 0; i--)
        assert_int_equal(mkdirat(deferred_fd, deferred[i - 1], 0700), 0);
    must_scan(fixture, PLACE_DEFERRED, &scan);
    assert_int_equal(scan.problems.count, 0);
    assert_int_equal(scan.names.count, COUNT(deferred));
    for (size_t i = 0; i < COUNT(deferred); i++)
        if (strcmp(names_get(&scan.names, i), deferred[i]) != 0 ||
            scan.names.entries[i].key != dues[i])
            fail_msg("row %zu: '%s'", i, names_get(&scan.names, i));
}

enum kind { EMPTY_FILE, DIRECTORY, LINK, FIFO, SOCKET };

static const struct {
    const char *path;
    enum kind kind;
    const char *reason; /* NULL: no problem */
} strange[] = {
    { "pending/link.json", LINK, "symbolic link" },
    { "pending/fifo.json", FIFO, "is a FIFO" },
    { "pending/sock.json", SOCKET, "is not a regular file" },
    { "pending/dir.json", DIRECTORY, "is a directory" },
    { "pending/dir", DIRECTORY, "is a directory" },
    { "pending/clip.mp4", EMPTY_FILE, "media go to media/" },
    { "pending/job.JSON", EMPTY_FILE, "a job is a .json file" },
    { "pending/job.yaml", EMPTY_FILE, "a job is a .json file" },
    { "pending/high/high", DIRECTORY, "is a directory" },
    { "pending/low/clip.mkv", EMPTY_FILE, "media go to media/" },
    { "pending/.hidden.json", EMPTY_FILE, NULL },
    { "pending/.hidden", DIRECTORY, NULL },
    { "pending/a.json.part", EMPTY_FILE, NULL },
    { "pending/a.json~", EMPTY_FILE, NULL },
    { "pending/Thumbs.db", EMPTY_FILE, NULL },
    { "deferred/a@10@" TOKEN, EMPTY_FILE, "is not a deferred job" },
    { "deferred/b@10@" TOKEN, LINK, "is not a deferred job" },
    { "deferred/a", DIRECTORY, "is not a deferred job" },
    { "deferred/a@x@" TOKEN, DIRECTORY, "is not a deferred job" },
    { "deferred/a@10@", DIRECTORY, "is not a deferred job" },
    { "deferred/a@@" TOKEN, DIRECTORY, "is not a deferred job" },
    { "deferred/a@99999999999999999999@" TOKEN, DIRECTORY, "is not a deferred job" },
    { "deferred/@10@" TOKEN, DIRECTORY, "is not a deferred job" },
    { "deferred/.hidden", DIRECTORY, NULL },
};

static void make_socket(int root, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    CLEANUP(fs_close) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", root,
                         path) < (int)sizeof(address.sun_path));
    assert_int_equal(bind(fd, (const struct sockaddr *)&address, sizeof(address)), 0);
}

static void make(const struct fixture *fixture, const char *path, enum kind kind)
{
    int root = spool_root(fixture->spool);
    if (kind == EMPTY_FILE)
        fixture_drop(fixture, path, "");
    else if (kind == DIRECTORY)
        assert_int_equal(mkdirat(root, path, 0700), 0);
    else if (kind == LINK)
        assert_int_equal(symlinkat("/dev/null", root, path), 0);
    else if (kind == FIFO)
        assert_int_equal(mkfifoat(root, path, 0600), 0);
    else
        make_socket(root, path);
}

static const char *reason_of(const struct problems *problems, const char *path)
{
    for (size_t i = 0; i < problems->kept; i++)
        if (strcmp(problems->items[i].path, path) == 0)
            return problems->items[i].reason;
    return NULL;
}

static void test_strange(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(problems_release) struct problems all = { 0 };
    size_t expected = 0;
    for (size_t i = 0; i < COUNT(strange); i++) {
        make(fixture, strange[i].path, strange[i].kind);
        expected += strange[i].reason != NULL;
    }
    for (size_t i = 0; i < SCAN_PLACES; i++) {
        CLEANUP(scan_release) struct scan scan;
        must_scan(fixture, scan_places[i], &scan);
        assert_int_equal(scan.names.count, 0);
        problems_add_all(&all, &scan.problems);
    }
    for (size_t i = 0; i < COUNT(strange); i++) {
        const char *reason = reason_of(&all, strange[i].path);
        if (!reason != !strange[i].reason || (reason && !strstr(reason, strange[i].reason)))
            fail_msg("row %zu '%s': %s", i, strange[i].path, reason ? reason : "no problem");
        assert_int_equal(problems_has(&all, strange[i].path), strange[i].reason != NULL);
    }
    assert_int_equal(all.count, expected);
    problems_add_at(&all, PLACE_PENDING_HIGH, "x.json", "why");
    assert_string_equal(reason_of(&all, "pending/high/x.json"), "why");
}

/* All are counted, not all are kept. */
static void test_many_problems(void **state)
{
    (void)state;
    CLEANUP(problems_release) struct problems problems = { 0 }, copy = { 0 };
    for (int i = 0; i < PROBLEMS_KEPT + 10; i++)
        problems_add(&problems, "pending/x", "why");
    problems_add_all(&copy, &problems);
    assert_int_equal(copy.count, PROBLEMS_KEPT + 10);
    assert_int_equal(copy.kept, PROBLEMS_KEPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_order),
        FIXTURE_TEST(test_empty),
        FIXTURE_TEST(test_deferred),
        FIXTURE_TEST(test_strange),
        cmocka_unit_test(test_many_problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
