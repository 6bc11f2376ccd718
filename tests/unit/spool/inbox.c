/* When a dropped file is whole. The clock is a number that only these tests move; the times of the
 * files are the machine's, so a file that a test has just written is younger than settle_ms. */
#include "fixture.h"

#include "base/time.h"
#include "spool/inbox.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

enum { SETTLE_MS = 3600 * 1000, INPUT_WAIT_MS = 10 * SETTLE_MS, MINUTE_MS = 60 * 1000 };

struct scene {
    struct fixture *fixture;
    struct inbox *inbox;
    int64_t now_ms;
    char told[4096];
    int folders;
    const char *full; /* this pipeline may run no more */
};

static bool is_pipeline(void *arg, const char *id)
{
    (void)arg;
    return strcmp(id, "other") != 0;
}

static bool is_full(void *arg, const char *id)
{
    const struct scene *scene = arg;
    return scene->full && strcmp(scene->full, id) == 0;
}

static void on_folder(void *arg, const char *path)
{
    (void)path;
    ++((struct scene *)arg)->folders;
}

static int scene_make(void **state)
{
    struct scene *scene = MEM_NEW(struct scene);
    struct err err = { 0 };
    (void)fixture_make((void **)&scene->fixture);
    assert_ok(inbox_make(scene->fixture->spool, "ocr", &err), err);
    assert_ok(inbox_make(scene->fixture->spool, "ocr", &err), err);
    struct inbox_rules rules = { .settle_ms = SETTLE_MS,
                                 .input_wait_ms = INPUT_WAIT_MS,
                                 .rescan_ms = 10000,
                                 .is_pipeline = is_pipeline,
                                 .is_full = is_full,
                                 .on_folder = on_folder,
                                 .arg = scene };
    scene->inbox = inbox_new(scene->fixture->spool, &rules);
    *state = scene;
    return 0;
}

static int scene_end(void **state)
{
    struct scene *scene = *state;
    inbox_free(&scene->inbox);
    (void)fixture_end((void **)&scene->fixture);
    free(scene);
    return 0;
}

#define SCENE_TEST(test) cmocka_unit_test_setup_teardown(test, scene_make, scene_end)

static int root_of(const struct scene *scene)
{
    return spool_root(scene->fixture->spool);
}

/* Lets so much time pass, and all that is due be done. */
static void pass(struct scene *scene, int64_t ms)
{
    struct err err = { 0 };
    int r, turns = 0;
    scene->now_ms += ms;
    inbox_hint(scene->inbox);
    while ((r = inbox_turn(scene->inbox, scene->now_ms, &err)) > 0)
        assert_true(++turns < 100000);
    assert_ok(r, err);
}

static const char *next(struct scene *scene)
{
    const char *path = inbox_next(scene->inbox, scene->now_ms);
    return path ? path : "-";
}

static bool tell(void *arg, const char *path, const char *reason, bool waits)
{
    struct scene *scene = arg;
    size_t len = strlen(scene->told);
    (void)snprintf(scene->told + len, sizeof(scene->told) - len, "%s: %s%s\n", path,
                   waits ? "(waits) " : "", reason);
    return true;
}

static const char *told(struct scene *scene)
{
    scene->told[0] = '\0';
    inbox_tell(scene->inbox, tell, scene);
    return scene->told;
}

static void drop(struct scene *scene, const char *path, const char *text)
{
    fixture_drop(scene->fixture, path, text);
}

static void append(struct scene *scene, const char *path, const char *text)
{
    struct err err = { 0 };
    assert_ok(fs_write_file(root_of(scene), path, text, strlen(text), FS_APPEND, &err), err);
}

static void set_mtime(struct scene *scene, const char *path, time_t mtime)
{
    struct timespec when[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_sec = mtime } };
    assert_int_equal(utimensat(root_of(scene), path, when, 0), 0);
}

static void mkdirs(struct scene *scene, const char *path)
{
    assert_int_equal(mkdirat(root_of(scene), path, 0755), 0);
}

