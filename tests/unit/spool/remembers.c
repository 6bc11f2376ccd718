/* An NFS client that was told that a name is not there says so again, for half a minute, without
 * asking: also when a rename of its own to that name was done and only the reply got lost
 * (measured: NFSv4.0, Linux). renameat, fstatat and statx are replaced by such a client's. */
#include "fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool reply_is_lost;        /* of the next rename */
static bool somebody_was_quicker; /* the next rename finds its file gone */
static struct {
    bool holds;
    ino_t dir;
    char name[300];
} absent; /* what was looked for last, and was not there */

/* The directory that holds the last part of path, and that part. */
static ino_t dir_of(int dir_fd, const char *path, const char **ret_name)
{
    const char *slash = strrchr(path, '/');
    struct stat st = { 0 };
    char dir[4096];
    (void)snprintf(dir, sizeof(dir), "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
    (void)syscall(SYS_newfstatat, dir_fd, dir, &st, 0);
    *ret_name = slash ? slash + 1 : path;
    return st.st_ino;
}

int fstatat(int dir_fd, const char *path, struct stat *st, int flags)
{
    const char *name;
    ino_t dir = dir_of(dir_fd, path, &name);
    if (absent.holds && absent.dir == dir && strcmp(absent.name, name) == 0) {
        errno = ENOENT;
        return -1;
    }
    int r = (int)syscall(SYS_newfstatat, dir_fd, path, st, flags);
    if (r < 0 && errno == ENOENT) {
        absent.holds = true;
        absent.dir = dir;
        (void)snprintf(absent.name, sizeof(absent.name), "%s", name);
    }
    return r;
}

int statx(int dir_fd, const char *path, int flags, unsigned mask, struct statx *stx)
{
    int r = (int)syscall(SYS_statx, dir_fd, path, flags, mask, stx);
    if (r == 0 && (flags & AT_STATX_FORCE_SYNC) && stx->stx_ino == absent.dir)
        absent.holds = false;
    return r;
}

int renameat(int from_fd, const char *from, int to_fd, const char *to)
{
    if (somebody_was_quicker)
        (void)unlinkat(from_fd, from, 0);
    somebody_was_quicker = false;
    int r = (int)syscall(SYS_renameat2, from_fd, from, to_fd, to, 0);
    if (r < 0 || !reply_is_lost) {
        absent.holds = absent.holds && r < 0; /* a reply that comes tells it better */
        return r;
    }
    reply_is_lost = false;
    errno = ENOENT;
    return -1;
}

static int take(struct fixture *fixture, struct claim **ret_claim)
{
    struct err err = { 0 };
    absent.holds = false;
    fixture_drop(fixture, "pending/a.json", "{\"input_path\": \"a.mp4\"}");
    return claim_pending(fixture->seat, PLACE_PENDING, "a.json", NULL, ret_claim, &err);
}

/* The name in done/ is looked at first, to see whether it is taken. */
static void test_publish(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(claim_free) struct claim *claim = NULL;
    CLEANUP(json_drop) json_t *record = json_object();
    char id[NAME_SIZE];
    struct err err = { 0 };
    assert_int_equal(take(fixture, &claim), 1);
    reply_is_lost = true;
    int r = claim_publish(claim, PLACE_DONE, record, id, &err);
    assert_true(fixture_has(fixture, "done/a/result.json"));
    if (r != 1)
        fail_msg("it was published, but: %s", err.text);
    assert_string_equal(id, "a");
}

/* A job of that name was lost to somebody else, and the same directory is used for the next one. */
static void test_claim(void **state)
{
    struct fixture *fixture = *state;
    CLEANUP(claim_free) struct claim *claim = NULL;
    CLEANUP(json_drop) json_t *record = json_object();
    char id[NAME_SIZE];
    struct err err = { 0 };
    somebody_was_quicker = true;
    assert_int_equal(take(fixture, &claim), 0);
    bool held = absent.holds;
    fixture_drop(fixture, "pending/a.json", "{\"input_path\": \"a.mp4\"}");
    absent.holds = held;
    reply_is_lost = true;
    int r = claim_pending(fixture->seat, PLACE_PENDING, "a.json", NULL, &claim, &err);
    assert_false(fixture_has(fixture, "pending/a.json"));
    if (r != 1)
        fail_msg("it was taken, and nobody knows: %d %s", r, err.text);
    assert_int_equal(claim_publish(claim, PLACE_DONE, record, id, &err), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(test_publish),
        FIXTURE_TEST(test_claim),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
