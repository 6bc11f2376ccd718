/* islands.c - from the border inwards, the highest place that was reached goes on first: so each
 * pixel is reached once, on the best way to it. */
#include "reading/islands.h"

#include "reading/plane.h"

#include <errno.h>
#include <stdlib.h>

enum { LEVELS = 256, NONE = -1 };

struct flood {
    const uint8_t *height_of;
    uint8_t *rise;
    int *next;         /* the one behind it of those that were reached at its level */
    uint8_t *mouths;   /* of one side: the lowest place of the mouth that begins there */
    uint8_t *reached;  /* 1: it was */
    int first[LEVELS]; /* of those that were reached at this level; NONE: there are no more */
};

/* Over a way whose lowest place has this level. */
static void reach(struct flood *flood, int at, int level)
{
    if (flood->reached[at])
        return;
    level = int_min(level, flood->height_of[at]);
    flood->reached[at] = 1;
    flood->rise[at] = (uint8_t)(flood->height_of[at] - level);
    flood->next[at] = flood->first[level];
    flood->first[level] = at;
}

/* A side of the image. */
struct side {
    int first, step, count; /* its pixels */
};

/* Each pixel counts as high as the best mouth that it is a part of: peaks that are narrower count
 * as what lies beside them. */
static void flood_side(struct flood *flood, struct side side, int mouth)
{
    int wide = int_max(1, int_min(mouth, side.count));
    for (int from = 0; from <= side.count - wide; from++) {
        int least = LEVELS - 1;
        for (int i = from; i < from + wide; i++)
            least = int_min(least, flood->height_of[side.first + i * side.step]);
        flood->mouths[from] = (uint8_t)least;
    }
    for (int i = 0; i < side.count; i++) {
        int level = 0;
        for (int from = int_max(0, i - wide + 1); from <= int_min(i, side.count - wide); from++)
            level = int_max(level, flood->mouths[from]);
        reach(flood, side.first + i * side.step, level);
    }
}

static void flood_border(struct flood *flood, int width, int height, int mouth)
{
    flood_side(flood, (struct side){ 0, 1, width }, mouth);
    flood_side(flood, (struct side){ (height - 1) * width, 1, width }, mouth);
    flood_side(flood, (struct side){ 0, width, height }, mouth);
    flood_side(flood, (struct side){ width - 1, width, height }, mouth);
}

static void flood_inwards(struct flood *flood, int width, int height)
{
    for (int level = LEVELS - 1; level >= 0; level--)
        while (flood->first[level] != NONE) {
            int at = flood->first[level], x = at % width, y = at / width;
            flood->first[level] = flood->next[at];
            if (x > 0)
                reach(flood, at - 1, level);
            if (x + 1 < width)
                reach(flood, at + 1, level);
            if (y > 0)
                reach(flood, at - width, level);
            if (y + 1 < height)
                reach(flood, at + width, level);
        }
}

int islands_find(const uint8_t *height_of, int width, int height, int mouth, uint8_t *ret_rise)
{
    size_t size = (size_t)width * (size_t)height;
    struct flood flood = { .height_of = height_of };
    flood.rise = ret_rise;
    flood.next = malloc((size + 1) * sizeof(*flood.next));
    flood.reached = calloc(size + 1, 1);
    flood.mouths = malloc((size_t)int_max(width, height) + 1);
    int r = flood.next && flood.reached && flood.mouths ? 0 : -ENOMEM;
    for (int level = 0; level < LEVELS; level++)
        flood.first[level] = NONE;
    if (r == 0 && size > 0) {
        flood_border(&flood, width, height, mouth);
        flood_inwards(&flood, width, height);
    }
    free(flood.next);
    free(flood.reached);
    free(flood.mouths);
    return r;
}
