/* look.c - which pixels are letters? Every pixel is bright, dark or ground; of bright and dark one
 * is the letters:
 *
 * - What fills the margin is the ground, so the other one is the letters: plain text on a page.
 * - Where both are there and the margin is neither, one lies inside the other: letters with an
 *   outline. The inner one is the letters.
 * - Otherwise, whichever has more of an outline: strokes have a lot of it.
 *
 * On a moving ground only pixels that stand still are bright or dark. */
#include "reading/look.h"

#include <errno.h>
#include <stdlib.h>

enum {
    STILL = 40,        /* a pixel that changes by less stands still */
    MOVING_SHARE = 24, /* one part in so many moves: it is a moving ground */
    CONTRAST_MIN = 20, /* between letters and ground */
    FLAT = 24,         /* the margin's brightness spreads by no more: a flat ground */
    SHUT_IN = 50,      /* percent of the columns */
    EXCESS = 8,        /* percent: more than chance */
};

/* ---- levels ---- */

static void count_level(struct histogram *histogram, uint8_t level)
{
    histogram->counts[level]++;
    histogram->total++;
}

/* The level below which `percent` of them lie. */
static int level_at(const struct histogram *histogram, int percent)
{
    int64_t wanted = (int64_t)histogram->total * percent / 100, seen = 0;
    for (int level = 0; level < 256; level++) {
        seen += histogram->counts[level];
        if (seen > wanted)
            return level;
    }
    return 255;
}

/* The level around which most of them lie; false: there is none. */
static bool find_common(const struct histogram *histogram, int *ret_level)
{
    int best = 0, level = 0;
    for (int from = 0, sum = 0; from < 256; from++) {
        sum +=
            histogram->counts[from] - (from >= FLAT / 2 ? histogram->counts[from - FLAT / 2] : 0);
        if (sum > best) {
            best = sum;
            level = from - FLAT / 4;
        }
    }
    if (best * 2 <= histogram->total)
        return false;
    *ret_level = level;
    return true;
}

static bool is_inside(const struct rect *rect, int x, int y)
{
    return x >= rect->x && y >= rect->y && x < rect->x + rect->width && y < rect->y + rect->height;
}

/* ---- classes ---- */

static bool is_still(const struct strip *strip, size_t at)
{
    return strip->most[at] - strip->least[at] < STILL;
}

/* Compression lets the soft edges of letters tremble, but these are thin. */
static bool is_moving(const struct strip *strip, int x, int y)
{
    enum { AROUND = 2 };
    int width = strip->place.width;
    size_t at = (size_t)y * (size_t)width + (size_t)x, down = AROUND * (size_t)width;
    if (x < AROUND || y < AROUND || x + AROUND >= width || y + AROUND >= strip->place.height)
        return false;
    return !is_still(strip, at) && !is_still(strip, at - AROUND) && !is_still(strip, at + AROUND) &&
           !is_still(strip, at - down) && !is_still(strip, at + down);
}

static bool has_moving_ground(const struct look *look)
{
    const struct rect *core = &look->core;
    int moving = 0;
    for (int y = core->y; y < core->y + core->height; y++)
        for (int x = core->x; x < core->x + core->width; x++)
            moving += is_moving(look->strip, x, y);
    return moving * MOVING_SHARE > core->width * core->height;
}

/* On anything but a flat ground every pixel counts as it was at its darkest (or brightest): a
 * ground that moves slowly moves, too. */
static void look_at_ground(struct look *look)
{
    const struct strip *strip = look->strip;
    struct histogram inside = { 0 };
    for (int y = 0, at = 0; y < strip->place.height; y++)
        for (int x = 0; x < strip->place.width; x++, at++)
            count_level(is_inside(&look->core, x, y) ? &inside : &look->margin, strip->last[at]);
    look->ground = level_at(&look->margin, 50);
    look->is_moving = has_moving_ground(look);
    look->is_flat = !look->is_moving && look->margin.total > 0 &&
                    level_at(&look->margin, 85) - level_at(&look->margin, 15) <= FLAT;
    look->is_page = look->is_flat;
    if (!look->is_flat && !look->is_moving) /* a box that ends close to the letters */
        look->is_flat = find_common(&inside, &look->ground);
    look->is_moving = !look->is_flat;
}

