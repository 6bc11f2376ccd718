#include "test.h"

#include "pipeline/in_hand.h"

#include <string.h>

struct dir {
    char *path;
    int fd;
};

static void dir_make(struct dir *dir)
{
    dir->path = test_make_dir();
    dir->fd = open(dir->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void dir_end(struct dir *dir)
{
    fs_close(&dir->fd);
    test_remove_dir(&dir->path);
}

static struct takeup_crop crop_at(int64_t start_us, int y)
{
    return (struct takeup_crop){ .item = { .port = TAKEUP_PORT_CROP, .start_us = start_us },
                                 .box = { 1, y, 30, 4 } };
}

static char *read_places(const struct dir *dir, int64_t least_ms)
{
    CLEANUP(json_drop) json_t *places = in_hand_read(dir->fd, least_ms);
    return places ? json_line(places) : mem_strdup("none");
}

static void assert_places(const struct dir *dir, int64_t least_ms, const char *wanted)
{
    CLEANUP(mem_free_text) char *got = read_places(dir, least_ms);
    assert_string_equal(got, wanted);
}

#define FIRST "{\"step\":\"text\",\"t_us\":1200000,\"box\":[1,2,30,4]}"
#define SECOND "{\"step\":\"other\",\"t_us\":-5,\"box\":[1,9,30,4]}"

static void test_what_is_in_hand_is_in_the_file(void **state)
{
    (void)state;
    struct dir dir;
    dir_make(&dir);
    assert_places(&dir, 0, "none");
    struct in_hand *in_hand = in_hand_new(dir.fd, NULL);
    const struct takeup_crop first = crop_at(1200000, 2), second = crop_at(-5, 9);
    assert_places(&dir, 0, "none");
    int a = in_hand_take(in_hand, "text", &first);
    assert_places(&dir, 0, "[" FIRST "]");
    assert_places(&dir, 60 * 1000, "none"); /* not for so long */
    int b = in_hand_take(in_hand, "other", &second);
    assert_places(&dir, 0, "[" FIRST "," SECOND "]");
    in_hand_drop(in_hand, a);
    assert_places(&dir, 0, "[" SECOND "]");
    assert_int_equal(in_hand_take(in_hand, "text", &first), a);
    in_hand_drop(in_hand, a);
    in_hand_drop(in_hand, b);
    assert_places(&dir, 0, "none");
    in_hand_end(&in_hand);
    assert_null(in_hand);
    assert_int_equal(faccessat(dir.fd, IN_HAND_FILE, F_OK, 0), -1);
    dir_end(&dir);
}

/* More than there are slots: the rest goes unwritten, and nothing else happens. */
static void test_slots_run_out(void **state)
{
    (void)state;
    struct dir dir;
    dir_make(&dir);
    struct in_hand *in_hand = in_hand_new(dir.fd, NULL);
    const struct takeup_crop crop = crop_at(0, 0);
    for (int i = 0; i < IN_HAND_SLOTS; i++)
        assert_int_equal(in_hand_take(in_hand, "text", &crop), i);
    assert_int_equal(in_hand_take(in_hand, "text", &crop), IN_HAND_NONE);
    in_hand_drop(in_hand, IN_HAND_NONE);
    in_hand_drop(in_hand, 63);
    assert_int_equal(in_hand_take(in_hand, "text", &crop), 63);
    in_hand_end(&in_hand);
    dir_end(&dir);
}

static void test_a_directory_that_cannot_be_written(void **state)
{
    (void)state;
    struct in_hand *in_hand = in_hand_new(-1, NULL);
    const struct takeup_crop crop = crop_at(0, 0);
    assert_int_equal(in_hand_take(in_hand, "text", &crop), IN_HAND_NONE);
    in_hand_drop(in_hand, IN_HAND_NONE);
    in_hand_end(&in_hand);
}

static const struct {
    const char *step;
    int64_t start_us;
    int y;
    bool skips;
} crops[] = {
    { "text", 1200000, 2, true },   { "text", 1200001, 2, false }, { "text", 1200000, 3, false },
    { "text2", 1200000, 2, false }, { "other", -5, 9, true },
};

static void test_skips(void **state)
{
    (void)state;
    struct dir dir;
    dir_make(&dir);
    struct json_mark mark;
    CLEANUP(json_drop) json_t *skip = NULL;
    const char *text = "[" FIRST "," SECOND "]";
    assert_int_equal(json_parse(text, strlen(text), &skip, &mark, NULL), 1);
    struct in_hand *in_hand = in_hand_new(dir.fd, skip), *all = in_hand_new(dir.fd, NULL);
    for (size_t i = 0; i < COUNT(crops); i++) {
        const struct takeup_crop crop = crop_at(crops[i].start_us, crops[i].y);
        if (in_hand_skips(in_hand, crops[i].step, &crop) != crops[i].skips ||
            in_hand_skips(all, crops[i].step, &crop))
            fail_msg("row %zu", i);
    }
    in_hand_end(&in_hand);
    in_hand_end(&all);
    dir_end(&dir);
}

/* What a process left that may be hostile. A line has 256 bytes. */
static const struct {
    const char *text, *places;
} left[] = {
    { "", "none" },
    { "{\"step\":\"text\",\"t_us\":1200000,\"box\":[1,2,30,4],\"since_ms\":0,\"more\":[[1]]}",
      "[" FIRST "]" },
    { "{\"step\":\"text\",\"t_us\":1200000,\"box\":[1,2,30,4]}", "none" },
    { "{\"step\":\"a b\",\"t_us\":0,\"box\":[1,2,3,4],\"since_ms\":0}", "none" },
    { "{\"step\":7,\"t_us\":0,\"box\":[1,2,3,4],\"since_ms\":0}", "none" },
    { "{\"step\":\"a\",\"t_us\":0.5,\"box\":[1,2,3,4],\"since_ms\":0}", "none" },
    { "{\"step\":\"a\",\"t_us\":0,\"box\":[1,2,3],\"since_ms\":0}", "none" },
    { "{\"step\":\"a\",\"t_us\":0,\"box\":[1,2,3,4,5],\"since_ms\":0}", "none" },
    { "{\"step\":\"a\",\"t_us\":0,\"box\":[1,2,3,\"4\"],\"since_ms\":0}", "none" },
    { "{\"step\":\"a\",\"t_us\":0,\"box\":{},\"since_ms\":0}", "none" },
    { "[]", "none" },
    { "{\"step\":", "none" },
};

static void test_what_is_left_is_not_trusted(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(left); i++) {
        struct dir dir;
        struct err err = { 0 };
        char line[256];
        dir_make(&dir);
        memset(line, ' ', sizeof(line));
        memcpy(line, left[i].text, strlen(left[i].text));
        line[sizeof(line) - 1] = '\n';
        assert_ok(fs_write_file(dir.fd, IN_HAND_FILE, line, sizeof(line), FS_NEW, &err), err);
        CLEANUP(mem_free_text) char *got = read_places(&dir, 0);
        if (strcmp(got, left[i].places) != 0)
            fail_msg("row %zu: %s", i, got);
        dir_end(&dir);
    }
}

static void test_copies_are_bounded_and_unlike(void **state)
{
    (void)state;
    CLEANUP(json_drop) json_t *into = json_array();
    CLEANUP(json_drop) json_t *from = json_array();
    for (int i = 0; i < 200; i++)
        (void)json_array_append_new(
            from, json_pack("{s:s,s:i,s:[iiii]}", "step", "a", "t_us", i / 2, "box", 0, 0, 1, 1));
    in_hand_copy(into, from);
    assert_int_equal(json_array_size(into), 64);
    in_hand_copy(into, from);
    assert_int_equal(json_array_size(into), 64);
    assert_int_equal(json_get_int(json_array_get(into, 1), "t_us", -1), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_in_hand_is_in_the_file),
        cmocka_unit_test(test_slots_run_out),
        cmocka_unit_test(test_a_directory_that_cannot_be_written),
        cmocka_unit_test(test_skips),
        cmocka_unit_test(test_what_is_left_is_not_trusted),
        cmocka_unit_test(test_copies_are_bounded_and_unlike),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