#define FILE "inbox/ocr/a.mp4"

/* ---- what uploads do, and whether the file may be taken after it ---- */

static void copies(struct scene *scene)
{
    drop(scene, FILE, "whole");
}

/* Each piece is closed: that says nothing. */
static void appends(struct scene *scene)
{
    append(scene, FILE, "piece");
}

static void writes_over(struct scene *scene)
{
    int fd = openat(root_of(scene), FILE, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "x", 1, 0), 1);
    (void)close(fd);
}

static void replaces(struct scene *scene)
{
    int root = root_of(scene);
    struct stat st;
    drop(scene, "inbox/ocr/.a.mp4.Xy12", "wh0le"); /* rsync's, and then the rename */
    assert_int_equal(fstatat(root, FILE, &st, 0), 0);
    set_mtime(scene, "inbox/ocr/.a.mp4.Xy12", st.st_mtim.tv_sec);
    assert_int_equal(renameat(root, "inbox/ocr/.a.mp4.Xy12", root, FILE), 0);
}

static void sets_past(struct scene *scene)
{
    set_mtime(scene, FILE, 1000000000);
}

static void sets_future(struct scene *scene)
{
    set_mtime(scene, FILE, time(NULL) + 1000000);
}

static void links(struct scene *scene)
{
    int root = root_of(scene);
    assert_int_equal(linkat(root, FILE, root, "media/second", 0), 0);
}

static void reads(struct scene *scene)
{
    char byte;
    int fd = openat(root_of(scene), FILE, O_RDONLY);
    assert_int_equal(read(fd, &byte, 1), 1);
    (void)close(fd);
}

static const struct {
    const char *name;
    void (*does)(struct scene *scene);
    bool restarts; /* the settle time begins anew */
} doings[] = {
    { "a slow append", appends, true },
    { "a write in place", writes_over, true },
    { "a rename over it", replaces, true },
    { "scp -p sets its time at the end", sets_past, true },
    { "a time to come", sets_future, true },
    { "a hard link", links, true },
    { "a reader", reads, false },
};

/* Not before two looks so far apart agree, whatever happens between them. */
static void test_settles(void **state)
{
    struct scene *scene = *state;
    for (size_t i = 0; i < COUNT(doings); i++) {
        copies(scene);
        pass(scene, 0);
        pass(scene, SETTLE_MS - 1);
        if (inbox_ready(scene->inbox) != 0 || strcmp(next(scene), "-") != 0)
            fail_msg("%s: taken too soon", doings[i].name);
        doings[i].does(scene);
        pass(scene, 1);
        bool taken = strcmp(next(scene), "-") != 0;
        if (taken == doings[i].restarts)
            fail_msg("%s: taken %d", doings[i].name, taken);
        if (!taken)
            pass(scene, SETTLE_MS);
        if (!taken && strcmp(next(scene), "ocr/a.mp4") != 0)
            fail_msg("%s: not taken in the end: %s", doings[i].name, told(scene));
        inbox_answer(scene->inbox, scene->now_ms, NULL);
        assert_int_equal(unlinkat(root_of(scene), FILE, 0), 0);
        (void)unlinkat(root_of(scene), "media/second", 0);
        pass(scene, 1);
        assert_int_equal(inbox_coming(scene->inbox), 0);
        scene->now_ms += MINUTE_MS; /* or a slow machine has not listed for long enough */
    }
}

/* A file that grows for long, and is ready long after: looked at once more when it is handed out.
 */
static void test_grows(void **state)
{
    struct scene *scene = *state;
    copies(scene);
    pass(scene, 0);
    for (int i = 0; i < 5; i++) {
        appends(scene);
        pass(scene, SETTLE_MS);
        assert_string_equal(next(scene), "-");
        assert_string_equal(told(scene), "ocr/a.mp4: (waits) still changing\n");
    }
    pass(scene, SETTLE_MS);
    assert_int_equal(inbox_ready(scene->inbox), 1);
    appends(scene);
    assert_string_equal(next(scene), "-"); /* no turn between */
    assert_int_equal(inbox_ready(scene->inbox), 0);
    pass(scene, SETTLE_MS);
    assert_string_equal(next(scene), "ocr/a.mp4");
}

