#include "spool/listing.h"

#include "base/fs.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static unsigned char type_of(int dir_fd, const struct dirent *entry)
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

int listing_each(int dir_fd, const char *name, listing_fn *fn, void *arg, struct err *err)
{
    CLEANUP(fs_close_dir) DIR *dir = NULL;
    int r = fs_open_dir(dir_fd, name, &dir, err);
    if (r < 0)
        return r;
    const struct dirent *entry;
    while (errno = 0, (entry = readdir(dir)))
        if (!fs_is_dots(entry->d_name))
            fn(arg, entry->d_name, type_of(dirfd(dir), entry));
    return errno ? err_set(err, ERR_IO, errno, "list '%s'", name) : 0;
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
