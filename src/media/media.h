/* media.h - the frames of a video, from an open descriptor.
 *
 *     media_open() -> media_next(), media_frame()? … until 0 -> media_damage() -> media_close()
 *
 * All of libav lives in this room. The file is read with pread at an offset of its own, so the
 * descriptor may be shared; no other file and no network can be reached, whatever the file says.
 * What libav has to say is kept for error texts and never printed. Errors: ERR_INPUT when the bytes
 * are not a video that can be read (the text says what they are, the hint what to do), ERR_MISSING
 * when there is no decoder, ERR_IO when reading failed, ERR_MEMORY. */
#ifndef TAKEUP_MEDIA_MEDIA_H
#define TAKEUP_MEDIA_MEDIA_H

#include "api/step.h"
#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

struct media;

/* Zero: the defaults. */
struct media_options {
    /* Of the decoder, at most 16, each of which holds a picture more; 0: 1. More than 1 only in a
     * process that will not fork. */
    int threads;
    /* Half the work: no loop filter, so blocks have edges, and frames that no other one is made
     * from are passed over, as if they were not in the file. */
    bool is_rough;
    /* Frames that no other one is made from need not be decoded while those that are left are not
     * further apart than this; they are passed over, all but the first and the last. 0: each frame
     * is decoded. Where the codec does not tell such frames, each is decoded as well. */
    int64_t gap_us;
};

/* What was opened; valid until media_close. */
struct media_info {
    const char *container, *codec; /* libav's short names: "mov", "h264" */
    int width, height;             /* as shown: turned upright, square pixels */
    double frame_rate;             /* frames a second on average; 0: not known */
    int64_t duration_us;           /* 0: not known */
    bool has_rotation, is_interlaced;
};

/* fd: borrowed until media_close; name: for messages, borrowed for the call. options may be NULL.
 * *ret_media changes only on success. */
int media_open(int fd, const char *name, const struct media_options *options,
               struct media **ret_media, struct err *err);
/* NULL afterwards; accepts NULL. */
void media_close(struct media **media);

const struct media_info *media_info(const struct media *media);

/* When the frame is shown. Starts never decrease from one frame to the next. */
struct media_time {
    int64_t start_us, end_us;
};

/* Decodes on to the next frame: 1, and *ret_time is when it is shown; 0 at the end. Damaged parts
 * are passed over; < 0 when reading fails, and ERR_INPUT when there is no frame at all. */
int media_next(struct media *media, struct media_time *ret_time, struct err *err);

/* The frame that media_next found, as a viewer sees it, with its times; *ret_frame is the caller's,
 * to be ended by takeup_item_unref. May be called once or not at all for each frame. */
int media_frame(struct media *media, struct takeup_frame **ret_frame, struct err *err);

/* Luma at some points of a frame, evenly over the picture as it is shown. */
struct media_glance {
    int columns, rows; /* at most 160 on the longer side; the same while the pictures' size is */
    uint8_t *luma;     /* rows of `columns` bytes, for free(); levels as they are in the file */
};

/* At the frame that media_next found; costs a small part of what converting it does. False: of a
 * picture in this pixel format it cannot be told. */
bool media_glance(const struct media *media, struct media_glance *ret_glance);

/* What was wrong with the file so far, as a sentence for a warning; "" when nothing was. After
 * media_next has answered 0 it also tells a video that ends too soon. Borrowed until the next call
 * or media_close. */
const char *media_damage(struct media *media);

#endif