/* Of full size from the start, and its bytes come later: only the lease tells. */
static void test_preallocated(void **state)
{
    struct scene *scene = *state;
    int fd = openat(root_of(scene), FILE, O_WRONLY | O_CREAT, 0644);
    assert_int_equal(ftruncate(fd, 1 << 20), 0);
    for (int i = 0; i < 5; i++) {
        pass(scene, 2 * SETTLE_MS);
        assert_string_equal(next(scene), "-");
    }
    assert_string_equal(told(scene),
                        "ocr/a.mp4: (waits) still being written: somebody has it open\n");
    assert_int_equal(pwrite(fd, "x", 1, 0), 1);
    (void)close(fd);
    pass(scene, SETTLE_MS);
    assert_string_equal(next(scene), "-"); /* it changed since the last look */
    pass(scene, SETTLE_MS);
    assert_string_equal(next(scene), "ocr/a.mp4");
}

static void test_empty(void **state)
{
    struct scene *scene = *state;
    drop(scene, FILE, "");
    drop(scene, "inbox/ocr/b.mp4", "");
    pass(scene, 0);
    pass(scene, SETTLE_MS);
    assert_string_equal(next(scene), "-");
    assert_string_equal(told(scene), "ocr/a.mp4: (waits) empty, waiting for its content\n"
                                     "ocr/b.mp4: (waits) empty, waiting for its content\n");
    appends(scene); /* by a client that makes the file first and opens it again */
    pass(scene, SETTLE_MS);
    pass(scene, SETTLE_MS);
    assert_string_equal(next(scene), "ocr/a.mp4");
    inbox_answer(scene->inbox, scene->now_ms, NULL);
    pass(scene, INPUT_WAIT_MS);
    assert_string_equal(next(scene), "ocr/b.mp4"); /* the attempt will say that it is empty */
}

/* On a local disk a file that has long been there needs one look. */
static void test_old(void **state)
{
    struct fixture *fixture = ((struct scene *)*state)->fixture;
    struct inbox_rules rules = { .settle_ms = 1, .rescan_ms = 10000, .is_pipeline = is_pipeline };
    struct inbox *inbox = inbox_new(fixture->spool, &rules);
    struct err err = { 0 };
    fixture_drop(fixture, FILE, "x");
    struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 }; /* real: its time is the machine's */
    (void)nanosleep(&pause, NULL);
    assert_ok(inbox_turn(inbox, 5, &err), err);
    assert_string_equal(inbox_next(inbox, 5), "ocr/a.mp4");
    inbox_free(&inbox);
}

/* ---- names ---- */

#define LONG60 "123456789_123456789_123456789_123456789_123456789_123456789_"

static const struct {
    const char *file; /* in inbox/ocr/ */
    bool ignored;
} names[] = {
    { "a.mp4", false },
    { "a b.mp4", false },
    { "-rf.mp4", false },
    { "new\nline.mp4", false },
    { "\xC3\xA9t\xC3\xA9.mp4", false },
    { "e\xCC\x81te.mp4", false },
    { "latin\xE9.mp4", false },
    { "a.json", false },
    { LONG60 LONG60 LONG60 LONG60 "12345678901.mp4", false },
    { "._a.mp4", true },
    { ".DS_Store", true },
    { ".a.mp4.Xy12", true },
    { "a.mp4.part", true },
    { "a.mp4.filepart", true },
    { "a.mp4.tmp", true },
    { "a.mp4.crdownload", true },
    { "a.mp4~", true },
    { "Thumbs.db", true },
    { "desktop.ini", true },
    { "@eaDir", true },
};

