/* cores.h - how many threads of this process can run at a time. */
#ifndef TAKEUP_BASE_CORES_H
#define TAKEUP_BASE_CORES_H

/* The cores that it may run on (taskset, cpusets), or less if its cgroup, or one above, gives it
 * less of their time (cpu.max of cgroup v2: systemd's CPUQuota, a container's --cpus). A part of a
 * core counts as one. At least 1. */
int cores_usable(void);

/* By the limits of the group `path` and of those above it, in the cgroup v2 hierarchy at `root`.
 * INT_MAX: there are none. */
int cores_of_cgroup(const char *root, const char *path);

#endif
