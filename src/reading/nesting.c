/* nesting.c - from the border inwards, one depth after the other. A pixel that is met from another
 * of its kind has its depth, one that is met across a border waits for the next. */
#include "reading/nesting.h"

#include "reading/plane.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { UNKNOWN = NESTING_MAX };

struct stack {
    int *items;
    int count;
};

struct walk {
    const uint8_t *classes;
    int width, height, wall;
    uint8_t *depth;
    struct stack here, next; /* at this depth, and those that may be at the next one */
};

static bool is_wall(const struct walk *walk, int at)
{
    return walk->classes[at] == walk->wall;
}

/* A pixel may be met from several sides before its turn comes; the first one counts. */
static void meet(struct walk *walk, int at, int depth)
{
    if (walk->depth[at] != UNKNOWN)
        return;
    bool is_here = is_wall(walk, at) == (depth % 2 == 1);
    struct stack *stack = is_here ? &walk->here : &walk->next;
    walk->depth[at] = (uint8_t)(is_here ? depth : depth + 1);
    stack->items[stack->count++] = at;
}

static void walk_border(struct walk *walk)
{
    int width = walk->width, size = width * walk->height;
    for (int at = 0; at < size; at++)
        if (at < width || at >= size - width || at % width == 0 || at % width == width - 1)
            meet(walk, at, 0);
}

static void walk_depth(struct walk *walk, int depth)
{
    int width = walk->width, size = width * walk->height;
    while (walk->here.count > 0) {
        int at = walk->here.items[--walk->here.count], x = at % width;
        if (x > 0)
            meet(walk, at - 1, depth);
        if (x + 1 < width)
            meet(walk, at + 1, depth);
        if (at >= width)
            meet(walk, at - width, depth);
        if (at + width < size)
            meet(walk, at + width, depth);
    }
}

int nesting_find(const uint8_t *classes, int width, int height, int wall, uint8_t *ret_depth)
{
    size_t size = (size_t)width * (size_t)height;
    struct walk walk = { classes, width, height, wall, ret_depth, { 0 }, { 0 } };
    walk.here.items = malloc((size + 1) * sizeof(int));
    walk.next.items = malloc((size + 1) * sizeof(int));
    int r = walk.here.items && walk.next.items ? 0 : -ENOMEM;
    if (r == 0) {
        memset(ret_depth, UNKNOWN, size);
        walk_border(&walk);
    }
    for (int depth = 0; r == 0 && walk.here.count + walk.next.count > 0; depth++) {
        walk_depth(&walk, depth);
        struct stack empty = walk.here;
        walk.here = walk.next;
        walk.next = empty;
    }
    free(walk.here.items);
    free(walk.next.items);
    return r;
}
