/* prune_tmp.c - out of sight by one rename, and then away.
 *
 * Between the look at done/X and the rename of it, another prune may have taken X and a worker
 * published a new job of that name. So the name in tmp/ says first where it came from, and only
 * when it is certain what was moved is it given the name that anybody may remove. Who is killed
 * between the two leaves a job that the next prune puts back.
 *
 * Trees are taken apart flat: a directory inside a directory is moved up into tmp/ and becomes the
 * next to be removed. So depth costs neither stack nor descriptors. */
#include "spool/prune.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "spool/ended.h"
#include "spool/listing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "prune."
#define GONE ".gone"

enum { PREFIX_BYTES = sizeof(PREFIX) - 1 + TOKEN_SIZE - 1, NAMES_MAX = 1000 };

/* ---- names ---- */

static void name_gone(char out[NAME_SIZE])
{
    char token[TOKEN_SIZE];
    name_token(token);
    (void)snprintf(out, NAME_SIZE, PREFIX "%s" GONE, token);
}

static void name_held(enum spool_place place, const char *id, char out[NAME_SIZE])
{
    char token[TOKEN_SIZE];
    name_token(token);
    (void)snprintf(out, NAME_SIZE, PREFIX "%s.%s.%.220s", token, spool_place_name(place), id);
}

/* What follows "prune.RANDOM"; NULL: it is not such a name. */
static const char *behind_random(const char *tmp_name)
{
    if (!str_has_prefix(tmp_name, PREFIX) || strlen(tmp_name) <= PREFIX_BYTES ||
        strspn(tmp_name + strlen(PREFIX), "0123456789abcdef") != TOKEN_SIZE - 1)
        return NULL;
    return tmp_name + PREFIX_BYTES;
}

/* Where a held one came from; *ret_id is inside tmp_name. */
static bool parse_held(const char *tmp_name, enum spool_place *ret_place, const char **ret_id)
{
    static const enum spool_place places[] = { PLACE_DONE, PLACE_ERROR };
    const char *rest = behind_random(tmp_name);
    for (size_t i = 0; rest && i < COUNT(places); i++) {
        CLEANUP(mem_free_text) char *start = mem_printf(".%s.", spool_place_name(places[i]));
        if (!str_has_prefix(rest, start) || !rest[strlen(start)])
            continue;
        *ret_place = places[i];
        *ret_id = rest + strlen(start);
        return true;
    }
    return false;
}

enum prune_kind prune_kind_of(const char *tmp_name)
{
    enum spool_place place;
    const char *id, *rest = behind_random(tmp_name);
    if (rest && strcmp(rest, GONE) == 0)
        return PRUNE_GONE;
    return parse_held(tmp_name, &place, &id) ? PRUNE_HELD : PRUNE_NONE;
}

/* ---- out of sight ---- */

