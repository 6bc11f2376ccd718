/* What a runner leaves when it dies, and what the worker makes of it, who may not believe it. */
#include "test.h"

#include "base/fs.h"
#include "worker/crash_report.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *dir;
static int dir_fd = -1;

static int make(void **state)
{
    (void)state;
    dir = test_make_dir();
    dir_fd = open(dir, O_RDONLY | O_DIRECTORY);
    crash_prepare();
    return 0;
}

static int end(void **state)
{
    (void)state;
    fs_close(&dir_fd);
    test_remove_dir(&dir);
    return 0;
}

/* ---- the runner's side ---- */

static void *nothing;

static void segv(void)
{
    *(volatile char *)nothing = 1;
}

static int deeper(volatile long depth)
{
    volatile char block[4096];
    block[0] = (char)depth;
    return depth > 1L << 40 ? 0 : deeper(depth + 1) + block[0];
}

static void stack_overflow(void)
{
    (void)deeper(0);
}

static void says_and_aborts(void)
{
    int said = memfd_create("said", 0);
    (void)dup2(said, STDERR_FILENO);
    (void)fputs("terminate called after throwing \x1b[31mbad_alloc\n", stderr);
    abort();
}

static void raises_trap(void)
{
    (void)raise(SIGTRAP);
}

static void at_limit(void)
{
    struct rlimit limit = { 1 << 30, 1 << 30 };
    (void)setrlimit(RLIMIT_AS, &limit);
    void *volatile block; /* or a compiler leaves it out */
    do {
        block = malloc(1 << 20);
    } while (block);
    abort();
}

static const struct {
    const char *name;
    void (*dies)(void);
    int signal;
    const char *text; /* of its notes, some */
    bool out_of_memory;
} deaths[] = {
    { "segv", segv, SIGSEGV, "signal: 11 (Segmentation fault), code 1, address (nil)", false },
    { "stack", stack_overflow, SIGSEGV, "stack of thread ", false },
    { "abort", says_and_aborts, SIGABRT,
      "it printed:\n  | terminate called after throwing \\x1b[31mbad_alloc\n", false },
    { "trap", raises_trap, SIGTRAP, "  #0  ", false },
    { "memory", at_limit, SIGABRT, "it had reached its limit of memory\n", true },
};

static int run(void (*dies)(void))
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) {
        crash_watch(dir_fd);
        dies();
        _exit(0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

static void test_deaths(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(deaths); i++) {
        if (BUILD_IS_SANITIZED && (deaths[i].out_of_memory || deaths[i].signal == SIGSEGV))
            continue; /* a sanitizer has its own ways with these */
        int number = run(deaths[i].dies);
        CLEANUP(crash_notes_release) struct crash_notes notes;
        crash_read(dir_fd, &notes);
        if (number != deaths[i].signal || notes.signal != number || !notes.text ||
            !strstr(notes.text, deaths[i].text) || notes.out_of_memory != deaths[i].out_of_memory)
            fail_msg("%s: ended by %d; its notes: %d, %s", deaths[i].name, number, notes.signal,
                     notes.text ? notes.text : "none");
        assert_int_equal(notes.call, -1);
        assert_int_equal(unlinkat(dir_fd, CRASH_NOTES, 0), 0);
    }
}

/* A static function of this very program, which no table of the loader names. Debian's libdw knows
 * the lines of what gcc makes. */
#ifdef __clang__
#define OWN_PLACE ""
#else
#define OWN_PLACE " at crash.c:"
#endif

static void test_static_functions_have_names(void **state)
{
    (void)state;
    if (test_is_in_valgrind())
        skip();
    assert_int_equal(run(says_and_aborts), SIGABRT);
    CLEANUP(crash_notes_release) struct crash_notes notes;
    crash_read(dir_fd, &notes);
    if (!strstr(notes.text, "  says_and_aborts" OWN_PLACE))
        fail_msg("%s", notes.text);
}

/* One thread hangs while the first waits for it: both are told. */
static _Atomic bool hangs;
static void *hang(void *arg)
{
    (void)arg;
    atomic_store(&hangs, true);
    for (;;)
        ;
    return NULL;
}

static void wait_for_hanging(void)
{
    pthread_t thread;
    (void)pthread_create(&thread, NULL, hang, NULL);
    while (!atomic_load(&hangs))
        (void)usleep(1000);
    (void)kill(getpid(), CRASH_ASK);
    (void)pthread_join(thread, NULL);
}

static void test_a_hang_shows_every_thread(void **state)
{
    (void)state;
    assert_int_equal(run(wait_for_hanging), CRASH_ASK);
    CLEANUP(crash_notes_release) struct crash_notes notes;
    crash_read(dir_fd, &notes);
    const char *first = strstr(notes.text, "stack of thread ");
    assert_non_null(first);
    assert_non_null(strstr(first + 1, "stack of thread "));
    assert_non_null(notes.where);
}

/* ---- the worker's side ---- */

static const struct {
    const char *file; /* of the runner */
    const char *text, *where;
    int signal, call;
    bool out_of_memory;
} notes_of[] = {
    { "", "", NULL, 0, -1, false },
    { "rubbish\nmore\n", NULL, NULL, 0, -1, false },
    { "signal 11 code 1 address 0x10\nthread 7 ocr\nframe 0x12 raise /lib/libc.so.6\nframe 0x34 "
      "tess /usr/lib/libtesseract.so.5\n",
      "signal: 11 (Segmentation fault), code 1, address 0x10\nstack of thread 7:\n  #0  raise "
      "(/lib/libc.so.6+0x12)\n  #1  tess (/usr/lib/libtesseract.so.5+0x34)\n",
      "tess (libtesseract.so.5)", 11, -1, false },
    { "signal 31 code 1 address 0x1\ncall 41\n", NULL, NULL, 31, 41, false },
    { "frame 0x99 ? /x/takeup-steps.so\n", "  #0  ? (/x/takeup-steps.so+0x99)\n",
      "takeup-steps.so+0x99", 0, -1, false },
    { "frame 0x99 \x1b[2J /x/\x1b]0;title\n", "  #0  \\x1b[2J (/x/\\x1b]0;title+0x99)\n",
      "\\x1b[2J (\\x1b]0;title)", 0, -1, false },
    { "memory\n", "it had reached its limit of memory\n", NULL, 0, -1, true },
    { "signal 9999 code 0 address x\n", "signal: 9999 (?), code 0, address x\n", NULL, 9999, -1,
      false },
    { "printed\nmemory\ncall 3\n", "it printed:\n  | memory\n  | call 3\n", NULL, 0, -1, false },
    { "frame zz zz zz\nframe\nsignal\nthread\n", NULL, NULL, 0, -1, false },
};

static void test_notes_are_read_as_data(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(notes_of); i++) {
        const char *file = notes_of[i].file;
        struct err err = { 0 };
        assert_ok(fs_write_file(dir_fd, CRASH_NOTES, file, strlen(file), 0, &err), err);
        CLEANUP(crash_notes_release) struct crash_notes notes;
        crash_read(dir_fd, &notes);
        const char *text = notes.text ? notes.text : "", *where = notes.where ? notes.where : "";
        if ((notes_of[i].text && strcmp(text, notes_of[i].text) != 0) ||
            strcmp(where, notes_of[i].where ? notes_of[i].where : "") != 0 ||
            notes.signal != notes_of[i].signal || notes.call != notes_of[i].call ||
            notes.out_of_memory != notes_of[i].out_of_memory)
            fail_msg("row %zu: %s (%s), signal %d, call %d", i, text, where, notes.signal,
                     notes.call);
        assert_int_equal(unlinkat(dir_fd, CRASH_NOTES, 0), 0);
    }
}

