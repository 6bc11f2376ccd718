#include "base/cores.h"

#include "base/cgroup.h"

#include <limits.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

enum { PERIOD_US = 100000 /* unless it is told */ };

static int cores_of_affinity(void)
{
    cpu_set_t set; /* of 1024; a machine with more says EINVAL */
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        return CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 && online < INT_MAX ? (int)online : 1;
}

/* "QUOTA PERIOD", in microseconds; the quota "max": no limit. */
static int64_t cores_of_text(const char *text)
{
    long long quota_us = 0, period_us = PERIOD_US;
    if (sscanf(text, "%lld %lld", &quota_us, &period_us) < 1 || quota_us <= 0 || period_us <= 0)
        return INT64_MAX;
    return quota_us / period_us + (quota_us % period_us != 0);
}

static int at_most_int(int64_t cores)
{
    return cores < INT_MAX ? (int)cores : INT_MAX;
}

int cores_of_cgroup(const char *root, const char *path)
{
    return at_most_int(cgroup_least(root, path, "cpu.max", cores_of_text));
}

int cores_usable(void)
{
    int cores = cores_of_affinity();
    int limit = at_most_int(cgroup_least_own("cpu.max", cores_of_text));
    return limit < cores ? limit : cores;
}
