/* layout.c - make a spool, open it, know that it is still the same.
 *
 * A spool is told by .takeup. It is the first thing that init writes, so that an init that was cut
 * off is taken up by the next one instead of being refused as a directory with strange things in
 * it; open asks for all the rest. It is linked into place, so of two inits at once one id wins. */
#include "spool/layout.h"

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "spool/listing.h"
#include "spool/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARK_FILE ".takeup"

enum { SPOOL_FORMAT = 1, MARK_MAX_BYTES = 4096, ID_SIZE = 65, SPOOL_MODE = 02775, LOOK_MS = 50 };

struct spool {
    char *path;
    char id[ID_SIZE];
    int root;
    int dirs[PLACE_COUNT];
    enum spool_place looks_at; /* where the next look begins */
};

static const char *const place_names[PLACE_COUNT] = {
    [PLACE_INBOX] = "inbox",
    [PLACE_MEDIA] = "media",
    [PLACE_PENDING] = "pending",
    [PLACE_PENDING_HIGH] = "pending/high",
    [PLACE_PENDING_LOW] = "pending/low",
    [PLACE_RUNNING] = "running",
    [PLACE_DEFERRED] = "deferred",
    [PLACE_DONE] = "done",
    [PLACE_ERROR] = "error",
    [PLACE_CANCEL] = "cancel",
    [PLACE_HEARTBEAT] = "heartbeat",
    [PLACE_TMP] = "tmp",
};

const char *spool_place_name(enum spool_place place)
{
    return place_names[place];
}

/* Also of what does not exist: then it is put behind the working directory. */
static char *absolute_path(const char *dir)
{
    char *path = realpath(dir, NULL);
    if (path)
        return path;
    if (dir[0] == '/')
        return mem_strdup(dir);
    CLEANUP(mem_free_text) char *here = realpath(".", NULL);
    while (str_has_prefix(dir, "./"))
        dir += 2;
    return mem_printf("%s/%s", here ? here : ".", dir);
}

static void hint_init(struct err *err, const char *path)
{
    CLEANUP(mem_free_text) char *word = str_shell_word(path);
    err_hint(err, "takeup init %s", word);
}

/* Reads .takeup of the directory in root. ERR_MISSING when there is none. */
static int mark_read(int root, const char *path, char ret_id[ID_SIZE], struct err *err)
{
    CLEANUP(mem_free_text) char *text = NULL;
    CLEANUP(json_drop) json_t *mark = NULL;
    size_t len;
    int r = fs_read_file(root, MARK_FILE, MARK_MAX_BYTES, &text, &len, err);
    if (r < 0) {
        err_context(err, "'%s'", path);
        return r;
    }
    struct json_mark at;
    r = json_parse(text, len, &mark, &at, err);
    json_int_t format = json_get_int(mark, "format", 0);
    const char *id = json_get_text(mark, "id", "");
    if (r != 1 || format < 1 || !id[0] || strlen(id) >= ID_SIZE)
        return err_set(err, ERR_CONFIG, 0,
                       "'%s/%s' is damaged: it should be {\"format\": %d, "
                       "\"id\": \"…\"}",
                       path, MARK_FILE, SPOOL_FORMAT);
    if (format > SPOOL_FORMAT) {
        r = err_set(err, ERR_CONFIG, 0,
                    "the spool '%s' has format %lld, and this takeup knows "
                    "formats up to %d",
                    path, (long long)format, SPOOL_FORMAT);
        err_hint(err, "use a newer takeup for this spool");
        return r;
    }
    (void)snprintf(ret_id, ID_SIZE, "%s", id);
    return 0;
}

/* ---- init ---- */

