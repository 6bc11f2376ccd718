/* Claims and how they end. fsync, sync_file_range and renameat are replaced, so that their order
 * can be seen and an EIO be had; and fstatfs, since the order depends on the filesystem. */
#include "fixture.h"

#include "spool/record.h"
#include "spool/scan.h"

#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

static struct str calls;      /* "begin NAME;", "sync NAME;" and "rename TO;" */
static const char *fail_sync; /* the next fsync of a file of this name says EIO */
static int rename_lies;       /* the next rename is done, and says this */

static const char *name_of(int fd)
{
    static char path[4096];
    char link[64];
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof(path) - 1);
    path[len > 0 ? len : 0] = '\0';
    return strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
}

int sync_file_range(int fd, off64_t offset, off64_t count, unsigned flags)
{
    assert_true(offset == 0 && count == 0 && flags == SYNC_FILE_RANGE_WRITE); /* never a wait */
    str_addf(&calls, "begin %s;", name_of(fd));
    return 0;
}

int fsync(int fd)
{
    const char *name = name_of(fd);
    str_addf(&calls, "sync %s;", name);
    if (fail_sync && strcmp(name, fail_sync) == 0) {
        fail_sync = NULL;
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

static bool one_journal; /* ext4; else btrfs */

int fstatfs(int fd, struct statfs *fs)
{
    int r = (int)syscall(SYS_fstatfs, fd, fs);
    fs->f_type = one_journal ? 0xEF53 : 0x9123683E;
    return r;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    int r = (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
    str_addf(&calls, "rename %s;", to);
    if (rename_lies && r == 0) {
        errno = rename_lies;
        rename_lies = 0;
        return -1;
    }
    return r;
}

static const struct claim_rules at_once = { 0 },
                                never = { .settle_ms = 3600000, .input_wait_ms = 3600000 };
#define JOB "{\"input_path\": \"a.mp4\", \"mine\": {\"k\": 1}}"

static struct claim *must_claim(struct fixture *fixture, const char *file)
{
    struct claim *claim = NULL;
    struct err err = { 0 };
    int r = claim_pending(fixture->seat, PLACE_PENDING, file, &never, &claim, &err);
    if (r != 1)
        fail_msg("claim '%s': %d %s", file, r, err.text);
    return claim;
}

static const struct {
    const char *file, *text; /* NULL: a directory of that name */
    const struct claim_rules *rules;
    int result;
    bool job;
    const char *told;
} claims[] = {
    { "a.json", JOB, &never, 1, true, "" },
    { "\xC3\xA9 1.json", JOB, &never, 1, true, "" },
    { "b.json", "{\"input_path\": \"a", &never, 0, false, "incomplete, waiting" },
    { "c.json", "", &never, 0, false, "it is empty" },
    { "d.json", "{]", &never, 0, false, "line 1, column 2" },
    { "e.json", "{\"input_path\": \"a", &at_once, 1, false, "ends too soon" },
    { "f.json", "{]", &at_once, 1, false, "line 1, column 2" },
    { "g.json", NULL, &at_once, 0, false, "not a regular file" },
    { "h.mp4", "x", &at_once, 0, false, "not the name of a job file" },
    { ".i.json", JOB, &at_once, 0, false, "not the name of a job file" },
};

static void test_claims(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(claims); i++) {
        CLEANUP(claim_free) struct claim *claim = NULL;
        CLEANUP(mem_free_text) char *path = mem_printf("pending/%s", claims[i].file);
        struct err err = { 0 };
        if (claims[i].text)
            fixture_drop(fixture, path, claims[i].text);
        else
            assert_int_equal(mkdirat(spool_root(fixture->spool), path, 0700), 0);
        int r = claim_pending(fixture->seat, PLACE_PENDING, claims[i].file, claims[i].rules, &claim,
                              &err);
        if (r != claims[i].result)
            fail_msg("row %zu '%s': %d %s", i, claims[i].file, r, err.text);
        if (fixture_has(fixture, path) != (r == 0))
            fail_msg("row %zu '%s': in pending", i, claims[i].file);
        if (r == 1 && (claim_job(claim, &err) != NULL) != claims[i].job)
            fail_msg("row %zu '%s': job %s", i, claims[i].file, err.text);
        if (!strstr(err.text, claims[i].told))
            fail_msg("row %zu '%s': told '%s'", i, claims[i].file, err.text);
        char id[NAME_SIZE];
        CLEANUP(json_drop) json_t *record = json_object();
        if (r == 1)
            assert_int_equal(claim_publish(claim, PLACE_ERROR, record, id, &err), 1);
    }
}

static void test_nothing_there(void **state)
{
    struct fixture *fixture = *state;
    struct claim *claim = NULL;
    struct err err = { 0 };
    assert_int_equal(claim_pending(fixture->seat, PLACE_PENDING, "no.json", &never, &claim, &err),
                     0);
    assert_int_equal(err.kind, ERR_NONE);
    assert_int_equal(claim_deferred(fixture->seat, "no@1@0123456789abcdef", &claim, &err), 0);
    assert_int_equal(err.kind, ERR_NONE);
}

/* A rename that was done and says no: the claim happened. */
static void test_lost_replies(void **state)
{
    static const int lies[] = { ENOENT, EIO, EPERM };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(lies); i++) {
        char id[NAME_SIZE];
        struct err err = { 0 };
        CLEANUP(json_drop) json_t *record = json_object();
        fixture_drop(fixture, "pending/a.json", JOB);
        rename_lies = lies[i];
        CLEANUP(claim_free) struct claim *claim = must_claim(fixture, "a.json");
        rename_lies = lies[i];
        if (claim_publish(claim, PLACE_DONE, record, id, &err) != 1)
            fail_msg("row %zu: %s", i, err.text);
        CLEANUP(mem_free_text) char *path = mem_printf("done/%s/a.job", id);
        assert_true(fixture_has(fixture, path));
    }
    assert_int_equal(fixture_count(fixture, "done"), (int)COUNT(lies));
}

static void start_with(struct claim *claim, const char *const *names)
{
    struct err err = { 0 };
    CLEANUP(fs_close) int out = -1;
    int number;
    assert_ok(claim_start(claim, &number, &out, &err), err);
    for (; *names; names++)
        assert_ok(fs_write_file(out, *names, "text", 4, 0, &err), err);
    assert_int_equal(symlinkat("/etc/passwd", out, "link"), 0);
    assert_int_equal(mkdirat(out, "dir", 0700), 0);
}

static json_t *record_at(struct fixture *fixture, const char *dir)
{
    CLEANUP(mem_free_text) char *path = mem_printf("%s/result.json", dir), *text = NULL;
    size_t len;
    struct err err = { 0 };
    struct json_mark mark;
    json_t *record = NULL;
    assert_ok(fs_read_file(spool_root(fixture->spool), path, 1 << 20, &text, &len, &err), err);
    assert_int_equal(json_parse(text, len, &record, &mark, &err), 1);
    return record;
}

static void test_publish_in_order(void **state)
{
    static const char *const made[] = { "text.txt", "result.json", "attempts.jsonl", "x.job",
                                        NULL };
    struct fixture *fixture = *state;
    struct err err = { 0 };
    char id[NAME_SIZE];
    fixture_drop(fixture, "pending/a.json", JOB);
    CLEANUP(claim_free) struct claim *claim = must_claim(fixture, "a.json");
    start_with(claim, made);
    struct record_facts facts = { .status = "done" };
    CLEANUP(json_drop) json_t *record = record_new(&facts, NULL);
    str_release(&calls);
    fail_sync = "text.txt";
    assert_ok(claim_publish(claim, PLACE_DONE, record, id, &err), err);
    CLEANUP(mem_free_text)
    char *order =
        mem_printf("rename text.txt;begin result.json;begin text.txt;begin a.job;"
                   "sync a.job;sync result.json;"
                   "sync text.txt;sync .again;rename text.txt;sync %s;rename a;sync done;",
                   claim_token(claim));
    assert_string_equal(str_text(&calls), order);

    CLEANUP(json_drop) json_t *told = record_at(fixture, "done/a");
    assert_string_equal(json_get_text(told, "id", ""), "a");
    assert_int_equal(json_array_size(json_object_get(told, "artifacts")), 1);
    assert_int_equal(json_array_size(json_object_get(told, "warnings")), 4);
    assert_null(json_object_get(told, "job_changed"));
    assert_int_equal(fixture_count(fixture, "done/a"), 4);
    struct stat st;
    assert_int_equal(fstatat(spool_root(fixture->spool), "done/a", &st, 0), 0);
    assert_int_equal(st.st_mode & 07777, 02775);
}

/* No sync keeps a runner from being started; one that runs for a while is made sure of, X.job
 * first: a sync of TOKEN before that would bring the job back in pending (btrfs). */
static void test_the_start_is_synced_later(void **state)
{
    static const char *const nothing[] = { NULL };
    struct fixture *fixture = *state;
    struct err err = { 0 };
    fixture_drop(fixture, "pending/a.json", JOB);
    str_release(&calls);
    CLEANUP(claim_free) struct claim *claim = must_claim(fixture, "a.json");
    start_with(claim, nothing);
    assert_null(strstr(str_text(&calls), "sync"));
    str_release(&calls);
    assert_ok(claim_sync_start(claim, &err), err);
    assert_string_equal(str_text(&calls), "sync a.job;sync attempts.jsonl;");
    assert_ok(claim_defer(claim, 0, &err), err);
}

/* X.job of all that is in hand, before anything of the one that ends is synced; and not once more.
 */
static void test_jobs_beside(void **state)
{
    static const char *const nothing[] = { NULL };
    struct fixture *fixture = *state;
    struct err err = { 0 };
    char id[NAME_SIZE];
    fixture_drop(fixture, "pending/a.json", JOB);
    fixture_drop(fixture, "pending/b.json", JOB);
    CLEANUP(claim_free) struct claim *one = must_claim(fixture, "a.json");
    CLEANUP(claim_free) struct claim *other = must_claim(fixture, "b.json");
    start_with(one, nothing);
    CLEANUP(json_drop) json_t *record = json_object();
    str_release(&calls);
    assert_int_equal(claim_publish(one, PLACE_ERROR, record, id, &err), 1);
    const char *first = strstr(str_text(&calls), "sync ");
    assert_non_null(first);
    assert_memory_equal(first, "sync b.job;", strlen("sync b.job;"));
    str_release(&calls);
    assert_ok(claim_defer(other, 0, &err), err);
    assert_null(strstr(str_text(&calls), "sync b.job"));
}

/* A job that was withdrawn with its video goes to error/, whatever it was to do, and that is
 * synced. */
static void test_withdrawn_is_synced_where_it_went(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    fixture_drop(fixture, "pending/a.json", JOB);
    CLEANUP(claim_free) struct claim *claim = must_claim(fixture, "a.json");
    assert_int_equal(mkdirat(claim_dir(claim), "input", 0700), 0);
    assert_ok(fs_write_file(claim_dir(claim), "input/a.mp4", "x", 1, 0, &err), err);
    assert_int_equal(unlinkat(claim_dir(claim), "a.job", 0), 0);
    str_release(&calls);
    assert_ok(claim_defer(claim, 0, &err), err);
    assert_non_null(strstr(str_text(&calls), "rename a;sync error;"));
    assert_null(strstr(str_text(&calls), "sync deferred"));
}

static const struct {
    enum spool_place place;
    bool durable, one_journal;
    const char *before, *after; /* the name of TOKEN, which is synced if anything is */
} ends[] = {
    { PLACE_DONE, true, false, "begin result.json;begin a.job;sync a.job;sync result.json;",
      ";rename a;|sync done;" },
    { PLACE_DONE, false, false, "", "rename a.2;|" },
    { PLACE_ERROR, true, false,
      "begin result.json;begin attempts.jsonl;begin a.job;"
      "sync a.job;sync result.json;sync attempts.jsonl;",
      ";rename a;|sync error;" },
    { PLACE_ERROR, false, false, "", "rename a.2;|" },
    { PLACE_DONE, true, true, "begin result.json;begin a.job;sync result.json;sync a.job;",
      ";rename a.3;|sync done;" },
};

/* All files begun; X.job, what belongs to the end (the record first where one journal has all),
 * TOKEN, rename; and
 * by itself what makes the rename sure. Without durability the same without the syncs. */
static void test_the_order_of_an_end(void **state)
{
    static const char *const nothing[] = { NULL };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(ends); i++) {
        struct err err = { 0 };
        char id[NAME_SIZE];
        one_journal = ends[i].one_journal;
        assert_int_equal(seat_reopen(fixture->seat, &err), 1);
        fixture_drop(fixture, "pending/a.json", JOB);
        CLEANUP(claim_free) struct claim *claim = must_claim(fixture, "a.json");
        CLEANUP(json_drop) json_t *record = json_object();
        start_with(claim, nothing);
        struct attempt_end end = { .failure = "crash", .message = "it fell", .charged = true };
        assert_ok(claim_ended(claim, &end, &err), err);
        str_release(&calls);
        fs_set_durable(ends[i].durable);
        int r = claim_move(claim, ends[i].place, record, id, &err);
        str_add(&calls, "|");
        if (r != 1 || claim_sync(claim, &err) < 0)
            fail_msg("row %zu: %s", i, err.text);
        fs_set_durable(true);
        CLEANUP(mem_free_text)
        char *order = mem_printf("%s%s%s%s", ends[i].before, ends[i].durable ? "sync " : "",
                                 ends[i].durable ? claim_token(claim) : "", ends[i].after);
        assert_string_equal(str_text(&calls), order);
    }
    one_journal = false;
}

