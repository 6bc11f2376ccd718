/* A spool whose mount goes away, comes back, or is another one. Directories are renamed here: to
 * whoever holds descriptors that looks the same. */
#include "fixture.h"

#include "spool/record.h"

#include <stdio.h>
#include <string.h>

static const struct claim_rules at_once = { 0 };

static void rename_in(const struct fixture *fixture, const char *from, const char *to)
{
    CLEANUP(mem_free_text) char *old = mem_printf("%s%s", fixture->dir, from);
    CLEANUP(mem_free_text) char *new = mem_printf("%s%s", fixture->dir, to);
    assert_int_equal(rename(old, new), 0);
}

static void make_at(const struct fixture *fixture, const char *path)
{
    CLEANUP(mem_free_text) char *dir = mem_printf("%s%s", fixture->dir, path);
    assert_int_equal(mkdir(dir, 0775), 0);
}

static void remove_at(const struct fixture *fixture, const char *path)
{
    struct err err = { 0 };
    CLEANUP(mem_free_text) char *dir = mem_printf("%s%s", fixture->dir, path);
    assert_ok(fs_remove_tree(AT_FDCWD, dir, &err), err);
}

static int count_at(const struct fixture *fixture, const char *path)
{
    CLEANUP(mem_free_text) char *dir_path = mem_printf("%s%s", fixture->dir, path);
    CLEANUP(fs_close_dir) DIR *dir = opendir(dir_path);
    int count = 0;
    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir));)
        count += !fs_is_dots(entry->d_name);
    return count;
}

/* Looks until something is found, as often as it takes to look at every place. */
static int refresh(const struct fixture *fixture, struct err *err)
{
    int r = 0;
    for (int i = 0; i < PLACE_COUNT && r == 0; i++)
        r = spool_refresh(fixture->spool, err);
    return r;
}

/* The spool's content in new directories, as after a mount that came back: path by path the same,
 * and no descriptor leads there. The old ones stay behind as DIR.old. */
static void mount_anew(const struct fixture *fixture, const char *token_path)
{
    rename_in(fixture, "", ".old");
    make_at(fixture, "");
    rename_in(fixture, ".old/.takeup", "/.takeup");
    for (int place = 0; place < PLACE_COUNT; place++) {
        char path[64];
        (void)snprintf(path, sizeof(path), "/%s", spool_place_name(place));
        make_at(fixture, path);
    }
    CLEANUP(mem_free_text) char *me = mem_printf("/running/%s", seat_name(fixture->seat));
    make_at(fixture, me);
    if (!token_path)
        return;
    CLEANUP(mem_free_text) char *from = mem_printf(".old%s/%s", me, token_path);
    CLEANUP(mem_free_text) char *to = mem_printf("%s/%s", me, token_path);
    rename_in(fixture, from, to);
}

static void test_same(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    for (int i = 0; i < 2 * PLACE_COUNT; i++)
        assert_int_equal(spool_refresh(fixture->spool, &err), 0);
}

static void test_place_replaced(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    for (int place = 0; place < PLACE_COUNT; place++) {
        char path[64];
        if (place == PLACE_PENDING || place == PLACE_RUNNING) /* they hold others */
            continue;
        (void)snprintf(path, sizeof(path), "/%s", spool_place_name(place));
        int fd = spool_dir(fixture->spool, place);
        rename_in(fixture, path, "/.was");
        assert_true(refresh(fixture, &err) < 0);
        assert_int_equal(err.kind, ERR_MISSING);
        assert_non_null(strstr(err.text, spool_place_name(place)));
        make_at(fixture, path);
        assert_int_equal(refresh(fixture, &err), 1);
        assert_int_equal(refresh(fixture, &err), 0);
        assert_int_equal(spool_dir(fixture->spool, place), fd);
        struct stat held, there;
        assert_int_equal(fstat(fd, &held), 0);
        assert_int_equal(fstatat(spool_root(fixture->spool), spool_place_name(place), &there, 0),
                         0);
        assert_int_equal(held.st_ino, there.st_ino);
        remove_at(fixture, "/.was");
    }
}

static void test_gone_and_back(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    rename_in(fixture, "", ".away");
    assert_true(spool_refresh(fixture->spool, &err) < 0);
    assert_int_equal(err.kind, ERR_MISSING);
    assert_non_null(strstr(err.text, "no longer where it was"));
    make_at(fixture, ""); /* the bare mount point */
    assert_true(spool_refresh(fixture->spool, &err) < 0);
    assert_int_equal(err.kind, ERR_MISSING);
    assert_non_null(strstr(err.text, "no longer where it was"));
    assert_int_equal(count_at(fixture, ""), 0); /* nothing is made there */
    remove_at(fixture, "");
    rename_in(fixture, ".away", "");
    assert_int_equal(refresh(fixture, &err), 0);
}

