/* The order in sandbox_enter matters: what opens something comes first, Landlock before seccomp,
 * which does not allow it, and the limit of memory at last, when nothing more is allocated.
 *
 * Sanitizers map terabytes of address space and read their own maps, symbols and libraries when
 * they report: built with them, there is no limit of memory, and everything may be read. */
#include "worker/sandbox.h"

#include "base/fs.h"
#include "base/macros.h"
#include "base/mem.h"
#include "base/str.h"
#include "worker/sandbox_filter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/landlock.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OPEN_FILES_MAX = 256, CPU_MORE_S = 5 };

/* What libraries read wherever they are, and nobody else's: themselves, their data, what the
 * machine has. Opened once: to do so for each job would cost as much as the rest of Landlock. */
static const char *const system_paths[] = {
    "/usr/lib", "/usr/lib64",   "/usr/share",          "/usr/local/lib", "/usr/local/share", "/lib",
    "/lib64",   "/dev/urandom", "/sys/devices/system", "/proc/meminfo",  "/proc/cpuinfo",
};
/* What is another file for each process, or is replaced while the worker runs. */
static const char *const own_paths[] = { "/proc/self", "/etc/ld.so.cache" };

struct sandbox {
    int abi; /* of Landlock; 0: there is none */
    struct {
        int fd; /* -1: it is not there */
        uint64_t access;
    } system[COUNT(system_paths)];
    struct sock_filter *filter;
    size_t filter_count; /* 0: there is none */
    char *lacks, *holds;
};

/* ---- Landlock ---- */

/* Rights that came after the headers of Debian 12. */
enum {
    ABI_REFER = 2,
    ABI_TRUNCATE = 3,
    ABI_NETWORK = 4,
    ABI_IOCTL = 5,
    ABI_SCOPE = 6,
    ABI_NEWEST = ABI_SCOPE, /* of which we know what it has */
};
#define ACCESS_TRUNCATE (UINT64_C(1) << 14)
#define ACCESS_IOCTL (UINT64_C(1) << 15)
#define NETWORK_ALL UINT64_C(3)
#define SCOPE_ALL UINT64_C(3)

struct ruleset_attributes {
    uint64_t files, network, scope;
};

#define ACCESS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_OUTPUT                                                                              \
    (ACCESS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG |                   \
     LANDLOCK_ACCESS_FS_REMOVE_FILE | ACCESS_TRUNCATE)
/* What may be asked of a file that is no directory. */
#define ACCESS_OF_FILE                                                                             \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_WRITE_FILE |   \
     ACCESS_TRUNCATE | ACCESS_IOCTL)

/* All that this ABI can forbid. */
static uint64_t handled(int abi)
{
    uint64_t all = LANDLOCK_ACCESS_FS_REFER - 1; /* ABI 1 */
    if (abi >= ABI_REFER)
        all |= LANDLOCK_ACCESS_FS_REFER;
    if (abi >= ABI_TRUNCATE)
        all |= ACCESS_TRUNCATE;
    if (abi >= ABI_IOCTL)
        all |= ACCESS_IOCTL;
    return all;
}

static int kernel_abi(void)
{
    long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    return abi < 0 ? 0 : abi > ABI_NEWEST ? ABI_NEWEST : (int)abi;
}

static int make_ruleset(int abi)
{
    struct ruleset_attributes attributes = {
        .files = handled(abi),
        .network = abi >= ABI_NETWORK ? NETWORK_ALL : 0,
        .scope = abi >= ABI_SCOPE ? SCOPE_ALL : 0,
    };
    size_t size = abi >= ABI_SCOPE     ? sizeof(attributes)
                  : abi >= ABI_NETWORK ? offsetof(struct ruleset_attributes, scope)
                                       : offsetof(struct ruleset_attributes, network);
    return (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
}

static int add_rule(int ruleset, int fd, uint64_t access)
{
    struct landlock_path_beneath_attr rule = { .allowed_access = access, .parent_fd = fd };
    return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) < 0
               ? -errno
               : 0;
}

/* Of this access what the file can have. */
static int access_of(int fd, uint64_t access, uint64_t *ret_access)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return -errno;
    *ret_access = S_ISDIR(st.st_mode) ? access : access & ACCESS_OF_FILE;
    return 0;
}

static int allow_fd(int ruleset, int fd, uint64_t access)
{
    int r = access_of(fd, access, &access);
    return r < 0 ? r : add_rule(ruleset, fd, access);
}

/* What is not there need not be allowed. */
static int allow_path(int ruleset, const char *path, uint64_t access)
{
    CLEANUP(fs_close) int fd = open(path, O_PATH | O_CLOEXEC);
    return fd < 0 ? 0 : allow_fd(ruleset, fd, access);
}

