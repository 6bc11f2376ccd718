#include "reading/edges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    JUMP = 28, /* between two pixels, one left out: more than compression adds to flat ground */
    SIDE_MAX = 720, /* letters of 8 pixels in 1080 rows still have their strokes at half of it */
};

int edges_scale(int width, int height)
{
    int side = int_min(width, height);
    return int_max(1, (side + SIDE_MAX / 2 - 1) / SIDE_MAX);
}

void edges_release(struct edges *edges)
{
    free(edges->rising);
    free(edges->falling);
    *edges = (struct edges){ 0 };
}

static int resize(struct edges *edges, int width, int height)
{
    if (edges->rising && edges->width == width && edges->height == height)
        return 0;
    edges_release(edges);
    int words = (width + 63) / 64;
    size_t count = (size_t)words * (size_t)height;
    edges->rising = calloc(count + 1, sizeof(*edges->rising));
    edges->falling = calloc(count + 1, sizeof(*edges->falling));
    if (!edges->rising || !edges->falling) {
        edges_release(edges);
        return -ENOMEM;
    }
    edges->width = width;
    edges->height = height;
    edges->words = words;
    return 0;
}

int edges_copy(struct edges *edges, const struct edges *from)
{
    if (resize(edges, from->width, from->height) < 0)
        return -ENOMEM;
    size_t size = (size_t)from->words * (size_t)from->height * sizeof(*from->rising);
    memcpy(edges->rising, from->rising, size);
    memcpy(edges->falling, from->falling, size);
    return 0;
}

static void move_rows(uint64_t *bits, size_t words, int height, int down)
{
    int rows = height - abs(down);
    size_t kept = rows > 0 ? words * (size_t)rows : 0, gone = words * (size_t)height - kept;
    if (down > 0) {
        memmove(bits + gone, bits, kept * sizeof(*bits));
        memset(bits, 0, gone * sizeof(*bits));
    } else {
        memmove(bits, bits + gone, kept * sizeof(*bits));
        memset(bits + kept, 0, gone * sizeof(*bits));
    }
}

void edges_move(struct edges *edges, int down)
{
    move_rows(edges->rising, (size_t)edges->words, edges->height, down);
    move_rows(edges->falling, (size_t)edges->words, edges->height, down);
}

/* Bit i: whether byte i of the eight is 1; each is 0 or 1. */
static uint64_t pack8(const uint8_t *flags)
{
    uint64_t bytes;
    memcpy(&bytes, flags, sizeof(bytes));
    return (bytes * 0x0102040810204080U) >> 56;
}

static void pack_row(const uint8_t *flags, uint64_t *row, int words)
{
    for (int w = 0; w < words; w++, flags += 64) {
        uint64_t word = 0;
        for (int i = 0; i < 8; i++)
            word |= pack8(flags + i * 8) << (i * 8);
        row[w] = word;
    }
}

/* One row of the picture made smaller. sums: room for luma->width. */
static void shrink_row(const struct luma *luma, int scale, int y, uint16_t *sums, uint8_t *out,
                       int width)
{
    memset(sums, 0, sizeof(*sums) * (size_t)luma->width);
    for (int i = 0; i < scale; i++) {
        const uint8_t *row = luma_row(luma, y * scale + i);
        for (int x = 0; x < luma->width; x++)
            sums[x] = (uint16_t)(sums[x] + row[x]);
    }
    uint32_t part = 65536 / (uint32_t)(scale * scale);
    for (int x = 0; x < width; x++) {
        uint32_t sum = 0;
        for (int i = 0; i < scale; i++)
            sum += sums[x * scale + i];
        out[x] = (uint8_t)((sum * part) >> 16);
    }
}

/* In bytes throughout, so that a vector holds as many as it can: as differences of int each pixel
 * takes four times the room. */
static uint8_t is_jump(uint8_t from, uint8_t to)
{
    uint8_t higher = to > from ? to : from, jump = (uint8_t)(higher - from);
    return jump >= JUMP;
}

static void find_row(const uint8_t *restrict row, int width, uint8_t *restrict rising,
                     uint8_t *restrict falling)
{
    for (int x = 1; x < width - 1; x++) {
        rising[x] = is_jump(row[x - 1], row[x + 1]);
        falling[x] = is_jump(row[x + 1], row[x - 1]);
    }
}

int edges_find(struct edges *edges, const struct luma *luma, int scale)
{
    int width = luma->width / scale, height = luma->height / scale;
    if (resize(edges, width, height) < 0)
        return -ENOMEM;
    size_t padded = (size_t)edges->words * 64;
    uint8_t *rows = calloc(3 * padded + 2 * (size_t)luma->width + 64, 1);
    if (!rows)
        return -ENOMEM;
    uint8_t *rising = rows, *falling = rows + padded, *small = rows + 2 * padded;
    uint16_t *sums = (uint16_t *)(void *)(rows + 3 * padded);
    for (int y = 0; y < height; y++) {
        const uint8_t *row = luma_row(luma, y);
        if (scale > 1) {
            shrink_row(luma, scale, y, sums, small, width);
            row = small;
        }
        find_row(row, width, rising, falling);
        pack_row(rising, edges->rising + (size_t)y * (size_t)edges->words, edges->words);
        pack_row(falling, edges->falling + (size_t)y * (size_t)edges->words, edges->words);
    }
    free(rows);
    return 0;
}
