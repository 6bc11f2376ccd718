#include "fixtures.h"

#include "media/media.h"

#include <libavutil/mem.h>

#include <limits.h>
#include <string.h>
#include <sys/mman.h>

#define WHOLE                                                                                      \
    "h264.mp4 h264.mkv vp9.webm mpeg4.avi h264.ts sound.mp4 vfr.mkv negative.mp4 late.mkv "        \
    "offset.ts bframes.mp4 bframes.ts bframes_hevc.mkv rotated90.mp4 interlaced.mkv tenbit.mkv "   \
    "gray.mkv rgb.mkv palette.gif "                                                                \
    "mjpeg.avi "                                                                                   \
    "odd.mkv anamorphic.mp4 resize.ts named.mp4 "
#define DAMAGED "cut50.mp4 cut75.mkv cut75.ts cut75.webm flips.mp4 flips.mkv flips.ts "
#define USELESS                                                                                    \
    "nomoov.mp4 cuthead.mp4 audio.m4a audio.mp3 cover.mp3 picture.png picture.jpg notes.txt "      \
    "subtitles.srt script.sh.mp4 empty.mp4 zeros.mp4 noise.mp4 directory.mp4 playlist.m3u8 "       \
    "concat.mp4 page.html "

static char *dir;

static int make_videos(void **state)
{
    (void)state;
    dir = fixtures_make(WHOLE DAMAGED USELESS);
    return dir ? 0 : -1;
}

static int remove_videos(void **state)
{
    (void)state;
    test_remove_dir(&dir);
    return 0;
}

/* Paper is 235 of 255 in all of them, whatever the range in the file. */
static const struct {
    const char *name, *codec;
    int width, height; /* of the last frame */
    int frames;
    int64_t first_ms, end_ms;
} videos[] = {
    { "h264.mp4", "h264", 640, 360, 30, 0, 3000 },
    { "h264.mkv", "h264", 640, 360, 30, 0, 3000 },
    { "vp9.webm", "vp9", 640, 360, 30, 0, 3000 },
    { "mpeg4.avi", "mpeg4", 640, 360, 30, 0, 3000 },
    { "h264.ts", "h264", 640, 360, 30, 0, 3000 },
    { "sound.mp4", "h264", 640, 360, 30, 0, 3000 },
    { "vfr.mkv", "h264", 640, 360, 16, 0, 3000 },
    { "negative.mp4", "h264", 640, 360, 25, 0, 2500 },
    { "late.mkv", "h264", 640, 360, 30, 2046, 5046 },
    { "offset.ts", "h264", 640, 360, 30, 0, 3000 },
    { "bframes.mp4", "h264", 640, 360, 30, 0, 3000 },
    { "bframes.ts", "h264", 640, 360, 30, 0, 3000 },
    { "bframes_hevc.mkv", "hevc", 640, 360, 30, 0, 3000 },
    { "rotated90.mp4", "h264", 640, 360, 30, 0, 3000 },
    { "interlaced.mkv", "mpeg2video", 640, 360, 50, 0, 2000 },
    { "tenbit.mkv", "h264", 640, 360, 30, 0, 3000 },
    { "gray.mkv", "ffv1", 640, 360, 30, 0, 3000 },
    { "rgb.mkv", "h264", 640, 360, 30, 0, 3000 },
    { "palette.gif", "gif", 640, 360, 30, 0, 3000 },
    { "mjpeg.avi", "mjpeg", 640, 360, 30, 0, 3000 },
    { "odd.mkv", "ffv1", 321, 241, 30, 0, 3000 },
    { "anamorphic.mp4", "h264", 640, 360, 30, 0, 3000 },
    { "resize.ts", "h264", 480, 270, 60, 0, 6000 },
    { "named.mp4", "h264", 640, 360, 30, 0, 3000 },
};

struct seen {
    int frames, width, height, least_corner;
    int64_t first_us, end_us, gap_us; /* the longest from one start to the next */
};

