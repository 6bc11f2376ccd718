/* suggest.h - what somebody may have meant, and what there is. */
#ifndef TAKEUP_BASE_SUGGEST_H
#define TAKEUP_BASE_SUGGEST_H

#include <stddef.h>

/* The name that is nearest to `word`, borrowed from names; NULL when none is near: a third of its
 * letters, at least one and at most three, may be wrong, missing, too many or swapped;
 * else the only one that begins with it. */
const char *suggest_nearest(const char *word, const char *const *names, size_t count);

/* "a, b, c" of at most max_bytes, then "… and 7 more"; "none" of nothing. The caller frees it. */
char *suggest_list(const char *const *names, size_t count, size_t max_bytes);

#endif
