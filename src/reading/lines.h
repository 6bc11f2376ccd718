/* lines.h - readings of lines at successive times become stretches: one text, from when to when.
 *
 *     struct lines *lines = lines_new();
 *     lines_add() for each line that was read, in any order; lines_end();
 *     lines_next() until NULL; lines_free();
 *
 * Two readings are of one line when they follow upon each other, lie in the same place and say the
 * same, but for what a reader confuses (l, I, |), spaces and small marks. Then the one of the
 * higher confidence is kept. Letters or digits that truly differ are another text: a list that
 * counts up must not become one line. */
#ifndef TAKEUP_READING_LINES_H
#define TAKEUP_READING_LINES_H

#include "reading/plane.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lines;

struct lines_reading {
    const char *text;  /* UTF-8; borrowed by lines_add */
    double confidence; /* 0..1 */
    struct rect box;
    bool has_moved; /* box is where it was first */
    size_t tag;     /* the caller's */
};

/* One text on the screen. */
struct lines_stretch {
    char *text;
    double confidence;
    struct rect box;
    int64_t start_us, end_us;
    bool has_moved;
    size_t tag; /* of the reading whose text it is */
};

struct lines *lines_new(void);
void lines_free(struct lines **lines);

/* What was read in the image shown from start_us to end_us. An empty text is passed over. */
void lines_add(struct lines *lines, const struct lines_reading *reading, int64_t start_us,
               int64_t end_us);
/* Nothing more will come. */
void lines_end(struct lines *lines);

/* The next stretch, in the order of start_us, then from top to bottom; NULL: there is none.
 * Borrowed until lines_free. */
const struct lines_stretch *lines_next(struct lines *lines);

/* Do the two say the same, as far as a reader can tell? */
bool lines_alike(const char *a, const char *b);

#endif
