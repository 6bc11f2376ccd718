/* order.c - a cut into columns, then rows, then columns again (a recursive X-Y cut), but for what
 * it cuts first: not the widest gap, which would tear a table into its columns, but the longest run
 * of rows through which a gap goes that parts columns. What is above it, its left part, its right
 * part and what is below are ordered each on its own. */
#include "reading/order.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum {
    TABLE_SHARE = 66,  /* percent of the rows that line up: the two sides are read along them */
    BLOCK_ROWS = 2,    /* of a block beside another, at least */
    TEXT_ROWS = 3,     /* of a column of running text, at least */
    TEXT_HEIGHTS = 10, /* so many times as wide as a line is high, at least */
    FULL_WIDTH = 75,   /* percent of the column's width: a full row; */
    FULL_ROWS = 60,    /* percent of its rows are */
};

/* Columns of the picture, from `from` up to `to`. */
struct span {
    int from, to;
};

/* What a run of rows covers; what no line height parts is one. From left to right. */
struct spans {
    struct span *items;
    size_t count;
    bool has_joined; /* a gap has closed with what was added last */
};

/* Rows from `from` up to `to`, and the column at which they are parted. */
struct run {
    size_t from, to, boxes;
    int at;
};

/* A part of the boxes, by rows. */
struct part {
    const struct rect *boxes;
    size_t *order, count; /* numbers of boxes */
    size_t *rows;         /* where in order[] each begins, and behind the last one */
    size_t row_count;
    int height; /* of a line */
};

/* ---- rows ---- */

static bool is_behind(const struct rect *a, const struct rect *b)
{
    return rect_same_row(*a, *b) ? a->x > b->x : a->y > b->y;
}

/* By insertion: being in one row is not transitive, so no faster sort is sure to end well. */
static void sort_rows(struct part *part)
{
    for (size_t i = 1; i < part->count; i++) {
        size_t number = part->order[i], at = i;
        for (; at > 0 && is_behind(&part->boxes[part->order[at - 1]], &part->boxes[number]); at--)
            part->order[at] = part->order[at - 1];
        part->order[at] = number;
    }
}

static const struct rect *box_at(const struct part *part, size_t i)
{
    return &part->boxes[part->order[i]];
}

