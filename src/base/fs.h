/* fs.h - files and directories, always relative to an open directory.
 *
 * Every descriptor is O_CLOEXEC. Names in error texts are what the caller passes as `shown`, so
 * that a person finds the file. */
#ifndef TAKEUP_BASE_FS_H
#define TAKEUP_BASE_FS_H

#include "base/err.h"

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

/* Cleanup handlers. */
void fs_close(int *fd);       /* -1 afterwards; accepts -1 */
void fs_close_dir(DIR **dir); /* NULL afterwards; accepts NULL */

/* A new stream over the directory `name` inside dir_fd ("." for itself), at its beginning. */
int fs_open_dir(int dir_fd, const char *name, DIR **ret_dir, struct err *err);
/* Is `name` "." or ".."? */
bool fs_is_dots(const char *name);

/* The whole of a regular file of at most max bytes (ERR_INPUT and -EFBIG beyond). Neither a link
 * nor a FIFO is opened. *ret_data has a NUL behind it; the caller frees it. */
int fs_read_file(int dir_fd, const char *name, size_t max, char **ret_data, size_t *ret_len,
                 struct err *err);

/* Opens a regular file for reading, and nothing else: no link is followed, no FIFO waited for. */
int fs_open_file(int dir_fd, const char *name, int *ret_fd, struct stat *ret_st, struct err *err);
/* The whole of a file that was just opened so, as fs_read_file does; `shown` is its name in errors.
 * It may have grown or shrunk since *st. */
int fs_read_open_file(int fd, const struct stat *st, const char *shown, size_t max, char **ret_data,
                      size_t *ret_len, struct err *err);
/* Does somebody have this regular file, open for reading in fd, open for writing? Told by a read
 * lease, so false where that cannot be told: a network filesystem, another user's file. */
bool fs_is_being_written(int fd);

enum fs_write_flags {
    FS_SYNC = 1 << 0,   /* fsync before it is closed */
    FS_NEW = 1 << 1,    /* it must not exist yet */
    FS_APPEND = 1 << 2, /* else what it held is replaced, in place */
};
/* Writes it all; EINTR and short writes are dealt with. A new file is nobody's to write but the
 * user's and the group's, even where the umask lets everybody. */
int fs_write_file(int dir_fd, const char *name, const void *data, size_t len, unsigned flags,
                  struct err *err);
/* The same by a rename, so that whoever reads `path` finds the old content or the new, whole. Until
 * then it lies beside it, under a hidden name. */
int fs_replace_file(const char *path, const void *data, size_t len, unsigned flags,
                    struct err *err);
/* To an open descriptor. */
int fs_write_all(int fd, const void *data, size_t len);

/* Whether the syncs of this room sync; they do unless told. For the whole process: a queue whose
 * jobs can all be had again (durability: none) is not worth a wait for the disk. */
void fs_set_durable(bool durable);
bool fs_is_durable(void);

/* The kernel begins to write the file to the disk, and nobody waits. Of several files that are
 * synced one after the other each would have the journal written anew for what is new in it (ext4,
 * xfs); where all were begun before, the first does for all: 6 files in 3.0 ms instead of 6.8, 2 in
 * 0.8 instead of 1.0. No promise, and no errors: those are told by the sync. */
void fs_begin_sync(int dir_fd, const char *name);
/* fsync of something named inside dir_fd. EIO is not tried again: see docs/spool.md. */
int fs_sync_file(int dir_fd, const char *name, struct err *err);
int fs_sync_dir(int dir_fd, const char *shown, struct err *err);

/* Mode 2775 whatever the umask: who is in the group may work in it, and what is made there belongs
 * to that group. Where a filesystem has no modes, or they are somebody else's, its own hold. */
void fs_share_dir(int dir_fd, const char *name);

/* The next look at a name in the directory `name` asks the server. Else an NFS client that was told
 * that one is not there says so for half a minute, also after a rename of its own to it that was
 * done and whose reply got lost. */
void fs_ask_anew(int dir_fd, const char *name);

/* Removes the directory `name` and what is in it. Only for what this process made itself. Never
 * follows a link, never leaves the device. 0 also when it is not there. */
/* How large the regular files of a directory are, without those of directories in it. < 0: *err. */
int64_t fs_files_bytes(int dir_fd, struct err *err);
int fs_remove_tree(int dir_fd, const char *name, struct err *err);

/* Does its directory live on a network or FUSE filesystem, where no event arrives from others? */
bool fs_is_remote(int fd);
/* Does a sync of anything in its filesystem write all changes of names that were made before it? So
 * does one journal, ext4's (if it has one) and xfs's; not btrfs, and of others it is not known. */
bool fs_has_one_journal(int fd);
/* "ext4", "nfs" … or a number in hex; borrowed for ever or until the next call. */
const char *fs_type_name(int fd);
/* What an ordinary user may still write; -1 when it cannot be told. */
int64_t fs_free_bytes(int fd);

/* How many directories lie in an open one, where its filesystem counts them; -1: it does not. */
int64_t fs_count_subdirs(int fd);

/* What identifies the content of a file without reading it. */
struct fs_print {
    int64_t size_bytes;
    int64_t mtime_ns;
    uint64_t inode;
};
struct fs_print fs_print_of(const struct stat *st);
bool fs_print_equal(const struct fs_print *a, const struct fs_print *b);

int64_t fs_mtime_ms(const struct stat *st);
int64_t fs_ctime_ms(const struct stat *st);

#endif