static void test_names_taken(void **state)
{
    struct fixture *fixture = *state;
    for (int i = 1; i <= 11; i++) {
        char id[NAME_SIZE], wanted[NAME_SIZE];
        struct err err = { 0 };
        CLEANUP(json_drop) json_t *record = json_object();
        fixture_drop(fixture, "pending/a.json", JOB);
        CLEANUP(claim_free) struct claim *claim = must_claim(fixture, "a.json");
        assert_ok(claim_publish(claim, PLACE_DONE, record, id, &err), err);
        if (i <= 9)
            (void)snprintf(wanted, sizeof(wanted), "a.%d", i);
        else
            (void)snprintf(wanted, sizeof(wanted), "a.%s", claim_token(claim));
        if (strcmp(id, i == 1 ? "a" : wanted) != 0)
            fail_msg("%d: '%s'", i, id);
        CLEANUP(mem_free_text) char *dir = mem_printf("done/%s", id);
        CLEANUP(json_drop) json_t *told = record_at(fixture, dir);
        assert_string_equal(json_get_text(told, "id", ""), id);
        assert_string_equal(json_get_text(told, "name", ""), "a");
    }
}

enum made_kind {
    MADE_FILE,
    MADE_FIFO,
    MADE_SOCKET,
    MADE_DEVICE,
    MADE_LINK,
    MADE_HARD_LINK,
    MADE_DIR,
    MADE_FULL_DIR,
};