static void look_levels(struct look *look)
{
    const struct strip *strip = look->strip;
    look_at_ground(look);
    for (int y = 0, at = 0; y < strip->place.height; y++)
        for (int x = 0; x < strip->place.width; x++, at++) {
            if (!is_inside(&look->core, x, y) || (look->is_moving && !is_still(strip, (size_t)at)))
                continue;
            count_level(&look->bright, look->is_moving ? strip->least[at] : strip->last[at]);
            count_level(&look->dark, look->is_moving ? strip->most[at] : strip->last[at]);
        }
    int high = level_at(&look->bright, 97), low = level_at(&look->dark, 3);
    look->bright_from = high - (high - low) * 3 / 10;
    look->dark_to = low + (high - low) * 3 / 10;
    if (look->is_flat) {
        int above = high - look->ground, below = look->ground - low;
        look->bright_from = above < CONTRAST_MIN ? 256 : look->ground + above / 2;
        look->dark_to = below < CONTRAST_MIN ? -1 : look->ground - below / 2;
    }
}

static int find_class(const struct look *look, size_t at)
{
    const struct strip *strip = look->strip;
    if (look->is_moving && !is_still(strip, at))
        return GROUND;
    if ((look->is_moving ? strip->least[at] : strip->last[at]) >= look->bright_from)
        return BRIGHT;
    return (look->is_moving ? strip->most[at] : strip->last[at]) <= look->dark_to ? DARK : GROUND;
}

static int class_at(const struct look *look, int x, int y)
{
    return look->classes[y * look->strip->place.width + x];
}

/* Borders are counted along rows, over a pixel between: letters have soft edges. Ground is only
 * ground when it lasts; else it is the slope between the two. */
static void count_borders(struct look *look, int y)
{
    int width = look->strip->place.width, before = class_at(look, 0, y);
    for (int x = 0; x < width; x++) {
        int class = class_at(look, x, y);
        if (class == before ||
            (class == GROUND && x + 2 < width && class_at(look, x + 2, y) != GROUND))
            continue;
        look->borders[before][class]++;
        before = class;
    }
}

static void look_classes(struct look *look)
{
    const struct rect *place = &look->strip->place;
    for (int y = 0, at = 0; y < place->height; y++)
        for (int x = 0; x < place->width; x++, at++) {
            int class = find_class(look, (size_t)at);
            look->classes[at] = (uint8_t) class;
            (is_inside(&look->core, x, y) ? look->pixels : look->margin_of)[class]++;
        }
    for (int y = 0; y < place->height; y++)
        count_borders(look, y);
}

static int contacts(const struct look *look, int a, int b)
{
    return look->borders[a][b] + look->borders[b][a];
}

struct flood {
    const struct look *look;
    uint8_t *reached;
    int *stack, depth;
};

static void flood_to(struct flood *flood, int wall, int at)
{
    if (flood->reached[at] || flood->look->classes[at] == wall)
        return;
    flood->reached[at] = 1;
    flood->stack[flood->depth++] = at;
}

/* What can be reached from the border of the strip without crossing the class `wall`. */
static void flood_from_outside(struct flood *flood, int wall)
{
    int width = flood->look->strip->place.width, height = flood->look->strip->place.height;
    for (int at = 0; at < width * height; at++)
        if (at < width || at >= width * (height - 1) || at % width == 0 || at % width == width - 1)
            flood_to(flood, wall, at);
    while (flood->depth > 0) {
        int at = flood->stack[--flood->depth], x = at % width;
        if (x > 0)
            flood_to(flood, wall, at - 1);
        if (x + 1 < width)
            flood_to(flood, wall, at + 1);
        if (at >= width)
            flood_to(flood, wall, at - width);
        if (at + width < width * height)
            flood_to(flood, wall, at + width);
    }
}

/* In how many of the columns, in percent, `wall` shuts something in: in most of them it is the
 * outline of letters or the ground around them; the holes of letters are in fewer. 0 without
 * memory. */
static int shut_in(const struct look *look, int wall)
{
    const struct strip *strip = look->strip;
    size_t size = (size_t)strip->place.width * (size_t)strip->place.height;
    struct flood flood = { look, calloc(size + 1, 1), malloc((size + 1) * sizeof(int)), 0 };
    int columns = 0;
    if (flood.reached && flood.stack)
        flood_from_outside(&flood, wall);
    for (int x = look->core.x; flood.reached && flood.stack && x < look->core.x + look->core.width;
         x++) {
        int pixels = 0;
        for (int y = look->core.y; y < look->core.y + look->core.height; y++) {
            size_t at = (size_t)y * (size_t)strip->place.width + (size_t)x;
            pixels += !flood.reached[at] && look->classes[at] != wall;
        }
        columns += pixels > 1;
    }
    free(flood.reached);
    free(flood.stack);
    return columns * 100 / look->core.width;
}

/* By how many percent more of the core it fills than of the margin. Letters lie in the core, what
 * stands still by chance lies anywhere, and in so many pieces that it has much of an outline. */
