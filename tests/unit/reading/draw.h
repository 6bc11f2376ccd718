/* draw.h - small pictures for the tests of reading/: grounds, and letters made of strokes on them.
 *
 * The letters are 5 by 7 dots, a dot is `scale` by `scale` pixels, and a text goes on every 6 dots.
 * All is the same each time. */
#ifndef TAKEUP_TEST_DRAW_H
#define TAKEUP_TEST_DRAW_H

#include "test.h"

#include "reading/plane.h"

#include <stdbool.h>
#include <string.h>

enum {
    DRAW_WIDTH = 333, /* neither a multiple of 64 nor the stride */
    DRAW_HEIGHT = 200,
    DRAW_STRIDE = 352,
    DRAW_DOTS_HIGH = 7,
    DRAW_DOTS_WIDE = 6, /* with the gap behind the letter */
};

struct drawing {
    uint8_t pixels[DRAW_HEIGHT][DRAW_STRIDE];
};

static inline struct luma draw_luma(const struct drawing *drawing)
{
    return (struct luma){ drawing->pixels[0], DRAW_WIDTH, DRAW_HEIGHT, DRAW_STRIDE };
}

/* ---- grounds ---- */

/* Behind each row lies something that must not be seen. */
static inline void draw_flat(struct drawing *drawing, int level)
{
    memset(drawing->pixels, level, sizeof(drawing->pixels));
    for (int y = 0; y < DRAW_HEIGHT; y++)
        for (int x = DRAW_WIDTH; x < DRAW_STRIDE; x++)
            drawing->pixels[y][x] = x % 2 ? 255 : 0;
}

static inline void draw_rect(struct drawing *drawing, struct rect rect, int level)
{
    for (int y = int_max(0, rect.y); y < int_min(DRAW_HEIGHT, rect.y + rect.height); y++)
        for (int x = int_max(0, rect.x); x < int_min(DRAW_WIDTH, rect.x + rect.width); x++)
            drawing->pixels[y][x] = (uint8_t)level;
}

static inline void draw_gradient(struct drawing *drawing)
{
    draw_flat(drawing, 0);
    for (int y = 0; y < DRAW_HEIGHT; y++)
        for (int x = 0; x < DRAW_WIDTH; x++)
            drawing->pixels[y][x] = (uint8_t)((x + y) * 255 / (DRAW_WIDTH + DRAW_HEIGHT));
}

static inline void draw_checks(struct drawing *drawing, int side)
{
    draw_flat(drawing, 0);
    for (int y = 0; y < DRAW_HEIGHT; y++)
        for (int x = 0; x < DRAW_WIDTH; x++)
            drawing->pixels[y][x] = (x / side + y / side) % 2 ? 210 : 40;
}

/* A number of its own for each place. */
static inline uint32_t draw_hash(int x, int y, int z)
{
    uint32_t h = (uint32_t)x * 0x9e3779b1U + (uint32_t)y * 0x85ebca77U + (uint32_t)z * 0xc2b2ae3dU;
    h = (h ^ h >> 15) * 0x2c1b3c6dU;
    h = (h ^ h >> 12) * 0x297a2d39U;
    return h ^ h >> 15;
}

/* Spots of some pixels with soft edges, as leaves have, between two levels; moved to the left, and
 * up. */
static inline void draw_leaves_up(struct drawing *drawing, int low, int high, int left, int up)
{
    enum { SPOT = 5 };
    draw_flat(drawing, 0);
    for (int y = 0; y < DRAW_HEIGHT; y++)
        for (int x = 0; x < DRAW_WIDTH; x++) {
            int at = x + left, row = y + up;
            int cx = at / SPOT, cy = row / SPOT, fx = at % SPOT, fy = row % SPOT;
            int corner[4];
            for (int i = 0; i < 4; i++)
                corner[i] = (int)(draw_hash(cx + i % 2, cy + i / 2, 7) % 256);
            int above = corner[0] * (SPOT - fx) + corner[1] * fx;
            int below = corner[2] * (SPOT - fx) + corner[3] * fx;
            int level = (above * (SPOT - fy) + below * fy) / (SPOT * SPOT);
            drawing->pixels[y][x] = (uint8_t)(low + (high - low) * level / 255);
        }
}

static inline void draw_leaves(struct drawing *drawing, int low, int high, int left)
{
    draw_leaves_up(drawing, low, high, left, 0);
}

/* ---- what is done to a whole picture ---- */

static inline uint8_t draw_clamp(int level)
{
    return (uint8_t)int_max(0, int_min(255, level));
}

/* From -amount to amount; another one for each seed. */
static inline void draw_noise(struct drawing *drawing, int amount, int seed)
{
    for (int y = 0; y < DRAW_HEIGHT; y++)
        for (int x = 0; x < DRAW_WIDTH; x++) {
            int by = (int)(draw_hash(x, y, seed) % (uint32_t)(2 * amount + 1)) - amount;
            drawing->pixels[y][x] = draw_clamp(drawing->pixels[y][x] + by);
        }
}

