/* cut.c - cells of 8 x 8 pixels that hold enough bits are joined along the row, over the gaps
 * between letters and words; what then touches is a block, and each block is cut on its own. So the
 * cost depends on what has changed, and what lies elsewhere never disturbs a block's empty rows. */
#include "reading/cut.h"

#include "base/mem.h"
#include "reading/bits.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    CELL = 8,           /* a byte of a word */
    CELL_BITS = 5,      /* fewer are no stroke */
    JOIN_CELLS = 3,     /* so wide may a gap be that is bridged */
    ROW_SHARE = 24,     /* a row is empty that has less than one part in so many of the fullest */
    COLUMN_HEIGHTS = 2, /* a gap of so many line heights parts columns, */
    COLUMN_GAP = 64,    /* or of so many pixels */
    LINE_MIN = 6,       /* rows */
    SLIM_MAX = 6,       /* times as high as wide is no letter, but the side of a box */
    VALLEY_MIN = 8,     /* rows of each of two lines that touch */
};

void cut_release(struct cut_lines *lines)
{
    free(lines->rects);
    *lines = (struct cut_lines){ 0 };
}

static void add(struct cut_lines *lines, struct rect rect)
{
    if (lines->count == lines->size) {
        lines->size = lines->size ? 2 * lines->size : 32;
        lines->rects = mem_resize(lines->rects, lines->size, sizeof(*lines->rects));
    }
    lines->rects[lines->count++] = rect;
}

/* ---- bits ---- */

/* The bits of word w, one of those that they touch, that lie from x0 to before x1. */
static uint64_t mask_between(int w, int x0, int x1)
{
    int from = int_max(x0 - w * 64, 0), to = int_min(x1 - w * 64, 64);
    uint64_t mask = to == 64 ? ~UINT64_C(0) : (UINT64_C(1) << to) - 1;
    return mask & ~((UINT64_C(1) << from) - 1);
}

static int row_count(const struct bitmap *bitmap, const struct rect *rect, int y)
{
    const uint64_t *row = bitmap->bits + (size_t)y * (size_t)bitmap->words;
    int count = 0;
    for (int w = rect->x / 64; w * 64 < rect->x + rect->width; w++)
        count += bits_in(row[w] & mask_between(w, rect->x, rect->x + rect->width));
    return count;
}

/* Which columns have a bit; out: a row's words. */
static void columns_of(const struct bitmap *bitmap, const struct rect *rect, uint64_t *out)
{
    memset(out, 0, sizeof(*out) * (size_t)bitmap->words);
    for (int y = rect->y; y < rect->y + rect->height; y++) {
        const uint64_t *row = bitmap->bits + (size_t)y * (size_t)bitmap->words;
        for (int w = rect->x / 64; w * 64 < rect->x + rect->width; w++)
            out[w] |= row[w] & mask_between(w, rect->x, rect->x + rect->width);
    }
}

static bool has_column(const uint64_t *columns, int x)
{
    return columns[x / 64] >> (x % 64) & 1;
}

/* ---- cutting a block ---- */

struct block {
    const struct bitmap *bitmap;
    struct cut_lines *lines;
    uint64_t *columns; /* room for one row */
    int *counts;       /* room for one count a row */
};

struct span {
    int from, to;
};

static void cut_rect(struct block *block, struct rect rect);

/* Without the empty rows and columns around it; false: it is empty. */
static bool tighten(const struct block *block, struct rect *rect)
{
    while (rect->height > 0 && row_count(block->bitmap, rect, rect->y) == 0)
        rect->y++, rect->height--;
    while (rect->height > 0 && row_count(block->bitmap, rect, rect->y + rect->height - 1) == 0)
        rect->height--;
    columns_of(block->bitmap, rect, block->columns);
    while (rect->width > 0 && !has_column(block->columns, rect->x))
        rect->x++, rect->width--;
    while (rect->width > 0 && !has_column(block->columns, rect->x + rect->width - 1))
        rect->width--;
    return rect->width > 0 && rect->height > 0;
}

