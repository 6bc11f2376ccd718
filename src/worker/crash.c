/* crash.c - the runner's side: what follows a signal, until the end.
 *
 * Only system calls, and what has been seen to be safe: backtrace() allocates nothing once it has
 * been called, dladdr takes a lock of the loader's, which is held by nobody unless the crash was in
 * the loader. Should anything here hang, the worker's limits end it; should it crash, the second
 * signal does, since each handler is in force once.
 *
 * What is printed on standard error by a library lies in a file in memory, of which the end is
 * copied: "terminate called after throwing …" is often the best that is known. */
#include "worker/crash.h"

#include "base/fs.h"
#include "base/macros.h"

#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <ucontext.h>
#include <unistd.h>

enum {
    FRAMES_MAX = 48,
    STACK_BYTES = 64 << 10,
    SAID_MAX = 2048,      /* of standard error */
    THREAD_WAIT_MS = 200, /* for each to write its frames */
    THREAD_SIGNAL = SIGUSR2,
    NEAR_LIMIT_BYTES = 32 << 20, /* so close to its limit a process has died of it */
};

static const int deadly[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGABRT, SIGSYS, SIGTRAP };

static struct {
    bool is_on;
    int output_dir;
    int notes_fd;
    char program[PATH_MAX]; /* its path: the loader knows it as it was called */
    _Atomic int answered;   /* threads that have written their frames */
    _Alignas(64) char stack[STACK_BYTES];
} watch;

/* ---- writing, from a signal handler ---- */

static void say(int fd, const char *format, ...) PRINTF_LIKE(2, 3);

/* One write for each line: those of several threads do not mix. Of printf only %s, %d, %x and %p
 * are used, which glibc does without allocating. */
