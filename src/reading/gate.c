/* gate.c - compression and cameras change every sample of every frame a little; a letter changes a
 * few samples by a lot. So a sample counts only when it differs by more than noise does, and a cell
 * only when a stroke's worth of its samples count. One cell is enough: a digit that ticks may be no
 * larger.
 *
 * Brightness that goes up and down as a whole (flicker, the start of a GOP) is taken out first: the
 * mean difference over the frame is no change, as long as it is small. */
#include "reading/gate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    CELL = 8,         /* pixels a side: about a small letter */
    NOISE = 40,       /* a sample that differs by less is the same */
    CELL_SAMPLES = 5, /* so many others make a cell another one: a stroke of a small letter */
    FLICKER = 12,     /* a frame's mean may differ by this and is levelled */
    SAMPLE_STEP = 4,  /* for the mean, one in so many rows and columns */
};

static int mean_difference(const struct gate *gate, const struct luma *luma)
{
    int64_t sum = 0, count = 0;
    for (int y = 0; y < luma->height; y += SAMPLE_STEP) {
        const uint8_t *row = luma->data + (ptrdiff_t)y * luma->stride;
        const uint8_t *kept = gate->kept + (ptrdiff_t)y * gate->width;
        for (int x = 0; x < luma->width; x += SAMPLE_STEP, count++)
            sum += row[x] - kept[x];
    }
    int mean = count ? (int)(sum / count) : 0;
    return abs(mean) <= FLICKER ? mean : 0;
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

static bool cell_changes(const struct gate *gate, const struct luma *luma, int x0, int y0,
                         int level)
{
    int x1 = min_int(x0 + CELL, luma->width), y1 = min_int(y0 + CELL, luma->height), count = 0;
    for (int y = y0; y < y1; y++) {
        const uint8_t *row = luma->data + (ptrdiff_t)y * luma->stride;
        const uint8_t *kept = gate->kept + (ptrdiff_t)y * gate->width;
        for (int x = x0; x < x1; x++)
            count += abs(row[x] - kept[x] - level) > NOISE;
    }
    return count >= CELL_SAMPLES;
}

bool gate_changes(const struct gate *gate, const struct luma *luma)
{
    if (!gate->kept || gate->width != luma->width || gate->height != luma->height)
        return true;
    int level = mean_difference(gate, luma);
    for (int y = 0; y < luma->height; y += CELL)
        for (int x = 0; x < luma->width; x += CELL)
            if (cell_changes(gate, luma, x, y, level))
                return true;
    return false;
}

int gate_keep(struct gate *gate, const struct luma *luma)
{
    size_t size = (size_t)luma->width * (size_t)luma->height;
    if (!gate->kept || gate->width != luma->width || gate->height != luma->height) {
        gate_release(gate);
        gate->kept = malloc(size ? size : 1);
        if (!gate->kept)
            return -ENOMEM;
        gate->width = luma->width;
        gate->height = luma->height;
    }
    for (int y = 0; y < luma->height; y++)
        memcpy(gate->kept + (size_t)y * (size_t)luma->width,
               luma->data + (ptrdiff_t)y * luma->stride, (size_t)luma->width);
    return 0;
}

void gate_release(struct gate *gate)
{
    free(gate->kept);
    *gate = (struct gate){ 0 };
}
