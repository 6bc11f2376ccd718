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
#include "spool/listing.h"
#include "spool/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MARK_FILE ".takeup"

enum { SPOOL_FORMAT = 1, MARK_MAX_BYTES = 4096, ID_SIZE = 65, SPOOL_MODE = 02775 };

struct spool {
    char *path;
    char id[ID_SIZE];
    int root;
    int dirs[PLACE_COUNT];
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
    if (linkat(root, name, root, MARK_FILE, 0) < 0 && errno != EEXIST)
        /* No hard links here (FAT, some shares): the rename is as good unless two do it at once. */
        r = renameat(root, name, root, MARK_FILE) < 0
                ? err_set(err, ERR_IO, errno, "make '%s/%s'", path, MARK_FILE)
                : 0;
    (void)unlinkat(root, name, 0);
    return r;
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
    return r < 0 ? r : sync_at(root, "..", "the directory above the spool", err);
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

static int open_root(struct spool *spool, struct err *err)
{
    spool->root = open(spool->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (spool->root < 0) {
        bool missing = errno == ENOENT || errno == ENOTDIR;
        int r =
            err_set(err, missing ? ERR_MISSING : ERR_IO, errno, "no spool at '%s'", spool->path);
        if (missing)
            hint_init(err, spool->path);
        return r;
    }
    int r = mark_read(spool->root, spool->path, spool->id, err);
    if (r == -ENOENT) {
        r = err_set(err, ERR_MISSING, 0, "'%s' is no spool: it has no file '%s'", spool->path,
                    MARK_FILE);
        hint_init(err, spool->path);
    }
    return r;
}

int spool_open(const char *dir, struct spool **ret_spool, struct err *err)
{
    CLEANUP(spool_close) struct spool *spool = MEM_NEW(struct spool);
    spool->path = absolute_path(dir);
    spool->root = -1;
    for (size_t i = 0; i < PLACE_COUNT; i++)
        spool->dirs[i] = -1;
    int r = open_root(spool, err);
    if (r < 0)
        return r;
    for (size_t i = 0; i < PLACE_COUNT; i++) {
        spool->dirs[i] = openat(spool->root, place_names[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (spool->dirs[i] < 0)
            return open_failed(spool->path, place_names[i], err);
    }
    *ret_spool = TAKE(spool);
    return 0;
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

int spool_is_there(const struct spool *spool, struct err *err)
{
    /* By the id, not by device and inode: these change on sshfs while nothing has happened. */
    CLEANUP(fs_close) int root = open(spool->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (root < 0)
        return err_set(err, ERR_IO, errno, "open '%s'", spool->path);
    char id[ID_SIZE];
    struct err read = { 0 };
    int r = mark_read(root, spool->path, id, &read);
    if (r < 0 && read.kind == ERR_IO) {
        if (err)
            *err = read;
        return r;
    }
    if (r < 0 || strcmp(id, spool->id) != 0)
        return 0;
    for (int place = 0; place < PLACE_COUNT; place++) {
        struct stat st;
        if (fstat(spool->dirs[place], &st) == 0 && st.st_nlink == 0)
            return err_set(
                err, ERR_IO, 0,
                "'%s/%s' was removed or replaced while it was in use; restart the worker",
                spool->path, place_names[place]);
    }
    return 1;
}

int spool_now_ms(const struct spool *spool, const char *owner, int64_t *ret_now_ms, struct err *err)
{
    char name[NAME_SIZE];
    (void)snprintf(name, sizeof(name), "%.240s.now", owner);
    int tmp = spool->dirs[PLACE_TMP];
    (void)unlinkat(tmp, name, 0);
    CLEANUP(fs_close)
    int fd = openat(tmp, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
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

/* ---- edges ---- */

static const struct edge {
    enum spool_place from, to;
    bool file, dir;
} edges[] = {
    { PLACE_TMP, PLACE_HEARTBEAT, true, false },
    { PLACE_TMP, PLACE_PENDING, true, false },
    { PLACE_TMP, PLACE_PENDING_HIGH, true, false },
    { PLACE_TMP, PLACE_PENDING_LOW, true, false },
    { PLACE_PENDING, PLACE_RUNNING, true, false },
    { PLACE_PENDING_HIGH, PLACE_RUNNING, true, false },
    { PLACE_PENDING_LOW, PLACE_RUNNING, true, false },
    { PLACE_INBOX, PLACE_RUNNING, true, false },
    { PLACE_RUNNING, PLACE_DEFERRED, true, true },
    { PLACE_DEFERRED, PLACE_RUNNING, true, true },
    { PLACE_RUNNING, PLACE_DONE, true, true },
    { PLACE_RUNNING, PLACE_ERROR, true, true },
    { PLACE_ERROR, PLACE_DEFERRED, true, true },
    { PLACE_DONE, PLACE_TMP, true, true },
    { PLACE_ERROR, PLACE_TMP, true, true },
};

static int edge_make(int from, const char *name, bool dir, struct err *err)
{
    if (!dir)
        return fs_write_file(from, name, "", 0, FS_NEW, err);
    return mkdirat(from, name, 0775) < 0 ? err_set(err, ERR_IO, errno, "make '%s'", name) : 0;
}

static int edge_try(const struct spool *spool, const struct edge *edge, const char *name, bool dir,
                    struct err *err)
{
    int from = spool->dirs[edge->from], to = spool->dirs[edge->to];
    const char *from_name = place_names[edge->from], *to_name = place_names[edge->to];
    int flags = dir ? AT_REMOVEDIR : 0;
    int r = edge_make(from, name, dir, err);
    if (r < 0) {
        err_context(err, "'%s/%s'", spool->path, from_name);
        return r;
    }
    if (renameat(from, name, to, name) == 0)
        return unlinkat(to, name, flags) < 0
                   ? err_set(err, ERR_IO, errno, "remove '%s/%s/%s'", spool->path, to_name, name)
                   : 0;
    int errnum = errno;
    (void)unlinkat(from, name, flags);
    r = err_set(err, ERR_IO, errnum, "a %s cannot be renamed from '%s' to '%s' in '%s'",
                dir ? "directory" : "file", from_name, to_name, spool->path);
    if (errnum == EXDEV)
        err_hint(err,
                 "'%s' and '%s' have to lie on one filesystem: no mount, subvolume or lower "
                 "layer of an overlay between them",
                 from_name, to_name);
    return r;
}

int spool_check_edges(const struct spool *spool, const char *owner, struct err *err)
{
    char name[NAME_SIZE]; /* hidden, so that nobody takes it for a job */
    (void)snprintf(name, sizeof(name), ".%.200s.check", owner);
    for (size_t i = 0; i < COUNT(edges); i++) {
        int r = 0;
        if (edges[i].file)
            r = edge_try(spool, &edges[i], name, false, err);
        if (r == 0 && edges[i].dir)
            r = edge_try(spool, &edges[i], name, true, err);
        if (r < 0)
            return r;
    }
    return 0;
}
