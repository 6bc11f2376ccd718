/* convert.h - a decoded frame as a viewer sees it.
 *
 *     struct convert convert = { 0 };  convert_frame() …  convert_release(); */
#ifndef TAKEUP_MEDIA_CONVERT_H
#define TAKEUP_MEDIA_CONVERT_H

#include "api/step.h"
#include "base/err.h"

#include <libavutil/frame.h>
#include <libswscale/swscale.h>

#include <stdbool.h>
#include <stdint.h>

/* Larger pictures are refused. */
enum { PICTURE_SIDE_MAX = 16384, PICTURE_PIXELS_MAX = 16384 * 8192 };

/* What makes an image upright: first transposed, then mirrored. */
struct turn {
    bool is_transposed, flips_x, flips_y;
};

/* From a display matrix (libavutil/display.h); NULL: none. Of an odd angle, the nearest quarter. */
struct turn turn_of(const int32_t matrix[9]);
/* By the frame's own display matrix, else by the stream's, which may be NULL. */
struct turn turn_of_frame(const AVFrame *frame, const int32_t matrix[9]);

/* As shown: with square pixels, turned. A sample aspect that no camera makes is taken for 1/1. */
void convert_size(int width, int height, AVRational sample_aspect, struct turn turn, int *ret_width,
                  int *ret_height);

/* Keeps what is costly to set up from one frame to the next. */
struct convert {
    struct SwsContext *sws;
    struct convert_key {
        int width, height, format, to_width, to_height, to_format, range, space;
    } key; /* what sws was made for */
};
void convert_release(struct convert *convert);

/* A new frame, its planes and nothing of its times. The pixels are gray where the source has no
 * colour. matrix: the stream's; the frame's own goes before it. Returns < 0 and *err: ERR_MEMORY,
 * ERR_INPUT when the frame has a format or a size that cannot be converted. */
int convert_frame(struct convert *convert, const AVFrame *source, AVRational sample_aspect,
                  const int32_t matrix[9], struct takeup_frame **ret_frame, struct err *err);

#endif
