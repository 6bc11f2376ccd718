/* look.c - every pixel is bright, dark or ground; polarity.c tells which of bright and dark is the
 * letters. On a moving ground only pixels that stand still are bright or dark. */
#include "reading/look.h"

#include "reading/polarity.h"

#include <errno.h>
#include <stdlib.h>

enum {
    STILL = 40,        /* a pixel that changes by less stands still */
    MOVING_SHARE = 24, /* one part in so many moves: it is a moving ground */
    CONTRAST_MIN = 20, /* between letters and ground */
    FLAT = 24,         /* the margin's brightness spreads by no more: a flat ground */
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

static void count_classes(struct look *look)
{
    const struct rect *place = &look->strip->place;
    for (int y = 0, at = 0; y < place->height; y++)
        for (int x = 0; x < place->width; x++, at++)
            (is_inside(&look->core, x, y) ? look->pixels : look->margin_of)[look->classes[at]]++;
    for (int y = 0; y < place->height; y++)
        count_borders(look, y);
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
    int rim = look_contacts(look, class, other), ground = look_contacts(look, class, GROUND);
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
    for (size_t at = 0; at < size; at++)
        look->classes[at] = (uint8_t)find_class(look, at);
    polarity_find_hollow(look);
    count_classes(look);
    look->letters = polarity_is_bright(look) ? BRIGHT : DARK;
    look->is_outlined = is_outlined(look);
    look->is_inside = polarity_is_inside(look, look->letters);
    return 0;
}

void look_release(struct look *look)
{
    free(look->classes);
    *look = (struct look){ 0 };
}
