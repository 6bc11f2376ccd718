/* What is not named below answers EPERM, as if the machine did not allow it: libraries try this and
 * that, and can do without. What no decoder has any reason to call, and what who has taken one over
 * calls first, ends the runner by SIGSYS instead, so that somebody is told.
 *
 * Landlock of kernel 6.1 does not cover what changes a file without opening it (truncate by path,
 * modes, owners, times, attributes), nor links: so none of these is named here either.
 *
 * No timer is set either: a runner that could would do away with the one by which it ends when its
 * worker's lease is over.
 *
 * The program is made by libseccomp, once. Only whose threads may be signalled differs: a number
 * stands there that each runner replaces by its own. (The kernel compiles and maps each program
 * that is entered, for each job: a second one for that alone costs some 0.1 ms.) */
#include "worker/sandbox_filter.h"

#include "base/fs.h"
#include "base/macros.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

/* By name, since not each machine has each: those that it lacks are left out. */
static const char *const allowed[] = {
    /* files that are open, or that Landlock lets be opened */
    "read",
    "write",
    "pread64",
    "pwrite64",
    "readv",
    "writev",
    "preadv",
    "pwritev",
    "preadv2",
    "pwritev2",
    "lseek",
    "_llseek",
    "close",
    "close_range",
    "open",
    "openat",
    "openat2",
    "stat",
    "lstat",
    "fstat",
    "stat64",
    "lstat64",
    "fstat64",
    "newfstatat",
    "fstatat64",
    "statx",
    "statfs",
    "fstatfs",
    "statfs64",
    "fstatfs64",
    "access",
    "faccessat",
    "faccessat2",
    "readlink",
    "readlinkat",
    "getdents",
    "getdents64",
    "getcwd",
    "dup",
    "dup2",
    "dup3",
    "ftruncate",
    "ftruncate64",
    "fallocate",
    "fadvise64",
    "fadvise64_64",
    "arm_fadvise64_64",
    "readahead",
    "unlink",
    "unlinkat",
    "rename",
    "renameat",
    "renameat2",
    "fsync",
    "fdatasync",
    "sync_file_range",
    "copy_file_range",
    "sendfile",
    "sendfile64",
    "flock",
    "umask",
    /* memory */
    "mmap",
    "mmap2",
    "munmap",
    "mremap",
    "mprotect",
    "madvise",
    "brk",
    "msync",
    "mincore",
    "memfd_create",
    "membarrier",
    "get_mempolicy",
    /* threads and waiting */
    "futex",
    "futex_time64",
    "futex_waitv",
    "set_robust_list",
    "rseq",
    "set_tid_address",
    "sched_yield",
    "sched_getaffinity",
    "sched_getparam",
    "sched_getscheduler",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "getcpu",
    "exit",
    "exit_group",
    "restart_syscall",
    "pause",
    "poll",
    "ppoll",
    "ppoll_time64",
    "select",
    "_newselect",
    "pselect6",
    "pselect6_time64",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "eventfd",
    "eventfd2",
    "pipe",
    "pipe2",
    "arch_prctl",
    "wait4",
    "waitid",
    /* clocks, signals of its own, what it is */
    "clock_gettime",
    "clock_gettime64",
    "clock_getres",
    "clock_getres_time64",
    "clock_nanosleep",
    "clock_nanosleep_time64",
    "nanosleep",
    "gettimeofday",
    "time",
    "times",
    "rt_sigaction",
    "rt_sigprocmask",
    "rt_sigreturn",
    "sigreturn",
    "rt_sigpending",
    "rt_sigtimedwait",
    "rt_sigsuspend",
    "sigaltstack",
    "getpid",
    "gettid",
    "getppid",
    "getpgrp",
    "getpgid",
    "getsid",
    "getuid",
    "geteuid",
    "getgid",
    "getegid",
    "getuid32",
    "geteuid32",
    "getgid32",
    "getegid32",
    "getgroups",
    "getresuid",
    "getresgid",
    "getrusage",
    "getrlimit",
    "ugetrlimit",
    "getpriority",
    "sysinfo",
    "uname",
    "getrandom",
    "capget",
};

