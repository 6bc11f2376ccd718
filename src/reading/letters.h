/* letters.h - whether pieces of ink can be a line of text, before anything tries to read them. */
#ifndef TAKEUP_READING_LETTERS_H
#define TAKEUP_READING_LETTERS_H

#include <stdbool.h>

/* The pieces of ink that are at least a third as high as their line. All that is measured is in
 * pixels. */
struct letters {
    int count;     /* letters; pieces that are joined, as in a script, count by their width */
    int height;    /* of the line */
    int width;     /* from the first piece to the last */
    int widths;    /* of all pieces, together */
    int tallest;   /* the highest piece */
    int thickness; /* the median: half the width of a piece's thickest stroke */
};

/* False for blocks and specks. */
bool letters_make_text(const struct letters *letters);

#endif
