/* fsck_places.c - the directories of the spool, and what no job is. */
#include "spool/fsck_private.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "spool/name.h"
#include "spool/prune.h"
#include "spool/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool fsck_is_future(const struct fsck *fsck, int64_t ms)
{
    return ms > fsck->now_ms + FSCK_FUTURE_SLACK_MS;
}

/* ---- entries ---- */

/* ".OWNER.N.check", of spool_check_edges: empty, and there for a moment only. */
static void look_hidden(struct fsck *fsck, enum spool_place place, const char *name,
                        const struct stat *st)
{
    bool empty = S_ISDIR(st->st_mode) || (S_ISREG(st->st_mode) && st->st_size == 0);
    if (name[0] == '.' && str_has_suffix(name, ".check") && empty &&
        fsck->now_ms - fs_ctime_ms(st) > fsck->rules->old_ms)
        fsck_add_at(fsck, FSCK_LITTER, place, name, "");
}

int fsck_each(struct fsck *fsck, enum spool_place place, fsck_entry_fn *fn, struct err *err)
{
    CLEANUP(fs_close_dir) DIR *dir = NULL;
    int dir_fd = spool_dir(fsck->spool, place);
    int r = fs_open_dir(dir_fd, ".", &dir, err);
    if (r < 0) {
        err_context(err, "'%s/%s'", spool_path(fsck->spool), spool_place_name(place));
        return r;
    }
    const struct dirent *entry;
    while (errno = 0, (entry = readdir(dir))) {
        struct stat st;
        if (fs_is_dots(entry->d_name) ||
            fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue; /* it has gone on */
        if (name_is_ignored(entry->d_name))
            look_hidden(fsck, place, entry->d_name, &st);
        else
            fn(fsck, place, dir_fd, entry->d_name, &st);
    }
    return errno ? err_set(err, ERR_IO, errno, "list '%s/%s'", spool_path(fsck->spool),
                           spool_place_name(place))
                 : 0;
}

/* ---- the directories ---- */

/* There is no setgid bit to lose on these. */
static bool has_modes(int fd)
{
    static const char *const without[] = { "cifs", "smb3", "smb", "vfat", "exfat", "ntfs" };
    const char *type = fs_type_name(fd);
    for (size_t i = 0; i < COUNT(without); i++)
        if (strcmp(type, without[i]) == 0)
            return false;
    return true;
}

static void look_place(struct fsck *fsck, enum spool_place place)
{
    const char *name = spool_place_name(place);
    struct stat st;
    if (fstat(spool_dir(fsck->spool, place), &st) < 0)
        return;
    if ((st.st_mode & (S_ISGID | S_IRWXG)) != (S_ISGID | S_IRWXG) &&
        has_modes(spool_dir(fsck->spool, place)))
        fsck_add(fsck, FSCK_PLACE_MODE, name, "mode %04o", st.st_mode & 07777);
    if (fsck_is_future(fsck, fs_mtime_ms(&st)))
        fsck_add(fsck, FSCK_FUTURE, name, "by %lld s",
                 (long long)(fs_mtime_ms(&st) - fsck->now_ms) / 1000);
}

/* Of an init that was cut off: ".takeup.RANDOM". */
static int look_root(struct fsck *fsck, struct err *err)
{
    CLEANUP(fs_close_dir) DIR *dir = NULL;
    int r = fs_open_dir(spool_root(fsck->spool), ".", &dir, err);
    if (r < 0)
        return r;
    const struct dirent *entry;
    while ((entry = readdir(dir))) {
        struct stat st;
        if (str_has_prefix(entry->d_name, ".takeup.") &&
            fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            fsck->now_ms - fs_ctime_ms(&st) > fsck->rules->old_ms)
            fsck_add(fsck, FSCK_LITTER, entry->d_name, "of an init that was cut off");
    }
    return 0;
}

int fsck_look_places(struct fsck *fsck, struct err *err)
{
    int r = look_root(fsck, err);
    if (r < 0)
        return r;
    for (int place = 0; place < PLACE_COUNT; place++)
        look_place(fsck, (enum spool_place)place);
    char owner[64], token[TOKEN_SIZE];
    struct err edge = { 0 };
    name_token(token);
    (void)snprintf(owner, sizeof(owner), "fsck.%d.%s", (int)getpid(), token);
    if (spool_check_edges(fsck->spool, owner, &edge) < 0)
        fsck_add(fsck, FSCK_EDGE, ".", "%s", edge.text);
    return 0;
}

/* ---- tmp ---- */

/* WORKER.json, WORKER.status, WORKER.now: does this belong to a worker that is known to be dead? */
static bool is_of_dead(const struct fsck *fsck, const char *name)
{
    for (size_t i = 0; i < fsck->beat_count; i++) {
        const char *worker = fsck->beats[i].worker;
        size_t len = strlen(worker);
        if (strncmp(name, worker, len) == 0 && name[len] == '.')
            return fsck_life_of(fsck, worker, NULL) == FSCK_DEAD;
    }
    return false;
}

static void look_tmp_entry(struct fsck *fsck, enum spool_place place, int dir_fd, const char *name,
                           const struct stat *st)
{
    (void)dir_fd;
    int64_t touched_ms = fs_ctime_ms(st);
    if (prune_kind_of(name) == PRUNE_HELD) /* for a moment only, so not in two looks */
        fsck_add_at(fsck, FSCK_PRUNE_HELD, place, name, "");
    else if (is_of_dead(fsck, name))
        fsck_add_at(fsck, FSCK_TMP_LEFT, place, name, "its worker is dead");
    else if (fsck->now_ms - touched_ms > fsck->rules->old_ms)
        fsck_add_at(fsck, FSCK_TMP_LEFT, place, name, "nobody has touched it for long");
}

int fsck_look_tmp(struct fsck *fsck, struct err *err)
{
    return fsck_each(fsck, PLACE_TMP, look_tmp_entry, err);
}

/* ---- cancel, inbox ---- */

static void look_cancel_entry(struct fsck *fsck, enum spool_place place, int dir_fd,
                              const char *name, const struct stat *st)
{
    (void)dir_fd;
    if (!S_ISREG(st->st_mode))
        fsck_add_at(fsck, FSCK_STRANGE, place, name, "a request is an empty file X");
    else if (fsck->now_ms - fs_ctime_ms(st) > fsck->rules->old_ms)
        fsck_add_at(fsck, FSCK_CANCEL_OLD, place, name, "");
}

static void look_inbox_entry(struct fsck *fsck, enum spool_place place, int dir_fd,
                             const char *name, const struct stat *st)
{
    (void)dir_fd;
    if (!S_ISDIR(st->st_mode))
        fsck_add_at(fsck, FSCK_INBOX_STRAY, place, name, "");
}

int fsck_look_requests(struct fsck *fsck, struct err *err)
{
    int r = fsck_each(fsck, PLACE_CANCEL, look_cancel_entry, err);
    return r < 0 ? r : fsck_each(fsck, PLACE_INBOX, look_inbox_entry, err);
}