static void look(const char *name, struct media *media, struct seen *ret_seen)
{
    struct seen seen = { .least_corner = 255 };
    struct media_time time;
    struct err err = { 0 };
    int r;
    int64_t before_us = 0;
    while ((r = media_next(media, &time, &err)) > 0) {
        struct takeup_frame *frame = NULL;
        assert_ok(media_frame(media, &frame, &err), err);
        if (time.start_us < before_us || time.end_us <= time.start_us)
            fail_msg("'%s': frame %d is at %jd", name, seen.frames, (intmax_t)time.start_us);
        if (seen.frames > 0 && time.start_us - before_us > seen.gap_us)
            seen.gap_us = time.start_us - before_us;
        before_us = time.start_us;
        if (seen.frames++ == 0)
            seen.first_us = time.start_us;
        seen.end_us = time.end_us;
        seen.width = frame->width;
        seen.height = frame->height;
        if (frame->plane[0][0] < seen.least_corner)
            seen.least_corner = frame->plane[0][0];
        takeup_item_unref(frame);
    }
    assert_ok(r, err);
    *ret_seen = seen;
}

static void test_whole_videos(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(videos); i++) {
        const char *name = videos[i].name;
        CLEANUP(fs_close) int fd = fixture_open(dir, name);
        CLEANUP(media_close) struct media *media = NULL;
        struct err err = { 0 };
        struct seen seen;
        assert_ok(media_open(fd, name, NULL, &media, &err), err);
        assert_string_equal(media_info(media)->codec, videos[i].codec);
        look(name, media, &seen);
        if (seen.frames != videos[i].frames || seen.width != videos[i].width ||
            seen.height != videos[i].height)
            fail_msg("'%s': %d frames of %dx%d", name, seen.frames, seen.width, seen.height);
        if (llabs(seen.first_us / 1000 - videos[i].first_ms) > 1 ||
            llabs(seen.end_us / 1000 - videos[i].end_ms) > 1)
            fail_msg("'%s': from %jd to %jd us", name, (intmax_t)seen.first_us,
                     (intmax_t)seen.end_us);
        if (abs(seen.least_corner - 235) > 10)
            fail_msg("'%s': paper is %d", name, seen.least_corner);
        if (media_damage(media)[0])
            fail_msg("'%s': %s", name, media_damage(media));
    }
}

/* Of 1000 points of the last frame, how many are as bright as the frame is there? */
static int glance_like_frame(struct media *media, bool *ret_is_told)
{
    struct media_glance glance = { 0 };
    struct takeup_frame *frame = NULL;
    struct err err = { 0 };
    int like = 0, dark = 0;
    *ret_is_told = media_glance(media, &glance);
    assert_ok(media_frame(media, &frame, &err), err);
    for (int i = 0; i < glance.columns * glance.rows; i++) {
        int x = (2 * (i % glance.columns) + 1) * frame->width / (2 * glance.columns);
        int y = (2 * (i / glance.columns) + 1) * frame->height / (2 * glance.rows);
        bool is_dark = frame->plane[0][y * frame->stride[0] + x] < 128;
        like += is_dark == (glance.luma[i] < 128);
        dark += is_dark;
    }
    assert_true(!*ret_is_told || dark > 0); /* there are letters */
    takeup_item_unref(frame);
    free(glance.luma);
    return *ret_is_told ? like * 1000 / (glance.columns * glance.rows) : 0;
}

static void test_a_glance_shows_the_picture(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(videos); i++) {
        const char *name = videos[i].name;
        CLEANUP(fs_close) int fd = fixture_open(dir, name);
        CLEANUP(media_close) struct media *media = NULL;
        struct media_time time;
        struct err err = { 0 };
        bool is_told;
        assert_ok(media_open(fd, name, NULL, &media, &err), err);
        assert_false(media_glance(media, &(struct media_glance){ 0 })); /* there is no frame yet */
        for (int frame = 0; frame < 10; frame++)
            assert_int_equal(media_next(media, &time, &err), 1);
        int like = glance_like_frame(media, &is_told);
        if (!is_told || like < 980)
            fail_msg("'%s': %d", name, like);
    }
}

/* bframes.mp4 has one frame in three that others are made from; mpeg4.avi has no other ones. */
static void test_a_rough_video_lacks_frames_but_not_time(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int frames;
        int64_t end_ms;
    } videos_rough[] = { { "bframes.mp4", 12, 3000 }, { "mpeg4.avi", 30, 3000 } };
    for (size_t i = 0; i < COUNT(videos_rough); i++) {
        CLEANUP(fs_close) int fd = fixture_open(dir, videos_rough[i].name);
        CLEANUP(media_close) struct media *media = NULL;
        const struct media_options options = { .is_rough = true };
        struct err err = { 0 };
        struct seen seen;
        assert_ok(media_open(fd, videos_rough[i].name, &options, &media, &err), err);
        look(videos_rough[i].name, media, &seen);
        if (seen.frames != videos_rough[i].frames || seen.first_us != 0 ||
            seen.end_us / 1000 != videos_rough[i].end_ms || media_damage(media)[0])
            fail_msg("'%s': %d frames until %jd us %s", videos_rough[i].name, seen.frames,
                     (intmax_t)seen.end_us, media_damage(media));
    }
}

