#include "base/fs.h"

#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#define EXT4_MAGIC 0xEF53UL
#define XFS_MAGIC 0x58465342UL
#define TMPFS_MAGIC 0x01021994UL

static bool is_durable = true;

void fs_set_durable(bool durable)
{
    is_durable = durable;
}

bool fs_is_durable(void)
{
    return is_durable;
}

void fs_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

void fs_close_dir(DIR **dir)
{
    if (*dir)
        (void)closedir(*dir);
    *dir = NULL;
}

int fs_open_dir(int dir_fd, const char *name, DIR **ret_dir, struct err *err)
{
    CLEANUP(fs_close)
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, ERR_IO, errno, "open directory '%s'", name);
    DIR *dir = fdopendir(fd);
    if (!dir)
        return err_set(err, ERR_IO, errno, "read directory '%s'", name);
    fd = -1; /* the stream owns it */
    *ret_dir = dir;
    return 0;
}

bool fs_is_dots(const char *name)
{
    return name[0] == '.' && (name[1] == '\0' || (name[1] == '.' && name[2] == '\0'));
}

/* What fstat said to be all is taken for all: a read that would find the end is left out. */
static int read_all(int fd, size_t expected, size_t max, char **ret_data, size_t *ret_len)
{
    size_t size = expected ? (expected < max ? expected : max) + 2 : 4096, len = 0;
    char *data = mem_resize(NULL, size, 1);
    for (;;) {
        if (len + 1 >= size)
            data = mem_resize(data, size *= 2, 1);
        ssize_t got = read(fd, data + len, size - len - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 || (got > 0 && len + (size_t)got > max)) {
            int errnum = got < 0 ? errno : EFBIG;
            free(data);
            return -errnum;
        }
        len += (size_t)got;
        if (got == 0 || (len == (size_t)got && len == expected))
            break;
    }
    data[len] = '\0';
    *ret_data = data;
    *ret_len = len;
    return 0;
}

int fs_open_file(int dir_fd, const char *name, int *ret_fd, struct stat *ret_st, struct err *err)
{
    CLEANUP(fs_close)
    int fd = openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, errno == ENOENT ? ERR_MISSING : ERR_IO, errno, "open '%s'", name);
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_set(err, ERR_IO, errno, "stat '%s'", name);
    if (!S_ISREG(st.st_mode))
        return err_set(err, ERR_INPUT, 0, "'%s' is not a regular file", name);
    *ret_st = st;
    *ret_fd = fd;
    fd = -1;
    return 0;
}

int fs_read_open_file(int fd, const struct stat *st, const char *shown, size_t max, char **ret_data,
                      size_t *ret_len, struct err *err)
{
    int r = read_all(fd, (size_t)st->st_size, max, ret_data, ret_len);
    if (r == -EFBIG)
        return err_set(err, ERR_INPUT, EFBIG, "'%s' has more than %zu bytes", shown, max);
    if (r < 0)
        return err_set(err, ERR_IO, -r, "read '%s'", shown);
    return 0;
}

int fs_read_file(int dir_fd, const char *name, size_t max, char **ret_data, size_t *ret_len,
                 struct err *err)
{
    CLEANUP(fs_close) int fd = -1;
    struct stat st;
    int r = fs_open_file(dir_fd, name, &fd, &st, err);
    return r < 0 ? r : fs_read_open_file(fd, &st, name, max, ret_data, ret_len, err);
}

bool fs_is_being_written(int fd)
{
    /* Who opens the file for writing while we hold the lease makes the kernel send us a signal,
     * SIGIO unless another is named, and SIGIO would end the process. SIGURG is ignored. */
    if (fcntl(fd, F_SETSIG, SIGURG) < 0)
        return false;
    if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0)
        return errno == EAGAIN;
    (void)fcntl(fd, F_SETLEASE, F_UNLCK);
    return false;
}

int fs_write_all(int fd, const void *data, size_t len)
{
    const char *at = data;
    while (len > 0) {
        ssize_t put = write(fd, at, len);
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return -errno;
        at += put;
        len -= (size_t)put;
    }
    return 0;
}

