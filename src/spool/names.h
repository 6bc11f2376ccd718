/* names.h - a million names in little room: 16 bytes each beside the name itself.
 *
 *     names_add … -> names_sort -> names_get, names_mark … -> names_release
 *
 * All bytes lie in one piece of memory. Each name has a key by which it is sorted, and a mark for
 * whoever walks the list; what the marks mean beyond these two is that one's business. */
#ifndef TAKEUP_SPOOL_NAMES_H
#define TAKEUP_SPOOL_NAMES_H

#include <stddef.h>
#include <stdint.h>

enum { NAMES_WAITING, NAMES_SPENT, NAMES_MARK_MAX = 255 };

struct names_entry {
    uint64_t key;
    uint64_t at : 56, mark : 8; /* where the name begins in bytes */
};

/* Zero-initialise. */
struct names {
    char *bytes;
    size_t used, size;
    struct names_entry *entries;
    size_t count, room;
    size_t spent; /* how many of them are */
};

void names_add(struct names *names, const char *name, uint64_t key);
/* By key, then by byte. */
void names_sort(struct names *names);
/* By byte alone: makes the keys, of what follows the start that all names have in common. */
void names_sort_by_name(struct names *names);
/* Borrowed until the next names_add. */
const char *names_get(const struct names *names, size_t i);
void names_mark(struct names *names, size_t i, unsigned mark);
/* How many are not spent. */
size_t names_left(const struct names *names);
/* None is left, and the memory is kept. */
void names_clear(struct names *names);
/* Cleanup handler. */
void names_release(struct names *names);

#endif
