/* A dropped file becomes a job, once: by its claim, through an adoption, and not at all. renameat
 * is replaced, so that it can fail, or be done and say otherwise. */
#include "fixture.h"

#include "spool/adopt.h"
#include "spool/inbox.h"

#include <errno.h>
#include <sys/syscall.h>

static int rename_says;         /* the next rename fails with this, */
static bool rename_works;       /* after it was done */
static bool rename_is_of_draft; /* not of the file: of what becomes X.job */
static int rmdir_says;          /* instead of ENOTEMPTY */

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    bool is_draft = strstr(from, ".new"); /* X.job; the file itself is what is meant */
    int errnum = is_draft == rename_is_of_draft ? rename_says : 0;
    if (is_draft == rename_is_of_draft)
        rename_says = 0;
    if (errnum && !rename_works) {
        errno = errnum;
        return -1;
    }
    int r = (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
    errno = errnum ? errnum : errno;
    return errnum ? -1 : r;
}

int unlinkat(int dir_fd, const char *path, int flags)
{
    int r = (int)syscall(SYS_unlinkat, dir_fd, path, flags);
    if (r < 0 && errno == ENOTEMPTY && rmdir_says)
        errno = rmdir_says;
    return r;
}

static int make(void **state)
{
    struct err err = { 0 };
    (void)fixture_make(state);
    assert_ok(inbox_make(((struct fixture *)*state)->spool, "ocr", &err), err);
    rename_says = 0;
    rename_works = rename_is_of_draft = false;
    rmdir_says = 0;
    return 0;
}

#define INBOX_TEST(test) cmocka_unit_test_setup_teardown(test, make, fixture_end)

static int tokens(const struct fixture *fixture)
{
    CLEANUP(mem_free_text) char *path = mem_printf("running/%s", seat_name(fixture->seat));
    return fixture_count(fixture, path);
}

#define LONG60 "123456789_123456789_123456789_123456789_123456789_123456789_"
#define LONG240 LONG60 LONG60 LONG60 LONG60

struct adopted {
    int count;
    char name[NAME_SIZE];
    bool has_job;
};

static const struct {
    const char *path, *name, *input;
} files[] = {
    { "ocr/a.mp4", "a.mp4", "input/a.mp4" },
    { "ocr/trip/day 1/a.mp4", "trip--day 1--a.mp4", "input/a.mp4" },
    { "ocr/-rf.mp4", "-rf.mp4", "input/-rf.mp4" },
    { "ocr/new\nline", "new\nline", "input/new\nline" },
    { "ocr/e\xCC\x81.mp4", "e\xCC\x81.mp4", "input/e\xCC\x81.mp4" },
    { "ocr/latin\xE9.mp4", "latin\xE9.mp4", "input/latin\xEF\xBF\xBD.mp4" },
    { "ocr/" LONG240 "12345678901.mp4", NULL, "input/" LONG240 "12345678901.mp4" },
    { "ocr/" LONG60 "/" LONG60 "/" LONG60 "/" LONG60 "/x.mp4", NULL, "input/x.mp4" },
    { "ocr/" LONG240 "\xE9\xE9\xE9\xE9\xE9", "" LONG240 "\xE9\xE9\xE9\xE9\xE9", NULL },
};

static void make_file(const struct fixture *fixture, const char *path)
{
    CLEANUP(mem_free_text) char *full = mem_printf("inbox/%s", path);
    for (char *at = full; (at = strchr(at, '/')); at++) {
        *at = '\0';
        (void)mkdirat(spool_root(fixture->spool), full, 0755);
        *at = '/';
    }
    fixture_drop(fixture, full, "video");
}

