/* private.h - what an open video is, for the files of this room. */
#ifndef TAKEUP_MEDIA_PRIVATE_H
#define TAKEUP_MEDIA_PRIVATE_H

#include "base/str.h"
#include "media/convert.h"
#include "media/input.h"
#include "media/media.h"
#include "media/thinner.h"

#include <libavcodec/avcodec.h>
#include <libavformat/avformat.h>

/* Times beyond it, a thousand years, are damage, and would overflow. */
#define TIME_MAX_US (INT64_C(366) * 86400 * 1000000 * 1000)
static inline bool time_is_sane(int64_t us)
{
    return us >= -TIME_MAX_US && us <= TIME_MAX_US;
}

/* Makes times that only grow out of what frames say. */
struct media_clock {
    bool has_origin, has_last;
    int64_t origin_us; /* of the container's start, else of the first frame */
    int64_t shift_us;  /* added since time jumped back */
    struct media_time last;
};

struct media {
    struct input input;
    char *name;
    AVFormatContext *format;
    AVStream *stream;
    AVCodecContext *codec;
    AVPacket *packet;
    AVFrame *frame;
    struct convert convert;
    struct thinner thinner;
    struct media_info info;
    struct media_clock clock;
    const int32_t *matrix; /* the stream's display matrix, or NULL */

    bool is_draining, is_ended, has_frame;
    uint64_t frames;
    uint64_t errors;        /* packets and frames that could not be decoded */
    int64_t first_error_us; /* the time of the frame before the first error */
    uint64_t read_notes;    /* errors that libav told while it read the container */
    uint64_t notes_before;  /* of the process, when this was opened */
    struct str damage;
};

#endif
