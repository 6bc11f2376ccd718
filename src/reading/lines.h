/* lines.h - readings of lines at successive times become stretches: one text, from when to when.
 *
 *     struct lines *lines = lines_new();
 *     lines_add() for each line that was read, in any order;
 *         lines_settle() when more is known of what will come; lines_next() until false;
 *     lines_end(); lines_next() until false; lines_free();
 *
 * Two readings are of one line when they follow upon each other, lie in the same place and say the
 * same, but for what a reader confuses (l, I, |), spaces and small marks. Then the one of the
 * higher confidence is kept. Letters or digits that truly differ are another text: a list that
 * counts up must not become one line.
 *
 * What comes out, and in which order, does not depend on when lines_settle is called. */
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
    bool has_moved;                /* box is where it was first */
    const char *image;             /* the name of what it was read from, or NULL; borrowed too */
    int frame_width, frame_height; /* of the picture in which box lies */
};

/* One text on the screen; its strings are the caller's (lines_stretch_release). */
struct lines_stretch {
    char *text, *image; /* of the surest reading; image may be NULL */
    double confidence;
    struct rect box;
    int frame_width, frame_height;
    int64_t start_us, end_us;
    bool has_moved;
};

struct lines *lines_new(void);
void lines_free(struct lines **lines);

/* What was read in the image shown from start_us to end_us. An empty text is passed over. */
void lines_add(struct lines *lines, const struct lines_reading *reading, int64_t start_us,
               int64_t end_us);
/* Nothing that is added from now on begins before from_us. So lines_next can give what ended well
 * before. */
void lines_settle(struct lines *lines, int64_t from_us);
/* Nothing more will come. */
void lines_end(struct lines *lines);

/* The next stretch, in the order of start_us, then from top to bottom; false: none is known yet. */
bool lines_next(struct lines *lines, struct lines_stretch *ret_stretch);
/* What lines_next has yet to give begins no sooner. */
int64_t lines_next_from_us(const struct lines *lines);
/* Frees its strings. */
void lines_stretch_release(struct lines_stretch *stretch);

/* Do the two say the same, as far as a reader can tell? */
bool lines_alike(const char *a, const char *b);

#endif
