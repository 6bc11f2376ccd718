/* cgroup.h - what the cgroup of this process, and each above it, leaves to it: cgroup v2. */
#ifndef TAKEUP_BASE_CGROUP_H
#define TAKEUP_BASE_CGROUP_H

#include <stdint.h>

/* What the text of a file says; INT64_MAX: no limit, which is also what nobody understands. */
typedef int64_t cgroup_number_fn(const char *text);

/* The least number in the files of this name in the group `path` and in those above it, in the
 * hierarchy at `root`. INT64_MAX: there is none. */
int64_t cgroup_least(const char *root, const char *path, const char *file, cgroup_number_fn *fn);
/* The same for the group of this process. */
int64_t cgroup_least_own(const char *file, cgroup_number_fn *fn);

#endif