/* In the bframes videos one frame in three is such as others are made from, every 300 ms. */
static const struct {
    const char *name;
    int gap_ms, frames;
    int64_t end_ms;
} thinned[] = {
    { "bframes.mp4", 100, 30, 3000 }, { "bframes.mp4", 200, 21, 3000 },
    { "bframes.mp4", 300, 12, 3000 }, { "bframes.mp4", 10000, 12, 3000 },
    { "bframes.ts", 300, 12, 3000 },  { "bframes_hevc.mkv", 300, 12, 3000 },
    { "h264.mkv", 1000, 30, 3000 },   { "vp9.webm", 1000, 30, 3000 },
    { "mpeg4.avi", 1000, 30, 3000 },  { "interlaced.mkv", 1000, 50, 2000 },
    { "late.mkv", 1000, 30, 5046 },
};

static void test_frames_that_none_needs_are_passed_over(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(thinned); i++) {
        CLEANUP(fs_close) int fd = fixture_open(dir, thinned[i].name);
        CLEANUP(media_close) struct media *media = NULL;
        const struct media_options options = { .gap_us = thinned[i].gap_ms * 1000 };
        struct err err = { 0 };
        struct seen seen;
        assert_ok(media_open(fd, thinned[i].name, &options, &media, &err), err);
        look(thinned[i].name, media, &seen);
        if (seen.frames != thinned[i].frames || seen.end_us / 1000 != thinned[i].end_ms ||
            seen.gap_us > thinned[i].gap_ms * 1000 || media_damage(media)[0])
            fail_msg("row %zu: %d frames until %jd us, up to %jd us apart %s", i, seen.frames,
                     (intmax_t)seen.end_us, (intmax_t)seen.gap_us, media_damage(media));
    }
}

static const struct {
    const char *name;
    int frames_min;
    const char *damage; /* part of the warning */
} damaged[] = {
    { "cut50.mp4", 5, "truncated" },     { "cut75.mkv", 15, "truncated" },
    { "cut75.ts", 15, "truncated" },     { "cut75.webm", 15, "truncated" },
    { "flips.mp4", 20, "decode error" }, { "flips.mkv", 20, "decode error" },
    { "flips.ts", 20, "decode error" },
};

static void test_damaged_videos_give_what_they_have(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(damaged); i++) {
        CLEANUP(fs_close) int fd = fixture_open(dir, damaged[i].name);
        CLEANUP(media_close) struct media *media = NULL;
        struct err err = { 0 };
        struct seen seen;
        assert_ok(media_open(fd, damaged[i].name, NULL, &media, &err), err);
        look(damaged[i].name, media, &seen);
        if (seen.frames < damaged[i].frames_min)
            fail_msg("'%s': %d frames", damaged[i].name, seen.frames);
        if (!strstr(media_damage(media), damaged[i].damage))
            fail_msg("'%s': '%s'", damaged[i].name, media_damage(media));
    }
}

static const struct {
    const char *name, *text; /* part of the error */
} useless[] = {
    { "nomoov.mp4", "moov atom not found" },
    { "cuthead.mp4", "incomplete" },
    { "audio.m4a", "has no video: audio only (aac, 2.0 s)" },
    { "audio.mp3", "has no video: audio only (mp3" },
    { "cover.mp3", "has no video: audio only (mp3" },
    { "picture.png", "is an image (png), not a video" },
    { "picture.jpg", "is an image (jpeg), not a video" },
    { "notes.txt", "is a text file" },
    { "page.html", "is a text file" },
    { "subtitles.srt", "is a text file" },
    { "script.sh.mp4", "is a text file" },
    { "playlist.m3u8", "names other files" },
    { "concat.mp4", "names other files" },
    { "empty.mp4", "is empty" },
    { "directory.mp4", "is a directory" },
    { "zeros.mp4", "is not in any video format" },
    { "noise.mp4", "is not in any video format" },
};