/* Runs of rows that are not empty; at most `max`. */
static int find_bands(const struct block *block, const struct rect *rect, struct span *bands,
                      int max)
{
    int peak = 0, count = 0;
    for (int y = 0; y < rect->height; y++) {
        block->counts[y] = row_count(block->bitmap, rect, rect->y + y);
        peak = int_max(peak, block->counts[y]);
    }
    bool inside = false;
    for (int y = 0; y < rect->height; y++) {
        bool full = block->counts[y] * ROW_SHARE > peak;
        if (full && !inside && count < max)
            bands[count++] = (struct span){ y, y };
        if (full && count > 0)
            bands[count - 1].to = y + 1;
        inside = full;
    }
    return count;
}

/* The dots of a line without tall letters stand apart from it; they are no line. */
static int join_dots(struct span *bands, int count)
{
    int kept = 0;
    for (int i = 0; i < count; i++) {
        int height = bands[i].to - bands[i].from;
        int below = i + 1 < count ? bands[i + 1].to - bands[i + 1].from : 0;
        if (below && height * 3 <= below && (bands[i + 1].from - bands[i].to) * 3 <= below) {
            bands[i + 1].from = bands[i].from;
            continue;
        }
        bands[kept++] = bands[i];
    }
    return kept;
}

static bool cut_rows(struct block *block, const struct rect *rect)
{
    enum { BANDS_MAX = 256 };
    struct span bands[BANDS_MAX] = { { 0, 0 } };
    int count = join_dots(bands, find_bands(block, rect, bands, BANDS_MAX));
    if (count == 1 && bands[0].to - bands[0].from == rect->height)
        return false;
    for (int i = 0; i < count; i++)
        cut_rect(block, (struct rect){ rect->x, rect->y + bands[i].from, rect->width,
                                       bands[i].to - bands[i].from });
    return true;
}

static bool cut_columns(struct block *block, const struct rect *rect)
{
    struct span widest = { 0, 0 };
    int right = rect->x + rect->width, from = rect->x;
    columns_of(block->bitmap, rect, block->columns);
    for (int x = rect->x; x < right; x++) {
        if (!has_column(block->columns, x))
            continue;
        if (x - from > widest.to - widest.from)
            widest = (struct span){ from, x };
        from = x + 1;
    }
    if (widest.to - widest.from < int_min(COLUMN_HEIGHTS * rect->height, COLUMN_GAP))
        return false;
    cut_rect(block, (struct rect){ rect->x, rect->y, widest.from - rect->x, rect->height });
    cut_rect(block, (struct rect){ widest.to, rect->y, right - widest.to, rect->height });
    return true;
}

/* Lines so close that tails and tall letters share rows: the emptiest row between two full ones. */
static bool cut_valley(struct block *block, const struct rect *rect)
{
    int best = -1, height = rect->height;
    for (int y = 0; y < height; y++)
        block->counts[y] = row_count(block->bitmap, rect, rect->y + y);
    for (int y = VALLEY_MIN; y < height - VALLEY_MIN; y++) {
        int above = 0, below = 0;
        for (int i = int_max(0, y - 3 * VALLEY_MIN); i < y; i++)
            above = int_max(above, block->counts[i]);
        for (int i = y + 1; i < int_min(height, y + 3 * VALLEY_MIN); i++)
            below = int_max(below, block->counts[i]);
        if (block->counts[y] * 5 < int_min(above, below) &&
            (best < 0 || block->counts[y] < block->counts[best]))
            best = y;
    }
    if (best < 0)
        return false;
    cut_rect(block, (struct rect){ rect->x, rect->y, rect->width, best });
    cut_rect(block, (struct rect){ rect->x, rect->y + best, rect->width, height - best });
    return true;
}

