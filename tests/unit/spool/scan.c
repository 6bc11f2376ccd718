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

static void must_scan(const struct fixture *fixture, int64_t now_s, struct scan *ret_scan)
{
    struct err err = { 0 };
    assert_ok(scan_spool(fixture->spool, now_s, ret_scan, &err), err);
}

static void test_order(void **state)
{
    struct fixture *fixture = *state;
    struct scan scan;
    for (size_t i = 0; i < COUNT(dropped); i++)
        fixture_drop(fixture, dropped[i], "");
    must_scan(fixture, 0, &scan);
    assert_int_equal(scan_lanes[0], PLACE_PENDING_HIGH);
    assert_int_equal(scan_lanes[1], PLACE_PENDING);
    assert_int_equal(scan_lanes[2], PLACE_PENDING_LOW);
    for (size_t i = 0; i < COUNT(lanes); i++) {
        CLEANUP(str_release) struct str names = { 0 };
        const struct scan_names *lane = &scan.lane[lanes[i].lane];
        for (size_t j = 0; j < lane->count; j++)
            str_addf(&names, "%s|", lane->names[j]);
        if (strcmp(str_text(&names), lanes[i].names) != 0)
            fail_msg("lane %zu: %s", i, str_text(&names));
    }
    assert_int_equal(scan.problem_count, 0);
    scan_release(&scan);
}

static void test_empty(void **state)
{
    struct fixture *fixture = *state;
    struct scan scan;
    must_scan(fixture, 0, &scan);
    assert_int_equal(scan.lane[0].count + scan.lane[1].count + scan.lane[2].count, 0);
    assert_int_equal(scan.due.count + scan.deferred_count + scan.problem_count, 0);
    assert_true(scan.next_due_s == INT64_MAX);
    scan_release(&scan);
    scan_release(&scan);
}

static const char *const deferred[] = { "a@10@" TOKEN, "b@20@" TOKEN, "c@30@" TOKEN,
                                        "a@b@20@" TOKEN };

static const struct {
    int64_t now_s;
    size_t due;
    int64_t next_s;
} dues[] = {
    { 0, 0, 10 },
    { 9, 0, 10 },
    { 10, 1, 20 },
    { 20, 3, 30 },
    { 29, 3, 30 },
    { 30, 4, INT64_MAX },
    { INT64_MAX, 4, INT64_MAX },
};

static void test_deferred(void **state)
{
    struct fixture *fixture = *state;
    int deferred_fd = spool_dir(fixture->spool, PLACE_DEFERRED);
    for (size_t i = 0; i < COUNT(deferred); i++)
        assert_int_equal(mkdirat(deferred_fd, deferred[i], 0700), 0);
    for (size_t i = 0; i < COUNT(dues); i++) {
        struct scan scan;
        must_scan(fixture, dues[i].now_s, &scan);
        if (scan.due.count != dues[i].due || scan.next_due_s != dues[i].next_s ||
            scan.deferred_count != COUNT(deferred) || scan.problem_count != 0)
            fail_msg("row %zu: %zu due of %zu, next %lld", i, scan.due.count, scan.deferred_count,
                     (long long)scan.next_due_s);
        if (scan.due.count && strcmp(scan.due.names[0], deferred[0]) != 0)
            fail_msg("row %zu: first '%s'", i, scan.due.names[0]);
        scan_release(&scan);
    }
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

static const char *reason_of(const struct scan *scan, const char *path)
{
    for (size_t i = 0; i < scan->problem_count; i++)
        if (strcmp(scan->problems[i].path, path) == 0)
            return scan->problems[i].reason;
    return NULL;
}

static void test_strange(void **state)
{
    struct fixture *fixture = *state;
    struct scan scan;
    size_t problems = 0;
    for (size_t i = 0; i < COUNT(strange); i++) {
        make(fixture, strange[i].path, strange[i].kind);
        problems += strange[i].reason != NULL;
    }
    must_scan(fixture, 100, &scan);
    for (size_t i = 0; i < COUNT(strange); i++) {
        const char *reason = reason_of(&scan, strange[i].path);
        if (!reason != !strange[i].reason || (reason && !strstr(reason, strange[i].reason)))
            fail_msg("row %zu '%s': %s", i, strange[i].path, reason ? reason : "no problem");
    }
    assert_int_equal(scan.problem_count, problems);
    assert_int_equal(scan.lane[0].count + scan.lane[1].count + scan.lane[2].count, 0);
    assert_int_equal(scan.due.count + scan.deferred_count, 0);
    scan_problem_add(&scan, PLACE_PENDING_HIGH, "x.json", "why");
    assert_string_equal(reason_of(&scan, "pending/high/x.json"), "why");
    scan_release(&scan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_order),
        FIXTURE_TEST(test_empty),
        FIXTURE_TEST(test_deferred),
        FIXTURE_TEST(test_strange),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
