#include "reading/ink.h"

#include "base/mem.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    INK_MIN = 110,   /* less hangs together with nothing */
    INK_FULL = 160,  /* some pixel of each letter is as dark as that */
    HALO = 2,        /* pixels around a letter that are its soft edge */
    THICK_MORE = 2,  /* so many pixels, */
    THICK_TIMES = 2, /* and so many times, thicker than the median is no letter */
};

/* ---- cleaning ---- */

struct blot {
    int first, pixels; /* in cleaner.order */
    struct rect box;
    int darkest;
    int thickness; /* half the width of its thickest stroke */
    bool is_letter;
};

struct cleaner {
    struct ink *ink;
    struct rect core;
    const uint8_t *rim;
    uint8_t *depth; /* of each pixel: how far it is to paper; 0: paper */
    uint8_t *seen;
    int *order; /* the pixels of the first blot, then those of the second … */
    struct blot *blots;
    int count, size;
};

/* By steps to any of the eight neighbours, from the upper left, then from the lower right. */
static void measure_depth(struct cleaner *cleaner)
{
    int width = cleaner->ink->width, height = cleaner->ink->height;
    uint8_t *depth = cleaner->depth;
    for (int at = 0; at < width * height; at++)
        depth[at] = cleaner->ink->ink[at] >= INK_MIN ? 255 : 0;
    for (int pass = 0; pass < 2; pass++)
        for (int i = 0; i < width * height; i++) {
            int at = pass == 0 ? i : width * height - 1 - i, x = at % width, y = at / width;
            int back = pass == 0 ? -1 : 1, least = depth[at];
            const int dx[4] = { back, -1, 0, 1 }, dy[4] = { 0, back, back, back };
            for (int k = 0; least > 0 && k < 4; k++) {
                int nx = x + dx[k], ny = y + dy[k];
                bool inside = nx >= 0 && ny >= 0 && nx < width && ny < height;
                least = int_min(least, inside ? depth[ny * width + nx] + 1 : 1);
            }
            depth[at] = (uint8_t)least;
        }
}

/* The pixels that hang together with this one; `first` of them are in other blots. */
static struct blot find_blot(struct cleaner *cleaner, int at, int first)
{
    const struct ink *ink = cleaner->ink;
    int left = ink->width, top = ink->height, right = 0, bottom = 0, count = first;
    struct blot blot = { .first = first };
    cleaner->order[count++] = at;
    cleaner->seen[at] = 1;
    for (int done = first; done < count; done++) {
        at = cleaner->order[done];
        int x = at % ink->width, y = at / ink->width;
        left = int_min(left, x), right = int_max(right, x + 1);
        top = int_min(top, y), bottom = int_max(bottom, y + 1);
        blot.darkest = int_max(blot.darkest, ink->ink[at]);
        blot.thickness = int_max(blot.thickness, cleaner->depth[at]);
        const int next[4] = { x > 0 ? at - 1 : -1, x + 1 < ink->width ? at + 1 : -1,
                              y > 0 ? at - ink->width : -1,
                              y + 1 < ink->height ? at + ink->width : -1 };
        for (int i = 0; i < 4; i++)
            if (next[i] >= 0 && !cleaner->seen[next[i]] && cleaner->depth[next[i]] > 0) {
                cleaner->seen[next[i]] = 1;
                cleaner->order[count++] = next[i];
            }
    }
    blot.box = (struct rect){ left, top, right - left, bottom - top };
    blot.pixels = count - first;
    return blot;
}

static void find_blots(struct cleaner *cleaner)
{
    int pixels = 0;
    for (int at = 0; at < cleaner->ink->width * cleaner->ink->height; at++) {
        if (cleaner->seen[at] || cleaner->depth[at] == 0)
            continue;
        if (cleaner->count == cleaner->size) {
            cleaner->size = cleaner->size ? 2 * cleaner->size : 64;
            cleaner->blots =
                mem_resize(cleaner->blots, (size_t)cleaner->size, sizeof(*cleaner->blots));
        }
        struct blot blot = find_blot(cleaner, at, pixels);
        cleaner->blots[cleaner->count++] = blot;
        pixels += blot.pixels;
    }
}

static bool is_sized(const struct cleaner *cleaner, const struct blot *blot)
{
    return blot->box.height * 3 >= cleaner->core.height;
}

/* Of the blots that are as high as a small letter; all: also of those that are none. */
static int median_thickness(const struct cleaner *cleaner, bool all)
{
    int counts[256] = { 0 }, total = 0, seen = 0;
    for (int i = 0; i < cleaner->count; i++)
        if (is_sized(cleaner, &cleaner->blots[i]) && (all || cleaner->blots[i].is_letter)) {
            counts[cleaner->blots[i].thickness]++;
            total++;
        }
    for (int thickness = 0; thickness < 256; thickness++)
        if ((seen += counts[thickness]) * 2 > total)
            return thickness;
    return 255;
}

