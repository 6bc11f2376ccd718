/* What attempts.jsonl says, whatever a crash or a person made of it. */
#include "test.h"

#include "base/time.h"
#include "spool/attempts.h"

#include <errno.h>
#include <string.h>

#define START "{\"event\":\"start\",\"attempt\":1}\n"
#define CHARGED "{\"event\":\"end\",\"attempt\":1,\"class\":\"crash\",\"charged\":true}\n"
#define FREE "{\"event\":\"end\",\"attempt\":1,\"class\":\"shutdown\",\"charged\":false}\n"
#define RETRIED "{\"event\":\"retried\",\"at\":\"1970-01-01T00:00:09.000Z\"}\n"
#define WAIT(second, size, inode)                                                                  \
    "{\"event\":\"end\",\"at\":\"1970-01-01T00:00:0" second ".000Z\",\"charged\":false,"           \
    "\"waiting\":{\"size_bytes\":" size ",\"mtime_ns\":7,\"inode\":" inode "}}\n"

static const struct {
    const char *text;
    size_t lines;
    int started, charged;
    bool open;
    int64_t since_ms, size_bytes;
} files[] = {
    { "", 0, 0, 0, false, 0, 0 },
    { "\n\n", 0, 0, 0, false, 0, 0 },
    { START, 1, 1, 1, true, 0, 0 },
    { START CHARGED, 2, 1, 1, false, 0, 0 },
    { START FREE, 2, 1, 0, false, 0, 0 },
    { START START, 2, 2, 2, true, 0, 0 }, /* nobody saw the first one end */
    { START CHARGED START FREE START, 5, 3, 2, true, 0, 0 },
    { FREE, 1, 0, 0, false, 0, 0 },
    { START FREE FREE FREE, 4, 1, 0, false, 0, 0 }, /* one start is given back only once */
    { START "{\"event\":\"end\",\"charged\":0}\n", 2, 1, 1, false, 0, 0 },
    { START "{\"event\":\"end\"}\n", 2, 1, 1, false, 0, 0 },
    { START "{\"event\":\"end\",\"charged\":fal", 1, 1, 1, true, 0, 0 }, /* cut by a crash */
    { "{\"event\":\"start\"}", 0, 0, 0, false, 0, 0 },
    { "{\"event\":\"sta\n" START, 1, 1, 1, true, 0, 0 },
    { "\xff\xfe\n" START "garbage\n" CHARGED, 2, 1, 1, false, 0, 0 },
    { START "{\"event\":5}\n" FREE, 3, 1, 0, false, 0, 0 },
    { START WAIT("1", "5", "6"), 2, 1, 0, false, 1000, 5 },
    { START WAIT("1", "5", "6") START WAIT("3", "5", "6"), 4, 2, 0, false, 1000, 5 },
    { START WAIT("1", "5", "6") START WAIT("3", "9", "6"), 4, 2, 0, false, 3000, 9 },
    { START WAIT("1", "5", "6") START WAIT("3", "5", "8"), 4, 2, 0, false, 3000, 5 },
    { START WAIT("1", "5", "6") START FREE START WAIT("4", "5", "6"), 6, 3, 0, false, 4000, 5 },
    { START WAIT("1", "5", "6") START FREE, 4, 2, 0, false, 0, 5 },
    { START WAIT("1", "5", "6") START, 3, 2, 1, true, 1000, 5 },
    { START WAIT("1", "5", "6") "{\"event\":5}\n{\"event\":\"note\"}\n{}\n" START WAIT("3", "5",
                                                                                       "6"),
      7, 2, 0, false, 1000, 5 }, /* what is no event of ours changes nothing */
    { START CHARGED START CHARGED RETRIED, 5, 2, 0, false, 0, 0 },
    { START CHARGED RETRIED START, 4, 2, 1, true, 0, 0 },
    { START CHARGED RETRIED START CHARGED RETRIED RETRIED START CHARGED, 9, 3, 1, false, 0, 0 },
    { START RETRIED, 2, 1, 0, false, 0, 0 }, /* its end could not be written */
    { START RETRIED FREE, 3, 1, 0, false, 0, 0 },
    { START WAIT("1", "5", "6") RETRIED START WAIT("4", "5", "6"), 5, 2, 0, false, 4000, 5 },
    { START WAIT("1", "5", "6,\"spool_ms\":7000"), 2, 1, 0, false, 7000, 5 },
    { START "{\"event\":\"end\",\"charged\":false,\"waiting\":{}}\n", 2, 1, 0, false, 0, 0 },
    { START "{\"event\":\"end\",\"charged\":false,\"waiting\":5}\n", 2, 1, 0, false, 0, 0 },
};

