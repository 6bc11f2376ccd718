/* islands.h - what rises above all that reaches the border of an image.
 *
 * Let water in from all sides of a land of brightness: to get to a place it has to cross whatever
 * lies lowest on the way there. A letter that has an outline is an island, however bright the
 * ground is; a bright spot of the ground is none. (Morphological reconstruction from the border.)
 */
#ifndef TAKEUP_READING_ISLANDS_H
#define TAKEUP_READING_ISLANDS_H

#include <stdint.h>

/* By how much each of width * height pixels is higher than the lowest place of the best way to the
 * border, along rows and columns. What reaches the border, but in fewer than `mouth` pixels beside
 * one another, is no way. 0, or -ENOMEM. */
int islands_find(const uint8_t *height_of, int width, int height, int mouth, uint8_t *ret_rise);

#endif