static void test_claims(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(files); i++) {
        CLEANUP(claim_free) struct claim *claim = NULL;
        CLEANUP(json_drop) json_t *record = json_object();
        CLEANUP(mem_free_text) char *from = mem_printf("inbox/%s", files[i].path);
        struct err err = { 0 };
        struct stat st;
        char id[NAME_SIZE];
        make_file(fixture, files[i].path);
        if (claim_inbox(fixture->seat, files[i].path, &claim, &err) != 1)
            fail_msg("row %zu: %s", i, err.text);
        assert_false(fixture_has(fixture, from));
        if (files[i].name && strcmp(claim_name(claim), files[i].name) != 0)
            fail_msg("row %zu: named %s", i, claim_name(claim));
        assert_true(strlen(claim_name(claim)) <= 250);
        const struct job *job = claim_job(claim, &err);
        if (!job)
            fail_msg("row %zu: %s", i, err.text);
        assert_true(job->from_inbox);
        assert_string_equal(job->pipeline_id, "ocr");
        if (files[i].input)
            assert_string_equal(job->input_path, files[i].input);
        assert_int_equal(fstatat(claim_dir(claim), job->input_path, &st, 0), 0);
        assert_int_equal(st.st_size, 5);
        assert_int_equal(fstatat(claim_dir(claim), JOB_INPUT_DIR, &st, 0), 0);
        assert_int_equal(st.st_mode & 07777, 02775);
        CLEANUP(mem_free_text) char *input = mem_strdup(job->input_path);
        if (claim_publish(claim, i % 2 ? PLACE_DONE : PLACE_ERROR, record, id, &err) != 1)
            fail_msg("row %zu: %s", i, err.text);
        CLEANUP(mem_free_text)
        char *kept = mem_printf("%s/%s/%s", i % 2 ? "done" : "error", id, input);
        assert_true(fixture_has(fixture, kept));
    }
}

static const struct {
    int errnum;
    bool works;
    int result;
    bool told;
    int rmdir_says;
} answers[] = {
    { ENOENT, false, 0, false, 0 }, { EPERM, false, 0, true, 0 },
    { EACCES, false, 0, true, 0 },  { EXDEV, false, 0, true, 0 },
    { EIO, false, -EIO, true, 0 },  { ESTALE, false, -ESTALE, true, 0 },
    { ENOENT, true, 1, false, 0 },  { EIO, true, 1, false, 0 },
    { ESTALE, true, 1, false, 0 },  { EIO, true, 1, false, EPERM }, /* as sshfs has it */
};

/* Nothing stays behind of what was not claimed, and what was claimed is, whatever was said. */
static void test_answers(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < COUNT(answers); i++) {
        CLEANUP(claim_free) struct claim *claim = NULL;
        CLEANUP(json_drop) json_t *record = json_object();
        struct err err = { 0 };
        char id[NAME_SIZE];
        make_file(fixture, "ocr/a.mp4");
        rename_says = answers[i].errnum;
        rename_works = answers[i].works;
        rmdir_says = answers[i].rmdir_says;
        int r = claim_inbox(fixture->seat, "ocr/a.mp4", &claim, &err);
        if (r != answers[i].result || (err.kind != ERR_NONE) != answers[i].told)
            fail_msg("row %zu: %d %s", i, r, err.text);
        assert_int_equal(fixture_has(fixture, "inbox/ocr/a.mp4"), r != 1);
        if (r == 1)
            assert_int_equal(claim_publish(claim, PLACE_DONE, record, id, &err), 1);
        else
            assert_int_equal(tokens(fixture), answers[i].errnum == ENOENT ? 1 : 0);
    }
}

static void count_adopted(void *arg, struct claim *claim, const char *dead);

/* The input has come and the draft cannot be renamed, or says so: the job is found again. */
static void test_draft_stays(void **state)
{
    struct fixture *fixture = *state;
    static const struct adopt_rules rules = { 0, 0 };
    for (int works = 0; works < 2; works++) {
        CLEANUP(adopter_free) struct adopter *adopter = NULL;
        CLEANUP(claim_free) struct claim *claim = NULL;
        CLEANUP(json_drop) json_t *record = json_object();
        struct adopted adopted = { 0 };
        struct err err = { 0 };
        char id[NAME_SIZE];
        make_file(fixture, "ocr/a.mp4");
        rename_says = EIO;
        rename_works = works;
        rename_is_of_draft = true;
        assert_int_equal(claim_inbox(fixture->seat, "ocr/a.mp4", &claim, &err), works ? 1 : -EIO);
        assert_false(fixture_has(fixture, "inbox/ocr/a.mp4"));
        if (claim)
            assert_int_equal(claim_publish(claim, PLACE_ERROR, record, id, &err), 1);
        assert_int_equal(seat_doubt_count(fixture->seat), !works);
        assert_ok(adopter_new(fixture->seat, &rules, &adopter, &err), err);
        assert_ok(adopter_look(adopter, count_adopted, &adopted, &err), err);
        assert_int_equal(adopted.count, !works);
        assert_int_equal(seat_doubt_count(fixture->seat), 0);
    }
}

