/* What a question costs, and what is counted, on a filesystem that does not count directories: a
 * place with a hundred thousand jobs takes seconds to list on a share. */
#include "../spool/fixture.h"

#include "serve/eye.h"

#include "base/str.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

enum { BTRFS_MAGIC = 0x9123683E };

static int lists_of_ended;

int fstatfs(int fd, struct statfs *fs)
{
    int r = (int)syscall(SYS_fstatfs, fd, fs);
    fs->f_type = BTRFS_MAGIC;
    return r;
}

ssize_t getdents64(int fd, void *block, size_t size)
{
    char link[64], path[4096] = "";
    (void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
    ssize_t len = readlink(link, path, sizeof(path) - 1);
    path[len > 0 ? len : 0] = '\0';
    lists_of_ended += str_has_suffix(path, "/done") || str_has_suffix(path, "/error");
    return syscall(SYS_getdents64, fd, block, size);
}

static void put_ended(const struct fixture *fixture)
{
    static const char *const dirs[] = { "done/a", "done/b", "error/c", "done/.hidden" };
    for (size_t i = 0; i < COUNT(dirs); i++)
        assert_int_equal(mkdirat(spool_root(fixture->spool), dirs[i], 0700), 0);
}

static struct answer *ask(struct eye *eye, const char *what)
{
    CLEANUP(json_drop) json_t *question = json_object();
    json_set_text(question, "do", what);
    lists_of_ended = 0;
    return eye_answer(eye, question, "", 0);
}

static void health_does_not_list_what_ended(void **state)
{
    const struct fixture *fixture = *state;
    const struct serve_options options = { .spool = fixture->dir };
    CLEANUP(eye_free) struct eye *eye = eye_new(&options);
    put_ended(fixture);
    CLEANUP(answer_drop) struct answer *answer = ask(eye, "health");
    assert_non_null(strstr(answer->body, "\"pending\":0"));
    assert_int_equal(lists_of_ended, 0);
}

/* Each place once, and no more while it has not changed. */
static void the_dashboard_counts_what_it_lists(void **state)
{
    const struct fixture *fixture = *state;
    const struct serve_options options = { .spool = fixture->dir };
    CLEANUP(eye_free) struct eye *eye = eye_new(&options);
    put_ended(fixture);
    CLEANUP(answer_drop) struct answer *answer = ask(eye, "dashboard");
    assert_non_null(strstr(answer->body, "\"done\":2,\"error\":1}"));
    assert_int_equal(lists_of_ended, 4); /* of each, and its end */
}

static void metrics_count_what_ended(void **state)
{
    const struct fixture *fixture = *state;
    const struct serve_options options = { .spool = fixture->dir };
    CLEANUP(eye_free) struct eye *eye = eye_new(&options);
    put_ended(fixture);
    CLEANUP(answer_drop) struct answer *answer = ask(eye, "metrics");
    assert_non_null(strstr(answer->body, "takeup_jobs{state=\"done\"} 2\n"));
    assert_non_null(strstr(answer->body, "takeup_jobs{state=\"error\"} 1\n"));
    assert_int_equal(lists_of_ended, 4);
    do { /* what was listed just after a change is listed once more, and then no more */
        answer_drop(&answer);
        answer = ask(eye, "metrics");
    } while (lists_of_ended > 0);
    assert_int_equal(unlinkat(spool_root(fixture->spool), "done/a", AT_REMOVEDIR), 0);
    do {
        answer_drop(&answer);
        answer = ask(eye, "metrics");
    } while (strstr(answer->body, "takeup_jobs{state=\"done\"} 2\n"));
    assert_non_null(strstr(answer->body, "takeup_jobs{state=\"done\"} 1\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        FIXTURE_TEST(health_does_not_list_what_ended),
        FIXTURE_TEST(the_dashboard_counts_what_it_lists),
        FIXTURE_TEST(metrics_count_what_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
