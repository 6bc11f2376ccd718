/* passed.h - glances at the frames between one that is taken and the next.
 *
 *     struct passed passed = { .gap_us = … };
 *     passed_add() for each frame, in order, and passed_take() after each that is taken;
 *     passed_release();
 */
#ifndef TAKEUP_STEPS_PASSED_H
#define TAKEUP_STEPS_PASSED_H

#include "media/media.h"

enum { PASSED_MAX = 64 };

struct passed {
    int64_t gap_us; /* frames that follow sooner than this are not kept, unless they are taken */
    int columns, rows;
    size_t count;
    struct takeup_glance all[PASSED_MAX]; /* the first one at the frame that was taken before */
};

/* At the frame that media_next found. */
void passed_add(struct passed *passed, const struct media *media, int64_t start_us, bool is_taken);

/* All, of which the last stays as the first of the next; for passed_free(). */
struct takeup_glances *passed_take(struct passed *passed);
/* Accepts NULL. */
void passed_free(struct takeup_glances *glances);

void passed_release(struct passed *passed);

#endif