/* Gone meanwhile: the very same directory serves the next. */
static void test_gone(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(claim_free) struct claim *claim = NULL;
    struct err err = { 0 };
    char spare[TOKEN_SIZE];
    assert_ok(seat_take_token(fixture->seat, spare, &err), err);
    seat_keep_token(fixture->seat, spare);
    assert_int_equal(claim_inbox(fixture->seat, "ocr/a.mp4", &claim, &err), 0);
    assert_int_equal(err.kind, ERR_NONE);
    assert_int_equal(claim_inbox(fixture->seat, "none/a.mp4", &claim, &err), 0);
    assert_int_equal(err.kind, ERR_NONE);
    make_file(fixture, "ocr/b.mp4");
    assert_int_equal(claim_inbox(fixture->seat, "ocr/b.mp4", &claim, &err), 1);
    assert_string_equal(claim_token(claim), spare);
}

/* No link on the way to the file is followed, and none is an input. */
static void test_links(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(claim_free) struct claim *claim = NULL;
    struct err err = { 0 };
    int root = spool_root(fixture->spool);
    fixture_drop(fixture, "media/a.mp4", "x");
    assert_int_equal(symlinkat("../../media", root, "inbox/ocr/folder"), 0);
    assert_true(claim_inbox(fixture->seat, "ocr/folder/a.mp4", &claim, &err) <= 0);
    assert_true(fixture_has(fixture, "media/a.mp4"));
    assert_int_equal(symlinkat("../../media/a.mp4", root, "inbox/ocr/b.mp4"), 0);
    assert_int_equal(claim_inbox(fixture->seat, "ocr/b.mp4", &claim, &err), 1);
    assert_null(claim_job(claim, &err));
    assert_non_null(strstr(err.text, "is not a regular file"));
}

/* From deferred again, the input goes along; so it does when it failed. */
static void test_deferred(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(claim_free) struct claim *first = NULL;
    CLEANUP(claim_free) struct claim *second = NULL;
    struct err err = { 0 };
    char dir_name[NAME_SIZE];
    int number, out;
    make_file(fixture, "ocr/a.mp4");
    assert_int_equal(claim_inbox(fixture->seat, "ocr/a.mp4", &first, &err), 1);
    assert_ok(claim_start(first, &number, &out, &err), err);
    (void)close(out);
    name_deferred_format("a.mp4", 5, claim_token(first), dir_name);
    assert_ok(claim_defer(first, 5, &err), err);
    assert_int_equal(claim_deferred(fixture->seat, dir_name, &second, &err), 1);
    assert_string_equal(claim_job(second, &err)->input_path, "input/a.mp4");
}

/* A dropped job file cannot say `inbox_file`, whatever it looks like. */
static void test_not_dropped(void **state)
{
    struct fixture *fixture = *state;
    static const struct claim_rules rules = { 0 };
    CLEANUP(claim_free) struct claim *claim = NULL;
    struct err err = { 0 };
    fixture_drop(fixture, "pending/a.json", "{\"inbox_file\": \"a\", \"pipeline_id\": \"ocr\"}");
    assert_int_equal(claim_pending(fixture->seat, PLACE_PENDING, "a.json", &rules, &claim, &err),
                     1);
    assert_null(claim_job(claim, &err));
    assert_non_null(strstr(err.text, "'inbox_file' is not allowed"));
}

/* ---- a worker that dies on the way ---- */

#define JOB "{\n  \"inbox_file\": \"a.mp4\",\n  \"pipeline_id\": \"ocr\"\n}\n"

enum stage { TOKEN_MADE, DRAFTED, INPUT_MADE, MOVED, CLAIMED, TWICE, STAGES };

static void count_adopted(void *arg, struct claim *claim, const char *dead)
{
    struct adopted *adopted = arg;
    CLEANUP(json_drop) json_t *record = json_object();
    struct err err = { 0 };
    char id[NAME_SIZE];
    (void)dead;
    adopted->count++;
    adopted->has_job = claim_job(claim, &err) != NULL;
    (void)snprintf(adopted->name, NAME_SIZE, "%s", claim_name(claim));
    assert_int_equal(claim_publish(claim, PLACE_ERROR, record, id, &err), 1);
    claim_free(&claim);
}

/* What the dead one left when it died at that stage of a claim. TWICE: the rename of the draft was
 * torn by a power cut, and both names are there. */