static void test_names(void **state)
{
    struct scene *scene = *state;
    for (size_t i = 0; i < COUNT(names); i++) {
        CLEANUP(mem_free_text) char *path = mem_printf("inbox/ocr/%s", names[i].file);
        drop(scene, path, "x");
        pass(scene, 5 * 60 * 1000); /* the listing is due anyway then */
        pass(scene, SETTLE_MS);
        bool found = strcmp(next(scene), path + strlen("inbox/")) == 0;
        if (found == names[i].ignored)
            fail_msg("row %zu '%s': found %d", i, names[i].file, found);
        inbox_answer(scene->inbox, scene->now_ms, NULL);
        assert_int_equal(unlinkat(root_of(scene), path, 0), 0);
        pass(scene, 5 * 60 * 1000);
        assert_string_equal(told(scene), "");
    }
}

/* ---- what stays ---- */

static void test_stays(void **state)
{
    struct scene *scene = *state;
    int root = root_of(scene);
    CLEANUP(mem_free_text) char *deep = mem_strdup("inbox/ocr/1/2/3/4/5/6/7/8/9");
    for (char *at = deep + strlen("inbox/ocr/1"); at; at = strchr(at + 1, '/')) {
        *at = '\0';
        mkdirs(scene, deep);
        *at = '/';
    }
    mkdirs(scene, deep);
    mkdirs(scene, "inbox/other");
    drop(scene, "inbox/other/a.mp4", "x");
    mkdirs(scene, "inbox/other/folder");
    drop(scene, "inbox/top.mp4", "x");
    drop(scene, "media/real.mp4", "x");
    assert_int_equal(symlinkat("../../media/real.mp4", root, "inbox/ocr/link.mp4"), 0);
    assert_int_equal(symlinkat("../../media", root, "inbox/ocr/linked"), 0);
    assert_int_equal(mkfifoat(root, "inbox/ocr/pipe", 0644), 0);
    pass(scene, 0);
    pass(scene, SETTLE_MS);
    assert_string_equal(next(scene), "-");
    assert_int_equal(inbox_coming(scene->inbox), 0);
    const char *text = told(scene);
    static const char *const wanted[] = {
        "top.mp4: lies in inbox/ itself; put it into the folder of a pipeline\n",
        "other: there is no pipeline of this name that can be used, and 2 names wait here (",
        "ocr/link.mp4: is a symbolic link",
        "ocr/linked: is a symbolic link",
        "ocr/pipe: is not a regular file\n",
        "ocr/1/2/3/4/5/6/7/8/9: is a folder too deep",
    };
    for (size_t i = 0; i < COUNT(wanted); i++)
        if (!strstr(text, wanted[i]))
            fail_msg("not told: %s\n%s", wanted[i], text);
}

/* What the claim could not do is tried again, ever more seldom, and told meanwhile. */
static void test_refused(void **state)
{
    struct scene *scene = *state;
    struct err why = { 0 };
    (void)err_set(&why, ERR_IO, EPERM, "take it");
    copies(scene);
    pass(scene, 0);
    pass(scene, SETTLE_MS);
    /* Now, so that it is ready behind the other. How soon a folder is listed again depends on how
     * long that took on this machine; after a minute it is. */
    drop(scene, "inbox/ocr/b.mp4", "x");
    pass(scene, MINUTE_MS);
    pass(scene, SETTLE_MS);
    assert_string_equal(next(scene), "ocr/a.mp4");
    inbox_answer(scene->inbox, scene->now_ms, &why);
    assert_string_equal(next(scene), "ocr/b.mp4");
    inbox_answer(scene->inbox, scene->now_ms, NULL);
    assert_int_equal(unlinkat(root_of(scene), "inbox/ocr/b.mp4", 0), 0);
    assert_string_equal(next(scene), "-");
    assert_string_equal(told(scene), "ocr/a.mp4: cannot be taken: Operation not permitted\n");
    assert_int_equal(inbox_coming(scene->inbox), 0);
    int tries = 0;
    for (int i = 0; i < 100; i++) {
        pass(scene, 6000);
        /* It is told also while it waits for its turn to be tried, which may be long. */
        assert_string_equal(told(scene), "ocr/a.mp4: cannot be taken: Operation not permitted\n");
        if (strcmp(next(scene), "-") == 0)
            continue;
        inbox_answer(scene->inbox, scene->now_ms, &why);
        tries++;
    }
    assert_in_range(tries, 8, 16);
    append(scene, "inbox/ocr/a.mp4", "more"); /* another file now */
    pass(scene, MINUTE_MS);
    assert_string_equal(told(scene), "ocr/a.mp4: (waits) still changing\n");
    pass(scene, SETTLE_MS);
    assert_string_equal(told(scene), "");
    assert_string_equal(next(scene), "ocr/a.mp4");
}

