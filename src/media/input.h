/* input.h - a descriptor as libav reads it, and what the bytes in it are. */
#ifndef TAKEUP_MEDIA_INPUT_H
#define TAKEUP_MEDIA_INPUT_H

#include "base/err.h"

#include <libavformat/avformat.h>

#include <stdint.h>

struct input {
    int fd;
    int64_t offset;
    int errnum; /* of the first pread that failed; libav turns it into an end of file */
    AVIOContext *io;
};

/* Only regular files that hold something. fd is borrowed. */
int input_init(struct input *input, int fd, const char *name, struct err *err);
void input_release(struct input *input);

/* Which demuxer is to read it: one that can show video or sound and never opens another file.
 * ERR_INPUT tells what the bytes are instead. */
int input_probe(struct input *input, const char *name, const AVInputFormat **ret_format,
                struct err *err);

/* libav's error as ours; `input` tells an I/O error from bad bytes. Returns below 0. */
int input_error(const struct input *input, int averror, struct err *err, const char *format, ...)
    PRINTF_LIKE(4, 5);

#endif
