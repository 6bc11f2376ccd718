/* moments.h - when, between two pictures that were looked at, did a part of the picture change?
 *
 * The pictures between them were only glanced at: their luma is known at some points that lie
 * evenly over the picture. That is enough to tell which of them is already like the later one. */
#ifndef TAKEUP_READING_MOMENTS_H
#define TAKEUP_READING_MOMENTS_H

#include "reading/plane.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    MOMENTS_PICTURES = 3
}; /* the newest that were looked at, of which is remembered how they came
      up */

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

/* When did the picture before become picture `back` (0: the newest), as far as `box` is concerned?
 * The start of the first picture that is more like the later one. A fade has its moment half way.
 * `whole`: all of the picture, in the units of box. False: it did not change there, or nobody
 * knows. */
bool moments_find(const struct moments *moments, int back, struct rect box, struct rect whole,
                  int64_t *ret_us);

#endif
