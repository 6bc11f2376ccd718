#include "host.h"

#include "steps/common.h"

#include <string.h>

struct params { /* as in steps/captions.c */
    struct takeup_strings formats;
    const char *name;
};

struct shown {
    int start_ms, end_ms, y;
    const char *text;
    int x, width, height; /* width 0: 10x10, in a frame whose size is not known */
};

#define TEXT(start_ms, end_ms, y, text)                                                            \
    {                                                                                              \
        start_ms, end_ms, y, text, 0, 0, 0                                                         \
    }

static const struct {
    const char *format;
    struct shown shown[4];
    const char *file;
} files[] = {
    { "srt", { { 0 } }, "" },
    { "vtt", { { 0 } }, "WEBVTT\n\n" },
    { "srt",
      { TEXT(0, 1500, 0, "A & <b>"), TEXT(3723004, 3724000, 0, "B\nC") },
      "1\n00:00:00,000 --> 00:00:01,500\nA & <b>\n\n"
      "2\n01:02:03,004 --> 01:02:04,000\nB\nC\n\n" },
    { "vtt",
      { TEXT(0, 1500, 0, "A & <b> -->") },
      "WEBVTT\n\n1\n00:00:00.000 --> 00:00:01.500\nA &amp; &lt;b&gt; --&gt;\n\n" },
    /* Lines that overlap are shown together, from top to bottom. */
    { "srt",
      { TEXT(0, 3000, 50, "low"), TEXT(1000, 2000, 10, "high") },
      "1\n00:00:00,000 --> 00:00:01,000\nlow\n\n2\n00:00:01,000 --> 00:00:02,000\nhigh\nlow\n\n"
      "3\n00:00:02,000 --> 00:00:03,000\nlow\n\n" },
    /* No duration, no blank line, no time below zero, nothing twice. */
    { "srt", { TEXT(5, 5, 0, "A") }, "1\n00:00:00,005 --> 00:00:00,006\nA\n\n" },
    { "srt", { TEXT(-40, 1000, 0, "A\n\n\nB\n") }, "1\n00:00:00,000 --> 00:00:01,000\nA\nB\n\n" },
    { "srt",
      { TEXT(0, 1000, 0, "A"), TEXT(1000, 2000, 0, "A") },
      "1\n00:00:00,000 --> 00:00:02,000\nA\n\n" },
    { "srt",
      { TEXT(0, 1000, 0, "A"), TEXT(1001, 2000, 0, "A") },
      "1\n00:00:00,000 --> 00:00:01,000\nA\n\n2\n00:00:01,001 --> 00:00:02,000\nA\n\n" },
    { "srt", { TEXT(0, 1000, 0, "A\r\nB\rC") }, "1\n00:00:00,000 --> 00:00:01,000\nA\nB\nC\n\n" },
    { "srt", { TEXT(0, 1000, 0, "\n") }, "" },
    /* No line is blank, to whoever trims it either; what parts lines to some players is one. */
    { "srt",
      { TEXT(0, 1000, 0,
             " \t\nA\n \n\xC2\x85\xE2\x80\xA9"
             "2\n\t"),
        TEXT(1000, 2000, 0, "\t \r\n") },
      "1\n00:00:00,000 --> 00:00:01,000\nA\n2\n\n" },
    { "vtt",
      { TEXT(0, 1000, 0, "A\n \n\xC2\x85\xE2\x80\xA9NOTE\n\t") },
      "WEBVTT\n\n1\n00:00:00.000 --> 00:00:01.000\nA\nNOTE\n\n" },
    /* Nothing is unseen but marks of direction, and all is UTF-8. */
    { "srt",
      { TEXT(0, 1000, 0,
             "\x1b[1mA\x01\a\x7f\xC2\x9B"
             "B\v\xFF\xE2\x80\x8F"),
        TEXT(1000, 2000, 0, "\x1b") },
      "1\n00:00:00,000 --> 00:00:01,000\n[1mAB\xEF\xBF\xBD\xE2\x80\x8F\n\n" },
    { "vtt",
      { TEXT(0, 1000, 0, "\x1b[1mA&lrm;\x01<\xFF") },
      "WEBVTT\n\n1\n00:00:00.000 --> 00:00:01.000\n[1mA&amp;lrm;&lt;\xEF\xBF\xBD\n\n" },
    { "srt",
      { TEXT(0, 1000, 0, "A --\x1b> B") },
      "1\n00:00:00,000 --> 00:00:01,000\nA -- > B\n\n" },
    { "srt", { TEXT(0, 1000, 0, "A -\n-> B") }, "1\n00:00:00,000 --> 00:00:01,000\nA -\n-> B\n\n" },
    /* No line looks like a time. */
    { "srt", { TEXT(0, 1000, 0, "A --> B") }, "1\n00:00:00,000 --> 00:00:01,000\nA -- > B\n\n" },
    { "srt", { TEXT(0, 1000, 0, "A ---> B") }, "1\n00:00:00,000 --> 00:00:01,000\nA --- > B\n\n" },
    { "srt", { TEXT(0, 1000, 0, "A -> B") }, "1\n00:00:00,000 --> 00:00:01,000\nA -> B\n\n" },
    /* In a frame of 1000x500 each text stands where it stood. */
    { "vtt",
      { { 0, 3000, 450, "low\n\nlow", 300, 400, 40 }, { 1000, 2000, 20, "high", 440, 130, 40 } },
      "WEBVTT\n\n1\n00:00:00.000 --> 00:00:03.000 line:90% position:50% align:center\nlow\nlow\n\n"
      "2\n00:00:01.000 --> 00:00:02.000 line:4% position:51% align:center\nhigh\n\n" },
    { "vtt",
      { { 0, 1000, 251, "left", 20, 200, 40 }, { 0, 1000, -7, "right", 900, 130, 40 } },
      "WEBVTT\n\n1\n00:00:00.000 --> 00:00:01.000 line:50% position:2% align:left\nleft\n\n"
      "2\n00:00:00.000 --> 00:00:01.000 line:0% position:100% align:right\nright\n\n" },
    { "vtt",
      { { 0, 1000, 400, "wide", 0, 1000, 40 }, { 0, 1000, 0, "high", 250, 390, 500 } },
      "WEBVTT\n\n1\n00:00:00.000 --> 00:00:01.000 line:80% position:50% align:center\nwide\n\n"
      "2\n00:00:00.000 --> 00:00:01.000 line:0% position:45% align:center\nhigh\n\n" },
    { "vtt",
      { { 0, 1000, 0, "all", 0, 1000, 500 } },
      "WEBVTT\n\n1\n00:00:00.000 --> 00:00:01.000\nall\n\n" },
    { "vtt", { TEXT(0, 1000, 0, " \n") }, "WEBVTT\n\n" },
};