/* Is most of its border on the outline? */
static bool has_rim(const struct cleaner *cleaner, const struct blot *blot)
{
    int width = cleaner->ink->width, height = cleaner->ink->height, border = 0, rimmed = 0;
    for (int i = blot->first; i < blot->first + blot->pixels; i++) {
        int x = cleaner->order[i] % width, y = cleaner->order[i] / width;
        if (cleaner->depth[cleaner->order[i]] > 1)
            continue;
        bool found = false;
        for (int ny = int_max(0, y - HALO); ny <= int_min(height - 1, y + HALO); ny++)
            for (int nx = int_max(0, x - HALO); nx <= int_min(width - 1, x + HALO); nx++)
                found |= cleaner->rim[ny * width + nx];
        border++;
        rimmed += found;
    }
    return rimmed * 2 > border;
}

/* The side of a box, or a corner of it: wide, and next to nothing of it is ink. */
static bool is_frame(const struct cleaner *cleaner, const struct blot *blot)
{
    return blot->box.width > 3 * cleaner->core.height &&
           blot->pixels * 10 < blot->box.width * blot->box.height;
}

/* A dot and a comma lie at the rim of the core; what belongs to another line, or to a box, lies
 * beyond it and goes on outside the image. */
static bool is_beyond(const struct cleaner *cleaner, const struct blot *blot)
{
    const struct rect *box = &blot->box, *core = &cleaner->core;
    bool is_cut = box->y <= 1 || box->y + box->height == cleaner->ink->height;
    bool is_aside = box->x + box->width <= core->x || box->x >= core->x + core->width;
    int inside = int_min(box->y + box->height, core->y + core->height) - int_max(box->y, core->y);
    return inside * 2 <= box->height ? is_cut || box->width > core->height : is_cut && is_aside;
}

static bool is_letter(const struct cleaner *cleaner, const struct blot *blot, int thickness)
{
    bool is_thick =
        blot->thickness > thickness * THICK_TIMES && blot->thickness > thickness + THICK_MORE;
    return blot->darkest >= INK_FULL && !is_thick && !is_frame(cleaner, blot) &&
           !is_beyond(cleaner, blot) && (!cleaner->rim || has_rim(cleaner, blot));
}

static void find_letters(struct cleaner *cleaner)
{
    int thickness = median_thickness(cleaner, true);
    for (int i = 0; i < cleaner->count; i++)
        cleaner->blots[i].is_letter = is_letter(cleaner, &cleaner->blots[i], thickness);
}

/* Is one of the eight pixels around it a letter's, or of its edge, and no fainter? */
static bool is_downhill(const struct cleaner *cleaner, int at, int step)
{
    int width = cleaner->ink->width, height = cleaner->ink->height, x = at % width, y = at / width;
    for (int ny = int_max(0, y - 1); ny <= int_min(height - 1, y + 1); ny++)
        for (int nx = int_max(0, x - 1); nx <= int_min(width - 1, x + 1); nx++) {
            int seen = cleaner->seen[ny * width + nx];
            if (seen && seen <= step && cleaner->ink->ink[ny * width + nx] >= cleaner->ink->ink[at])
                return true;
        }
    return false;
}

/* The soft edge of a letter gets fainter with each pixel; what is darker again is something else.
 */
static void mark_edges(struct cleaner *cleaner, int step)
{
    int size = cleaner->ink->width * cleaner->ink->height;
    for (int at = 0; at < size; at++)
        if (!cleaner->seen[at] && cleaner->ink->ink[at] && is_downhill(cleaner, at, step))
            cleaner->seen[at] = (uint8_t)(step + 1);
}

static void wipe(struct cleaner *cleaner)
{
    size_t size = (size_t)cleaner->ink->width * (size_t)cleaner->ink->height;
    memset(cleaner->seen, 0, size);
    for (int i = 0; i < cleaner->count; i++) {
        const struct blot *blot = &cleaner->blots[i];
        for (int k = blot->first; k < blot->first + blot->pixels; k++)
            if (blot->is_letter)
                cleaner->seen[cleaner->order[k]] = 1;
            else
                cleaner->ink->ink[cleaner->order[k]] = 0;
    }
    for (int step = 1; step <= HALO; step++)
        mark_edges(cleaner, step);
    for (size_t at = 0; at < size; at++)
        if (!cleaner->seen[at])
            cleaner->ink->ink[at] = 0;
}

static struct letters measure_letters(const struct cleaner *cleaner)
{
    struct letters letters = { .height = cleaner->core.height };
    int left = cleaner->ink->width, right = 0;
    for (int i = 0; i < cleaner->count; i++) {
        const struct rect *box = &cleaner->blots[i].box;
        if (!cleaner->blots[i].is_letter || !is_sized(cleaner, &cleaner->blots[i]))
            continue;
        letters.count += int_max(1, box->width / letters.height);
        letters.widths += box->width;
        letters.tallest = int_max(letters.tallest, box->height);
        left = int_min(left, box->x);
        right = int_max(right, box->x + box->width);
    }
    letters.width = int_max(right - left, 0);
    letters.thickness = median_thickness(cleaner, false);
    return letters;
}