int fs_write_file(int dir_fd, const char *name, const void *data, size_t len, unsigned flags,
                  struct err *err)
{
    int how = O_WRONLY | O_CREAT | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
    how |= flags & FS_NEW ? O_EXCL : 0;
    how |= flags & FS_APPEND ? O_APPEND : O_TRUNC;
    CLEANUP(fs_close) int fd = openat(dir_fd, name, how, 0664);
    if (fd < 0)
        return err_set(err, ERR_IO, errno, "create '%s'", name);
    int r = fs_write_all(fd, data, len);
    if (r < 0)
        return err_set(err, ERR_IO, -r, "write '%s'", name);
    if ((flags & FS_SYNC) && is_durable && fsync(fd) < 0)
        return err_set(err, ERR_IO, errno, "sync '%s'", name);
    int own = fd;
    fd = -1;
    if (close(own) < 0 && errno != EINTR) /* NFS and quotas report a failed write here */
        return err_set(err, ERR_IO, errno, "close '%s'", name);
    return 0;
}

int fs_replace_file(const char *path, const void *data, size_t len, unsigned flags, struct err *err)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    CLEANUP(mem_free_text)
    char *half = mem_printf("%.*s.%.200s.%d", (int)(name - path), path, name, (int)getpid());
    int r = fs_write_file(AT_FDCWD, half, data, len, flags, err);
    if (r == 0 && rename(half, path) < 0)
        r = err_set(err, ERR_IO, errno, "rename '%s' to '%s'", half, path);
    if (r < 0)
        (void)unlink(half);
    return r;
}

void fs_share_dir(int dir_fd, const char *name)
{
    /* With _FORTIFY_SOURCE the C library insists that somebody looks at it; a cast is not enough.
     */
    int r = fchmodat(dir_fd, name, 02775, 0);
    (void)r;
}