static int excess(const struct look *look, int class)
{
    int inside = 0, outside = 0;
    for (int i = 0; i < CLASSES; i++) {
        inside += look->pixels[i];
        outside += look->margin_of[i];
    }
    return look->pixels[class] * 100 / int_max(1, inside) -
           look->margin_of[class] * 100 / int_max(1, outside);
}

/* Next to nothing of one class is where the letters are: on an even ground it is the other one,
 * whatever lies around the box in which they stand. */
static bool is_lone(const struct look *look, int class, int other)
{
    enum { TIMES = 50 };
    return look->is_flat && look->pixels[class] > TIMES * look->pixels[other];
}

/* It borders on the other class more than on the ground. */
static bool is_inside_other(const struct look *look, int class)
{
    int other = class == BRIGHT ? DARK : BRIGHT;
    int between = contacts(look, class, other), ground = contacts(look, class, GROUND);
    return between * 10 > (between + ground) * 5;
}

static bool is_bright_text(const struct look *look)
{
    if (is_lone(look, BRIGHT, DARK) || is_lone(look, DARK, BRIGHT))
        return look->pixels[BRIGHT] > look->pixels[DARK];
    int by_dark = shut_in(look, DARK), by_bright = shut_in(look, BRIGHT);
    if (int_max(by_dark, by_bright) >= SHUT_IN)
        return by_dark > by_bright;
    const int *margin = look->margin_of;
    int all = margin[GROUND] + margin[BRIGHT] + margin[DARK];
    if (margin[BRIGHT] * 10 > all * 6)
        return false;
    if (margin[DARK] * 10 > all * 6)
        return true;
    if (look->pixels[BRIGHT] * 8 < look->pixels[DARK] && !look->is_moving)
        return false;
    if (look->pixels[DARK] * 8 < look->pixels[BRIGHT] && !look->is_moving)
        return true;
    int bright = contacts(look, BRIGHT, GROUND), dark = contacts(look, DARK, GROUND);
    bool bright_inside = is_inside_other(look, BRIGHT), dark_inside = is_inside_other(look, DARK);
    if (bright_inside != dark_inside)
        return bright_inside;
    int by_bright_excess = excess(look, BRIGHT) - excess(look, DARK);
    if (!bright_inside && abs(by_bright_excess) >= EXCESS)
        return by_bright_excess > 0;
    return bright_inside ? bright <= dark : bright >= dark;
}

int look_level(const struct look *look, const uint8_t *from, int class)
{
    const struct strip *strip = look->strip;
    struct histogram levels = { 0 };
    for (int y = 0, at = 0; y < strip->place.height; y++)
        for (int x = 0; x < strip->place.width; x++, at++)
            if (is_inside(&look->core, x, y) && look->classes[at] == class)
                count_level(&levels, from[at]);
    return level_at(&levels, 50);
}

int look_ground(const struct look *look, const uint8_t *from)
{
    const struct strip *strip = look->strip;
    struct histogram levels = { 0 };
    if (look->is_flat)
        return look->ground;
    for (int y = 0, at = 0; y < strip->place.height; y++)
        for (int x = 0; x < strip->place.width; x++, at++)
            if (is_inside(&look->core, x, y) && look->classes[at] != look->letters)
                count_level(&levels, from[at]);
    return level_at(&levels, 50);
}

/* Letters that stand out from the ground by an outline, which ends where they end. */
static bool is_outlined(const struct look *look)
{
    int class = look->letters, other = look_other(look);
    int rim = contacts(look, class, other), ground = contacts(look, class, GROUND);
    const int *margin = look->margin_of, *core = look->pixels;
    double around = margin[other] / (1.0 + margin[GROUND] + margin[class] + margin[other]);
    double within = core[other] / (1.0 + core[GROUND] + core[class] + core[other]);
    return !look->is_flat && rim * 10 > (rim + ground) * 7 && around * 3 < within;
}

int look_at(struct look *look, const struct strip *strip, struct rect core)
{
    size_t size = (size_t)strip->place.width * (size_t)strip->place.height;
    *look = (struct look){ .strip = strip };
    look->core =
        (struct rect){ core.x - strip->place.x, core.y - strip->place.y, core.width, core.height };
    look->classes = calloc(size + 1, 1);
    if (!look->classes)
        return -ENOMEM;
    look_levels(look);
    look_classes(look);
    look->letters = is_bright_text(look) ? BRIGHT : DARK;
    look->is_outlined = is_outlined(look);
    look->is_inside = is_inside_other(look, look->letters);
    return 0;
}

void look_release(struct look *look)
{
    free(look->classes);
    *look = (struct look){ 0 };
}
