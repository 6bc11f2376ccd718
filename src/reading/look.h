/* look.h - which pixels of a strip are letters, and which are the ground or an outline. */
#ifndef TAKEUP_READING_LOOK_H
#define TAKEUP_READING_LOOK_H

#include "reading/strip.h"

enum { GROUND, BRIGHT, DARK, CLASSES };

struct histogram {
    int counts[256], total;
};

struct look {
    const struct strip *strip; /* borrowed */
    struct rect core;          /* where the letters are, relative to the strip */
    bool is_moving;            /* the ground; or it is not flat, and may have moved */
    bool is_flat;              /* one even colour around the letters */
    bool is_page;              /* flat as far as can be seen, not only in a box */
    int ground;                /* its level, when it is flat */
    uint8_t *classes;          /* of each pixel: GROUND, BRIGHT or DARK */
    int letters;               /* the class of the letters: BRIGHT or DARK */
    bool is_outlined;          /* the other class is an outline that all letters have */
    bool is_hollow;            /* the letters are as bright as the ground, only the outline shows */
    bool is_inside;            /* the other class lies around most of the letters, at least */

    /* What this was found from. */
    struct histogram margin, bright, dark; /* bright: of what may be bright letters, … */
    int bright_from, dark_to;
    int margin_of[CLASSES], pixels[CLASSES], borders[CLASSES][CLASSES];
};

/* core: in pixels of the strip, a part of strip->place. At least one picture was added to the
 * strip. 0, or -ENOMEM. */
int look_at(struct look *look, const struct strip *strip, struct rect core);
void look_release(struct look *look);

static inline int look_other(const struct look *look)
{
    return look->letters == BRIGHT ? DARK : BRIGHT;
}

/* How often one class borders on another. */
static inline int look_contacts(const struct look *look, int a, int b)
{
    return look->borders[a][b] + look->borders[b][a];
}

/* The median level in `from`, a plane of the strip's size, of the pixels of a class within the
 * core. */
int look_level(const struct look *look, const uint8_t *from, int class);
/* The same of all that is not letters. */
int look_ground(const struct look *look, const uint8_t *from);

#endif
