/* zones.h - places of a picture by parts of its sides, so that they fit every size:
 * "x,y,width,height", each from 0 to 1. */
#ifndef TAKEUP_STEPS_ZONES_H
#define TAKEUP_STEPS_ZONES_H

#include "api/step.h"

#include <stddef.h>

struct zone {
    double x, y, width, height;
};

/* Zero: none. */
struct zones {
    struct zone *items;
    size_t count;
};

/* 0; or -1, and why says which of the texts is no zone. What was there before is released. */
int zones_parse(struct zones *zones, const struct takeup_strings *texts, struct takeup_why *why);
void zones_release(struct zones *zones);

/* Does the middle of the box lie in one of them? */
bool zones_have(const struct zones *zones, const struct takeup_box *box, int width, int height);

#endif
