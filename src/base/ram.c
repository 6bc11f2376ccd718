#include "base/ram.h"

#include "base/cgroup.h"

#include <stdlib.h>
#include <unistd.h>

/* Bytes, or "max". */
static int64_t bytes_of_text(const char *text)
{
    char *end;
    long long bytes = strtoll(text, &end, 10);
    return end == text || bytes <= 0 ? INT64_MAX : bytes;
}

int64_t ram_of_cgroup(const char *root, const char *path)
{
    return cgroup_least(root, path, "memory.max", bytes_of_text);
}

int64_t ram_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page_bytes = sysconf(_SC_PAGESIZE);
    int64_t machine = pages > 0 && page_bytes > 0 ? (int64_t)pages * page_bytes : INT64_MAX;
    int64_t limit = cgroup_least_own("memory.max", bytes_of_text);
    return limit < machine ? limit : machine;
}