/* What a runner that was taken over may leave in out.N. */
static const struct {
    const char *name;
    enum made_kind kind;
    mode_t mode;
    const char *told; /* NULL: it is an artifact */
} left[] = {
    { "text.txt", MADE_FILE, 0644, NULL },
    { "text.txt", MADE_FILE, 0600, NULL },
    { "text.txt", MADE_FILE, 0, "it has a strange mode" },
    { "text.txt", MADE_FILE, 04755, "it has a strange mode" },
    { "text.txt", MADE_FILE, 02755, "it has a strange mode" },
    { "text.txt", MADE_FIFO, 0644, "it is not a regular file" },
    { "text.txt", MADE_SOCKET, 0644, "it is not a regular file" },
    { "text.txt", MADE_DEVICE, 0644, "it is not a regular file" },
    { "text.txt", MADE_LINK, 0, "it is not a regular file" },
    { "text.txt", MADE_HARD_LINK, 0, "it has several names" },
    { "text.txt", MADE_DIR, 0755, "it is not a regular file" },
    { "text.txt", MADE_FULL_DIR, 0755, "it is not a regular file" },
    { "input", MADE_FULL_DIR, 0755, "it is not a regular file" },
    { "earlier", MADE_LINK, 0, "it is not a regular file" },
    { "input", MADE_FILE, 0644, "the name is taken" },
    { "b.job", MADE_FILE, 0644, "the name is taken" },
    { "attempts.jsonl", MADE_FILE, 0644, "the name is taken" },
    { "out.2", MADE_FILE, 0644, "the name is taken" },
    { ".text.txt", MADE_FILE, 0644, "files named like this are ignored" },
    { "text.txt.part", MADE_FILE, 0644, "files named like this are ignored" },
};

