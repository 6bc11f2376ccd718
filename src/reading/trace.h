/* trace.h - the edges of one line of text, cut out of a picture's, and whether another picture has
 * them too. */
#ifndef TAKEUP_READING_TRACE_H
#define TAKEUP_READING_TRACE_H

#include "reading/edges.h"

#include <stdbool.h>

/* Columns are looked at in groups of 8, a byte of a word. */
struct trace {
    struct rect box;            /* in pixels of the edges */
    int first_word, words;      /* of each row */
    uint64_t *rising, *falling; /* box.height * words each */
    uint16_t *own;              /* bits of each group; words * 8 */
    unsigned total;
};

/* How much of it another picture has. */
struct trace_match {
    unsigned kept;   /* of trace.total */
    unsigned groups; /* that have bits enough to tell, */
    unsigned lost;   /* and of these, the ones that are gone */
};

/* The bits that all of `count` pictures (1 to 3) have in the box. */
void trace_init(struct trace *trace, struct rect box, const struct edges *const *edges, int count);
void trace_release(struct trace *trace);

/* Only what this picture has too remains. */
void trace_erode(struct trace *trace, const struct edges *edges);
/* The same line, `down` rows further down. */
struct trace_match trace_match(const struct trace *trace, const struct edges *edges, int down);
/* Only the total, and only each `step`th row. */
unsigned trace_kept(const struct trace *trace, const struct edges *edges, int down, int step);
/* Groups in which all of the pictures have many bits that the trace has not. */
unsigned trace_gained(const struct trace *trace, const struct edges *const *edges, int count);
/* Bits in the box, outside the trace, that one of the two has and the other has not. */
unsigned trace_flicker(const struct trace *trace, const struct edges *a, const struct edges *b);
/* The smallest box around its bits. */
struct rect trace_extent(const struct trace *trace);

#endif