/* How wide something narrow is that stands apart at one end, with the gap behind it; 0: there is
 * nothing such. */
static int bar_width(const struct block *block, const struct rect *rect, bool is_left)
{
    enum { BAR_WIDTH = 6, BAR_GAP = 4 };
    int edge = is_left ? rect->x : rect->x + rect->width - 1, step = is_left ? 1 : -1;
    int gap = 0, width = 0;
    for (; width < rect->width && gap < BAR_GAP; width++)
        gap = has_column(block->columns, edge + width * step) ? 0 : gap + 1;
    return gap < BAR_GAP || width - gap > BAR_WIDTH ? 0 : width;
}

/* Above and below: a tall letter ends where the others end, or a long tail. */
static bool sticks_out(const struct block *block, struct rect bar, const struct rect *rest)
{
    int least = int_max(2, rest->height / 8);
    return tighten(block, &bar) && bar.y + least <= rest->y &&
           bar.y + bar.height >= rest->y + rest->height + least;
}

/* The upright sides of a box stand higher than the text between them. Both are looked at at once:
 * beside one side the other would seem to be a letter as high. What is left is wider than high,
 * else it is the inside of one large letter. */
static bool trim_bars(const struct block *block, struct rect *rect)
{
    columns_of(block->bitmap, rect, block->columns);
    int left = bar_width(block, rect, true), right = bar_width(block, rect, false);
    int from = rect->x + left, to = rect->x + rect->width - right;
    struct rect rest = { from, rect->y, to - from, rect->height };
    if (left + right == 0 || rest.width <= 0 || !tighten(block, &rest) || rest.width <= rest.height)
        return false;
    struct rect left_bar = { rect->x, rect->y, left, rect->height };
    struct rect right_bar = { to, rect->y, right, rect->height };
    left = sticks_out(block, left_bar, &rest) ? left : 0;
    right = sticks_out(block, right_bar, &rest) ? right : 0;
    *rect = (struct rect){ rect->x + left, rect->y, rect->width - left - right, rect->height };
    return left + right > 0 && tighten(block, rect);
}

static void cut_rect(struct block *block, struct rect rect)
{
    if (!tighten(block, &rect))
        return;
    while (trim_bars(block, &rect))
        ;
    if (cut_rows(block, &rect) || cut_columns(block, &rect) || cut_valley(block, &rect))
        return;
    if (rect.height >= LINE_MIN && rect.height <= block->bitmap->height / 3 &&
        rect.height <= rect.width * SLIM_MAX)
        add(block->lines, rect);
}

/* ---- blocks ---- */

enum { EMPTY, FULL, BRIDGE, DONE };

struct cells {
    int width, height;
    uint8_t *cells;
    int *stack;
};