static void test_what_is_no_video_is_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(useless); i++) {
        CLEANUP(fs_close) int fd = fixture_open(dir, useless[i].name);
        CLEANUP(media_close) struct media *media = NULL;
        struct err err = { 0 };
        if (media_open(fd, useless[i].name, NULL, &media, &err) >= 0)
            fail_msg("'%s' was opened", useless[i].name);
        if (err.kind != ERR_INPUT || !strstr(err.text, useless[i].text) || !err.hint[0])
            fail_msg("'%s': %s: %s (%s)", useless[i].name, err_kind_name(err.kind), err.text,
                     err.hint);
        assert_null(media);
    }
}

/* h264.mp4 as a descriptor, but its index says that it has so many chunks. */
static int open_with_chunks(const char count[4])
{
    CLEANUP(mem_free_text) char *bytes = NULL;
    CLEANUP(mem_free_text) char *path = mem_printf("%s/h264.mp4", dir);
    struct err err = { 0 };
    size_t size = 0;
    assert_ok(fs_read_file(AT_FDCWD, path, 1 << 24, &bytes, &size, &err), err);
    char *at = memmem(bytes, size, "stco", 4);
    assert_non_null(at);
    memcpy(at + 8, count, 4);
    int fd = memfd_create("chunks", MFD_CLOEXEC);
    assert_true(fd >= 0 && fs_write_all(fd, bytes, size) == 0);
    return fd;
}

/* libav has the same word for both. Tried again a lie would be no better. */
static void test_a_file_that_lies_is_no_lack_of_memory(void **state)
{
    (void)state;
    CLEANUP(fs_close) int fd = open_with_chunks("\x7f\xff\xff\xff");
    CLEANUP(media_close) struct media *media = NULL;
    struct err err = { 0 };
    assert_true(media_open(fd, "lies.mp4", NULL, &media, &err) < 0);
    assert_int_equal(err.kind, ERR_INPUT);
    assert_non_null(strstr(err.text, "'lies.mp4' is damaged"));
    assert_true(err.hint[0]);
    av_max_alloc(1 << 20); /* there is not even room for what is true */
    assert_true(media_open(fd, "lies.mp4", NULL, &media, &err) < 0);
    av_max_alloc(INT_MAX);
    assert_int_equal(err.kind, ERR_MEMORY);
}

static void test_a_read_that_fails_is_no_bad_video(void **state)
{
    (void)state;
    CLEANUP(mem_free_text) char *path = mem_printf("%s/h264.mp4", dir);
    CLEANUP(fs_close) int fd = open(path, O_WRONLY | O_CLOEXEC); /* pread answers EBADF */
    CLEANUP(media_close) struct media *media = NULL;
    struct err err = { 0 };
    assert_true(media_open(fd, "h264.mp4", NULL, &media, &err) < 0);
    assert_int_equal(err.kind, ERR_IO);
}

static void test_the_descriptor_keeps_its_offset(void **state)
{
    (void)state;
    CLEANUP(fs_close) int fd = fixture_open(dir, "h264.mkv");
    assert_int_equal(lseek(fd, 77, SEEK_SET), 77);
    CLEANUP(media_close) struct media *media = NULL;
    struct err err = { 0 };
    struct seen seen;
    assert_ok(media_open(fd, "h264.mkv", NULL, &media, &err), err);
    look("h264.mkv", media, &seen);
    assert_int_equal(seen.frames, 30);
    assert_int_equal(lseek(fd, 0, SEEK_CUR), 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_whole_videos),
        cmocka_unit_test(test_a_glance_shows_the_picture),
        cmocka_unit_test(test_a_rough_video_lacks_frames_but_not_time),
        cmocka_unit_test(test_frames_that_none_needs_are_passed_over),
        cmocka_unit_test(test_damaged_videos_give_what_they_have),
        cmocka_unit_test(test_what_is_no_video_is_named),
        cmocka_unit_test(test_a_file_that_lies_is_no_lack_of_memory),
        cmocka_unit_test(test_a_read_that_fails_is_no_bad_video),
        cmocka_unit_test(test_the_descriptor_keeps_its_offset),
    };
    return cmocka_run_group_tests(tests, make_videos, remove_videos);
}
