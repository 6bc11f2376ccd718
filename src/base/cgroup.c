/* Files that are not there, or say what nobody understands, limit nothing: then it is a kernel
 * without cgroup v2, or one that is newer than this. */
#include "base/cgroup.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CGROUP_ROOT "/sys/fs/cgroup"

static int64_t number_in(const char *path, cgroup_number_fn *fn)
{
    CLEANUP(fs_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    char text[64] = "";
    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
        return INT64_MAX;
    return fn(text);
}

int64_t cgroup_least(const char *root, const char *path, const char *file, cgroup_number_fn *fn)
{
    CLEANUP(mem_free_text) char *group = mem_strdup(path);
    int64_t least = INT64_MAX;
    for (;;) {
        size_t len = strlen(group);
        while (len > 0 && group[len - 1] == '/')
            group[--len] = '\0';
        CLEANUP(mem_free_text) char *whole = mem_printf("%s%s/%s", root, group, file);
        int64_t number = number_in(whole, fn);
        least = number < least ? number : least;
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

int64_t cgroup_least_own(const char *file, cgroup_number_fn *fn)
{
    CLEANUP(mem_free_text) char *group = own_cgroup();
    return group ? cgroup_least(CGROUP_ROOT, group, file, fn) : INT64_MAX;
}