/* Of each byte, the bits in it. */
static uint64_t byte_counts(uint64_t word)
{
    word -= word >> 1 & 0x5555555555555555U;
    word = (word & 0x3333333333333333U) + (word >> 2 & 0x3333333333333333U);
    return (word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fU;
}

/* False: there is none. */
static bool find_full(const struct bitmap *bitmap, struct cells *cells)
{
    bool found = false;
    for (int cy = 0; cy < cells->height; cy++) {
        int bottom = int_min(bitmap->height, (cy + 1) * CELL);
        for (int w = 0; w < bitmap->words; w++) {
            uint64_t sums = 0;
            for (int y = cy * CELL; y < bottom; y++) {
                uint64_t word = bitmap->bits[(size_t)y * (size_t)bitmap->words + (size_t)w];
                sums += word ? byte_counts(word) : 0;
            }
            for (int i = 0; sums != 0; i++, sums >>= 8) {
                bool full = (sums & 255) >= CELL_BITS;
                cells->cells[cy * cells->width + w * 8 + i] = full ? FULL : EMPTY;
                found |= full;
            }
        }
    }
    return found;
}

static void bridge(struct cells *cells)
{
    for (int cy = 0; cy < cells->height; cy++) {
        uint8_t *row = cells->cells + (ptrdiff_t)cy * cells->width;
        int last = -JOIN_CELLS - 2;
        for (int cx = 0; cx < cells->width; cx++) {
            if (row[cx] != FULL)
                continue;
            if (cx - last - 1 <= JOIN_CELLS)
                for (int i = last + 1; i < cx; i++)
                    row[i] = BRIDGE;
            last = cx;
        }
    }
}

/* Copies the bits of the block at this cell; its cells are done. What is around it, in pixels. */
static struct rect flood(const struct bitmap *from, struct bitmap *to, struct cells *cells, int at)
{
    int left = cells->width, top = cells->height, right = 0, bottom = 0, depth = 0;
    cells->stack[depth++] = at;
    cells->cells[at] = DONE;
    while (depth > 0) {
        at = cells->stack[--depth];
        int cx = at % cells->width, cy = at / cells->width;
        left = int_min(left, cx), right = int_max(right, cx + 1);
        top = int_min(top, cy), bottom = int_max(bottom, cy + 1);
        uint64_t mask = UINT64_C(255) << (cx % 8 * 8);
        for (int y = cy * CELL; y < int_min(from->height, (cy + 1) * CELL); y++) {
            size_t word = (size_t)y * (size_t)from->words + (size_t)(cx / 8);
            to->bits[word] |= from->bits[word] & mask;
        }
        for (int dy = -1; dy <= 1; dy++)
            for (int dx = -1; dx <= 1; dx++) {
                int x = cx + dx, y = cy + dy;
                if (x < 0 || y < 0 || x >= cells->width || y >= cells->height)
                    continue;
                uint8_t *next = &cells->cells[y * cells->width + x];
                if (*next != FULL && *next != BRIDGE)
                    continue;
                *next = DONE;
                cells->stack[depth++] = y * cells->width + x;
            }
    }
    return (struct rect){ left * CELL, top * CELL, (right - left) * CELL, (bottom - top) * CELL };
}

static void clear(struct bitmap *bitmap, const struct rect *rect)
{
    for (int y = rect->y; y < int_min(bitmap->height, rect->y + rect->height); y++)
        memset(bitmap->bits + (size_t)y * (size_t)bitmap->words + rect->x / 64, 0,
               sizeof(uint64_t) * (size_t)((rect->x + rect->width + 63) / 64 - rect->x / 64));
}

static void cut_blocks(const struct bitmap *bitmap, struct cells *cells, struct cut_lines *lines)
{
    size_t words = (size_t)bitmap->words * (size_t)bitmap->height;
    struct bitmap own = { bitmap->width, bitmap->height, bitmap->words, mem_zero(words, 8) };
    struct block block = { &own, lines, mem_zero((size_t)bitmap->words, 8),
                           mem_zero((size_t)bitmap->height, sizeof(int)) };
    const struct rect whole = { 0, 0, bitmap->width, bitmap->height };
    cells->stack = mem_zero((size_t)cells->width * (size_t)cells->height, sizeof(*cells->stack));
    for (int i = 0; i < cells->width * cells->height; i++) {
        if (cells->cells[i] != FULL)
            continue;
        struct rect rect = flood(bitmap, &own, cells, i);
        cut_rect(&block, rect_common(rect, whole));
        clear(&own, &rect);
    }
    free(own.bits);
    free(block.columns);
    free(block.counts);
    free(cells->stack);
}

void cut_find(const struct bitmap *bitmap, struct cut_lines *lines)
{
    struct cells cells = { bitmap->words * 8, (bitmap->height + CELL - 1) / CELL, NULL, NULL };
    cells.cells = mem_zero((size_t)cells.width * (size_t)cells.height, 1);
    if (find_full(bitmap, &cells)) {
        bridge(&cells);
        cut_blocks(bitmap, &cells, lines);
    }
    free(cells.cells);
}