/* ---- folders ---- */

static void test_folders(void **state)
{
    struct scene *scene = *state;
    mkdirs(scene, "inbox/ocr/trip");
    mkdirs(scene, "inbox/ocr/trip/day1");
    drop(scene, "inbox/ocr/trip/day1/a.mp4", "x");
    pass(scene, 0);
    assert_int_equal(scene->folders, 4); /* inbox/ itself, ocr, and these */
    pass(scene, SETTLE_MS);
    assert_string_equal(next(scene), "ocr/trip/day1/a.mp4");
    inbox_answer(scene->inbox, scene->now_ms, NULL);
    assert_int_equal(unlinkat(root_of(scene), "inbox/ocr/trip/day1/a.mp4", 0), 0);
    pass(scene, 1000);
    pass(scene, 23 * 60 * MINUTE_MS);
    assert_true(fixture_has(scene->fixture, "inbox/ocr/trip/day1"));
    pass(scene, 2 * 60 * MINUTE_MS);
    assert_false(fixture_has(scene->fixture, "inbox/ocr/trip/day1"));
    assert_true(fixture_has(scene->fixture, "inbox/ocr/trip"));
    pass(scene, MINUTE_MS);
    pass(scene, 25 * 60 * MINUTE_MS);
    assert_false(fixture_has(scene->fixture, "inbox/ocr/trip"));
    pass(scene, 25 * 60 * MINUTE_MS);
    assert_true(fixture_has(scene->fixture, "inbox/ocr"));
    /* It comes again, as a folder and then as a file. */
    mkdirs(scene, "inbox/ocr/trip");
    pass(scene, 5 * MINUTE_MS);
    pass(scene, 100 * 60 * MINUTE_MS);
    assert_true(fixture_has(scene->fixture, "inbox/ocr/trip")); /* we took nothing from it */
    assert_int_equal(unlinkat(root_of(scene), "inbox/ocr/trip", AT_REMOVEDIR), 0);
    drop(scene, "inbox/ocr/trip", "x");
    pass(scene, 5 * MINUTE_MS);
    pass(scene, SETTLE_MS);
    assert_string_equal(next(scene), "ocr/trip");
}

/* Many files: a turn is short, looks go no further than what is needed, folders take turns. */
static void test_many(void **state)
{
    struct scene *scene = *state;
    struct err err = { 0 };
    struct inbox *inbox = scene->inbox;
    char path[64];
    assert_ok(inbox_make(scene->fixture->spool, "slides", &err), err);
    for (int i = 0; i < 2000; i++) {
        (void)snprintf(path, sizeof(path), "inbox/ocr/%05d", i);
        drop(scene, path, "x");
    }
    drop(scene, "inbox/slides/only", "x");
    pass(scene, 0);
    assert_int_equal(inbox_coming(inbox), 2001);
    assert_int_equal(inbox_ready(inbox), 0);
    scene->now_ms += SETTLE_MS;
    inbox_hint(inbox);
    assert_int_equal(inbox_turn(inbox, scene->now_ms, &err), 1);
    assert_in_range(inbox_ready(inbox), 1, 64);
    bool slides = false;
    int count = 0;
    for (; count < 2001; count++) {
        const char *found = inbox_next(inbox, scene->now_ms);
        if (!found) {
            pass(scene, SETTLE_MS);
            assert_in_range(inbox_ready(inbox), 1, 256);
            found = inbox_next(inbox, scene->now_ms);
        }
        assert_non_null(found);
        if (strcmp(found, "slides/only") == 0 && count <= 256)
            slides = true;
        CLEANUP(mem_free_text) char *full = mem_printf("inbox/%s", found);
        assert_int_equal(unlinkat(root_of(scene), full, 0), 0);
        inbox_answer(inbox, scene->now_ms, NULL);
    }
    assert_true(slides);
    pass(scene, SETTLE_MS);
    assert_string_equal(next(scene), "-");
    assert_int_equal(inbox_coming(inbox), 0);
}