static int mark_write(int root, const char *path, struct err *err)
{
    char id[33], name[64], random[9];
    str_random_hex(id, 16);
    str_random_hex(random, 4);
    (void)snprintf(name, sizeof(name), MARK_FILE ".%s", random);
    CLEANUP(mem_free_text)
    char *text = mem_printf("{\"format\":%d,\"id\":\"%s\"}\n", SPOOL_FORMAT, id);
    int r = fs_write_file(root, name, text, strlen(text), FS_NEW | FS_SYNC, err);
    if (r < 0) {
        err_context(err, "'%s'", path);
        return r;
    }
    struct stat st;
    if (linkat(root, name, root, MARK_FILE, 0) < 0 && errno != EEXIST)
        /* No hard links here (FAT, some shares): the rename is as good unless two do it at once;
         * then the other one's may be there, and ours removed by it. */
        r = renameat(root, name, root, MARK_FILE) < 0 &&
                    fstatat(root, MARK_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0
                ? err_set(err, ERR_IO, errno, "make '%s/%s'", path, MARK_FILE)
                : 0;
    (void)unlinkat(root, name, 0);
    return r;
}

/* What an init that was cut off was writing. */
static void remove_unfinished_marks(int root)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    (void)listing_read(root, ".", &listing, NULL);
    for (size_t i = 0; i < listing.count; i++)
        if (str_has_prefix(listing.entries[i].name, MARK_FILE "."))
            (void)unlinkat(root, listing.entries[i].name, 0);
}

static int refuse_strange_content(int root, const char *path, struct err *err)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    int r = listing_read(root, ".", &listing, err);
    for (size_t i = 0; r == 0 && i < listing.count; i++) {
        if (listing.entries[i].name[0] == '.')
            continue;
        r = err_set(err, ERR_USAGE, 0, "'%s' is no spool and holds other things ('%s')", path,
                    listing.entries[i].name);
        CLEANUP(mem_free_text) char *inner = mem_printf("%s/spool", path);
        hint_init(err, inner);
    }
    return r;
}

/* Exactly 2775: setgid so that what is made inside belongs to the group, group-writable since who
 * moves a directory must be able to write it. Only what was made here is changed. */
static int make_dir(int at, const char *name, const char *shown, struct err *err)
{
    if (mkdirat(at, name, 0775) < 0)
        return errno == EEXIST ? 0 : err_set(err, ERR_IO, errno, "make directory '%s'", shown);
    CLEANUP(fs_close) int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, ERR_IO, errno, "open directory '%s'", shown);
    /* A filesystem without modes (a share, FAT) has its own idea of them. */
    if (fchmod(fd, SPOOL_MODE) < 0 && errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS)
        return err_set(err, ERR_IO, errno, "set mode 2775 of '%s'", shown);
    return 0;
}

static int sync_at(int at, const char *name, const char *shown, struct err *err)
{
    CLEANUP(fs_close) int fd = openat(at, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, ERR_IO, errno, "open directory '%s'", shown);
    return fs_sync_dir(fd, shown, err);
}

static int make_places(int root, const char *path, struct err *err)
{
    for (size_t i = 0; i < PLACE_COUNT; i++) {
        CLEANUP(mem_free_text) char *shown = mem_printf("%s/%s", path, place_names[i]);
        int r = make_dir(root, place_names[i], shown, err);
        if (r < 0)
            return r;
    }
    int r = 0;
    for (size_t i = 0; r == 0 && i < PLACE_COUNT; i++)
        r = sync_at(root, place_names[i], place_names[i], err);
    return r < 0 ? r : fs_sync_dir(root, path, err);
}

int spool_init(const char *dir, struct err *err)
{
    CLEANUP(mem_free_text) char *path = absolute_path(dir);
    int r = make_dir(AT_FDCWD, path, path, err);
    if (r < 0)
        return r;
    CLEANUP(fs_close) int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_set(err, ERR_IO, errno, "open directory '%s'", path);
    char id[ID_SIZE];
    struct err read = { 0 };
    r = mark_read(root, path, id, &read);
    if (r < 0 && read.kind != ERR_MISSING) {
        if (err)
            *err = read;
        return r;
    }
    if (r < 0) {
        r = refuse_strange_content(root, path, err);
        if (r == 0)
            r = mark_write(root, path, err);
    }
    if (r == 0)
        r = make_places(root, path, err);
    if (r == 0)
        remove_unfinished_marks(root);
    return r < 0 ? r : sync_at(root, "..", "the directory above the spool", err);
}