/* The kernel is said to lack them: the C library then does without. */
static const char *const unknown[] = { "clone3" };

static const char *const fatal[] = {
    /* programs and processes */
    "execve",
    "execveat",
    "fork",
    "vfork",
    "ptrace",
    "process_vm_readv",
    "process_vm_writev",
    "kill",
    "tkill",
    "rt_sigqueueinfo",
    "rt_tgsigqueueinfo",
    "pidfd_open",
    "pidfd_getfd",
    "pidfd_send_signal",
    "process_madvise",
    "kcmp",
    "setns",
    "unshare",
    /* the network, and other processes by way of it */
    "socket",
    "socketpair",
    "connect",
    "bind",
    "listen",
    "accept",
    "accept4",
    "sendto",
    "recvfrom",
    "sendmsg",
    "recvmsg",
    "sendmmsg",
    "recvmmsg",
    "socketcall",
    "shmget",
    "shmat",
    "msgget",
    "semget",
    "mq_open",
    /* the machine */
    "mount",
    "umount",
    "umount2",
    "pivot_root",
    "chroot",
    "open_tree",
    "move_mount",
    "fsopen",
    "fsmount",
    "fspick",
    "mount_setattr",
    "swapon",
    "swapoff",
    "reboot",
    "kexec_load",
    "kexec_file_load",
    "init_module",
    "finit_module",
    "delete_module",
    "bpf",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "keyctl",
    "add_key",
    "request_key",
    "acct",
    "settimeofday",
    "clock_settime",
    "sethostname",
    "setdomainname",
    "syslog",
    "quotactl",
    "personality",
    "iopl",
    "ioperm",
    "open_by_handle_at",
    "name_to_handle_at",
    "fanotify_init",
    "lookup_dcookie",
    /* who it is */
    "setuid",
    "setgid",
    "setreuid",
    "setregid",
    "setresuid",
    "setresgid",
    "setgroups",
    "setfsuid",
    "setfsgid",
    "capset",
    "setuid32",
    "setgid32",
    "setresuid32",
    "setresgid32",
    "setgroups32",
};

static int add_all(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);
        int r = number == __NR_SCMP_ERROR ? 0 : seccomp_rule_add(filter, action, number, 0);
        if (r < 0 && r != -EDOM) /* EDOM: not on this machine */
            return r;
    }
    return 0;
}

/* Of one argument's values, these. */
static int add_values(scmp_filter_ctx filter, int number, unsigned argument, const uint64_t *values,
                      size_t count)
{
    int r = 0;
    for (size_t i = 0; i < count && r == 0; i++) {
        const struct scmp_arg_cmp is_value = { argument, SCMP_CMP_EQ, values[i], 0 };
        r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, number, 1, &is_value);
    }
    return r;
}

/* Not F_SETOWN and its like: a signal to whom one likes. */
static const uint64_t fcntl_commands[] = { F_DUPFD,  F_DUPFD_CLOEXEC, F_GETFD,    F_SETFD,
                                           F_GETFL,  F_SETFL,         F_GETLK,    F_SETLK,
                                           F_SETLKW, F_OFD_GETLK,     F_OFD_SETLK };
/* Is it a terminal, how much is there: nothing that does something to a device. */
static const uint64_t ioctl_requests[] = { TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIOCLEX };
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif
static const uint64_t prctl_options[] = { PR_SET_NAME,     PR_GET_NAME,     PR_SET_VMA,
                                          PR_GET_DUMPABLE, PR_CAPBSET_READ, PR_GET_NO_NEW_PRIVS };

static int add_where(scmp_filter_ctx filter, uint32_t action, int number, struct scmp_arg_cmp where)
{
    return seccomp_rule_add_array(filter, action, number, 1, &where);
}

/* Stands for the runner's own process. No number of a call, value or result above is like it. */
enum { OWN_PID = 0x50494450 };

