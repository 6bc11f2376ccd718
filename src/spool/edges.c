/* edges.c - can everything be renamed along every edge of the protocol?
 *
 * A state changes by one rename, so all directories have to lie on one filesystem. That they do is
 * tried, not guessed: overlays, bind mounts and subvolumes look like one and answer EXDEV.
 *
 * Over NFSv4.0 a reply gets lost and the request is made once more: what was done says EEXIST or
 * ENOENT then. The name is the owner's alone, so either is as good as done. And each try has a name
 * of its own: an NFS client remembers for half a minute which names are not there (measured), and
 * says so of the target after a rename that was done too. */
#include "spool/layout.h"

#include "base/fs.h"
#include "base/macros.h"
#include "spool/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

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
    return mkdirat(from, name, 0775) < 0 && errno != EEXIST
               ? err_set(err, ERR_IO, errno, "make '%s'", name)
               : 0;
}

/* 0, or the errno. */
static int edge_rename(int from, int to, const char *name)
{
    struct stat st;
    if (renameat(from, name, to, name) == 0)
        return 0;
    int errnum = errno;
    return errnum == ENOENT && fstatat(to, name, &st, AT_SYMLINK_NOFOLLOW) == 0 ? 0 : errnum;
}

static int edge_try(const struct spool *spool, const struct edge *edge, const char *name, bool dir,
                    struct err *err)
{
    int from = spool_dir(spool, edge->from), to = spool_dir(spool, edge->to);
    const char *from_name = spool_place_name(edge->from), *to_name = spool_place_name(edge->to);
    const char *path = spool_path(spool);
    int flags = dir ? AT_REMOVEDIR : 0;
    int r = edge_make(from, name, dir, err);
    if (r < 0) {
        err_context(err, "'%s/%s'", path, from_name);
        return r;
    }
    int errnum = edge_rename(from, to, name);
    if (errnum == 0)
        return unlinkat(to, name, flags) < 0 && errno != ENOENT
                   ? err_set(err, ERR_IO, errno, "remove '%s/%s/%s'", path, to_name, name)
                   : 0;
    (void)unlinkat(from, name, flags);
    r = err_set(err, ERR_IO, errnum, "a %s cannot be renamed from '%s' to '%s' in '%s'",
                dir ? "directory" : "file", from_name, to_name, path);
    if (errnum == EXDEV)
        err_hint(err,
                 "'%s' and '%s' have to lie on one filesystem: no mount, subvolume or lower "
                 "layer of an overlay between them",
                 from_name, to_name);
    return r;
}

int spool_check_edges(const struct spool *spool, const char *owner, struct err *err)
{
    for (size_t i = 0; i < 2 * COUNT(edges); i++) {
        const struct edge *edge = &edges[i / 2];
        bool dir = i % 2;
        char name[NAME_SIZE]; /* hidden, so that nobody takes it for a job */
        (void)snprintf(name, sizeof(name), ".%.200s.%zu.check", owner, i);
        if (dir ? edge->dir : edge->file) {
            int r = edge_try(spool, edge, name, dir, err);
            if (r < 0)
                return r;
        }
    }
    return 0;
}