static bool exists_at(int dir_fd, const char *name)
{
    struct stat st;
    return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* 1: it is there now. 0: from was not there. The reply may have got lost: the target tells. */
static int move(int from_fd, const char *from, int to_fd, const char *to, struct err *err)
{
    if (renameat(from_fd, from, to_fd, to) == 0)
        return 1;
    int errnum = errno;
    if (exists_at(to_fd, to) && !exists_at(from_fd, from))
        return 1;
    return errnum == ENOENT ? 0 : err_set(err, ERR_IO, errnum, "move '%s' to '%s'", from, to);
}

int prune_mark_of(const struct spool *spool, enum spool_place place, const char *id,
                  struct prune_mark *ret_mark, int64_t *ret_ended_ms)
{
    struct stat st;
    *ret_mark = (struct prune_mark){ 0 };
    if (fstatat(spool_dir(spool, place), id, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISDIR(st.st_mode))
        return 0;
    CLEANUP(json_drop) json_t *record = ended_record(spool, place, id);
    (void)snprintf(ret_mark->token, sizeof(ret_mark->token), "%s",
                   json_get_text(record, "token", ""));
    ret_mark->inode = st.st_ino;
    if (!record || !time_parse(ended_at(record), ret_ended_ms))
        *ret_ended_ms = fs_mtime_ms(&st);
    return 1;
}

/* Inodes are not told apart where there is a token: on sshfs they change. */
static bool is_same(const struct prune_mark *a, const struct prune_mark *b)
{
    return a->token[0] || b->token[0] ? strcmp(a->token, b->token) == 0 : a->inode == b->inode;
}

int prune_put_back(const struct spool *spool, const char *tmp_name, struct err *err)
{
    enum spool_place place;
    const char *id;
    if (!parse_held(tmp_name, &place, &id))
        return err_set(err, ERR_BUG, 0, "'%s' did not come from done/ or error/", tmp_name);
    int place_fd = spool_dir(spool, place), tmp = spool_dir(spool, PLACE_TMP);
    for (int number = 1; number < NAMES_MAX; number++) {
        char name[NAME_SIZE];
        if (number == 1)
            (void)snprintf(name, sizeof(name), "%s", id);
        else
            (void)snprintf(name, sizeof(name), "%.240s.%d", id, number);
        if (exists_at(place_fd, name))
            continue;
        int r = move(tmp, tmp_name, place_fd, name, err);
        if (r >= 0 || !exists_at(place_fd, name))
            return r < 0 ? r : 0;
    }
    return err_set(err, ERR_IO, EEXIST, "every name for '%s/%s'", spool_place_name(place), id);
}

int prune_take(const struct spool *spool, enum spool_place place, const char *id,
               const struct prune_mark *mark, struct err *err)
{
    char held[NAME_SIZE], gone[NAME_SIZE];
    struct prune_mark moved, now;
    int64_t ended_ms;
    int tmp = spool_dir(spool, PLACE_TMP);
    if (prune_mark_of(spool, place, id, &now, &ended_ms) != 1 || !is_same(mark, &now))
        return 0;
    name_held(place, id, held);
    name_gone(gone);
    int r = move(spool_dir(spool, place), id, tmp, held, err);
    if (r != 1) {
        err_context(err, "'%s'", spool_place_name(place));
        return r;
    }
    if (prune_mark_of(spool, PLACE_TMP, held, &moved, &ended_ms) != 1)
        return 0; /* another prune found it old enough to be put back */
    if (is_same(mark, &moved))
        return move(tmp, held, tmp, gone, err);
    return prune_put_back(spool, held, err);
}

/* ---- away ---- */

struct pile {
    char **names;
    size_t count, size;
};

static void pile_add(struct pile *pile, const char *name)
{
    if (pile->count == pile->size) {
        pile->size = pile->size ? pile->size * 2 : 16;
        pile->names = mem_resize(pile->names, pile->size, sizeof(pile->names[0]));
    }
    pile->names[pile->count++] = mem_strdup(name);
}

/* Up into tmp/, to be the next one. Not what is mounted there. */
static int hoist(int tmp, int dir_fd, const char *name, struct pile *pile, struct err *err)
{
    char gone[NAME_SIZE];
    if (unlinkat(dir_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
        return 0;
    name_gone(gone);
    int r = move(dir_fd, name, tmp, gone, err);
    if (r == 1)
        pile_add(pile, gone);
    return r < 0 ? r : 0;
}

static int remove_entry(int tmp, int dir_fd, const char *name, struct pile *pile, int64_t *bytes,
                        struct err *err)
{
    struct stat st;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : err_set(err, ERR_IO, errno, "stat '%s'", name);
    if (S_ISDIR(st.st_mode))
        return hoist(tmp, dir_fd, name, pile, err);
    if (unlinkat(dir_fd, name, 0) < 0)
        return errno == ENOENT ? 0 : err_set(err, ERR_IO, errno, "remove '%s'", name);
    if (S_ISREG(st.st_mode) && st.st_nlink == 1)
        *bytes += st.st_size;
    return 0;
}

/* One directory of tmp/; what was in its directories comes onto the pile. */
static int remove_one(int tmp, const char *name, struct pile *pile, int64_t *bytes, struct err *err)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    CLEANUP(fs_close)
    int fd = openat(tmp, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int r = 0;
    if (fd < 0 && errno != ENOENT)
        r = err_set(err, ERR_IO, errno, "open 'tmp/%s'", name);
    if (fd >= 0)
        r = listing_read(fd, ".", &listing, err);
    for (size_t i = 0; i < listing.count && r == 0; i++)
        r = remove_entry(tmp, fd, listing.entries[i].name, pile, bytes, err);
    fs_close(&fd); /* SMB removes no directory that is open */
    if (r < 0)
        err_context(err, "'tmp/%s'", name);
    else if (unlinkat(tmp, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
        r = err_set(err, ERR_IO, errno, "remove 'tmp/%s'", name);
    return r;
}

int prune_remove_gone(const struct spool *spool, struct prune_tally *tally, struct err *err)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    int tmp = spool_dir(spool, PLACE_TMP), failed = 0;
    struct pile pile = { 0 };
    int r = listing_read(tmp, ".", &listing, err);
    for (size_t i = 0; i < listing.count; i++)
        if (prune_kind_of(listing.entries[i].name) == PRUNE_GONE)
            pile_add(&pile, listing.entries[i].name);
    while (pile.count) {
        CLEANUP(mem_free_text) char *name = pile.names[--pile.count];
        int one = remove_one(tmp, name, &pile, &tally->bytes, failed ? NULL : err);
        tally->failed += one < 0;
        failed = failed ? failed : one;
    }
    free(pile.names);
    return r < 0 ? r : failed;
}