int spool_mark_anew(const char *dir, struct err *err)
{
    CLEANUP(mem_free_text) char *path = absolute_path(dir);
    CLEANUP(fs_close) int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0)
        return err_set(err, ERR_IO, errno, "open directory '%s'", path);
    if (renameat(root, MARK_FILE, root, MARK_FILE ".damaged") < 0 && errno != ENOENT)
        return err_set(err, ERR_IO, errno, "rename '%s/%s'", path, MARK_FILE);
    int r = mark_write(root, path, err);
    return r < 0 ? r : fs_sync_dir(root, path, err);
}

/* ---- open ---- */

static int open_failed(const char *path, const char *what, struct err *err)
{
    int errnum = errno;
    if (errnum != ENOENT && errnum != ENOTDIR)
        return err_set(err, ERR_IO, errnum, "open '%s/%s'", path, what);
    int r =
        err_set(err, ERR_MISSING, errnum, "'%s' is not a whole spool: directory '%s'", path, what);
    hint_init(err, path);
    return r;
}

/* The directory at path, and the id in its .takeup. ERR_MISSING: it is no spool. */
static int open_marked(const char *path, int *ret_root, char ret_id[ID_SIZE], struct err *err)
{
    CLEANUP(fs_close) int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        bool missing = errno == ENOENT || errno == ENOTDIR;
        int r = err_set(err, missing ? ERR_MISSING : ERR_IO, errno, "no spool at '%s'", path);
        if (missing)
            hint_init(err, path);
        return r;
    }
    int r = mark_read(root, path, ret_id, err);
    if (r == -ENOENT) {
        r = err_set(err, ERR_MISSING, 0, "'%s' is no spool: it has no file '%s'", path, MARK_FILE);
        hint_init(err, path);
    }
    if (r == 0) {
        *ret_root = root;
        root = -1;
    }
    return r;
}

