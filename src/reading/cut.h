/* cut.h - from bits to lines of text: what stands together is cut apart along empty rows, and along
 * empty columns where these are wide, until nothing more can be cut (an XY cut). */
#ifndef TAKEUP_READING_CUT_H
#define TAKEUP_READING_CUT_H

#include "reading/plane.h"

/* Bits as in edges.h. */
struct bitmap {
    int width, height, words;
    uint64_t *bits;
};

struct cut_lines {
    struct rect *rects; /* in reading order of each block */
    size_t count, size;
};

/* Adds what looks like a line of text, or a part of one, by its size alone. */
void cut_find(const struct bitmap *bitmap, struct cut_lines *lines);
void cut_release(struct cut_lines *lines);

#endif
