#include "test.h"

#include "spool/name.h"

#include <string.h>

static const struct {
    const char *file;
    bool ignored;
    const char *job; /* NULL: not the name of a job file */
} files[] = {
    { "clip.json", false, "clip" },
    { "my clip 1.json", false, "my clip 1" },
    { "\xC3\xA9t\xC3\xA9.json", false, "\xC3\xA9t\xC3\xA9" },
    { "e\xCC\x81.json", false, "e\xCC\x81" },
    { "a@b@c.json", false, "a@b@c" },
    { "a.json.json", false, "a.json" },
    { ".json", true, NULL },
    { ".clip.json", true, NULL },
    { "..json", true, NULL },
    { "clip.json~", true, NULL },
    { "clip.json.part", true, NULL },
    { "clip.json.filepart", true, NULL },
    { "clip.json.tmp", true, NULL },
    { "clip.json.crdownload", true, NULL },
    { "Thumbs.db", true, NULL },
    { "desktop.ini", true, NULL },
    { "@eaDir", true, NULL },
    { "clip.JSON", false, NULL },
    { "clip.mp4", false, NULL },
    { "json", false, NULL },
};

static void test_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        char name[NAME_SIZE] = "";
        if (name_is_ignored(files[i].file) != files[i].ignored)
            fail_msg("row %zu '%s': ignored", i, files[i].file);
        bool job = name_of_job_file(files[i].file, name);
        if (job != (files[i].job != NULL) || (job && strcmp(name, files[i].job) != 0))
            fail_msg("row %zu '%s': job '%s'", i, files[i].file, name);
    }
}

static const struct {
    const char *dir;
    const char *name; /* NULL: no deferred job */
    int64_t due_s;
} deferred[] = {
    { "clip@12@0123456789abcdef", "clip", 12 },
    { "a@b@0@0123456789abcdef", "a@b", 0 },
    { "@@5@0123456789abcdef", "@", 5 },
    { "@5@0123456789abcdef", NULL, 0 },
    { "clip@x@0123456789abcdef", NULL, 0 },
    { "clip@@0123456789abcdef", NULL, 0 },
    { "clip@-1@0123456789abcdef", NULL, 0 },
    { "clip@12@0123456789abcde", NULL, 0 },
    { "clip@12@0123456789abcdeg", NULL, 0 },
    { "clip@12345678901234567890@0123456789abcdef", NULL, 0 },
    { "clip", NULL, 0 },
    { "", NULL, 0 },
};

static void test_deferred(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(deferred); i++) {
        char name[NAME_SIZE], token[TOKEN_SIZE];
        int64_t due_s = -1;
        bool is = name_deferred_parse(deferred[i].dir, name, &due_s, token);
        if (is != (deferred[i].name != NULL))
            fail_msg("row %zu '%s': %d", i, deferred[i].dir, is);
        if (is && (strcmp(name, deferred[i].name) != 0 || due_s != deferred[i].due_s))
            fail_msg("row %zu '%s': '%s' %lld", i, deferred[i].dir, name, (long long)due_s);
    }
}

static const struct {
    size_t len;
    bool valid, whole; /* as a job's name; as a directory's */
} lengths[] = {
    { 1, true, true },    { 180, true, true },   { 181, true, false },
    { 250, true, false }, { 251, false, false }, { 254, false, false },
};

static void test_lengths(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++) {
        char name[NAME_SIZE] = "", dir[NAME_SIZE], back[NAME_SIZE], token[TOKEN_SIZE];
        char target[NAME_SIZE];
        struct err err = { 0 };
        int64_t due_s;
        memset(name, 'x', lengths[i].len);
        if ((name_check(name, &err) == 0) != lengths[i].valid)
            fail_msg("row %zu: %s", i, err.text);
        name_for_directory(name, dir);
        if ((strcmp(dir, name) == 0) != lengths[i].whole || strlen(dir) > 189)
            fail_msg("row %zu: directory '%s'", i, dir);
        name_deferred_format(name, 1769868190, "0123456789abcdef", target);
        if (!name_deferred_parse(target, back, &due_s, token) || strcmp(back, dir) != 0 ||
            due_s != 1769868190 || strcmp(token, "0123456789abcdef") != 0)
            fail_msg("row %zu: deferred '%s'", i, target);
    }
}

static void test_long_names_stay_apart(void **state)
{
    (void)state;
    char a[NAME_SIZE] = "", b[NAME_SIZE] = "", dir_a[NAME_SIZE], dir_b[NAME_SIZE];
    memset(a, 'x', 200);
    memset(b, 'x', 201);
    name_for_directory(a, dir_a);
    name_for_directory(b, dir_b);
    assert_string_not_equal(dir_a, dir_b);
    memset(a, 'x', 179);
    memcpy(a + 179, "\xC3\xA9", 2); /* 180 bytes would cut it */
    name_for_directory(a, dir_a);
    assert_int_equal(strlen(dir_a), 179 + 9);
}

static const char *const bad_names[] = { "", "a/b", ".a", "a~", "a.part", ".." };

static void test_bad_names(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(bad_names); i++) {
        struct err err = { 0 };
        if (name_check(bad_names[i], &err) >= 0 || err.kind != ERR_USAGE)
            fail_msg("row %zu '%s'", i, bad_names[i]);
    }
}

static const struct {
    const char *stem, *start;
} stems[] = {
    { "clip", "20260131T140310.042Z-clip-" },
    { "my clip/1", "20260131T140310.042Z-my-clip-1-" },
    { "\xC3\xA9\xC3\xA9", "20260131T140310.042Z-job-" },
    { "", "20260131T140310.042Z-job-" },
};

static void test_submissions(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stems); i++) {
        char name[NAME_SIZE];
        name_for_submission(stems[i].stem, 1769868190042, name);
        if (strncmp(name, stems[i].start, strlen(stems[i].start)) != 0 ||
            strlen(name) != strlen(stems[i].start) + 8)
            fail_msg("row %zu '%s': '%s'", i, stems[i].stem, name);
    }
}

static int by_text(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Many files of one name, submitted within a millisecond. */
static void test_submissions_differ(void **state)
{
    enum { MANY = 1000 };
    (void)state;
    char(*names)[NAME_SIZE] = mem_zero(MANY, NAME_SIZE);
    for (int i = 0; i < MANY; i++)
        name_for_submission("clip", 1769868190042, names[i]);
    qsort(names, MANY, NAME_SIZE, by_text);
    for (int i = 1; i < MANY; i++)
        if (strcmp(names[i - 1], names[i]) == 0)
            fail_msg("'%s' twice", names[i]);
    free(names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_deferred),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_long_names_stay_apart),
        cmocka_unit_test(test_bad_names),
        cmocka_unit_test(test_submissions),
        cmocka_unit_test(test_submissions_differ),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
