/* What a process may use of the machine: cores and memory, and the limits of its cgroups. */
#include "test.h"

#include "base/cores.h"
#include "base/ram.h"

#include <limits.h>
#include <sched.h>
#include <string.h>

static const struct {
    const char *name;
    const char *top, *middle, *own; /* cpu.max of /, /a and /a/b; NULL: there is none */
    const char *path;
    int wanted;
} groups[] = {
    { "no limit", NULL, NULL, "max 100000\n", "/a/b", INT_MAX },
    { "no file at all", NULL, NULL, NULL, "/a/b", INT_MAX },
    { "two cores", NULL, NULL, "200000 100000\n", "/a/b", 2 },
    { "a part of one counts as one", NULL, NULL, "20000 100000\n", "/a/b", 1 },
    { "one and a half", NULL, NULL, "150000 100000\n", "/a/b", 2 },
    { "another period", NULL, NULL, "30000 10000\n", "/a/b", 3 },
    { "the group above says less", NULL, "100000 100000\n", "400000 100000\n", "/a/b", 1 },
    { "the group above says more", NULL, "800000 100000\n", "400000 100000\n", "/a/b", 4 },
    { "only the one at the top says it", "300000 100000\n", NULL, NULL, "/a/b", 3 },
    { "in the top itself, as in a container", "300000 100000\n", "100000 100000\n", NULL, "/", 3 },
    { "what lies below is not ours", NULL, NULL, "100000 100000\n", "/a", INT_MAX },
    { "no numbers", NULL, NULL, "many\n", "/a/b", INT_MAX },
    { "an empty file", NULL, NULL, "", "/a/b", INT_MAX },
    { "no period", NULL, NULL, "100000\n", "/a/b", 1 }, /* 100 ms unless said */
    { "a period of nothing", NULL, NULL, "100000 0\n", "/a/b", INT_MAX },
    { "a group that is gone", "300000 100000\n", NULL, NULL, "/a/b/c", 3 },
};

static void put(const char *root, const char *dir, const char *name, const char *text)
{
    struct err err = { 0 };
    CLEANUP(mem_free_text) char *path = mem_printf("%s%s/%s", root, dir, name);
    if (text)
        assert_ok(fs_write_file(AT_FDCWD, path, text, strlen(text), FS_NEW, &err), err);
}

static void test_limits_of_cgroups(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(groups); i++) {
        CLEANUP(mem_free_text) char *root = test_make_dir();
        CLEANUP(mem_free_text) char *a = mem_printf("%s/a", root);
        CLEANUP(mem_free_text) char *b = mem_printf("%s/a/b", root);
        assert_int_equal(mkdir(a, 0700) | mkdir(b, 0700), 0);
        put(root, "", "cpu.max", groups[i].top);
        put(root, "/a", "cpu.max", groups[i].middle);
        put(root, "/a/b", "cpu.max", groups[i].own);
        int cores = cores_of_cgroup(root, groups[i].path);
        if (cores != groups[i].wanted)
            fail_msg("%s: %d", groups[i].name, cores);
        test_remove_dir(&root);
    }
}

static const struct {
    const char *name, *middle, *own; /* memory.max of /a and /a/b */
    int64_t wanted;
} memories[] = {
    { "no limit", "max\n", "max\n", INT64_MAX },
    { "no file", NULL, NULL, INT64_MAX },
    { "its own", "max\n", "1073741824\n", INT64_C(1) << 30 },
    { "the group above says less", "536870912\n", "1073741824\n", INT64_C(1) << 29 },
    { "no number", NULL, "much\n", INT64_MAX },
    { "none at all", NULL, "0\n", INT64_MAX },
};

static void test_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(memories); i++) {
        CLEANUP(mem_free_text) char *root = test_make_dir();
        CLEANUP(mem_free_text) char *a = mem_printf("%s/a", root);
        CLEANUP(mem_free_text) char *b = mem_printf("%s/a/b", root);
        assert_int_equal(mkdir(a, 0700) | mkdir(b, 0700), 0);
        put(root, "/a", "memory.max", memories[i].middle);
        put(root, "/a/b", "memory.max", memories[i].own);
        int64_t bytes = ram_of_cgroup(root, "/a/b");
        if (bytes != memories[i].wanted)
            fail_msg("%s: %lld", memories[i].name, (long long)bytes);
        test_remove_dir(&root);
    }
    assert_true(ram_bytes() > INT64_C(1) << 20);
    assert_true(ram_bytes() <= (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE));
}

static void test_affinity(void **state)
{
    (void)state;
    cpu_set_t all, one;
    int cores = cores_usable();
    assert_int_equal(sched_getaffinity(0, sizeof(all), &all), 0);
    assert_in_range(cores, 1, CPU_COUNT(&all));
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &all))
            CPU_SET(i, &one);
    assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
    assert_int_equal(cores_usable(), 1);
    assert_int_equal(sched_setaffinity(0, sizeof(all), &all), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_of_cgroups),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_affinity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