static void open_system(struct sandbox *sandbox)
{
    for (size_t i = 0; i < COUNT(system_paths); i++) {
        int fd = open(system_paths[i], O_PATH | O_CLOEXEC);
        if (fd >= 0 && access_of(fd, ACCESS_READ, &sandbox->system[i].access) < 0)
            fs_close(&fd);
        sandbox->system[i].fd = fd;
    }
}

static int allow_all(const struct sandbox *sandbox, const struct sandbox_cage *cage, int ruleset)
{
    uint64_t can = handled(sandbox->abi);
    int r = allow_path(ruleset, "/dev/null", ACCESS_OUTPUT & can);
    if (r == 0 && cage->output_dir >= 0)
        r = allow_fd(ruleset, cage->output_dir, ACCESS_OUTPUT & can);
    for (size_t i = 0; r == 0 && i < COUNT(system_paths); i++)
        if (sandbox->system[i].fd >= 0)
            r = add_rule(ruleset, sandbox->system[i].fd, sandbox->system[i].access);
    for (size_t i = 0; r == 0 && i < COUNT(own_paths); i++)
        r = allow_path(ruleset, own_paths[i], ACCESS_READ);
    for (const char *const *path = cage->readable; r == 0 && path && *path; path++)
        r = allow_path(ruleset, *path, ACCESS_READ);
    if (r == 0 && BUILD_IS_SANITIZED)
        r = allow_path(ruleset, "/", ACCESS_READ);
    return r;
}

static int enter_landlock(const struct sandbox *sandbox, const struct sandbox_cage *cage,
                          struct err *err)
{
    if (!sandbox->abi)
        return 0;
    CLEANUP(fs_close) int ruleset = make_ruleset(sandbox->abi);
    if (ruleset < 0)
        return err_set(err, ERR_IO, errno, "a ruleset of Landlock");
    int r = allow_all(sandbox, cage, ruleset);
    if (r < 0)
        return err_set(err, ERR_IO, -r, "add a rule of Landlock");
    if (syscall(SYS_landlock_restrict_self, ruleset, 0) < 0)
        return err_set(err, ERR_IO, errno, "restrict the runner by Landlock");
    return 0;
}

/* ---- limits ---- */

static int limit(int resource, int64_t most, const char *what, struct err *err)
{
    struct rlimit now;
    if (getrlimit((__rlimit_resource_t)resource, &now) < 0)
        return err_set(err, ERR_IO, errno, "ask for the limit of %s", what);
    /* At the soft limit of CPU time a signal tells why; at the hard one it is SIGKILL. */
    rlim_t last = (rlim_t)most + (resource == RLIMIT_CPU ? CPU_MORE_S : 0);
    struct rlimit limits = { (rlim_t)most, last };
    if (now.rlim_max < limits.rlim_max)
        limits.rlim_max = now.rlim_max;
    if (limits.rlim_max < limits.rlim_cur)
        limits.rlim_cur = limits.rlim_max;
    if (setrlimit((__rlimit_resource_t)resource, &limits) < 0)
        return err_set(err, ERR_IO, errno, "limit %s", what);
    return 0;
}

static int64_t mapped_bytes(void)
{
    char text[64];
    CLEANUP(fs_close) int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    text[got > 0 ? got : 0] = '\0';
    return strtoll(text, NULL, 10) * sysconf(_SC_PAGESIZE);
}

static int set_limits(const struct sandbox_cage *cage, struct err *err)
{
    int r = limit(RLIMIT_CORE, 0, "core dumps", err);
    if (r == 0)
        r = limit(RLIMIT_NOFILE, OPEN_FILES_MAX, "open files", err);
    if (r == 0 && cage->file_bytes > 0)
        r = limit(RLIMIT_FSIZE, cage->file_bytes, "the size of files", err);
    if (r == 0 && cage->cpu_s > 0)
        r = limit(RLIMIT_CPU, cage->cpu_s, "CPU time", err);
    if (r == 0 && cage->memory_bytes > 0 && !BUILD_IS_SANITIZED)
        r = limit(RLIMIT_AS, mapped_bytes() + cage->memory_bytes, "memory", err);
    return r;
}

/* ---- what is inherited ---- */