static int open_to_sync(int dir_fd, const char *name)
{
    return openat(dir_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

void fs_begin_sync(int dir_fd, const char *name)
{
    CLEANUP(fs_close) int fd = is_durable ? open_to_sync(dir_fd, name) : -1;
    if (fd >= 0)
        (void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
}

int fs_sync_file(int dir_fd, const char *name, struct err *err)
{
    if (!is_durable)
        return 0;
    CLEANUP(fs_close) int fd = open_to_sync(dir_fd, name);
    if (fd < 0 || fsync(fd) < 0)
        return err_set(err, ERR_IO, errno, "sync '%s'", name);
    return 0;
}

/* An xfs that has shut itself down after an I/O error says that a directory is synced whose changes
 * it has just dropped (measured); to list it, it refuses. */
static bool xfs_is_shut_down(int dir_fd)
{
    struct statfs fs;
    char entries[1024] __attribute__((aligned(8)));
    if (fstatfs(dir_fd, &fs) < 0 || (unsigned long)fs.f_type != XFS_MAGIC)
        return false;
    return lseek(dir_fd, 0, SEEK_SET) < 0 || getdents64(dir_fd, entries, sizeof(entries)) < 0;
}

int fs_sync_dir(int dir_fd, const char *shown, struct err *err)
{
    if (is_durable && (fsync(dir_fd) < 0 || xfs_is_shut_down(dir_fd)))
        return err_set(err, ERR_IO, errno, "sync directory '%s'", shown);
    return 0;
}

void fs_ask_anew(int dir_fd, const char *name)
{
    struct statx st; /* a directory that has changed: what was remembered of its names is void */
    (void)statx(dir_fd, name, AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &st);
}

static int remove_below(int dir_fd, const char *name, dev_t device, struct err *err)
{
    CLEANUP(fs_close_dir) DIR *dir = NULL;
    int r = fs_open_dir(dir_fd, name, &dir, err);
    if (r < 0)
        return r;
    struct stat st;
    if (fstat(dirfd(dir), &st) < 0)
        return err_set(err, ERR_IO, errno, "stat '%s'", name);
    if (st.st_dev != device)
        return err_set(err, ERR_IO, EXDEV, "'%s' is another filesystem, not removed", name);

    struct dirent *entry;
    while ((entry = readdir(dir))) {
        if (fs_is_dots(entry->d_name) || unlinkat(dirfd(dir), entry->d_name, 0) == 0)
            continue;
        if (errno != EISDIR && errno != EPERM)
            return err_set(err, ERR_IO, errno, "remove '%s'", entry->d_name);
        r = remove_below(dirfd(dir), entry->d_name, device, err);
        if (r < 0)
            return r;
    }
    if (unlinkat(dir_fd, name, AT_REMOVEDIR) < 0)
        return err_set(err, ERR_IO, errno, "remove directory '%s'", name);
    return 0;
}

int64_t fs_files_bytes(int dir_fd, struct err *err)
{
    CLEANUP(fs_close_dir) DIR *dir = NULL;
    int r = fs_open_dir(dir_fd, ".", &dir, err);
    if (r < 0)
        return r;
    int64_t bytes = 0;
    const struct dirent *entry;
    struct stat st;
    while ((entry = readdir(dir)))
        if (fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            bytes += st.st_size;
    return bytes;
}

int fs_remove_tree(int dir_fd, const char *name, struct err *err)
{
    struct stat st;
    if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : err_set(err, ERR_IO, errno, "stat '%s'", name);
    return remove_below(dir_fd, name, st.st_dev, err);
}

/* Magic numbers of statfs(2) and of the kernel's include/uapi/linux/magic.h. */
static const struct {
    unsigned long magic;
    const char *name;
    bool remote;
} filesystems[] = {
    { 0x6969, "nfs", true },       { 0xFF534D42, "cifs", true },   { 0xFE534D42, "smb3", true },
    { 0x517B, "smb", true },       { 0x65735546, "fuse", true },   { 0x01021997, "9p", true },
    { 0x00C36400, "ceph", true },  { 0x5346414F, "afs", true },    { 0x6B414653, "kafs", true },
    { 0x73757245, "coda", true },  { 0x0BD00BD0, "lustre", true }, { 0x01161970, "gfs2", true },
    { 0x7461636F, "ocfs2", true }, { 0x786F4256, "vboxsf", true }, { EXT4_MAGIC, "ext4", false },
    { XFS_MAGIC, "xfs", false },   { 0x9123683E, "btrfs", false }, { TMPFS_MAGIC, "tmpfs", false },
    { 0x2FC12FC1, "zfs", false },  { 0xF2F52010, "f2fs", false },  { 0x794C7630, "overlay", false },
    { 0x4D44, "vfat", false },     { 0x2011BAB0, "exfat", false }, { 0x5346544E, "ntfs", false },
};

bool fs_is_remote(int fd)
{
    struct statfs fs;
    if (fstatfs(fd, &fs) < 0)
        return true; /* polling is right everywhere, events are not */
    for (size_t i = 0; i < COUNT(filesystems); i++)
        if (filesystems[i].magic == ((unsigned long)fs.f_type & 0xFFFFFFFFUL))
            return filesystems[i].remote;
    return false;
}

bool fs_has_one_journal(int fd)
{
    struct statfs fs;
    if (fstatfs(fd, &fs) < 0)
        return false;
    unsigned long magic = (unsigned long)fs.f_type & 0xFFFFFFFFUL;
    return magic == EXT4_MAGIC || magic == XFS_MAGIC || magic == TMPFS_MAGIC;
}

const char *fs_type_name(int fd)
{
    static char number[2 + 2 * sizeof(long) + 1];
    struct statfs fs;
    if (fstatfs(fd, &fs) < 0)
        return "unknown";
    for (size_t i = 0; i < COUNT(filesystems); i++)
        if (filesystems[i].magic == ((unsigned long)fs.f_type & 0xFFFFFFFFUL))
            return filesystems[i].name;
    (void)snprintf(number, sizeof(number), "0x%lx", (unsigned long)fs.f_type);
    return number;
}

int64_t fs_free_bytes(int fd)
{
    struct statvfs fs;
    if (fstatvfs(fd, &fs) < 0)
        return -1;
    return (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
}

int64_t fs_count_subdirs(int fd)
{
    struct statfs fs;
    struct stat st;
    if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
        return -1;
    /* Each has a ".." that is a link to this one. btrfs always says 1, ext4 does from 65,000 on,
     * and what a share or an overlay says is not known. */
    unsigned long magic = (unsigned long)fs.f_type & 0xFFFFFFFFUL;
    bool counts = magic == EXT4_MAGIC || magic == XFS_MAGIC || magic == TMPFS_MAGIC;
    return counts && st.st_nlink >= 2 ? (int64_t)st.st_nlink - 2 : -1;
}

static int64_t ns_of(struct timespec ts)
{
    return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

struct fs_print fs_print_of(const struct stat *st)
{
    return (struct fs_print){ st->st_size, ns_of(st->st_mtim), st->st_ino };
}

bool fs_print_equal(const struct fs_print *a, const struct fs_print *b)
{
    return a->size_bytes == b->size_bytes && a->mtime_ns == b->mtime_ns && a->inode == b->inode;
}

int64_t fs_mtime_ms(const struct stat *st)
{
    return ns_of(st->st_mtim) / 1000000;
}

int64_t fs_ctime_ms(const struct stat *st)
{
    return ns_of(st->st_ctim) / 1000000;
}
