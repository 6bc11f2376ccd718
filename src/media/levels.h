/* levels.h - the usual pixels brought to 8 bits of full range: much cheaper than with swscale.
 *
 * For decoded frames that keep their size and their matrix. */
#ifndef TAKEUP_MEDIA_LEVELS_H
#define TAKEUP_MEDIA_LEVELS_H

#include "api/step.h"

#include <libavutil/frame.h>

#include <stdbool.h>

/* What is to be done to each sample. */
enum levels {
    LEVELS_OTHER, /* nothing that is known here */
    LEVELS_KEEP,
    LEVELS_STRETCH,
    LEVELS_KEEP10, /* of 10 bits, in 16 */
    LEVELS_STRETCH10,
};

/* Of planar 4:2:0. */
enum levels levels_of(int format, bool is_full_range);

/* Both of one size, the target with three planes. levels: not LEVELS_OTHER. */
void levels_convert(enum levels levels, const AVFrame *source, struct takeup_frame *target);

#endif