static void test_reading(void **state)
{
    (void)state;
    CLEANUP(test_remove_dir) char *dir = test_make_dir();
    CLEANUP(fs_close) int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (size_t i = 0; i < COUNT(files); i++) {
        struct attempts got = { 0 };
        struct err err = { 0 };
        assert_ok(fs_write_file(root, ATTEMPTS_FILE, files[i].text, strlen(files[i].text), 0, &err),
                  err);
        assert_ok(attempts_read(root, &got, &err), err);
        if (json_array_size(got.lines) != files[i].lines)
            fail_msg("row %zu: %zu lines", i, json_array_size(got.lines));
        if (got.started != files[i].started || got.charged != files[i].charged ||
            got.open != files[i].open)
            fail_msg("row %zu: %d started, %d charged, open %d", i, got.started, got.charged,
                     got.open);
        if (got.waiting_since_ms != files[i].since_ms ||
            got.waiting_print.size_bytes != files[i].size_bytes)
            fail_msg("row %zu: waits since %lld, size %lld", i, (long long)got.waiting_since_ms,
                     (long long)got.waiting_print.size_bytes);
        attempts_release(&got);
    }
}

enum kind { NOTHING, DIRECTORY, LINK };

static const struct {
    enum kind kind;
    int read, append;
} kinds[] = {
    { NOTHING, 0, 0 },
    { DIRECTORY, -EINVAL, -EISDIR },
    { LINK, -ELOOP, -ELOOP },
};

static void make_kind(int root, enum kind kind)
{
    if (kind == DIRECTORY)
        assert_int_equal(mkdirat(root, ATTEMPTS_FILE, 0700), 0);
    else if (kind == LINK)
        assert_int_equal(symlinkat("elsewhere", root, ATTEMPTS_FILE), 0);
}

static void test_other_kinds(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(kinds); i++) {
        CLEANUP(test_remove_dir) char *dir = test_make_dir();
        CLEANUP(fs_close) int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct attempts got = { 0 };
        struct err err = { 0 };
        make_kind(root, kinds[i].kind);
        int r = attempts_read(root, &got, &err);
        if (r != kinds[i].read || (r == 0 && json_array_size(got.lines) != 0))
            fail_msg("row %zu: read %d %s", i, r, err.text);
        if (r < 0 && !strstr(err.text, ATTEMPTS_FILE))
            fail_msg("row %zu: '%s'", i, err.text);
        attempts_release(&got);
        r = attempts_append(root, json_object(), &err);
        if (r != kinds[i].append)
            fail_msg("row %zu: append %d %s", i, r, err.text);
        assert_int_equal(fstatat(root, "elsewhere", &(struct stat){ 0 }, 0), -1);
    }
}

static const struct {
    const char *before, *after;
} appended[] = {
    { NULL, "{\"n\":1}\n" },
    { "", "{\"n\":1}\n" },
    { START, START "{\"n\":1}\n" },
    { "{\"torn\":", "{\"torn\":\n{\"n\":1}\n" },
};

static void test_append(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(appended); i++) {
        CLEANUP(test_remove_dir) char *dir = test_make_dir();
        CLEANUP(fs_close) int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CLEANUP(mem_free_text) char *text = NULL;
        const char *before = appended[i].before;
        struct err err = { 0 };
        size_t len;
        json_t *line = json_object();
        json_set_int(line, "n", 1);
        if (before)
            assert_ok(fs_write_file(root, ATTEMPTS_FILE, before, strlen(before), 0, &err), err);
        assert_ok(attempts_append(root, line, &err), err);
        assert_ok(fs_read_file(root, ATTEMPTS_FILE, 4096, &text, &len, &err), err);
        if (strcmp(text, appended[i].after) != 0)
            fail_msg("row %zu: '%s'", i, text);
    }
}

