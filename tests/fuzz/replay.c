/* replay.c - a fuzz target as a test: each file of its corpus, and the empty input.
 *
 *     TARGET [FILE…]          without files: those of tests/fuzz/corpus/TARGET
 *
 * Each input has a process of its own, so that one that kills it is named and the others are still
 * told of. */
#include "fuzz.h"

#include "base/err.h"
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { INPUT_MAX_BYTES = 16 << 20, INPUT_LIMIT_S = 60, KILLED = 99 };

static int number, failed;

static void run_file(const char *path)
{
    struct err err = { 0 };
    char *text = NULL;
    size_t len = 0;
    if (path && fs_read_file(AT_FDCWD, path, INPUT_MAX_BYTES, &text, &len, &err) < 0) {
        (void)fprintf(stderr, "%s\n", err.text);
        exit(KILLED);
    }
    /* Of its own size exactly: who reads on behind its end is seen. */
    uint8_t *data = malloc(len ? len : 1);
    if (!data)
        exit(KILLED);
    if (len)
        memcpy(data, text, len);
    free(text);
    (void)alarm(INPUT_LIMIT_S);
    (void)LLVMFuzzerTestOneInput(data, len);
    free(data);
    exit(0);
}

/* path NULL: the empty input. */
static void replay(const char *path)
{
    const char *name = path ? strrchr(path, '/') ? strrchr(path, '/') + 1 : path : "(nothing)";
    int status = 0;
    (void)fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        run_file(path);
    if (child < 0 || waitpid(child, &status, 0) < 0)
        status = KILLED << 8;
    number++;
    if (status == 0) {
        (void)printf("ok %d - %s\n", number, name);
        return;
    }
    failed++;
    (void)printf("not ok %d - %s\n# %s %d\n", number, name,
                 WIFSIGNALED(status) ? "killed by signal" : "exit status",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
}

static int is_input(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int replay_directory(const char *dir)
{
    struct dirent **names;
    int count = scandir(dir, &names, is_input, alphasort);
    if (count <= 0) {
        (void)printf("1..1\nnot ok 1 - the corpus '%s': %s\n", dir,
                     count < 0 ? strerror(errno) : "it is empty");
        return 1;
    }
    (void)printf("1..%d\n", count + 1);
    replay(NULL);
    for (int i = 0; i < count; i++) {
        CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", dir, names[i]->d_name);
        replay(path);
        free(names[i]);
    }
    free(names);
    return failed > 0;
}

int main(int argc, char **argv)
{
    const char *tests = getenv("TESTS") ? getenv("TESTS") : "tests";
    const char *target = strrchr(argv[0], '/') ? strrchr(argv[0], '/') + 1 : argv[0];
    if (argc < 2) {
        CLEANUP(mem_free_text) char *dir = mem_printf("%s/fuzz/corpus/%s", tests, target);
        return replay_directory(dir);
    }
    (void)printf("1..%d\n", argc - 1);
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    return failed > 0;
}
