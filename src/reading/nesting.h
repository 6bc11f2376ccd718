/* nesting.h - what lies within what: letters within their outline, holes within letters.
 *
 * Walk from the border of an image inwards, and count each time that a wall begins or ends: 0 is
 * what is outside, 1 a wall that stands there, 2 what it shuts in, 3 a wall within that, … */
#ifndef TAKEUP_READING_NESTING_H
#define TAKEUP_READING_NESTING_H

#include <stdint.h>

enum { NESTING_MAX = 255 };

/* The least such number for each of width * height pixels, by way of rows and columns. Where
 * classes[at] == wall there is a wall. 0, or -ENOMEM. */
int nesting_find(const uint8_t *classes, int width, int height, int wall, uint8_t *ret_depth);

#endif
