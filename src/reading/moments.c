/* moments.c - each point that changed from one picture to the other votes with the square of its
 * change: what is faint or noisy has little to say beside letters that appear. With b and a the
 * levels before and after, a picture p lies sum((p - b)(a - b)) / sum((a - b)^2) of the way. */
#include "reading/moments.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { CHANGE_MIN = 12 /* levels; less is noise of the codec */ };

struct coming {
    int columns, rows;
    size_t count;
    int64_t *start_us; /* of each glance */
    uint8_t *luma;     /* of all, one behind the other */
};

struct moments {
    struct coming all[MOMENTS_PICTURES]; /* the newest first */
};

struct moments *moments_new(void)
{
    return MEM_NEW(struct moments);
}

static void coming_release(struct coming *coming)
{
    free(coming->start_us);
    free(coming->luma);
    *coming = (struct coming){ 0 };
}

void moments_free(struct moments **moments)
{
    struct moments *dead = TAKE(*moments);
    for (int i = 0; dead && i < MOMENTS_PICTURES; i++)
        coming_release(&dead->all[i]);
    free(dead);
}

void moments_add(struct moments *moments, int columns, int rows, const struct glance *glances,
                 size_t count)
{
    size_t points = (size_t)columns * (size_t)rows;
    coming_release(&moments->all[MOMENTS_PICTURES - 1]);
    memmove(&moments->all[1], &moments->all[0], sizeof(moments->all) - sizeof(moments->all[0]));
    struct coming *coming = &moments->all[0];
    *coming = (struct coming){ .columns = columns, .rows = rows, .count = count };
    coming->start_us = mem_zero(count + 1, sizeof(*coming->start_us));
    coming->luma = mem_zero(count + 1, points + 1);
    for (size_t i = 0; i < count; i++) {
        coming->start_us[i] = glances[i].start_us;
        memcpy(coming->luma + i * points, glances[i].luma, points);
    }
}

/* The points in the box; where it is smaller than their distance, the nearest one. */
static struct rect points_in(const struct coming *coming, struct rect box, struct rect whole)
{
    int x0 = box.x * coming->columns / whole.width;
    int y0 = box.y * coming->rows / whole.height;
    int x1 = ((box.x + box.width) * coming->columns + whole.width - 1) / whole.width;
    int y1 = ((box.y + box.height) * coming->rows + whole.height - 1) / whole.height;
    struct rect points = { x0, y0, x1 - x0, y1 - y0 };
    return rect_common(points, (struct rect){ 0, 0, coming->columns, coming->rows });
}

/* How far has picture `at` come from the first to the last one, and how far is all the way? */
static int64_t way_of(const struct coming *coming, struct rect points, size_t at, int64_t *ret_all)
{
    size_t size = (size_t)coming->columns * (size_t)coming->rows;
    const uint8_t *before = coming->luma, *after = coming->luma + (coming->count - 1) * size;
    const uint8_t *here = coming->luma + at * size;
    int64_t all = 0, way = 0;
    for (int y = points.y; y < points.y + points.height; y++)
        for (int x = points.x; x < points.x + points.width; x++) {
            size_t i = (size_t)y * (size_t)coming->columns + (size_t)x;
            int change = after[i] - before[i];
            if (abs(change) < CHANGE_MIN)
                continue;
            all += change * change;
            way += (here[i] - before[i]) * change;
        }
    *ret_all = all;
    return way;
}

bool moments_find(const struct moments *moments, int back, struct rect box, struct rect whole,
                  int64_t *ret_us)
{
    const struct coming *coming = &moments->all[back];
    int64_t all = 0;
    if (coming->count < 2)
        return false;
    struct rect points = points_in(coming, box, whole);
    for (size_t i = 1; i < coming->count; i++)
        if (way_of(coming, points, i, &all) * 2 > all) {
            *ret_us = coming->start_us[i];
            return true;
        }
    return false;
}