/* What an end says comes back from the file, a long message cut where a character begins. */
static void test_end_line(void **state)
{
    (void)state;
    CLEANUP(test_remove_dir) char *dir = test_make_dir();
    CLEANUP(fs_close) int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char message[1100] = "x";
    for (size_t i = 1; i + 2 < sizeof(message); i += 2)
        memcpy(message + i, "\xC3\xA9", 2);
    struct fs_print print = { 5, 6, UINT64_MAX };
    struct attempt_end end = {
        .failure = "input_wait", .message = message, .waiting = &print, .waiting_at_ms = 1234
    };
    struct attempts got = { 0 };
    struct err err = { 0 };
    json_t *start = json_object();
    json_set_text(start, "event", "start");
    assert_ok(attempts_append(root, start, &err), err);
    assert_ok(attempts_append(root, attempts_end_line(3, &end), &err), err);
    assert_ok(attempts_read(root, &got, &err), err);
    const json_t *line = json_array_get(got.lines, 1);
    assert_int_equal(json_get_int(line, "attempt", 0), 3);
    assert_string_equal(json_get_text(line, "class", ""), "input_wait");
    assert_int_equal(strlen(json_get_text(line, "message", "")), 999);
    assert_int_equal(got.charged, 0);
    assert_int_equal(got.waiting_since_ms, 1234);
    assert_true(fs_print_equal(&got.waiting_print, &print));
    struct attempt_end well = { .charged = true };
    well.in_hand = got.lines; /* any list */
    CLEANUP(json_drop) json_t *with = attempts_end_line(4, &well);
    assert_true(json_equal(json_object_get(with, "in_hand"), got.lines));
    well.in_hand = NULL;
    attempts_note(&got, attempts_end_line(4, &well));
    line = json_array_get(got.lines, 2);
    assert_null(json_object_get(line, "class"));
    assert_null(json_object_get(line, "message"));
    assert_null(json_object_get(line, "in_hand"));
    assert_int_equal(got.waiting_since_ms, 0);
    attempts_release(&got);
    assert_null(got.lines);
}

/* What was in hand at each end, of those after the last `retried`. */
#define HELD(what) "{\"event\":\"end\",\"charged\":true,\"in_hand\":" what "}\n"

static const struct {
    const char *text, *in_hand;
} held[] = {
    { START, "[]" },
    { START CHARGED, "[]" },
    { START HELD("[1]"), "[[1]]" },
    { START HELD("[1]") START CHARGED START HELD("[2,3]"), "[[1],[2,3]]" },
    { START HELD("[1]") RETRIED, "[]" },
    { START HELD("[1]") RETRIED START HELD("[2]"), "[[2]]" },
    { START HELD("5") START HELD("{}") START HELD("null"), "[]" },
};

static void add_held(json_t *into, const json_t *in_hand)
{
    (void)json_array_append_new(into, json_deep_copy(in_hand));
}

static void test_in_hand(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(held); i++) {
        CLEANUP(test_remove_dir) char *dir = test_make_dir();
        CLEANUP(fs_close) int root = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        CLEANUP(json_drop) json_t *all = json_array();
        struct attempts got = { 0 };
        struct err err = { 0 };
        assert_ok(
            fs_write_file(root, ATTEMPTS_FILE, held[i].text, strlen(held[i].text), FS_NEW, &err),
            err);
        assert_ok(attempts_read(root, &got, &err), err);
        attempts_each_in_hand(&got, add_held, all);
        CLEANUP(mem_free_text) char *text = json_line(all);
        if (strcmp(text, held[i].in_hand) != 0)
            fail_msg("row %zu: %s", i, text);
        attempts_release(&got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading), cmocka_unit_test(test_other_kinds),
        cmocka_unit_test(test_append),  cmocka_unit_test(test_end_line),
        cmocka_unit_test(test_in_hand),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