/* false: only root may make it. */
static bool leave(struct fixture *fixture, int out, size_t row)
{
    const char *name = left[row].name;
    struct err err = { 0 };
    int r = 0;
    switch (left[row].kind) {
    case MADE_FILE:
        assert_ok(fs_write_file(out, name, "text", 4, 0, &err), err);
        r = fchmodat(out, name, left[row].mode, 0);
        break;
    case MADE_FIFO:
        r = mknodat(out, name, S_IFIFO | left[row].mode, 0);
        break;
    case MADE_SOCKET:
        r = mknodat(out, name, S_IFSOCK | left[row].mode, 0);
        break;
    case MADE_DEVICE:
        r = mknodat(out, name, S_IFCHR | left[row].mode, makedev(1, 3));
        break;
    case MADE_LINK:
        r = symlinkat("/etc/passwd", out, name);
        break;
    case MADE_HARD_LINK:
        r = linkat(spool_root(fixture->spool), "media/mine", out, name, 0);
        break;
    case MADE_DIR:
    case MADE_FULL_DIR:
        r = mkdirat(out, name, left[row].mode);
        break;
    }
    if (left[row].kind == MADE_FULL_DIR) {
        CLEANUP(fs_close) int dir = openat(out, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        assert_int_equal(symlinkat("/etc", dir, "etc"), 0);
        assert_ok(fs_write_file(dir, "inner", "text", 4, 0, &err), err);
    }
    if (r < 0 && left[row].kind == MADE_DEVICE && errno == EPERM)
        return false;
    assert_int_equal(r, 0);
    return true;
}

static void check_left(struct fixture *fixture, size_t row, const char *id)
{
    CLEANUP(mem_free_text) char *dir = mem_printf("done/%s", id);
    CLEANUP(json_drop) json_t *record = record_at(fixture, dir);
    const json_t *warnings = json_object_get(record, "warnings");
    const char *told = json_string_value(json_array_get(warnings, 0));
    bool is_artifact = json_array_size(json_object_get(record, "artifacts")) == 1;
    if (is_artifact != !left[row].told || json_array_size(warnings) != !is_artifact ||
        (left[row].told && (!strstr(told, left[row].told) || !strstr(told, left[row].name))))
        fail_msg("row %zu '%s': artifact %d, told '%s'", row, left[row].name, is_artifact,
                 told ? told : "");
    /* X.job, result.json, attempts.jsonl, and nothing that was not named. */
    if (fixture_count(fixture, dir) != 3 + is_artifact)
        fail_msg("row %zu '%s': %d files", row, left[row].name, fixture_count(fixture, dir));
}

static void test_what_is_no_artifact(void **state)
{
    struct fixture *fixture = *state;
    struct stat mine;
    fixture_drop(fixture, "media/mine", "mine");
    for (size_t i = 0; i < COUNT(left); i++) {
        struct err err = { 0 };
        char id[NAME_SIZE];
        fixture_drop(fixture, "pending/a.json", JOB);
        CLEANUP(claim_free) struct claim *claim = must_claim(fixture, "a.json");
        CLEANUP(json_drop) json_t *record = json_object();
        CLEANUP(fs_close) int out = -1;
        int number;
        assert_ok(claim_start(claim, &number, &out, &err), err);
        assert_ok(fs_write_file(out, RECORD_FILE, "{}", 2, 0, &err), err);
        bool is_made = leave(fixture, out, i);
        assert_int_equal(claim_publish(claim, PLACE_DONE, record, id, &err), 1);
        if (is_made)
            check_left(fixture, i, id);
    }
    assert_int_equal(fstatat(spool_root(fixture->spool), "media/mine", &mine, 0), 0);
    assert_int_equal(mine.st_nlink, 1);
    assert_int_equal(mine.st_size, 4);
}

/* Strangers put nothing into a result, whatever our umask is. */
static void test_out_is_not_for_strangers(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    struct stat st;
    CLEANUP(fs_close) int out = -1;
    int number;
    fixture_drop(fixture, "pending/a.json", JOB);
    mode_t before = umask(0);
    CLEANUP(claim_free) struct claim *claim = must_claim(fixture, "a.json");
    assert_ok(claim_start(claim, &number, &out, &err), err);
    (void)umask(before);
    assert_int_equal(fstat(out, &st), 0);
    assert_int_equal(st.st_mode & S_IWOTH, 0);
    assert_ok(claim_defer(claim, 0, &err), err);
}

enum partial_kind { PARTIAL_NONE, PARTIAL_FULL, PARTIAL_EMPTY, PARTIAL_LINK, PARTIAL_TWO_NAMES };

static const struct {
    enum partial_kind kind;
    enum spool_place place;
    bool is_kept;
} partials[] = {
    { PARTIAL_NONE, PLACE_ERROR, false },      { PARTIAL_FULL, PLACE_ERROR, true },
    { PARTIAL_EMPTY, PLACE_ERROR, false },     { PARTIAL_LINK, PLACE_ERROR, false },
    { PARTIAL_TWO_NAMES, PLACE_ERROR, false }, { PARTIAL_FULL, PLACE_DONE, false },
};

static void make_partial(struct claim *claim, enum partial_kind kind)
{
    struct err err = { 0 };
    CLEANUP(fs_close)
    int out = openat(claim_dir(claim), "out.1", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    assert_true(out >= 0);
    if (kind == PARTIAL_LINK)
        assert_int_equal(symlinkat("/etc/passwd", out, PARTIAL_FILE), 0);
    else if (kind != PARTIAL_NONE)
        assert_ok(fs_write_file(out, PARTIAL_FILE, "{}\n", kind == PARTIAL_EMPTY ? 0 : 3, 0, &err),
                  err);
    if (kind == PARTIAL_TWO_NAMES)
        assert_int_equal(linkat(out, PARTIAL_FILE, out, "second", 0), 0);
}

/* What a failed attempt had read goes with the job to error/, synced; nothing else that it made. */
static void test_what_was_read_is_kept_in_error(void **state)
{
    static const char *const made[] = { "text.txt", NULL };
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(partials); i++) {
        struct err err = { 0 };
        char id[NAME_SIZE];
        fixture_drop(fixture, "pending/a.json", JOB);
        CLEANUP(claim_free) struct claim *claim = must_claim(fixture, "a.json");
        CLEANUP(json_drop) json_t *record = json_object();
        start_with(claim, made);
        make_partial(claim, partials[i].kind);
        str_release(&calls);
        assert_int_equal(claim_publish(claim, partials[i].place, record, id, &err), 1);
        CLEANUP(mem_free_text)
        char *dir = mem_printf("%s/%s", spool_place_name(partials[i].place), id);
        CLEANUP(mem_free_text) char *path = mem_printf("%s/" PARTIAL_FILE, dir);
        CLEANUP(json_drop) json_t *told = record_at(fixture, dir);
        bool is_named = strcmp(json_get_text(told, "partial_file", ""), PARTIAL_FILE) == 0;
        bool is_synced = strstr(str_text(&calls), "sync " PARTIAL_FILE) != NULL;
        if (fixture_has(fixture, path) != partials[i].is_kept || is_named != partials[i].is_kept ||
            is_synced != partials[i].is_kept)
            fail_msg("row %zu: %s", i, str_text(&calls));
    }
}

static void test_changed_and_withdrawn(void **state)
{
    static const char *const made[] = { "text.txt", NULL };
    struct fixture *fixture = *state;
    struct err err = { 0 };
    char id[NAME_SIZE];
    CLEANUP(json_drop) json_t *record = json_object();
    fixture_drop(fixture, "pending/a.json", JOB);
    CLEANUP(claim_free) struct claim *changed = must_claim(fixture, "a.json");
    start_with(changed, made);
    assert_ok(fs_write_file(claim_dir(changed), "a.job", "{}", 2, 0, &err), err);
    assert_int_equal(claim_publish(changed, PLACE_ERROR, record, id, &err), 1);
    CLEANUP(json_drop) json_t *told = record_at(fixture, "error/a");
    assert_true(json_is_true(json_object_get(told, "job_changed")));
    assert_false(fixture_has(fixture, "error/a/text.txt"));

    fixture_drop(fixture, "pending/b.json", JOB);
    CLEANUP(claim_free) struct claim *gone = must_claim(fixture, "b.json");
    start_with(gone, made);
    assert_int_equal(unlinkat(claim_dir(gone), "b.job", 0), 0);
    assert_int_equal(claim_publish(gone, PLACE_DONE, record, id, &err), 0);
    assert_int_equal(fixture_count(fixture, "done"), 0);
}

static void test_defer_and_back(void **state)
{
    static const char *const made[] = { "text.txt", NULL };
    struct fixture *fixture = *state;
    struct err err = { 0 };
    fixture_drop(fixture, "pending/a.json", JOB);
    CLEANUP(claim_free) struct claim *first = must_claim(fixture, "a.json");
    start_with(first, made);
    struct fs_print print = { 5, 6, 7 };
    struct attempt_end end = {
        .failure = "input_wait", .message = "not there", .waiting = &print, .waiting_at_ms = 1000
    };
    assert_ok(claim_ended(first, &end, &err), err);
    assert_ok(claim_defer(first, 7, &err), err);

    CLEANUP(scan_release) struct scan scan;
    assert_ok(scan_place(fixture->spool, PLACE_DEFERRED, &scan, &err), err);
    assert_int_equal(scan.names.count, 1);
    assert_int_equal(scan.names.entries[0].key, 7);
    CLEANUP(claim_free) struct claim *second = NULL;
    const char *name = names_get(&scan.names, 0);
    assert_int_equal(claim_deferred(fixture->seat, name, &second, &err), 1);
    assert_string_equal(claim_name(second), "a");
    assert_int_equal(claim_attempts(second)->started, 1);
    assert_int_equal(claim_attempts(second)->charged, 0);
    assert_true(claim_attempts(second)->waiting_since_ms > 0);
    assert_true(fs_print_equal(&claim_attempts(second)->waiting_print, &print));
    assert_int_equal(fstatat(claim_dir(second), "out.1", &(struct stat){ 0 }, 0), -1);
    char id[NAME_SIZE];
    CLEANUP(json_drop) json_t *record = json_object();
    assert_int_equal(claim_publish(second, PLACE_DONE, record, id, &err), 1);
}

static int end_calls(void **state)
{
    (void)state;
    str_release(&calls);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_claims),
        FIXTURE_TEST(test_nothing_there),
        FIXTURE_TEST(test_lost_replies),
        FIXTURE_TEST(test_publish_in_order),
        FIXTURE_TEST(test_names_taken),
        FIXTURE_TEST(test_what_is_no_artifact),
        FIXTURE_TEST(test_out_is_not_for_strangers),
        FIXTURE_TEST(test_what_was_read_is_kept_in_error),
        FIXTURE_TEST(test_changed_and_withdrawn),
        FIXTURE_TEST(test_defer_and_back),
        FIXTURE_TEST(test_the_start_is_synced_later),
        FIXTURE_TEST(test_jobs_beside),
        FIXTURE_TEST(test_withdrawn_is_synced_where_it_went),
        FIXTURE_TEST(test_the_order_of_an_end),
    };
    return cmocka_run_group_tests(tests, NULL, end_calls);
}
