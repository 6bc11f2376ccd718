/* plane.h - what pictures are made of here: planes of luma, and places in them. */
#ifndef TAKEUP_READING_PLANE_H
#define TAKEUP_READING_PLANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A plane of luma, borrowed. */
struct luma {
    const uint8_t *data;
    int width, height;
    int stride; /* bytes from row to row */
};

static inline const uint8_t *luma_row(const struct luma *luma, int y)
{
    return luma->data + (ptrdiff_t)y * luma->stride;
}

struct rect {
    int x, y, width, height;
};

static inline int int_min(int a, int b)
{
    return a < b ? a : b;
}

static inline int int_max(int a, int b)
{
    return a > b ? a : b;
}

static inline struct rect rect_around(struct rect a, struct rect b)
{
    int x = int_min(a.x, b.x), y = int_min(a.y, b.y);
    int right = int_max(a.x + a.width, b.x + b.width);
    int bottom = int_max(a.y + a.height, b.y + b.height);
    return (struct rect){ x, y, right - x, bottom - y };
}

static inline struct rect rect_common(struct rect a, struct rect b)
{
    int x = int_max(a.x, b.x), y = int_max(a.y, b.y);
    int right = int_min(a.x + a.width, b.x + b.width);
    int bottom = int_min(a.y + a.height, b.y + b.height);
    return (struct rect){ x, y, int_max(right - x, 0), int_max(bottom - y, 0) };
}

static inline struct rect rect_scaled(struct rect rect, int scale)
{
    return (struct rect){ rect.x * scale, rect.y * scale, rect.width * scale, rect.height * scale };
}

/* Do the two stand in one row? */
static inline bool rect_same_row(struct rect a, struct rect b)
{
    int rows = int_min(a.y + a.height, b.y + b.height) - int_max(a.y, b.y);
    return rows * 2 > int_min(a.height, b.height);
}

#endif