/* Of two workers each has its half first; the other's last, and from the end. When there
 * is but one again, nothing is forgotten. */
static void test_share(void **state)
{
    struct scene *scene = *state;
    const struct backlog_share share = { 1, 2 }, alone = { 0, 1 };
    char path[64];
    int own = 0, others = 0;
    inbox_set_share(scene->inbox, &share);
    mkdirs(scene, "inbox/ocr/sub");
    for (int i = 0; i < 900; i++) {
        (void)snprintf(path, sizeof(path), "inbox/ocr/%s%05d", i % 300 == 0 ? "sub/" : "", i);
        drop(scene, path, "x");
    }
    for (int i = 0; i < 900; i++) {
        const char *found = inbox_next(scene->inbox, scene->now_ms);
        for (int tries = 0; !found && tries < 3; tries++) {
            pass(scene, SETTLE_MS);
            found = inbox_next(scene->inbox, scene->now_ms);
        }
        assert_non_null(found);
        const char *file = strrchr(found, '/') + 1;
        bool is_own = backlog_share_has(&share, file);
        if (is_own && others > 256) /* no more than these settle at a time */
            fail_msg("'%s' after %d of others", found, others);
        own += is_own;
        others += !is_own;
        if (others > 0 && others <= 100 && strcmp(file, "00150") < 0)
            fail_msg("'%s' is not of the last ones", file);
        CLEANUP(mem_free_text) char *full = mem_printf("inbox/%s", found);
        assert_int_equal(unlinkat(root_of(scene), full, 0), 0);
        inbox_answer(scene->inbox, scene->now_ms, NULL);
        if (others == 200)
            inbox_set_share(scene->inbox, &alone);
    }
    assert_in_range(own, 350, 550);
    assert_int_equal(inbox_coming(scene->inbox), 0);
}

/* A pipeline that runs as many jobs as it may keeps its files waiting, and only its own. */
static void test_full(void **state)
{
    struct scene *scene = *state;
    struct err err = { 0 };
    char path[64];
    assert_ok(inbox_make(scene->fixture->spool, "slides", &err), err);
    for (int i = 0; i < 600; i++) {
        (void)snprintf(path, sizeof(path), "inbox/ocr/%05d", i);
        drop(scene, path, "x");
    }
    scene->full = "ocr";
    pass(scene, 0);
    pass(scene, SETTLE_MS);
    assert_int_equal(inbox_ready(scene->inbox), 0);
    assert_string_equal(next(scene), "-");
    assert_int_equal(inbox_coming(scene->inbox), 600);
    assert_true(inbox_due_ms(scene->inbox) > scene->now_ms); /* nobody spins */
    drop(scene, "inbox/slides/a.mp4", "x");
    pass(scene, 1000);
    pass(scene, SETTLE_MS);
    assert_string_equal(next(scene), "slides/a.mp4");
    inbox_answer(scene->inbox, scene->now_ms, NULL);
    scene->full = NULL;
    assert_int_equal(strncmp(next(scene), "ocr/", 4), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        SCENE_TEST(test_settles), SCENE_TEST(test_grows),   SCENE_TEST(test_preallocated),
        SCENE_TEST(test_empty),   SCENE_TEST(test_old),     SCENE_TEST(test_names),
        SCENE_TEST(test_stays),   SCENE_TEST(test_refused), SCENE_TEST(test_folders),
        SCENE_TEST(test_many),    SCENE_TEST(test_full),    SCENE_TEST(test_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
