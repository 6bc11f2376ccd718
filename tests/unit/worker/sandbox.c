/* What a caged process can still do. Each try is a child of its own, once with all that this kernel
 * has of Landlock, and once with what Debian 12's own kernel has. */
#include "test.h"

#include "base/fs.h"
#include "worker/sandbox.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { MEMORY_BYTES = 256 << 20, FILE_BYTES = 1 << 20, CPU_S = 1, NO_ERRNO = 250 };

struct scene {
    char dir[64]; /* holds out/, models/, secret (a file) and other/ (a directory) */
    int dir_fd, out_fd, input_fd, secret_fd;
    struct sandbox *sandbox;
};
static struct scene scene;

static int scene_make(void **state)
{
    (void)state;
    (void)snprintf(scene.dir, sizeof(scene.dir), "%s/takeup-cage-XXXXXX",
                   getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp");
    assert_non_null(mkdtemp(scene.dir));
    scene.dir_fd = open(scene.dir, O_RDONLY | O_DIRECTORY);
    assert_int_equal(mkdirat(scene.dir_fd, "out", 0755), 0);
    assert_int_equal(mkdirat(scene.dir_fd, "other", 0755), 0);
    assert_int_equal(mkdirat(scene.dir_fd, "models", 0755), 0);
    assert_int_equal(fs_write_file(scene.dir_fd, "secret", "s", 1, 0, NULL), 0);
    assert_int_equal(fs_write_file(scene.dir_fd, "models/eng", "m", 1, 0, NULL), 0);
    scene.out_fd = openat(scene.dir_fd, "out", O_RDONLY | O_DIRECTORY);
    scene.input_fd = openat(scene.dir_fd, "models/eng", O_RDONLY);
    scene.secret_fd = openat(scene.dir_fd, "secret", O_RDWR);
    assert_int_equal(setenv("TAKEUP_KEPT", "1", 1), 0);
    assert_int_equal(setenv("AGENT_TOKEN", "1", 1), 0);
    return 0;
}

static int scene_end(void **state)
{
    (void)state;
    fs_close(&scene.out_fd);
    fs_close(&scene.input_fd);
    fs_close(&scene.secret_fd);
    fs_close(&scene.dir_fd);
    return fs_remove_tree(AT_FDCWD, scene.dir, NULL);
}

static void at(char path[128], const char *name)
{
    (void)snprintf(path, 128, "%s/%s", scene.dir, name);
}

static int open_at(const char *name, int flags)
{
    char path[128];
    at(path, name);
    return open(path, flags | O_CLOEXEC, 0644);
}

/* ---- what it is to be kept from; each answers as the call does ---- */

static int reads_passwd(void)
{
    return open("/etc/passwd", O_RDONLY);
}
static int reads_home(void)
{
    return open("/root", O_RDONLY);
}
static int lists_root(void)
{
    return open("/", O_RDONLY | O_DIRECTORY);
}
static int reads_secret(void)
{
    return open_at("secret", O_RDONLY);
}
static int lists_other(void)
{
    return open_at("other", O_RDONLY | O_DIRECTORY);
}
static int writes_secret(void)
{
    return open_at("secret", O_WRONLY);
}
static int writes_new(void)
{
    return open_at("other/new", O_WRONLY | O_CREAT);
}
static int writes_model(void)
{
    return open_at("models/eng", O_WRONLY);
}
static int climbs_out(void)
{
    return openat(scene.out_fd, "../secret", O_RDONLY);
}
static int reads_kept_open(void)
{
    char byte;
    return (int)read(scene.secret_fd, &byte, 1);
}
static int unlinks(void)
{
    char path[128];
    at(path, "secret");
    return unlink(path);
}
static int renames_out(void)
{
    char path[128];
    at(path, "other/moved");
    int fd = openat(scene.out_fd, "mine", O_WRONLY | O_CREAT, 0644);
    return fd < 0 ? 0 : renameat(scene.out_fd, "mine", AT_FDCWD, path);
}
static int renames_in(void)
{
    char path[128];
    at(path, "secret");
    return renameat(AT_FDCWD, path, scene.out_fd, "stolen");
}
static int truncates(void)
{
    char path[128];
    at(path, "secret");
    return truncate(path, 0);
}
static int changes_mode(void)
{
    char path[128];
    at(path, "secret");
    return chmod(path, 0777);
}
static int changes_own_mode(void)
{
    return fchmodat(scene.out_fd, ".", 0777, 0);
}
static int changes_owner(void)
{
    char path[128];
    at(path, "secret");
    return chown(path, 1, 1);
}
static int changes_times(void)
{
    char path[128];
    at(path, "secret");
    return utimensat(AT_FDCWD, path, NULL, 0);
}
static int sets_attribute(void)
{
    char path[128];
    at(path, "secret");
    return setxattr(path, "user.x", "x", 1, 0);
}
static int links(void)
{
    char path[128];
    at(path, "secret");
    return linkat(AT_FDCWD, path, scene.out_fd, "linked", 0);
}
static int symlinks(void)
{
    return symlinkat("/etc/passwd", scene.out_fd, "passwd");
}
static int makes_fifo(void)
{
    return mkfifoat(scene.out_fd, "pipe", 0644);
}
static int makes_directory(void)
{
    return mkdirat(scene.out_fd, "sub", 0755);
}
static int changes_directory(void)
{
    return chdir("/");
}
static int changes_root(void)
{
    return chroot("/");
}
static int opens_socket(void)
{
    return socket(AF_INET, SOCK_STREAM, 0);
}
static int opens_unix_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0);
}
static int executes(void)
{
    return execl("/bin/true", "true", (char *)NULL);
}
static int forks(void)
{
    return fork();
}
static int forks_raw(void)
{
    return (int)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
}
static int forks_new(void)
{
    uint64_t arguments[8] = { 0 };
    return (int)syscall(SYS_clone3, arguments, sizeof(arguments));
}
static int traces(void)
{
    return (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}
static int mounts(void)
{
    return mount("none", "/mnt", "tmpfs", 0, NULL);
}
static int kills_parent(void)
{
    return kill(getppid(), 0);
}
static int kills_all(void)
{
    return kill(-1, 0);
}
static int kills_thread_of_parent(void)
{
    return (int)syscall(SYS_tgkill, getppid(), getppid(), 0);
}
static int owns_descriptor(void)
{
    return fcntl(scene.input_fd, F_SETOWN, getppid());
}
static int lifts_limit(void)
{
    const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
    return setrlimit(RLIMIT_FSIZE, &all);
}
static int limits_parent(void)
{
    const struct rlimit none = { 0, 0 };
    return prlimit(getppid(), RLIMIT_NOFILE, &none, NULL);
}
static int takes_timer_away(void)
{
    const struct itimerval none = { 0 };
    return setitimer(ITIMER_REAL, &none, NULL);
}
static int becomes_other(void)
{
    return setuid(1);
}
static int opens_too_many(void)
{
    for (int i = 0; i < 1000; i++)
        if (open("/dev/null", O_RDONLY) < 0)
            return -1;
    return 0;
}
static int writes_too_much(void)
{
    static char block[FILE_BYTES];
    (void)signal(SIGXFSZ, SIG_IGN);
    int fd = openat(scene.out_fd, "large", O_WRONLY | O_CREAT, 0644);
    if (fd < 0 || write(fd, block, sizeof(block)) != sizeof(block))
        return 0;
    return (int)write(fd, block, 1);
}
static int takes_too_much(void)
{
    void *volatile block = malloc(2 * (size_t)MEMORY_BYTES); /* or a compiler leaves it out */
    errno = block ? 0 : ENOMEM;
    return block ? 0 : -1;
}
static int burns_cpu(void)
{
    volatile bool burns = true;
    while (burns)
        ;
    return 0;
}
static int has_token(void)
{
    errno = ENOENT;
    return getenv("AGENT_TOKEN") ? 0 : -1;
}

/* ---- what it needs; 0 or more when it can ---- */

static void *in_thread(void *arg)
{
    *(int *)arg = 1;
    return NULL;
}
static int starts_thread(void)
{
    pthread_t thread;
    int ran = 0;
    errno = pthread_create(&thread, NULL, in_thread, &ran);
    if (errno == 0)
        errno = pthread_join(thread, NULL);
    return errno == 0 && ran ? 0 : -1;
}
static int writes_result(void)
{
    int r = fs_write_file(scene.out_fd, "draft", "text", 4, 0, NULL);
    if (r < 0 || renameat(scene.out_fd, "draft", scene.out_fd, "text.txt") < 0)
        return -1;
    int fd = openat(scene.out_fd, "text.txt", O_RDWR | O_TRUNC);
    return fd < 0 || ftruncate(fd, 2) < 0 || unlinkat(scene.out_fd, "text.txt", 0) < 0 ? -1 : 0;
}
static int lists_output(void)
{
    DIR *dir = NULL;
    return fs_open_dir(scene.out_fd, ".", &dir, NULL);
}
static int reads_input(void)
{
    char byte;
    return pread(scene.input_fd, &byte, 1, 0) == 1 && byte == 'm' ? 0 : -1;
}
static int reads_model(void)
{
    return open_at("models/eng", O_RDONLY);
}
static int loads_library(void)
{
    return dlopen("libm.so.6", RTLD_NOW) ? 0 : -1;
}
static int silences(void)
{
    return open("/dev/null", O_WRONLY | O_TRUNC);
}
static int allocates(void)
{
    char *block = malloc(MEMORY_BYTES / 4);
    if (block)
        memset(block, 1, MEMORY_BYTES / 4);
    free(block);
    return block ? 0 : -1;
}
static int knows_itself(void)
{
    cpu_set_t set;
    struct rlimit limits;
    return isatty(2) >= 0 && sched_getaffinity(0, sizeof(set), &set) == 0 &&
                   getrlimit(RLIMIT_AS, &limits) == 0 && getenv("TAKEUP_KEPT")
               ? 0
               : -1;
}
static volatile sig_atomic_t signalled;
static void on_signal(int number)
{
    signalled = number;
}
static int signals_itself(void)
{
    (void)signal(SIGUSR1, on_signal);
    return raise(SIGUSR1) == 0 && signalled == SIGUSR1 ? 0 : -1;
}
static int aborts(void)
{
    abort();
}

/* ---- the table ---- */

enum needs { NEEDS_NOTHING, NEEDS_LANDLOCK = 1, NEEDS_SECCOMP = 2, NEEDS_PLAIN = 4 };

#define ROW(fn) #fn, fn
static const struct {
    const char *name;
    int (*tries)(void);
    int error;  /* the errno; 0: it can */
    int signal; /* by which it ends instead */
    int needs;  /* of the kernel, and a build without a sanitizer; else it is left out */
} rows[] = {
    { ROW(reads_passwd), EACCES, 0, NEEDS_LANDLOCK | NEEDS_PLAIN },
    { ROW(reads_home), EACCES, 0, NEEDS_LANDLOCK | NEEDS_PLAIN },
    { ROW(lists_root), EACCES, 0, NEEDS_LANDLOCK | NEEDS_PLAIN },
    { ROW(reads_secret), EACCES, 0, NEEDS_LANDLOCK | NEEDS_PLAIN },
    { ROW(lists_other), EACCES, 0, NEEDS_LANDLOCK | NEEDS_PLAIN },
    { ROW(writes_secret), EACCES, 0, NEEDS_LANDLOCK },
    { ROW(writes_new), EACCES, 0, NEEDS_LANDLOCK },
    { ROW(writes_model), EACCES, 0, NEEDS_LANDLOCK },
    { ROW(climbs_out), EACCES, 0, NEEDS_LANDLOCK | NEEDS_PLAIN },
    { ROW(reads_kept_open), EBADF, 0, NEEDS_NOTHING },
    { ROW(unlinks), EACCES, 0, NEEDS_LANDLOCK },
    { ROW(renames_out), EACCES, 0, NEEDS_LANDLOCK },
    { ROW(renames_in), EACCES, 0, NEEDS_LANDLOCK },
    { ROW(truncates), EPERM, 0, NEEDS_SECCOMP },
    { ROW(changes_mode), EPERM, 0, NEEDS_SECCOMP },
    { ROW(changes_own_mode), EPERM, 0, NEEDS_SECCOMP },
    { ROW(changes_owner), EPERM, 0, NEEDS_SECCOMP },
    { ROW(changes_times), EPERM, 0, NEEDS_SECCOMP },
    { ROW(sets_attribute), EPERM, 0, NEEDS_SECCOMP },
    { ROW(links), EPERM, 0, NEEDS_SECCOMP },
    { ROW(symlinks), EPERM, 0, NEEDS_SECCOMP },
    { ROW(makes_fifo), EPERM, 0, NEEDS_SECCOMP },
    { ROW(makes_directory), EPERM, 0, NEEDS_SECCOMP },
    { ROW(changes_directory), EPERM, 0, NEEDS_SECCOMP },
    { ROW(owns_descriptor), EPERM, 0, NEEDS_SECCOMP },
    { ROW(lifts_limit), EPERM, 0, NEEDS_SECCOMP },
    { ROW(limits_parent), EPERM, 0, NEEDS_SECCOMP },
    { ROW(takes_timer_away), EPERM, 0, NEEDS_SECCOMP },
    { ROW(forks_new), ENOSYS, 0, NEEDS_SECCOMP },
    { ROW(changes_root), 0, SIGSYS, NEEDS_SECCOMP },
    { ROW(opens_socket), 0, SIGSYS, NEEDS_SECCOMP },
    { ROW(opens_unix_socket), 0, SIGSYS, NEEDS_SECCOMP },
    { ROW(executes), 0, SIGSYS, NEEDS_SECCOMP },
    { ROW(forks), 0, SIGSYS, NEEDS_SECCOMP },
    { ROW(forks_raw), 0, SIGSYS, NEEDS_SECCOMP },
    { ROW(traces), 0, SIGSYS, NEEDS_SECCOMP },
    { ROW(mounts), 0, SIGSYS, NEEDS_SECCOMP },
    { ROW(kills_parent), 0, SIGSYS, NEEDS_SECCOMP },
    { ROW(kills_all), 0, SIGSYS, NEEDS_SECCOMP },
    { ROW(kills_thread_of_parent), 0, SIGSYS, NEEDS_SECCOMP },
    { ROW(becomes_other), 0, SIGSYS, NEEDS_SECCOMP },
    { ROW(opens_too_many), EMFILE, 0, NEEDS_NOTHING },
    { ROW(writes_too_much), EFBIG, 0, NEEDS_NOTHING },
    { ROW(takes_too_much), ENOMEM, 0, NEEDS_PLAIN },
    { ROW(burns_cpu), 0, SIGXCPU, NEEDS_NOTHING },
    { ROW(has_token), ENOENT, 0, NEEDS_NOTHING },

    { ROW(starts_thread), 0, 0, NEEDS_NOTHING },
    { ROW(writes_result), 0, 0, NEEDS_NOTHING },
    { ROW(lists_output), 0, 0, NEEDS_NOTHING },
    { ROW(reads_input), 0, 0, NEEDS_NOTHING },
    { ROW(reads_model), 0, 0, NEEDS_NOTHING },
    { ROW(loads_library), 0, 0, NEEDS_NOTHING },
    { ROW(silences), 0, 0, NEEDS_NOTHING },
    { ROW(allocates), 0, 0, NEEDS_NOTHING },
    { ROW(knows_itself), 0, 0, NEEDS_NOTHING },
    { ROW(signals_itself), 0, 0, NEEDS_NOTHING },
    { ROW(aborts), 0, SIGABRT, NEEDS_NOTHING },
};

static int enter(void)
{
    char models[128];
    at(models, "models");
    const int fds[] = { scene.input_fd, scene.out_fd };
    const char *const readable[] = { "/not/there", models, NULL };
    const struct sandbox_cage cage = {
        .fds = fds,
        .fd_count = 2,
        .output_dir = scene.out_fd,
        .readable = readable,
        .memory_bytes = MEMORY_BYTES,
        .file_bytes = FILE_BYTES,
        .cpu_s = CPU_S,
    };
    struct err err = { 0 };
    int r = sandbox_enter(scene.sandbox, &cage, &err);
    if (r < 0)
        (void)fprintf(stderr, "%s\n", err.text);
    return r;
}

/* 0, an errno, 256 and a signal, or NO_ERRNO: it could not even enter. */
static int outcome(int (*tries)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        if (enter() < 0)
            _exit(NO_ERRNO);
        (void)signal(SIGSYS, SIG_DFL);
        errno = 0;
        _exit(tries() >= 0 ? 0 : errno ? errno : NO_ERRNO);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? 256 + WTERMSIG(status) : WEXITSTATUS(status);
}

static bool holds(const char *what)
{
    return strstr(sandbox_holds(scene.sandbox), what) != NULL;
}

static int what_holds(void)
{
    return (holds("Landlock") ? NEEDS_LANDLOCK : 0) | (holds("seccomp") ? NEEDS_SECCOMP : 0) |
           (BUILD_IS_SANITIZED ? 0 : NEEDS_PLAIN);
}

static void try_all(int abi)
{
    struct err err = { 0 };
    assert_ok(sandbox_new(abi, &scene.sandbox, &err), err);
    int has = what_holds();
    size_t tried = 0;
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].needs & ~has)
            continue;
        int expected = rows[i].signal ? 256 + rows[i].signal : rows[i].error;
        int got = outcome(rows[i].tries);
        if (got != expected)
            fail_msg("%s: %d, expected %d (%s)", rows[i].name, got, expected,
                     sandbox_holds(scene.sandbox));
        tried++;
    }
    struct stat st;
    assert_int_equal(fstatat(scene.dir_fd, "secret", &st, 0), 0);
    assert_int_equal(st.st_size, 1);
    assert_int_equal(st.st_mode & 0777, 0644);
    assert_int_equal(fstatat(scene.dir_fd, "other/new", &st, 0), -1);
    print_message("%zu of %zu tried: %s\n", tried, COUNT(rows), sandbox_holds(scene.sandbox));
    sandbox_free(&scene.sandbox);
}