static int by_size(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

static int median_height(const struct part *part)
{
    int *heights = mem_zero(part->count + 1, sizeof(*heights));
    for (size_t i = 0; i < part->count; i++)
        heights[i] = box_at(part, i)->height;
    qsort(heights, part->count, sizeof(*heights), by_size);
    int height = heights[part->count / 2];
    free(heights);
    return height;
}

static void find_rows(struct part *part)
{
    sort_rows(part);
    part->height = median_height(part);
    part->rows = mem_zero(part->count + 1, sizeof(*part->rows));
    for (size_t i = 0; i < part->count; i++)
        if (i == 0 || !rect_same_row(*box_at(part, i - 1), *box_at(part, i)))
            part->rows[part->row_count++] = i;
    part->rows[part->row_count] = part->count;
}

/* ---- what is covered ---- */

static void cover(struct spans *spans, const struct rect *box, int gap)
{
    struct span own = { box->x, box->x + box->width };
    size_t first = 0, last;
    while (first < spans->count && spans->items[first].to + gap <= own.from)
        first++;
    for (last = first; last < spans->count && spans->items[last].from < own.to + gap; last++) {
        own.from = int_min(own.from, spans->items[last].from);
        own.to = int_max(own.to, spans->items[last].to);
    }
    spans->has_joined |= last > first + 1;
    memmove(&spans->items[first + 1], &spans->items[last],
            (spans->count - last) * sizeof(*spans->items));
    spans->count = spans->count + 1 - (last - first);
    spans->items[first] = own;
}

/* ---- columns ---- */

/* Of a run, what lies on one side of the cut. */
struct side {
    struct rect around;
    size_t rows, full_rows;
};

static bool is_on_side(const struct rect *box, const struct run *run, bool is_left)
{
    return (box->x < run->at) == is_left;
}

/* The boxes of a row on one side; false: there is none. */
static bool row_extent(const struct part *part, size_t row, const struct run *run, bool is_left,
                       struct rect *ret_extent)
{
    bool found = false;
    for (size_t i = part->rows[row]; i < part->rows[row + 1]; i++) {
        const struct rect *box = box_at(part, i);
        if (!is_on_side(box, run, is_left))
            continue;
        *ret_extent = found ? rect_around(*ret_extent, *box) : *box;
        found = true;
    }
    return found;
}

static struct side measure(const struct part *part, const struct run *run, bool is_left)
{
    struct side side = { 0 };
    struct rect extent;
    for (size_t row = run->from; row < run->to; row++)
        if (row_extent(part, row, run, is_left, &extent))
            side.around = side.rows++ ? rect_around(side.around, extent) : extent;
    for (size_t row = run->from; row < run->to; row++)
        if (row_extent(part, row, run, is_left, &extent))
            side.full_rows += extent.width * 100 >= side.around.width * FULL_WIDTH;
    return side;
}

static size_t common_rows(const struct part *part, const struct run *run)
{
    size_t common = 0;
    struct rect extent;
    for (size_t row = run->from; row < run->to; row++)
        common +=
            row_extent(part, row, run, true, &extent) && row_extent(part, row, run, false, &extent);
    return common;
}

static bool is_running_text(const struct part *part, const struct side *side)
{
    return side->rows >= TEXT_ROWS && side->around.width >= TEXT_HEIGHTS * part->height &&
           side->full_rows * 100 >= side->rows * FULL_ROWS;
}

static bool parts_columns(const struct part *part, const struct run *run)
{
    struct side left = measure(part, run, true), right = measure(part, run, false);
    size_t fewer = left.rows < right.rows ? left.rows : right.rows;
    struct rect beside = { 0, int_max(left.around.y, right.around.y), 0, 0 };
    beside.height =
        int_min(left.around.y + left.around.height, right.around.y + right.around.height) -
        beside.y;
    if (fewer < BLOCK_ROWS || 2 * beside.height < int_min(left.around.height, right.around.height))
        return false;
    return common_rows(part, run) * 100 < fewer * TABLE_SHARE ||
           (is_running_text(part, &left) && is_running_text(part, &right));
}

static void try_gaps(const struct part *part, const struct spans *spans, struct run run,
                     struct run *best)
{
    run.boxes = part->rows[run.to] - part->rows[run.from];
    for (size_t i = 0; i + 1 < spans->count && run.boxes > best->boxes; i++) {
        run.at = spans->items[i].to;
        if (parts_columns(part, &run))
            *best = run;
    }
}

/* A run is at its longest when the next row would close a gap. */
static void try_runs(const struct part *part, size_t from, struct spans *spans,
                     struct spans *before, struct run *best)
{
    spans->count = 0;
    for (size_t to = from; to < part->row_count; to++) {
        memcpy(before->items, spans->items, spans->count * sizeof(*spans->items));
        before->count = spans->count;
        spans->has_joined = false;
        for (size_t i = part->rows[to]; i < part->rows[to + 1]; i++)
            cover(spans, box_at(part, i), part->height);
        if (spans->has_joined)
            try_gaps(part, before, (struct run){ .from = from, .to = to }, best);
    }
    try_gaps(part, spans, (struct run){ .from = from, .to = part->row_count }, best);
}

/* boxes: 0 when there is none. */
static struct run find_run(const struct part *part)
{
    struct run best = { 0 };
    struct spans spans = { mem_zero(part->count + 1, sizeof(*spans.items)), 0, false };
    struct spans before = { mem_zero(part->count + 1, sizeof(*spans.items)), 0, false };
    for (size_t from = 0; from < part->row_count; from++)
        try_runs(part, from, &spans, &before, &best);
    free(spans.items);
    free(before.items);
    return best;
}

/* ---- order ---- */

/* What is left of the cut comes first, else all stays in its order. How many they are. */
static size_t part_sides(const struct part *part, const struct run *run)
{
    size_t from = part->rows[run->from], left = 0, right = 0;
    size_t *rights = mem_zero(run->boxes, sizeof(*rights));
    for (size_t i = from; i < from + run->boxes; i++)
        if (is_on_side(box_at(part, i), run, true))
            part->order[from + left++] = part->order[i];
        else
            rights[right++] = part->order[i];
    memcpy(&part->order[from + left], rights, right * sizeof(*rights));
    free(rights);
    return left;
}

/* Each call has fewer boxes than the one it is made from. */
static void order_part(const struct rect *boxes, size_t *order, size_t count)
{
    if (count < 2)
        return;
    struct part part = { .boxes = boxes, .order = order, .count = count };
    find_rows(&part);
    struct run run = find_run(&part);
    if (run.boxes > 0) {
        size_t from = part.rows[run.from], to = from + run.boxes;
        size_t left = part_sides(&part, &run);
        order_part(boxes, order, from);
        order_part(boxes, order + from, left);
        order_part(boxes, order + from + left, run.boxes - left);
        order_part(boxes, order + to, count - to);
    }
    free(part.rows);
}

void order_boxes(const struct rect *boxes, size_t count, size_t *ret_order)
{
    for (size_t i = 0; i < count; i++)
        ret_order[i] = i;
    order_part(boxes, ret_order, count);
}
