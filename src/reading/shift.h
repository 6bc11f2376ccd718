/* shift.h - by how many rows the text of a picture has moved up or down since the one before, where
 * it does so again and again: credits that roll.
 *
 *     struct shift shift = { 0 };
 *     shift_look() for each picture in its order; shift_release();
 *
 * Only strokes that were not there before are looked at, so what stands still does not count. Of
 * these, nearly all must have moved alike, and there must be rows without any between them: lines
 * of text have them, a ground over which a camera pans has not. */
#ifndef TAKEUP_READING_SHIFT_H
#define TAKEUP_READING_SHIFT_H

#include "reading/edges.h"

struct shift {
    int height, words;
    uint64_t *now, *before;      /* the strokes that were new; a row is `words` long */
    int *counts, *counts_before; /* of them in each row */
    int *matched;
    int down;   /* of the last picture; below 0: up; 0: nothing moved that way */
    int steady; /* so many times, one upon the other, about as far */
};

void shift_release(struct shift *shift);
/* What comes now are the edges of pictures of this size. */
void shift_reset(struct shift *shift, int width, int height);

/* down and steady are as of this picture. */
void shift_look(struct shift *shift, const struct edges *now, const struct edges *before);

#endif
