/* picture.h - a frame as the bytes of an image file. */
#ifndef TAKEUP_MEDIA_PICTURE_H
#define TAKEUP_MEDIA_PICTURE_H

#include "api/step.h"
#include "base/err.h"

#include <stddef.h>
#include <stdint.h>

enum picture_format { PICTURE_PNG, PICTURE_JPEG };

/* *ret_bytes is the caller's, for free(). ERR_MISSING when this libav cannot write such files. */
int picture_encode(const struct takeup_frame *frame, enum picture_format format,
                   uint8_t **ret_bytes, size_t *ret_size, struct err *err);

#endif