static int by_number(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static void close_others(const struct sandbox_cage *cage)
{
    int kept[32] = { 0, 1, 2 };
    size_t count = 3;
    for (size_t i = 0; i < cage->fd_count && count < COUNT(kept); i++)
        if (cage->fds[i] > STDERR_FILENO)
            kept[count++] = cage->fds[i];
    qsort(kept, count, sizeof(kept[0]), by_number);
    for (size_t i = 0; i + 1 < count; i++)
        if (kept[i + 1] > kept[i] + 1)
            (void)close_range((unsigned)kept[i] + 1, (unsigned)kept[i + 1] - 1, 0);
    (void)close_range((unsigned)kept[count - 1] + 1, UINT_MAX, 0);
}

/* Where models lie, how text is written, what a sanitizer was told. No tokens of a build, no
 * addresses of an agent. */
static bool is_needed(const char *variable)
{
    static const char *const names[] = {
        "TESSDATA_PREFIX=", "OMP_THREAD_LIMIT=", "LANG=",          "LC_",           "TZ=",
        "TMPDIR=",          "ASAN_OPTIONS=",     "UBSAN_OPTIONS=", "TSAN_OPTIONS=", "LSAN_OPTIONS=",
        "MALLOC_",          "GLIBC_TUNABLES=",   "TAKEUP_"
    };
    for (size_t i = 0; i < COUNT(names); i++)
        if (strncmp(variable, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

void sandbox_clear_environment(void)
{
    size_t kept = 0;
    for (size_t i = 0; environ && environ[i]; i++) {
        if (!is_needed(environ[i]))
            explicit_bzero(environ[i], strlen(environ[i])); /* /proc/self/environ shows the block */
        else if (kept++ < i)
            environ[kept - 1] = environ[i];
    }
    if (environ && environ[kept])
        environ[kept] = NULL;
}

/* ---- the cage ---- */

static void describe(struct sandbox *sandbox)
{
    CLEANUP(str_release) struct str lacks = { 0 };
    if (!sandbox->abi)
        str_add(&lacks,
                "Landlock (Linux 5.13 or later, with landlock in its lsm= list; a container "
                "must allow its system calls)");
    else if (sandbox->abi < SANDBOX_ABI_LEAST)
        str_addf(&lacks, "Landlock of ABI %d (Linux 5.19; this one has ABI %d)", SANDBOX_ABI_LEAST,
                 sandbox->abi);
    if (sandbox->filter_count == 0)
        str_addf(&lacks, "%sseccomp (CONFIG_SECCOMP_FILTER)", lacks.len ? ", " : "");
    sandbox->lacks = lacks.len ? mem_strdup(str_text(&lacks)) : NULL;

    CLEANUP(str_release) struct str holds = { 0 };
    if (sandbox->abi)
        str_addf(&holds, "Landlock (ABI %d), ", sandbox->abi);
    str_addf(&holds, "%slimits%s", sandbox->filter_count ? "seccomp, " : "",
             BUILD_IS_SANITIZED ? " but of memory (a build with a sanitizer)" : "");
    sandbox->holds = mem_strdup(str_text(&holds));
}

int sandbox_new(int abi, struct sandbox **ret_sandbox, struct err *err)
{
    CLEANUP(sandbox_free) struct sandbox *sandbox = MEM_NEW(struct sandbox);
    open_system(sandbox);
    int has = kernel_abi();
    sandbox->abi = abi != SANDBOX_ABI_ANY && abi < has ? abi : has;
    int r = filter_new(&sandbox->filter, &sandbox->filter_count, err);
    if (r < 0 && r != -ENOSYS)
        return r;
    describe(sandbox);
    *ret_sandbox = TAKE(sandbox);
    return 0;
}

void sandbox_free(struct sandbox **sandbox)
{
    if (!*sandbox)
        return;
    for (size_t i = 0; i < COUNT(system_paths); i++)
        fs_close(&(*sandbox)->system[i].fd);
    free((*sandbox)->filter);
    free((*sandbox)->lacks);
    free((*sandbox)->holds);
    free(*sandbox);
    *sandbox = NULL;
}

const char *sandbox_lacks(const struct sandbox *sandbox)
{
    return sandbox->lacks;
}

const char *sandbox_holds(const struct sandbox *sandbox)
{
    return sandbox->holds;
}

int sandbox_demand(const struct sandbox *sandbox, bool wanted, bool required, struct err *err)
{
    int r = 0;
    if (!required || (wanted && !sandbox->lacks))
        return 0;
    if (!wanted)
        r = err_set(err, ERR_CONFIG, 0, "require_sandbox is set, and sandbox is none");
    else
        r = err_set(err, ERR_CONFIG, 0, "require_sandbox is set, and this kernel lacks %s",
                    sandbox->lacks);
    err_hint(err, "takeup check tells what holds here; require_sandbox: false runs without it");
    return r;
}

int sandbox_enter(const struct sandbox *sandbox, const struct sandbox_cage *cage, struct err *err)
{
    sandbox_clear_environment();
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return err_set(err, ERR_IO, errno, "give up new privileges");
    int r = enter_landlock(sandbox, cage, err);
    close_others(cage);
    if (r == 0)
        r = set_limits(cage, err);
    if (r == 0 && sandbox->filter_count > 0)
        r = filter_enter(sandbox->filter, sandbox->filter_count, err);
    return r;
}
