/* spaces.h - the spaces that a reader did not see: gaps within a word that are as wide as those
 * between words. */
#ifndef TAKEUP_STEPS_SPACES_H
#define TAKEUP_STEPS_SPACES_H

#include "steps/vote.h"

#include <stddef.h>

/* A word of a line, in columns of the image. */
struct extent {
    int left, right;
    int gap_left, gap_right; /* the widest gap between two of its letters; both 0: it has one */
    int cut_left, cut_right; /* the same gap, in columns of the frame */
    size_t gap_at;           /* so many bytes of its text lie before the gap */
};

/* Of each word in which a space was not seen, two are made. An extent for each word, from left to
 * right; of less than four nobody can tell how wide a space is. */
void spaces_add(struct ballot *line, const struct extent *extents);

#endif
