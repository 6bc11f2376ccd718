/* moments.h - when, between two pictures that were looked at, did a part of the picture change?
 *
 * The pictures between them were only glanced at: their luma is known at some points that lie
 * evenly over the picture. That is enough to tell which of them is already like the later one. */
#ifndef TAKEUP_READING_MOMENTS_H
#define TAKEUP_READING_MOMENTS_H

#include "reading/plane.h"

#include <stdbool.h>
#include <stdint.h>

enum { MOMENTS_PICTURES = 4 }; /* so many intervals between pictures are remembered */

struct glance {
    int64_t start_us;
    const uint8_t *luma; /* columns x rows points */
};

struct moments;

struct moments *moments_new(void);
void moments_free(struct moments **moments);

/* A picture is looked at. The first glance is at the picture that was looked at before, the last
 * one at this, in between are those that were passed over; fewer than two say nothing. Copied. */
void moments_add(struct moments *moments, int columns, int rows, const struct glance *glances,
                 size_t count);

/* Interval 0 ends with the newest picture, 1 with the one before it. When, in this interval, did
 * what was there at first become what is there at last, in `box`? The start of the first picture
 * that is more like the last one. `whole`: all of the picture, in the units of box. False: it did
 * not change, or nobody knows. */
bool moments_find(const struct moments *moments, int interval, struct rect box, struct rect whole,
                  int64_t *ret_us);

/* The same for what may fade: where the change from the beginning of interval `older` to the newest
 * picture goes by small steps, its moment is half way between these. */
bool moments_find_faded(const struct moments *moments, int interval, int older, struct rect box,
                        struct rect whole, int64_t *ret_us);

#endif
