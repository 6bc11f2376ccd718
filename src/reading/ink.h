/* ink.h - letters as ink on paper: what is no letter is taken out, and they get a size that readers
 * like. */
#ifndef TAKEUP_READING_INK_H
#define TAKEUP_READING_INK_H

#include "reading/letters.h"
#include "reading/plane.h"

/* width * height bytes: 0 is paper, 255 is ink. */
struct ink {
    uint8_t *ink;
    int width, height;
};

/* Wipes out what cannot belong to the line whose letters stand in `core`: shadows that are nowhere
 * as dark as ink, and what reaches in from the lines above and below. rim: a byte for each
 * pixel, whether it is of the outline that each letter has; NULL: they have none. *ret_letters: the
 * pieces that are left and have the size of letters. 0, or -ENOMEM. */
int ink_clean(struct ink *ink, struct rect core, const uint8_t *rim, struct letters *ret_letters);

/* A new image of `scale` times the size, black on white, with `margin` pixels of white around it;
 * NULL: no memory. */
uint8_t *ink_print(const struct ink *ink, double scale, int margin, int *ret_width,
                   int *ret_height);

#endif