static void test_only_a_file_is_read(void **state)
{
    (void)state;
    struct err err = { 0 };
    CLEANUP(crash_notes_release) struct crash_notes notes;
    crash_read(dir_fd, &notes);
    assert_null(notes.text);
    assert_int_equal(notes.signal, 0);
    assert_ok(fs_write_file(dir_fd, "real", "signal 11 code 1 address x\n", 27, 0, &err), err);
    assert_int_equal(symlinkat("real", dir_fd, CRASH_NOTES), 0);
    crash_read(dir_fd, &notes);
    assert_null(notes.text);
    assert_int_equal(unlinkat(dir_fd, CRASH_NOTES, 0), 0);
    assert_int_equal(mkfifoat(dir_fd, CRASH_NOTES, 0600), 0);
    crash_read(dir_fd, &notes);
    assert_null(notes.text);
}

static const struct {
    const char *name;
    int call;
    const char *where;
    bool out_of_memory;
    enum failure failure, wanted;
    const char *text;
} ends[] = {
    { "nothing known", -1, NULL, false, FAILURE_CRASH, FAILURE_CRASH, "died" },
    { "a place", -1, "f (lib.so)", false, FAILURE_CRASH, FAILURE_CRASH, "died, in f (lib.so)" },
    { "a hang", -1, "f (lib.so)", false, FAILURE_STALL, FAILURE_STALL, "died, in f (lib.so)" },
    { "memory", -1, "f", true, FAILURE_CRASH, FAILURE_MEMORY,
      "the attempt needed more than 64 MiB of memory (max_memory)" },
    { "a hang at the limit of memory", -1, "f", true, FAILURE_STALL, FAILURE_STALL, "died, in f" },
    { "a number that is no system call", 99999, NULL, false, FAILURE_CRASH, FAILURE_CRASH,
      "the runner made a system call that the sandbox forbids: ?" },
};

static void test_the_short_form(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(ends); i++) {
        struct runner_end how = { .failure = ends[i].failure, .text = "died" };
        CLEANUP(crash_notes_release)
        struct crash_notes notes = { .call = ends[i].call, .out_of_memory = ends[i].out_of_memory };
        notes.where = ends[i].where ? mem_strdup(ends[i].where) : NULL;
        crash_amend(&how, &notes, 64 << 20);
        if (how.failure != ends[i].wanted || strcmp(how.text, ends[i].text) != 0)
            fail_msg("%s: %s, %s", ends[i].name, failure_name(how.failure), how.text);
    }
}

#define CRASH_TEST(test) cmocka_unit_test_setup_teardown(test, make, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CRASH_TEST(test_deaths),
        CRASH_TEST(test_static_functions_have_names),
        CRASH_TEST(test_a_hang_shows_every_thread),
        CRASH_TEST(test_notes_are_read_as_data),
        CRASH_TEST(test_only_a_file_is_read),
        cmocka_unit_test(test_the_short_form),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
