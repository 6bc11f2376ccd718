/* listing.h - what is in a directory, sorted by byte; "." and ".." are left out. */
#ifndef TAKEUP_SPOOL_LISTING_H
#define TAKEUP_SPOOL_LISTING_H

#include "base/err.h"

#include <dirent.h>
#include <stddef.h>

struct listing_entry {
    char *name;
    unsigned char type; /* DT_REG …; looked up where the filesystem does not tell */
};

struct listing {
    struct listing_entry *entries;
    size_t count, size;
};

/* Calls fn for each entry, in no order; keeps nothing. The directory `name` inside dir_fd; "." for
 * itself. */
typedef void listing_fn(void *arg, const char *name, unsigned char type);
int listing_each(int dir_fd, const char *name, listing_fn *fn, void *arg, struct err *err);

/* The whole directory, sorted. On failure *ret_listing is empty. */
int listing_read(int dir_fd, const char *name, struct listing *ret_listing, struct err *err);
/* Cleanup handler. */
void listing_release(struct listing *listing);

#endif