static void say(int fd, const char *format, ...)
{
    char line[PATH_MAX + 256];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (len < 0)
        return;
    size_t used = (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1;
    (void)fs_write_all(fd, line, used);
}

static void say_frame(int fd, void *address)
{
    Dl_info info;
    if (dladdr(address, &info) == 0 || !info.dli_fname) {
        say(fd, "frame %p ? ?\n", address);
        return;
    }
    uintptr_t offset = (uintptr_t)address - (uintptr_t)info.dli_fbase;
    bool is_program = strcmp(info.dli_fname, program_invocation_name) == 0;
    say(fd, "frame 0x%lx %s %s\n", (unsigned long)offset, info.dli_sname ? info.dli_sname : "?",
        is_program ? watch.program : info.dli_fname);
}

static void *program_counter(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (void *)(uintptr_t)context->uc_mcontext.gregs[REG_RIP];
#elif defined(__aarch64__)
    return (void *)(uintptr_t)context->uc_mcontext.pc;
#else
    (void)context;
    return NULL;
#endif
}

/* What the signal interrupted, and who called that; not the handler itself. */
static void say_stack(int fd, const ucontext_t *context)
{
    char name[17] = "";
    void *frames[FRAMES_MAX], *pc = program_counter(context);
    (void)prctl(PR_GET_NAME, name);
    say(fd, "thread %d %s\n", (int)syscall(SYS_gettid), name);
    int count = backtrace(frames, FRAMES_MAX), first = 0;
    while (pc && first < count && frames[first] != pc)
        first++;
    if (first == count) { /* the unwinder could not cross the signal */
        say_frame(fd, pc);
        first = 0;
    }
    for (int i = first; i < count; i++)
        say_frame(fd, frames[i]);
}

static void say_said(int fd)
{
    char text[SAID_MAX];
    off_t end = lseek(STDERR_FILENO, 0, SEEK_END);
    off_t from = end > SAID_MAX ? end - SAID_MAX : 0;
    ssize_t got = end > 0 ? pread(STDERR_FILENO, text, sizeof(text), from) : 0;
    if (got <= 0)
        return;
    say(fd, "printed\n");
    (void)fs_write_all(fd, text, (size_t)got);
}

/* Whoever dies so close to it has asked for more in vain. */
static bool at_memory_limit(void)
{
    char text[64] = "";
    struct rlimit limit;
    CLEANUP(fs_close) int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (getrlimit(RLIMIT_AS, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY ||
        read(fd, text, sizeof(text) - 1) <= 0)
        return false;
    uint64_t mapped = strtoull(text, NULL, 10) * (uint64_t)sysconf(_SC_PAGESIZE);
    return mapped + NEAR_LIMIT_BYTES >= limit.rlim_cur;
}

static int open_notes(void)
{
    return openat(watch.output_dir, CRASH_NOTES,
                  O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0666);
}

__attribute__((noreturn)) static void die(int number)
{
    sigset_t none;
    (void)signal(number, SIG_DFL);
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
    (void)raise(number);
    _exit(128 + number);
}

/* ---- a deadly signal ---- */

static void on_deadly(int number, siginfo_t *info, void *context)
{
    int fd = open_notes(); /* the first thread to die tells it all */
    if (fd >= 0) {
        say(fd, "signal %d code %d address %p\n", number, info->si_code, info->si_addr);
        if (number == SIGSYS)
            say(fd, "call %d\n", info->si_syscall);
        if (at_memory_limit())
            say(fd, "memory\n");
        say_stack(fd, context);
        say_said(fd);
    }
    die(number);
}

/* ---- asked where it is ---- */

static void on_thread(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info;
    int errnum = errno;
    if (watch.notes_fd >= 0)
        say_stack(watch.notes_fd, context);
    atomic_fetch_add(&watch.answered, 1);
    errno = errnum;
}

static void wait_for(int answered)
{
    const struct timespec ms = { .tv_nsec = 1000 * 1000 };
    for (int i = 0; i < THREAD_WAIT_MS && atomic_load(&watch.answered) < answered; i++)
        (void)nanosleep(&ms, NULL);
}

/* As the kernel gives it: readdir would allocate. */
struct entry {
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

static void ask_threads(void)
{
    _Alignas(struct entry) char block[4096];
    int own = (int)syscall(SYS_gettid), asked = 0;
    CLEANUP(fs_close) int fd = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    long got;
    while (fd >= 0 && (got = syscall(SYS_getdents64, fd, block, sizeof(block))) > 0)
        for (long at = 0; at < got;) {
            const struct entry *entry = (const struct entry *)(const void *)(block + at);
            int tid = (int)strtol(entry->name, NULL, 10);
            if (tid > 0 && tid != own && syscall(SYS_tgkill, getpid(), tid, THREAD_SIGNAL) == 0)
                wait_for(++asked);
            at += entry->length;
        }
}

static void on_ask(int number, siginfo_t *info, void *context)
{
    (void)info;
    watch.notes_fd = open_notes();
    if (watch.notes_fd >= 0) {
        say(watch.notes_fd, "signal %d code 0 address (nil)\n", number);
        say_stack(watch.notes_fd, context);
        ask_threads();
        say_said(watch.notes_fd);
    }
    die(number);
}

/* ---- the beginning ---- */

void crash_prepare(void)
{
    void *frames[2];
    (void)backtrace(frames, 2);
}

static void handle(int number, void (*fn)(int, siginfo_t *, void *), int flags)
{
    struct sigaction action = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO | SA_ONSTACK | flags };
    (void)sigfillset(&action.sa_mask);
    for (size_t i = 0; i < COUNT(deadly); i++)
        (void)sigdelset(&action.sa_mask, deadly[i]);
    (void)sigaction(number, &action, NULL);
}

void crash_watch(int output_dir)
{
    const stack_t stack = { .ss_sp = watch.stack, .ss_size = sizeof(watch.stack) };
    watch.output_dir = output_dir;
    watch.notes_fd = -1;
    if (watch.is_on)
        return;
    watch.is_on = true;
    ssize_t len = readlink("/proc/self/exe", watch.program, sizeof(watch.program) - 1);
    watch.program[len > 0 ? len : 0] = '\0';
    (void)sigaltstack(&stack, NULL);
    for (size_t i = 0; i < COUNT(deadly); i++)
        handle(deadly[i], on_deadly, (int)SA_RESETHAND);
    handle(CRASH_ASK, on_ask, (int)SA_RESETHAND);
    handle(THREAD_SIGNAL, on_thread, SA_RESTART);
}