static int add_conditional(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp is_own = { 0, SCMP_CMP_EQ, OWN_PID, 0 };
    const struct scmp_arg_cmp is_other = { 0, SCMP_CMP_NE, OWN_PID, 0 };
    const struct scmp_arg_cmp is_thread = { 0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD };
    const struct scmp_arg_cmp is_process = { 0, SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0 };
    /* Limits are asked for, never set. */
    const struct scmp_arg_cmp only_asks[] = { { 0, SCMP_CMP_EQ, 0, 0 }, { 2, SCMP_CMP_EQ, 0, 0 } };
    int r = add_where(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), is_thread);
    if (r == 0)
        r = add_where(filter, SCMP_ACT_TRAP, SCMP_SYS(clone), is_process);
    if (r == 0)
        r = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), COUNT(only_asks),
                                   only_asks);
    if (r == 0)
        r = add_where(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), is_own);
    if (r == 0)
        r = add_where(filter, SCMP_ACT_TRAP, SCMP_SYS(tgkill), is_other);
    if (r == 0)
        r = add_values(filter, SCMP_SYS(fcntl), 1, fcntl_commands, COUNT(fcntl_commands));
    if (r == 0)
        r = add_values(filter, SCMP_SYS(ioctl), 1, ioctl_requests, COUNT(ioctl_requests));
    if (r == 0)
        r = add_values(filter, SCMP_SYS(prctl), 0, prctl_options, COUNT(prctl_options));
    return r;
}

static int export(scmp_filter_ctx filter, struct sock_filter **ret_program, size_t *ret_count)
{
    struct stat st;
    CLEANUP(fs_close) int fd = memfd_create("filter", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = seccomp_export_bpf(filter, fd);
    if (r < 0 || fstat(fd, &st) < 0)
        return r < 0 ? r : -errno;
    size_t count = (size_t)st.st_size / sizeof(**ret_program);
    struct sock_filter *program = mem_zero(count, sizeof(*program));
    if (pread(fd, program, (size_t)st.st_size, 0) != st.st_size) {
        free(program);
        return -EIO;
    }
    *ret_program = program;
    *ret_count = count;
    return 0;
}

static bool kernel_has_filters(void)
{
    const uint32_t trap = SECCOMP_RET_TRAP;
    return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &trap) == 0;
}

int filter_new(struct sock_filter **ret_program, size_t *ret_count, struct err *err)
{
    if (!kernel_has_filters())
        return err_set(err, ERR_MISSING, ENOSYS, "seccomp");
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    if (!filter)
        return err_set(err, ERR_MEMORY, ENOMEM, "a filter of system calls");
    /* A search by halves: libseccomp's own default is a list. */
    int r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (r == 0)
        r = add_all(filter, SCMP_ACT_ALLOW, allowed, COUNT(allowed));
    if (r == 0)
        r = add_all(filter, SCMP_ACT_ERRNO(ENOSYS), unknown, COUNT(unknown));
    if (r == 0)
        r = add_all(filter, SCMP_ACT_TRAP, fatal, COUNT(fatal));
    if (r == 0)
        r = add_conditional(filter);
    if (r == 0)
        r = export(filter, ret_program, ret_count);
    seccomp_release(filter);
    return r < 0 ? err_set(err, ERR_BUG, -r, "make a filter of system calls") : 0;
}

static struct sock_filter *with_own_pid(const struct sock_filter *program, size_t count)
{
    struct sock_filter *own = mem_zero(count, sizeof(*own));
    memcpy(own, program, count * sizeof(*own));
    for (size_t i = 0; i < count; i++)
        if (own[i].k == OWN_PID)
            own[i].k = (uint32_t)getpid();
    return own;
}

int filter_enter(const struct sock_filter *program, size_t count, struct err *err)
{
    struct sock_filter *own = with_own_pid(program, count);
    struct sock_fprog whole = { .len = (unsigned short)count, .filter = own };
    unsigned flags = SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    long r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &whole);
    int errnum = r < 0 ? errno : EBUSY;
    free(own);
    return r == 0 ? 0 : err_set(err, ERR_IO, errnum, "filter system calls");
}

const char *filter_call_name(int number, char *out, size_t size)
{
    char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
    (void)snprintf(out, size, "%s", name ? name : "?");
    free(name);
    return out;
}
