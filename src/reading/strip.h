/* strip.h - the image from which one line of text is read.
 *
 *     strip_begin(&strip, place) -> strip_add() for each picture that shows it -> strip_image()
 *     -> strip_release()
 *
 * The last picture is put off until another comes, since a text that ends has often begun to fade
 * in it.
 *
 * What is kept of the pictures: each pixel at its darkest, at its brightest, and as it was last.
 * Behind still letters a moving ground is somewhere dark at one time or other, so bright letters
 * are read from the darkest and dark ones from the brightest; on a still ground the last one is
 * the sharpest.
 *
 * The image has dark letters on white, whatever the picture has, and letters of a size that readers
 * like. Where the picture's are much larger than that the strip is kept smaller than the picture,
 * so that a heading costs no more than a caption. */
#ifndef TAKEUP_READING_STRIP_H
#define TAKEUP_READING_STRIP_H

#include "reading/letters.h"
#include "reading/plane.h"

#include <stdbool.h>

struct strip {
    int shrink;        /* so many pixels of the picture, across and down, are one of the strip */
    struct rect place; /* in the picture, but in pixels of the strip; it has a margin around the
                          letters */
    uint8_t *least, *most, *last, *next; /* place.width * place.height each */
    int count;                           /* of pictures, but for the one in next */
    bool has_next;
};

struct strip_image {
    uint8_t *luma; /* freed by strip_image_release */
    int width, height;
    struct rect place;      /* what of the picture it shows; may reach over its edges */
    bool is_page;           /* the letters stand on one even colour, as far as the strip goes */
    struct letters letters; /* that it seems to have */
};

/* 0, or -ENOMEM. place lies in the picture, and is in its pixels. */
int strip_begin(struct strip *strip, struct rect place);
void strip_add(struct strip *strip, const struct luma *luma);
void strip_release(struct strip *strip);

/* core: where the letters are, a part of the place that strip_begin got. At least one picture was
 * added. 0, or -ENOMEM. */
int strip_image(struct strip *strip, struct rect core, struct strip_image *ret_image);
void strip_image_release(struct strip_image *image);

#endif
