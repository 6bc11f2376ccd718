/* shown.h - a segment as the sink keeps it. Private to the room. */
#ifndef TAKEUP_PIPELINE_SHOWN_H
#define TAKEUP_PIPELINE_SHOWN_H

#include "api/step.h"
#include "base/json.h"

#include <stddef.h>
#include <stdint.h>

struct shown {
    int64_t start_us, end_us;
    size_t number; /* in order of arrival */
    char *text;
    double confidence;
    struct takeup_box box;
    json_t *images; /* a list of names; NULL: none */
    bool is_page;   /* not a line or two, so apart from others */
};

/* From when to when the video was looked at. */
struct shown_range {
    bool is_known;                     /* an item of a source has come */
    int64_t first_us, last_us, end_us; /* first and last start of a source's items, last end */
};

#endif