static void leave(const struct fixture *fixture, enum stage stage)
{
    int root = spool_root(fixture->spool);
    assert_int_equal(mkdirat(root, "running/dead", 0775), 0);
    assert_int_equal(mkdirat(root, "running/dead/a", 0775), 0);
    if (stage >= DRAFTED && stage != CLAIMED)
        fixture_drop(fixture, "running/dead/a/.a.mp4.new", stage == DRAFTED ? "{" : JOB);
    if (stage >= CLAIMED)
        fixture_drop(fixture, "running/dead/a/a.mp4.job", JOB);
    if (stage >= INPUT_MADE)
        assert_int_equal(mkdirat(root, "running/dead/a/input", 0775), 0);
    if (stage >= MOVED)
        fixture_drop(fixture, "running/dead/a/input/a.mp4", "video");
    else
        make_file(fixture, "ocr/a.mp4");
}

static void test_dies(void **state)
{
    struct fixture *fixture = *state;
    struct adopt_rules rules = { 0, 0 };
    int ended = 0;
    for (enum stage stage = 0; stage < STAGES; stage++) {
        CLEANUP(adopter_free) struct adopter *adopter = NULL;
        struct adopted adopted = { 0 };
        struct err err = { 0 };
        leave(fixture, stage);
        assert_ok(adopter_new(fixture->seat, &rules, &adopter, &err), err);
        for (int i = 0; i < 3; i++)
            assert_ok(adopter_look(adopter, count_adopted, &adopted, &err), err);
        bool had_it = stage >= MOVED;
        ended += had_it;
        if (adopted.count != had_it || fixture_has(fixture, "running/dead") ||
            fixture_has(fixture, "inbox/ocr/a.mp4") == had_it || tokens(fixture) > 1 ||
            fixture_count(fixture, "error") != ended)
            fail_msg("stage %d: %d adopted", (int)stage, adopted.count);
        if (had_it && (!adopted.has_job || strcmp(adopted.name, "a.mp4") != 0))
            fail_msg("stage %d: as %s", (int)stage, adopted.name);
        (void)unlinkat(spool_root(fixture->spool), "inbox/ocr/a.mp4", 0);
    }
}

/* One that somebody dropped and that looks just like a worker's own: it ends with an error. */
static void test_dropped_dies(void **state)
{
    struct fixture *fixture = *state;
    static const struct adopt_rules rules = { 0, 0 };
    CLEANUP(adopter_free) struct adopter *adopter = NULL;
    struct adopted adopted = { 0 };
    struct err err = { 0 };
    int root = spool_root(fixture->spool);
    assert_int_equal(mkdirat(root, "running/dead", 0775), 0);
    assert_int_equal(mkdirat(root, "running/dead/a", 0775), 0);
    fixture_drop(fixture, "running/dead/a/a.job", JOB);
    assert_ok(adopter_new(fixture->seat, &rules, &adopter, &err), err);
    assert_ok(adopter_look(adopter, count_adopted, &adopted, &err), err);
    assert_int_equal(adopted.count, 1);
    assert_false(adopted.has_job);
    assert_true(fixture_has(fixture, "error/a/a.job"));
}

/* ---- a job that somebody withdraws: X.job is taken out by hand ---- */

enum withdrawal {
    PUBLISHED,
    PUBLISHED_LATER,
    PUT_BACK, /* X.job, after the end had begun */
    GIVEN_BACK,
    IN_DEFERRED,
    OF_THE_DEAD,
    OF_THE_DEAD_DEFERRED,
    WITHDRAWALS
};

static void withdraw(struct fixture *fixture, enum withdrawal when)
{
    CLEANUP(claim_free) struct claim *claim = NULL;
    CLEANUP(json_drop) json_t *record = json_object();
    struct err err = { 0 };
    char id[NAME_SIZE], dir_name[NAME_SIZE];
    int number, out;
    assert_int_equal(claim_inbox(fixture->seat, "ocr/a.mp4", &claim, &err), 1);
    assert_ok(claim_start(claim, &number, &out, &err), err);
    assert_ok(fs_write_file(out, "text.txt", "x", 1, 0, &err), err);
    fs_close(&out);
    if (when == IN_DEFERRED) {
        name_deferred_format("a.mp4", 5, claim_token(claim), dir_name);
        CLEANUP(mem_free_text) char *job = mem_printf("deferred/%s/a.mp4.job", dir_name);
        assert_ok(claim_defer(claim, 5, &err), err);
        assert_int_equal(unlinkat(spool_root(fixture->spool), job, 0), 0);
        claim_free(&claim);
        assert_int_equal(claim_deferred(fixture->seat, dir_name, &claim, &err), 0);
        assert_int_equal(err.kind, ERR_NONE);
        return;
    }
    assert_int_equal(unlinkat(claim_dir(claim), "a.mp4.job", 0), 0);
    if (when == PUBLISHED_LATER || when == PUT_BACK) {
        rename_says = EIO;
        assert_int_equal(claim_publish(claim, PLACE_DONE, record, id, &err), -EIO);
        assert_int_equal(fixture_count(fixture, "error"), 0);
    }
    if (when == PUT_BACK) /* what the attempt had made has gone by then */
        assert_ok(fs_write_file(claim_dir(claim), "a.mp4.job", "{}", 2, 0, &err), err);
    if (when == GIVEN_BACK)
        assert_ok(claim_defer(claim, 5, &err), err);
    else
        assert_int_equal(claim_publish(claim, PLACE_DONE, record, id, &err), 0);
}

