/* inject.c - faults.c for a program that knows nothing of it: preloaded, told by the environment.
 *
 *     TAKEUP_FAULT="MODE AT ERRNO LASTING CHANGES_ONLY"   numbers, as in struct fault_plan
 *     TAKEUP_FAULT_DIR, TAKEUP_FAULT_SEEN                 what is watched; the file of a fault_seen
 *
 * Only the process that starts with them is hurt, not what it forks. */
#include "faults.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <fcntl.h>
#include <unistd.h>

static __attribute__((constructor)) void begin(void)
{
    const char *how = getenv("TAKEUP_FAULT"), *dir = getenv("TAKEUP_FAULT_DIR");
    const char *seen_path = getenv("TAKEUP_FAULT_SEEN");
    struct fault_plan plan = { 0 };
    unsigned mode;
    int changes_only;
    if (!how || !dir || !seen_path ||
        sscanf(how, "%u %ld %d %ld %d", &mode, &plan.at, &plan.errnum, &plan.lasting,
               &changes_only) != 5)
        return;
    int fd = (int)syscall(SYS_openat, AT_FDCWD, seen_path, O_RDWR | O_CLOEXEC, 0);
    struct fault_seen *seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    (void)syscall(SYS_close, fd);
    if (seen == MAP_FAILED)
        abort();
    plan.mode = mode;
    plan.changes_only = changes_only;
    fault_watch(dir);
    fault_arm(&plan, seen);
}