static void feed(void *self, const struct shown *shown)
{
    struct takeup_segment segment = {
        .item = { .port = TAKEUP_PORT_SEGMENTS,
                  .references = 1,
                  .start_us = (int64_t)shown->start_ms * 1000,
                  .end_us = (int64_t)shown->end_ms * 1000 },
        .text = shown->text,
        .box = { 0, shown->y, 10, 10 },
    };
    if (shown->width > 0) {
        segment.box = (struct takeup_box){ shown->x, shown->y, shown->width, shown->height };
        segment.frame_width = 1000;
        segment.frame_height = 500;
    }
    assert_int_equal(step_captions.feed(self, &segment.item, NULL), 0);
}

static int run(struct fake *fake, const struct params *params, const struct shown shown[4])
{
    void *self = mem_zero(1, step_captions.self_size);
    int r = step_captions.open(self, params, &fake->host);
    for (size_t i = 0; r >= 0 && i < 4 && shown[i].text; i++)
        feed(self, &shown[i]);
    if (r >= 0)
        r = step_captions.finish(self, &fake->output);
    step_captions.close(self);
    free(self);
    return r;
}

static void test_files(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(files); i++) {
        char *dir = test_make_dir();
        CLEANUP(fs_close) int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct fake fake;
        fake_init(&fake, -1, dir_fd);
        struct params params = { { &files[i].format, 1 }, "cues" };
        assert_int_equal(run(&fake, &params, files[i].shown), 0);
        CLEANUP(mem_free_text) char *name = mem_printf("cues.%s", files[i].format), *text = NULL;
        size_t len;
        struct err err = { 0 };
        assert_ok(fs_read_file(dir_fd, name, 10000, &text, &len, &err), err);
        if (strcmp(text, files[i].file) != 0)
            fail_msg("row %zu:\n%s", i, text);
        assert_true(run(&fake, &params, files[i].shown) < 0); /* it is there already */
        assert_int_equal(fake.failure, TAKEUP_FAIL_IO);
        fake_release(&fake);
        test_remove_dir(&dir);
    }
}

static void test_names_that_are_none(void **state)
{
    (void)state;
    static const char *const names[] = { "", ".", "..", ".hidden", "a/b", "/a" };
    const char *format = "srt";
    for (size_t i = 0; i < COUNT(names); i++) {
        struct fake fake;
        fake_init(&fake, -1, -1);
        struct params params = { { &format, 1 }, names[i] };
        if (run(&fake, &params, files[0].shown) >= 0 || fake.failure != TAKEUP_FAIL_CONFIG)
            fail_msg("'%s'", names[i]);
        fake_release(&fake);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files),
        cmocka_unit_test(test_names_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