static inline void draw_gain(struct drawing *drawing, int percent, int more)
{
    for (int y = 0; y < DRAW_HEIGHT; y++)
        for (int x = 0; x < DRAW_WIDTH; x++)
            drawing->pixels[y][x] = draw_clamp(drawing->pixels[y][x] * percent / 100 + more);
}

/* ---- letters ---- */

/* Five columns, the uppermost dot is bit 0. */
static inline const uint8_t *draw_glyph(char c)
{
    static const uint8_t digits[10][5] = {
        { 0x3e, 0x51, 0x49, 0x45, 0x3e }, { 0x00, 0x42, 0x7f, 0x40, 0x00 },
        { 0x42, 0x61, 0x51, 0x49, 0x46 }, { 0x21, 0x41, 0x45, 0x4b, 0x31 },
        { 0x18, 0x14, 0x12, 0x7f, 0x10 }, { 0x27, 0x45, 0x45, 0x45, 0x39 },
        { 0x3c, 0x4a, 0x49, 0x49, 0x30 }, { 0x01, 0x71, 0x09, 0x05, 0x03 },
        { 0x36, 0x49, 0x49, 0x49, 0x36 }, { 0x06, 0x49, 0x49, 0x29, 0x1e },
    };
    static const uint8_t capitals[26][5] = {
        { 0x7e, 0x11, 0x11, 0x11, 0x7e }, { 0x7f, 0x49, 0x49, 0x49, 0x36 },
        { 0x3e, 0x41, 0x41, 0x41, 0x22 }, { 0x7f, 0x41, 0x41, 0x22, 0x1c },
        { 0x7f, 0x49, 0x49, 0x49, 0x41 }, { 0x7f, 0x09, 0x09, 0x09, 0x01 },
        { 0x3e, 0x41, 0x49, 0x49, 0x7a }, { 0x7f, 0x08, 0x08, 0x08, 0x7f },
        { 0x00, 0x41, 0x7f, 0x41, 0x00 }, { 0x20, 0x40, 0x41, 0x3f, 0x01 },
        { 0x7f, 0x08, 0x14, 0x22, 0x41 }, { 0x7f, 0x40, 0x40, 0x40, 0x40 },
        { 0x7f, 0x02, 0x0c, 0x02, 0x7f }, { 0x7f, 0x04, 0x08, 0x10, 0x7f },
        { 0x3e, 0x41, 0x41, 0x41, 0x3e }, { 0x7f, 0x09, 0x09, 0x09, 0x06 },
        { 0x3e, 0x41, 0x51, 0x21, 0x5e }, { 0x7f, 0x09, 0x19, 0x29, 0x46 },
        { 0x46, 0x49, 0x49, 0x49, 0x31 }, { 0x01, 0x01, 0x7f, 0x01, 0x01 },
        { 0x3f, 0x40, 0x40, 0x40, 0x3f }, { 0x1f, 0x20, 0x40, 0x20, 0x1f },
        { 0x3f, 0x40, 0x38, 0x40, 0x3f }, { 0x63, 0x14, 0x08, 0x14, 0x63 },
        { 0x07, 0x08, 0x70, 0x08, 0x07 }, { 0x61, 0x51, 0x49, 0x45, 0x43 },
    };
    static const uint8_t point[5] = { 0x60, 0x60, 0, 0, 0 };
    static const uint8_t none[5] = { 0 };
    if (c >= '0' && c <= '9')
        return digits[c - '0'];
    if (c >= 'A' && c <= 'Z')
        return capitals[c - 'A'];
    return c == '.' ? point : none;
}

/* What a text covers, without the gap behind its last letter. */
static inline struct rect draw_extent(int x, int y, int scale, const char *text)
{
    return (struct rect){ x, y, ((int)strlen(text) * DRAW_DOTS_WIDE - 1) * scale,
                          DRAW_DOTS_HIGH * scale };
}

/* Each dot is as much larger, on all sides. */
static inline void draw_bold(struct drawing *drawing, int x, int y, int scale, int more, int level,
                             const char *text)
{
    for (; *text; text++, x += DRAW_DOTS_WIDE * scale)
        for (int i = 0; i < 5 * DRAW_DOTS_HIGH; i++) {
            int column = i / DRAW_DOTS_HIGH, row = i % DRAW_DOTS_HIGH;
            struct rect dot = { x + column * scale - more, y + row * scale - more, scale + 2 * more,
                                scale + 2 * more };
            if (draw_glyph(*text)[column] >> row & 1)
                draw_rect(drawing, dot, level);
        }
}

static inline void draw_text(struct drawing *drawing, int x, int y, int scale, int level,
                             const char *text)
{
    draw_bold(drawing, x, y, scale, 0, level, text);
}

static inline void draw_outlined(struct drawing *drawing, int x, int y, int scale, int level,
                                 int outline, const char *text)
{
    draw_bold(drawing, x, y, scale, 2, outline, text);
    draw_bold(drawing, x, y, scale, 0, level, text);
}

#endif
