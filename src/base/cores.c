/* Files that are not there, or say what nobody understands, limit nothing: then it is a kernel
 * without cgroup v2, or one that is newer than this. */
#include "base/cores.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CGROUP_ROOT "/sys/fs/cgroup"

enum { PERIOD_US = 100000 /* unless it is told */ };

static int cores_of_affinity(void)
{
    cpu_set_t set; /* of 1024; a machine with more says EINVAL */
    if (sched_getaffinity(0, sizeof(set), &set) == 0)
        return CPU_COUNT(&set);
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 && online < INT_MAX ? (int)online : 1;
}

static int cores_of_file(const char *path)
{
    CLEANUP(fs_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[64] = "";
    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
        return INT_MAX;
    long long quota_us = 0, period_us = PERIOD_US;
    if (sscanf(text, "%lld %lld", &quota_us, &period_us) < 1 || quota_us <= 0 || period_us <= 0)
        return INT_MAX; /* "max": no limit */
    long long cores = quota_us / period_us + (quota_us % period_us != 0);
    return cores < INT_MAX ? (int)cores : INT_MAX;
}

int cores_of_cgroup(const char *root, const char *path)
{
    CLEANUP(mem_free_text) char *group = mem_strdup(path);
    int least = INT_MAX;
    for (;;) {
        size_t len = strlen(group);
        while (len > 0 && group[len - 1] == '/')
            group[--len] = '\0';
        CLEANUP(mem_free_text) char *file = mem_printf("%s%s/cpu.max", root, group);
        int cores = cores_of_file(file);
        least = cores < least ? cores : least;
        char *slash = strrchr(group, '/');
        if (!slash)
            return least;
        *slash = '\0';
    }
}

/* The line "0::/path" of /proc/self/cgroup; the others are of version 1. */
static char *own_cgroup(void)
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    char *line = NULL, *path = NULL;
    size_t size = 0;
    while (file && !path && getline(&line, &size, file) > 0)
        if (str_has_prefix(line, "0::/")) {
            line[strcspn(line, "\n")] = '\0';
            path = mem_strdup(line + strlen("0::"));
        }
    free(line);
    if (file)
        (void)fclose(file);
    return path;
}

int cores_usable(void)
{
    int cores = cores_of_affinity();
    CLEANUP(mem_free_text) char *group = own_cgroup();
    int limit = group ? cores_of_cgroup(CGROUP_ROOT, group) : INT_MAX;
    return limit < cores ? limit : cores;
}