int ink_clean(struct ink *ink, struct rect core, const uint8_t *rim, struct letters *ret_letters)
{
    size_t size = (size_t)ink->width * (size_t)ink->height;
    struct cleaner cleaner = { .ink = ink, .core = core, .rim = rim };
    cleaner.depth = malloc(size + 1);
    cleaner.seen = calloc(size + 1, 1);
    cleaner.order = malloc((size + 1) * sizeof(*cleaner.order));
    int r = cleaner.depth && cleaner.seen && cleaner.order ? 0 : -ENOMEM;
    if (r == 0) {
        measure_depth(&cleaner);
        find_blots(&cleaner);
        find_letters(&cleaner);
        wipe(&cleaner);
        *ret_letters = measure_letters(&cleaner);
    }
    free(cleaner.depth);
    free(cleaner.seen);
    free(cleaner.order);
    free(cleaner.blots);
    return r;
}

/* ---- size ---- */

enum { ONE = 1 << 14 };

/* For each pixel of the target: `taps` pixels of the source from `first` on, and their shares of
 * ONE. */
struct axis {
    int from, count, taps;
    int *first, *shares;
};

static double catmull_rom(double x)
{
    x = fabs(x);
    if (x < 1)
        return 1 - 2.5 * x * x + 1.5 * x * x * x;
    return x < 2 ? 2 - 4 * x + 2.5 * x * x - 0.5 * x * x * x : 0;
}

/* Where an image gets smaller the curve is as much wider. */
static void axis_init(struct axis *axis, int from, int count)
{
    double scale = (double)count / from, wide = scale < 1 ? 1 / scale : 1;
    *axis = (struct axis){ .from = from, .count = count, .taps = (int)ceil(4 * wide) + 1 };
    axis->first = mem_zero((size_t)count + 1, sizeof(int));
    axis->shares = mem_zero((size_t)count * (size_t)axis->taps + 1, sizeof(int));
    for (int at = 0; at < count; at++) {
        double center = (at + 0.5) / scale - 0.5, sum = 0;
        int *shares = &axis->shares[at * axis->taps];
        axis->first[at] = (int)ceil(center - 2 * wide);
        for (int i = 0; i < axis->taps; i++)
            sum += catmull_rom((axis->first[at] + i - center) / wide);
        for (int i = 0; i < axis->taps; i++)
            shares[i] = (int)lrint(catmull_rom((axis->first[at] + i - center) / wide) / sum * ONE);
    }
}

static void axis_release(struct axis *axis)
{
    free(axis->first);
    free(axis->shares);
}

/* from_step, to_step: from one pixel to the next. */
static void resample(const struct axis *axis, const uint8_t *from, size_t from_step, uint8_t *to,
                     size_t to_step)
{
    for (int at = 0; at < axis->count; at++) {
        const int *shares = &axis->shares[at * axis->taps];
        int sum = ONE / 2;
        for (int i = 0; i < axis->taps; i++) {
            int place = int_max(0, int_min(axis->from - 1, axis->first[at] + i));
            sum += shares[i] * from[(size_t)place * from_step];
        }
        to[(size_t)at * to_step] = (uint8_t)int_max(0, int_min(255, sum / ONE));
    }
}

/* 0, or -ENOMEM. */
static int resize(const struct ink *ink, int width, int height, uint8_t *to, size_t to_stride)
{
    struct axis across, down;
    uint8_t *rows = calloc((size_t)width * (size_t)ink->height + 1, 1);
    if (!rows)
        return -ENOMEM;
    axis_init(&across, ink->width, width);
    axis_init(&down, ink->height, height);
    for (int y = 0; y < ink->height; y++)
        resample(&across, ink->ink + (size_t)y * (size_t)ink->width, 1,
                 rows + (size_t)y * (size_t)width, 1);
    for (int x = 0; x < width; x++)
        resample(&down, rows + x, (size_t)width, to + x, to_stride);
    axis_release(&across);
    axis_release(&down);
    free(rows);
    return 0;
}

uint8_t *ink_print(const struct ink *ink, double scale, int margin, int *ret_width, int *ret_height)
{
    int width = int_max(1, (int)lrint(ink->width * scale));
    int height = int_max(1, (int)lrint(ink->height * scale));
    size_t wide = (size_t)width + 2 * (size_t)margin;
    size_t size = wide * ((size_t)height + 2 * (size_t)margin);
    uint8_t *out = calloc(size + 1, 1);
    if (!out || resize(ink, width, height, out + wide * (size_t)margin + margin, wide) < 0) {
        free(out);
        return NULL;
    }
    for (size_t at = 0; at < size; at++)
        out[at] = (uint8_t)(255 - out[at]);
    *ret_width = width + 2 * margin;
    *ret_height = height + 2 * margin;
    return out;
}
