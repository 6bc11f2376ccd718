/* edges.h - where brightness jumps along a row, a bit for each pixel.
 *
 *     struct edges edges = { 0 };
 *     edges_find(&edges, &luma, scale) for each picture; edges_release();
 *
 * Letters are made of upright strokes, and each of them jumps twice. Bars, underlines and the upper
 * and lower sides of boxes do not show at all. The two directions are kept apart: two texts in one
 * place then have little in common. */
#ifndef TAKEUP_READING_EDGES_H
#define TAKEUP_READING_EDGES_H

#include "reading/plane.h"

#include <stdbool.h>

/* Row y begins at word y * words; pixel x is bit x % 64 of word x / 64. */
struct edges {
    int width, height, words;
    uint64_t *rising, *falling; /* it gets brighter, darker, from left to right */
};

/* Of the picture made smaller by `scale` (1, 2, 3 …), each pixel the mean of scale x scale of its.
 * 0, or -ENOMEM. */
int edges_find(struct edges *edges, const struct luma *luma, int scale);
/* 0, or -ENOMEM. */
int edges_copy(struct edges *edges, const struct edges *from);
void edges_release(struct edges *edges);
/* All rows, so many further down; what comes in is empty. */
void edges_move(struct edges *edges, int down);

/* The scale at which text is looked for: about 720 rows are left (or columns, upright), never more
 * than 1080. */
int edges_scale(int width, int height);

#endif
