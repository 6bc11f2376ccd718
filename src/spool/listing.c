#include "spool/listing.h"

#include "base/fs.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_BYTES = 32768 };

static unsigned char type_of(int dir_fd, const struct dirent64 *entry)
{
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type;
    struct stat st;
    if (fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return DT_UNKNOWN;
    return IFTODT(st.st_mode);
}

static void listing_add(void *arg, const char *name, unsigned char type)
{
    struct listing *listing = arg;
    if (listing->count == listing->size) {
        listing->size = listing->size ? listing->size * 2 : 16;
        listing->entries = mem_resize(listing->entries, listing->size, sizeof(listing->entries[0]));
    }
    listing->entries[listing->count++] = (struct listing_entry){ mem_strdup(name), type };
}

static int by_name(const void *a, const void *b)
{
    const struct listing_entry *left = a, *right = b;
    return strcmp(left->name, right->name);
}

/* By getdents64, not readdir: a stream of libc's is three more system calls and 32 KiB of heap, and
 * a worker lists small directories several times for each job. */
int listing_each(int dir_fd, const char *name, listing_fn *fn, void *arg, struct err *err)
{
    _Alignas(struct dirent64) char block[BLOCK_BYTES];
    CLEANUP(fs_close)
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return err_set(err, ERR_IO, errno, "open directory '%s'", name);
    ssize_t got;
    while ((got = getdents64(fd, block, sizeof(block))) > 0)
        for (ssize_t at = 0; at < got;) {
            const struct dirent64 *entry = (const void *)(block + at);
            if (!fs_is_dots(entry->d_name))
                fn(arg, entry->d_name, type_of(fd, entry));
            at += entry->d_reclen;
        }
    if (got < 0 && errno != ENOENT) /* ENOENT: it was removed meanwhile, so nothing is in it */
        return err_set(err, ERR_IO, errno, "list '%s'", name);
    return 0;
}

int listing_read(int dir_fd, const char *name, struct listing *ret_listing, struct err *err)
{
    *ret_listing = (struct listing){ 0 };
    int r = listing_each(dir_fd, name, listing_add, ret_listing, err);
    if (r < 0) {
        listing_release(ret_listing);
        return r;
    }
    if (ret_listing->count)
        qsort(ret_listing->entries, ret_listing->count, sizeof(ret_listing->entries[0]), by_name);
    return 0;
}

void listing_release(struct listing *listing)
{
    for (size_t i = 0; i < listing->count; i++)
        free(listing->entries[i].name);
    free(listing->entries);
    *listing = (struct listing){ 0 };
}
