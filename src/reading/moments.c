/* moments.c - each point that changed from one picture to the other votes with the square of its
 * change: what is faint or noisy has little to say beside letters that appear. With b and a the
 * levels before and after, a picture p lies sum((p - b)(a - b)) / sum((a - b)^2) of the way. */
#include "reading/moments.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
    CHANGE_MIN = 12, /* levels; less is noise of the codec */
    STEP_MAX = 40,   /* of 100; a fade goes by smaller ones */
};

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

/* The pictures at the ends of some intervals, and where they are compared. */
struct span {
    const uint8_t *before, *after;
    struct rect points;
    int columns;
};

static const uint8_t *glance_at(const struct coming *coming, size_t at)
{
    return coming->luma + at * (size_t)coming->columns * (size_t)coming->rows;
}

/* A frame that was looked at twice makes an interval without glances. False: there are no others,
 * or the pictures had more than one size. */
static bool find_span(const struct moments *moments, int older, int newer, struct rect box,
                      struct rect whole, struct span *ret_span)
{
    const struct coming *first = NULL, *last = NULL;
    for (int back = older; back >= newer; back--) {
        const struct coming *coming = &moments->all[back];
        if (coming->count < 2)
            continue;
        first = first ? first : coming;
        last = coming;
        if (coming->columns != first->columns || coming->rows != first->rows)
            return false;
    }
    if (!first)
        return false;
    *ret_span = (struct span){ .before = glance_at(first, 0),
                               .after = glance_at(last, last->count - 1),
                               .points = points_in(first, box, whole),
                               .columns = first->columns };
    return true;
}

/* How far a picture has come, of 100; 0 as well where the ends do not differ. */
static int way_of(const struct span *span, const uint8_t *here)
{
    int64_t all = 0, way = 0;
    struct rect points = span->points;
    for (int y = points.y; y < points.y + points.height; y++)
        for (int x = points.x; x < points.x + points.width; x++) {
            size_t i = (size_t)y * (size_t)span->columns + (size_t)x;
            int change = span->after[i] - span->before[i];
            if (abs(change) < CHANGE_MIN)
                continue;
            all += change * change;
            way += (here[i] - span->before[i]) * change;
        }
    return all > 0 ? (int)(way * 100 / all) : 0;
}

static bool find_half(const struct moments *moments, const struct span *span, int older, int newer,
                      int64_t *ret_us)
{
    for (int back = older; back >= newer; back--) {
        const struct coming *coming = &moments->all[back];
        for (size_t i = 1; i < coming->count; i++)
            if (way_of(span, glance_at(coming, i)) > 50) {
                *ret_us = coming->start_us[i];
                return true;
            }
    }
    return false;
}

bool moments_find(const struct moments *moments, int interval, struct rect box, struct rect whole,
                  int64_t *ret_us)
{
    struct span span;
    return find_span(moments, interval, interval, box, whole, &span) &&
           find_half(moments, &span, interval, interval, ret_us);
}

/* Of 100, from one glance to the next. */
static int largest_step(const struct moments *moments, const struct span *span, int older)
{
    int largest = 0, before = 0;
    for (int back = older; back >= 0; back--) {
        const struct coming *coming = &moments->all[back];
        for (size_t i = 1; i < coming->count; i++) {
            int way = way_of(span, glance_at(coming, i));
            largest = int_max(largest, way - before);
            before = way;
        }
    }
    return largest;
}

bool moments_find_faded(const struct moments *moments, int interval, int older, struct rect box,
                        struct rect whole, int64_t *ret_us)
{
    struct span span;
    bool is_fade = find_span(moments, older, 0, box, whole, &span) &&
                   largest_step(moments, &span, older) < STEP_MAX;
    return is_fade ? find_half(moments, &span, older, 0, ret_us)
                   : moments_find(moments, interval, box, whole, ret_us);
}