static void end_adopted(void *arg, struct claim *claim, const char *dead)
{
    struct adopted *adopted = arg;
    CLEANUP(json_drop) json_t *record = json_object();
    struct err err = { 0 };
    char id[NAME_SIZE];
    (void)dead;
    adopted->has_job = claim_job(claim, &err) != NULL;
    if (adopted->count++ % 2) /* as a worker does, by what it makes of the lost attempt */
        assert_ok(claim_defer(claim, 5, &err), err);
    else
        assert_int_equal(claim_publish(claim, PLACE_ERROR, record, id, &err), 0);
    claim_free(&claim);
}

static void withdraw_of_the_dead(struct fixture *fixture, bool deferred)
{
    static const struct adopt_rules rules = { 0, 0 };
    CLEANUP(adopter_free) struct adopter *adopter = NULL;
    struct adopted adopted = { .count = deferred };
    struct err err = { 0 };
    leave(fixture, CLAIMED);
    assert_int_equal(unlinkat(spool_root(fixture->spool), "running/dead/a/a.mp4.job", 0), 0);
    assert_ok(adopter_new(fixture->seat, &rules, &adopter, &err), err);
    for (int i = 0; i < 3; i++)
        assert_ok(adopter_look(adopter, end_adopted, &adopted, &err), err);
    assert_int_equal(adopted.count, 1 + deferred);
    assert_false(adopted.has_job);
    assert_false(fixture_has(fixture, "running/dead"));
}

/* Its video is nowhere else: it neither goes nor stays in running/, and does not run again. */
static void test_withdrawn(void **state)
{
    struct fixture *fixture = *state;
    for (enum withdrawal when = 0; when < WITHDRAWALS; when++) {
        CLEANUP(mem_free_text) char *text = NULL;
        CLEANUP(json_drop) json_t *record = NULL;
        struct json_mark mark;
        struct err err = { 0 };
        size_t len;
        make_file(fixture, "ocr/a.mp4");
        if (when >= OF_THE_DEAD)
            withdraw_of_the_dead(fixture, when == OF_THE_DEAD_DEFERRED);
        else
            withdraw(fixture, when);
        if (!fixture_has(fixture, "error/a.mp4/input/a.mp4"))
            fail_msg("row %d: where is the video?", (int)when);
        assert_ok(fs_read_file(spool_root(fixture->spool), "error/a.mp4/result.json", 65536, &text,
                               &len, &err),
                  err);
        assert_int_equal(json_parse(text, len, &record, &mark, &err), 1);
        if (strcmp(json_get_text(record, "status", ""), "cancelled") != 0 ||
            strcmp(json_get_text(json_object_get(record, "error"), "class", ""), "cancelled") !=
                0 ||
            strcmp(json_get_text(record, "name", ""), "a.mp4") != 0 ||
            !strstr(json_get_text(json_object_get(record, "error"), "message", ""), "by hand"))
            fail_msg("row %d: %s", (int)when, text);
        if (tokens(fixture) != 0 || fixture_count(fixture, "deferred") != 0 ||
            fixture_count(fixture, "done") != 0 || fixture_has(fixture, "error/a.mp4/out.1"))
            fail_msg("row %d: something is left", (int)when);
        assert_ok(fs_remove_tree(spool_root(fixture->spool), "error/a.mp4", &err), err);
        (void)unlinkat(spool_root(fixture->spool), "inbox/ocr/a.mp4", 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        INBOX_TEST(test_claims),    INBOX_TEST(test_answers),     INBOX_TEST(test_gone),
        INBOX_TEST(test_links),     INBOX_TEST(test_deferred),    INBOX_TEST(test_not_dropped),
        INBOX_TEST(test_dies),      INBOX_TEST(test_draft_stays), INBOX_TEST(test_dropped_dies),
        INBOX_TEST(test_withdrawn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