static int open_place(int root, const char *path, enum spool_place place, int *ret_fd,
                      struct err *err)
{
    *ret_fd = openat(root, place_names[place], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret_fd < 0 ? open_failed(path, place_names[place], err) : 0;
}

int spool_open(const char *dir, struct spool **ret_spool, struct err *err)
{
    CLEANUP(spool_close) struct spool *spool = MEM_NEW(struct spool);
    spool->path = absolute_path(dir);
    spool->root = -1;
    for (size_t i = 0; i < PLACE_COUNT; i++)
        spool->dirs[i] = -1;
    int r = open_marked(spool->path, &spool->root, spool->id, err);
    for (size_t i = 0; i < PLACE_COUNT && r == 0; i++)
        r = open_place(spool->root, spool->path, i, &spool->dirs[i], err);
    if (r == 0)
        *ret_spool = TAKE(spool);
    return r;
}

void spool_close(struct spool **spool)
{
    if (!*spool)
        return;
    for (size_t i = 0; i < PLACE_COUNT; i++)
        fs_close(&(*spool)->dirs[i]);
    fs_close(&(*spool)->root);
    free((*spool)->path);
    free(*spool);
    *spool = NULL;
}

const char *spool_path(const struct spool *spool)
{
    return spool->path;
}

const char *spool_id(const struct spool *spool)
{
    return spool->id;
}

int spool_root(const struct spool *spool)
{
    return spool->root;
}

int spool_dir(const struct spool *spool, enum spool_place place)
{
    return spool->dirs[place];
}

/* ---- is it still the same? ---- */

/* Do both lead to one directory? One that was removed has no name any more that leads to it. */
static bool is_same_dir(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* 1: dirs[place] is what lies at its path. 0: it is another one, or a descriptor of a mount that
 * went away. < 0: there is none. */
static int place_is_same(const struct spool *spool, int root, enum spool_place place,
                         struct err *err)
{
    struct stat held, there;
    if (fstatat(root, place_names[place], &there, 0) < 0)
        return open_failed(spool->path, place_names[place], err);
    return fstat(spool->dirs[place], &held) == 0 && is_same_dir(&held, &there);
}

/* As many places as are looked at in this time, and at least one; the others the next time. Over a
 * slow share a look at each of them, every second, would leave no time for anything else. */
static int places_are_same(struct spool *spool, int root, struct err *err)
{
    struct stat held, there;
    if (fstat(spool->root, &held) < 0 || fstat(root, &there) < 0 || !is_same_dir(&held, &there))
        return 0;
    int64_t until_ms = time_mono_ms() + LOOK_MS;
    int r = 1;
    for (int i = 0; i < PLACE_COUNT && r == 1 && (i == 0 || time_mono_ms() < until_ms); i++) {
        r = place_is_same(spool, root, spool->looks_at, err);
        spool->looks_at = (spool->looks_at + 1) % PLACE_COUNT;
    }
    return r;
}

/* All or nothing. The numbers of the descriptors stay as they are. */
static int open_anew(struct spool *spool, int root, struct err *err)
{
    int fresh[PLACE_COUNT], r = 0;
    for (size_t i = 0; i < PLACE_COUNT; i++)
        fresh[i] = -1;
    for (size_t i = 0; i < PLACE_COUNT && r == 0; i++)
        r = open_place(root, spool->path, i, &fresh[i], err);
    for (size_t i = 0; i < PLACE_COUNT && r == 0; i++)
        if (dup3(fresh[i], spool->dirs[i], O_CLOEXEC) < 0)
            r = err_set(err, ERR_IO, errno, "open '%s/%s' anew", spool->path, place_names[i]);
    if (r == 0 && dup3(root, spool->root, O_CLOEXEC) < 0)
        r = err_set(err, ERR_IO, errno, "open '%s' anew", spool->path);
    for (size_t i = 0; i < PLACE_COUNT; i++)
        fs_close(&fresh[i]);
    return r;
}

int spool_refresh(struct spool *spool, struct err *err)
{
    struct err why = { 0 };
    CLEANUP(fs_close) int root = -1;
    char id[ID_SIZE];
    int r = open_marked(spool->path, &root, id, &why);
    if (r < 0 && why.kind == ERR_MISSING)
        return err_set(err, ERR_MISSING, 0, "the spool is no longer where it was: %s", why.text);
    if (r == 0 && strcmp(id, spool->id) != 0)
        return err_set(err, ERR_MISSING, 0,
                       "the spool is no longer where it was: '%s' is another spool", spool->path);
    if (r == 0)
        r = places_are_same(spool, root, &why);
    if (r == 1)
        return 0;
    if (r == 0)
        r = open_anew(spool, root, &why);
    if (r == 0)
        return 1;
    if (err)
        *err = why;
    return r;
}

int spool_now_ms(const struct spool *spool, const char *owner, int64_t *ret_now_ms, struct err *err)
{
    char name[NAME_SIZE];
    (void)snprintf(name, sizeof(name), "%.240s.now", owner);
    int tmp = spool->dirs[PLACE_TMP];
    (void)unlinkat(tmp, name, 0);
    CLEANUP(fs_close)
    int fd = openat(tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0664);
    if (fd < 0)
        return err_set(err, ERR_IO, errno, "create 'tmp/%s'", name);
    /* On a full disk the write fails, but then the file was stamped when it was created. Closed
     * before it is looked at: NFS writes out on close, and then knows the server's time. */
    (void)fs_write_all(fd, "\n", 1);
    fs_close(&fd);
    struct stat st;
    int r = fstatat(tmp, name, &st, AT_SYMLINK_NOFOLLOW);
    int errnum = errno;
    (void)unlinkat(tmp, name, 0);
    if (r < 0)
        return err_set(err, ERR_IO, errnum, "stat 'tmp/%s'", name);
    *ret_now_ms = fs_mtime_ms(&st);
    return 0;
}