static void test_all(void **state)
{
    (void)state;
    if (test_is_in_valgrind())
        skip();
    try_all(SANDBOX_ABI_ANY);
}

static void test_least(void **state)
{
    (void)state;
    if (test_is_in_valgrind())
        skip();
    try_all(SANDBOX_ABI_LEAST);
}

/* What is said to hold, and what is said to be lacking. */
static void test_words(void **state)
{
    (void)state;
    struct err err = { 0 };
    assert_ok(sandbox_new(SANDBOX_ABI_LEAST, &scene.sandbox, &err), err);
    if (holds("Landlock"))
        assert_non_null(strstr(sandbox_holds(scene.sandbox), "Landlock (ABI 2), "));
    else
        assert_non_null(strstr(sandbox_lacks(scene.sandbox), "Landlock (Linux 5.13"));
    sandbox_free(&scene.sandbox);
    assert_ok(sandbox_new(1, &scene.sandbox, &err), err);
    if (holds("Landlock"))
        assert_non_null(strstr(sandbox_lacks(scene.sandbox), "Landlock of ABI 2 (Linux 5.19"));
    sandbox_free(&scene.sandbox);
    sandbox_free(&scene.sandbox);
}

static void test_demands(void **state)
{
    (void)state;
    struct err err = { 0 };
    assert_ok(sandbox_new(1, &scene.sandbox, &err), err); /* it always lacks something */
    assert_int_equal(sandbox_demand(scene.sandbox, true, false, &err), 0);
    assert_int_equal(sandbox_demand(scene.sandbox, false, false, &err), 0);
    assert_true(sandbox_demand(scene.sandbox, true, true, &err) < 0);
    assert_non_null(strstr(err.text, "require_sandbox is set, and this kernel lacks Landlock"));
    assert_true(sandbox_demand(scene.sandbox, false, true, &err) < 0);
    assert_string_equal(err.text, "require_sandbox is set, and sandbox is none");
    sandbox_free(&scene.sandbox);
    assert_ok(sandbox_new(SANDBOX_ABI_ANY, &scene.sandbox, &err), err);
    if (!sandbox_lacks(scene.sandbox))
        assert_int_equal(sandbox_demand(scene.sandbox, true, true, &err), 0);
    sandbox_free(&scene.sandbox);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_all, scene_make, scene_end),
        cmocka_unit_test_setup_teardown(test_least, scene_make, scene_end),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_demands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
