/* ram.h - how much memory there is for this process. */
#ifndef TAKEUP_BASE_RAM_H
#define TAKEUP_BASE_RAM_H

#include <stdint.h>

/* The machine's, or less if the cgroup of this process, or one above, has a limit (memory.max of
 * cgroup v2). In bytes, whatever is taken of it now. */
int64_t ram_bytes(void);

/* By the limits of the group `path` and of those above it, in the hierarchy at `root`. INT64_MAX:
 * there are none. */
int64_t ram_of_cgroup(const char *root, const char *path);

#endif
