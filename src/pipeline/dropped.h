/* dropped.h - texts that steps left out, and why: lines of frames.jsonl for those who look for what
 * is missing. Private to the room. */
#ifndef TAKEUP_PIPELINE_DROPPED_H
#define TAKEUP_PIPELINE_DROPPED_H

#include "api/step.h"
#include "base/json.h"

#include <stddef.h>
#include <stdint.h>

/* Zero-initialise. */
struct dropped {
    struct dropped_line {
        int64_t start_us;
        size_t number; /* in order of arrival */
        json_t *line;  /* {"t", "end", "dropped", "confidence", "box", "step", "why"} */
    } * lines;
    size_t count, size;
};

/* All borrowed. */
void dropped_add(struct dropped *dropped, const struct takeup_segment *segment, const char *step,
                 const char *why);
/* By their starts. */
void dropped_sort(struct dropped *dropped);
void dropped_release(struct dropped *dropped);

#endif
