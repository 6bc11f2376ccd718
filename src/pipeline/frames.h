/* frames.h - the instants at which what is shown changes: frames.jsonl. Private to the room. */
#ifndef TAKEUP_PIPELINE_FRAMES_H
#define TAKEUP_PIPELINE_FRAMES_H

#include "base/err.h"
#include "base/json.h"
#include "pipeline/boxes.h"
#include "pipeline/dropped.h"
#include "pipeline/shown.h"

#define FRAMES_FILE "frames.jsonl"

/* All borrowed. */
struct frames_from {
    const struct shown *segments; /* in order of start */
    size_t segment_count;
    const struct boxes *boxes; /* finished; NULL: no step gives any, and no frame tells of them */
    const struct dropped *dropped; /* sorted; lines of their own in the file, not in the list */
    struct shown_range range;
    size_t inline_max;
};

/* Writes the file. *ret_frames: the same as a list, or NULL when there are more than inline_max. */
int frames_write(int dir_fd, const struct frames_from *from, json_t **ret_frames, struct err *err);

#endif