static void test_another_spool(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    rename_in(fixture, "", ".away");
    assert_ok(spool_init(fixture->dir, &err), err);
    assert_true(spool_refresh(fixture->spool, &err) < 0);
    assert_int_equal(err.kind, ERR_MISSING);
    assert_non_null(strstr(err.text, "another spool"));
    remove_at(fixture, "");
    rename_in(fixture, ".away", "");
}

/* ---- a claim in hand meanwhile ---- */

static struct claim *claim_one(struct fixture *fixture)
{
    struct claim *claim = NULL;
    struct err err = { 0 };
    fixture_drop(fixture, "pending/a.json", "{\"input_path\": \"a.mp4\"}");
    assert_int_equal(claim_pending(fixture->seat, PLACE_PENDING, "a.json", &at_once, &claim, &err),
                     1);
    return claim;
}

static void follow(struct fixture *fixture, struct claim *claim)
{
    struct err err = { 0 };
    assert_int_equal(refresh(fixture, &err), 1);
    assert_int_equal(seat_reopen(fixture->seat, &err), 1);
    claim_refresh(claim);
}

static void test_publish_after_mount(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    char id[NAME_SIZE];
    CLEANUP(claim_free) struct claim *claim = claim_one(fixture);
    CLEANUP(json_drop) json_t *record = json_object();
    mount_anew(fixture, claim_token(claim));
    follow(fixture, claim);
    assert_int_equal(claim_is_lost(claim, &err), 0);
    assert_int_equal(claim_publish(claim, PLACE_DONE, record, id, &err), 1);
    assert_true(fixture_has(fixture, "done/a/result.json"));
    assert_int_equal(claim_is_lost(claim, &err), 0);
    remove_at(fixture, ".old");
}

static void test_adopted_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    char id[NAME_SIZE];
    CLEANUP(claim_free) struct claim *claim = claim_one(fixture);
    CLEANUP(json_drop) json_t *record = json_object();
    mount_anew(fixture, NULL);
    follow(fixture, claim);
    assert_true(claim_publish(claim, PLACE_DONE, record, id, &err) < 0);
    assert_true(claim_defer(claim, 0, &err) < 0);
    assert_int_equal(claim_is_lost(claim, &err), 1);
    assert_int_equal(fixture_count(fixture, "done"), 0);
    assert_int_equal(fixture_count(fixture, "deferred"), 0);
    remove_at(fixture, ".old");
}

/* The rename was done, and neither its answer nor a look at it came through. */
static void test_published_unheard(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    char id[NAME_SIZE];
    CLEANUP(claim_free) struct claim *claim = claim_one(fixture);
    CLEANUP(json_drop) json_t *record = json_object();
    CLEANUP(mem_free_text) char *mine = mem_printf("{\"token\": \"%s\"}", claim_token(claim));
    CLEANUP(mem_free_text)
    char *token = mem_printf("/running/%s/%s", seat_name(fixture->seat), claim_token(claim));
    CLEANUP(mem_free_text) char *file = mem_printf("%s/result.json", token + 1);
    fixture_drop(fixture, file, mine);
    make_at(fixture, "/done/a");
    fixture_drop(fixture, "done/a/result.json", "{\"token\": \"somebody's\"}");
    rename_in(fixture, token, "/done/a.2");
    claim_refresh(claim);
    assert_int_equal(claim_publish(claim, PLACE_DONE, record, id, &err), 1);
    assert_string_equal(id, "a.2");
    assert_int_equal(fixture_count(fixture, "done"), 2);
}

static void test_deferred_unheard(void **state)
{
    struct fixture *fixture = *state;
    struct err err = { 0 };
    CLEANUP(claim_free) struct claim *claim = claim_one(fixture);
    CLEANUP(mem_free_text)
    char *token = mem_printf("/running/%s/%s", seat_name(fixture->seat), claim_token(claim));
    CLEANUP(mem_free_text) char *due = mem_printf("/deferred/a@5@%s", claim_token(claim));
    rename_in(fixture, token, "/.on-its-way");
    assert_true(claim_defer(claim, 5, &err) < 0);
    rename_in(fixture, "/.on-its-way", due);
    assert_ok(claim_defer(claim, 99, &err), err);
    assert_int_equal(claim_is_lost(claim, &err), 0);
    assert_int_equal(fixture_count(fixture, "deferred"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_same),
        FIXTURE_TEST(test_place_replaced),
        FIXTURE_TEST(test_gone_and_back),
        FIXTURE_TEST(test_another_spool),
        FIXTURE_TEST(test_publish_after_mount),
        FIXTURE_TEST(test_adopted_meanwhile),
        FIXTURE_TEST(test_published_unheard),
        FIXTURE_TEST(test_deferred_unheard),
    };
    return cmocka_run_group_tests_name("spool/layout", tests, NULL, NULL);
}
