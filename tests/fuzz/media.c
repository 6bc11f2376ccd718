/* A video of a stranger: opened, and its first frames as a viewer sees them. libav has no
 * instruments in it, so of its own mistakes only those are seen that end the process. */
#include "fuzz.h"

#include "base/fs.h"
#include "media/media.h"

#include <sys/mman.h>

enum {
    FRAMES_MAX = 10,
    PIXELS_MANY = 1 << 20, /* so large pictures are looked at once: fuzzing lives on numbers */
};

static void check_times(const struct media_time *time, const struct media_time *before)
{
    MUST(time->start_us >= 0 && time->end_us >= time->start_us);
    MUST(time->start_us >= before->start_us);
}

/* Reads all that there is of a plane, so that one that is too small is seen. */
static int64_t sum_of(const struct takeup_frame *frame, int plane)
{
    int width = plane == 0 ? frame->width : (frame->width + 1) / 2;
    int height = plane == 0 ? frame->height : (frame->height + 1) / 2;
    int64_t sum = 0;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            sum += frame->plane[plane][(ptrdiff_t)y * frame->stride[plane] + x];
    return sum;
}

static int convert(struct media *media)
{
    struct err err = { 0 };
    struct takeup_frame *frame = NULL;
    if (media_frame(media, &frame, &err) < 0) {
        MUST(err.kind != ERR_BUG && err.text[0]);
        return 0;
    }
    MUST(frame->width > 0 && frame->height > 0);
    for (int plane = 0; plane < (frame->pixels == TAKEUP_PIXELS_GRAY ? 1 : 3); plane++)
        MUST(sum_of(frame, plane) <= (int64_t)frame->width * frame->height * UINT8_MAX);
    int pixels = frame->width * frame->height;
    takeup_item_unref(frame);
    return pixels;
}

static void play(struct media *media)
{
    struct media_time time = { 0 }, before = { 0 };
    struct err err = { 0 };
    int r = 1, pixels = 0;
    for (int i = 0; i < FRAMES_MAX && pixels < PIXELS_MANY; i++) {
        r = media_next(media, &time, &err);
        if (r <= 0)
            break;
        check_times(&time, &before);
        before = time;
        struct media_glance glance = { 0 };
        if (media_glance(media, &glance))
            free(glance.luma);
        pixels += convert(media);
    }
    MUST(r >= 0 || (err.kind != ERR_BUG && err.text[0]));
    (void)media_damage(media);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err err = { 0 };
    struct media *media = NULL;
    const struct media_options options = { .threads = 1,
                                           .is_rough = size % 2,
                                           .gap_us = size % 4 < 2 ? 100000 : 0 };
    CLEANUP(fs_close) int fd = memfd_create("fuzz", MFD_CLOEXEC);
    MUST(fd >= 0 && fs_write_all(fd, (const char *)data, size) == 0);
    int r = media_open(fd, "fuzz", &options, &media, &err);
    MUST((r == 0) == (media != NULL));
    if (r < 0) {
        MUST(err.kind != ERR_BUG && err.kind != ERR_NONE && err.text[0]);
        return 0;
    }
    play(media);
    media_close(&media);
    return 0;
}
