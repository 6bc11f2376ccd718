/* polarity.c - of bright and dark, one is the letters:
 *
 * - What fills the margin is the ground, so the other one is the letters: plain text on a page.
 * - Where both are there and the margin is neither, one lies inside the other: letters with an
 *   outline. The inner one is the letters.
 * - Otherwise, whichever has more of an outline: strokes have a lot of it. */
#include "reading/polarity.h"

#include "reading/nesting.h"

#include <stdlib.h>

enum {
    SHUT_IN = 50, /* percent of the columns */
    EXCESS = 8,   /* percent: more than chance */
};

/* How deep each pixel lies within a class. NULL: no memory, then nothing is shut in. */
static uint8_t *find_nesting(const struct look *look, int wall)
{
    const struct rect *place = &look->strip->place;
    uint8_t *depth = malloc((size_t)place->width * (size_t)place->height + 1);
    if (depth && nesting_find(look->classes, place->width, place->height, wall, depth) == 0)
        return depth;
    free(depth);
    return NULL;
}

/* In how many of the columns, in percent, `wall` shuts something in: in most of them it is the
 * outline of letters or the ground around them; the holes of letters are in fewer. */
static int shut_in(const struct look *look, const uint8_t *depth, int wall)
{
    int width = look->strip->place.width, columns = 0;
    const struct rect *core = &look->core;
    for (int x = core->x; x < core->x + core->width; x++) {
        int pixels = 0;
        for (int y = core->y; y < core->y + core->height; y++)
            pixels += depth[y * width + x] >= 2 && look->classes[y * width + x] != wall;
        columns += pixels > 1;
    }
    return columns * 100 / core->width;
}

/* Of strokes: across them it is not far to the outline, along rows or along columns. */
static bool is_thin(const uint8_t *depth, const struct rect *place, int x, int y, int most)
{
    int at = y * place->width + x, left = 1, right = 1, above = 1, below = 1;
    while (left <= most && x >= left && depth[at - left] == 2)
        left++;
    while (right <= most && x + right < place->width && depth[at + right] == 2)
        right++;
    while (above <= most && y >= above && depth[at - above * place->width] == 2)
        above++;
    while (below <= most && y + below < place->height && depth[at + below * place->width] == 2)
        below++;
    return left + right - 1 <= most || above + below - 1 <= most;
}

/* Does `wall` shut strokes in nearly wherever there is any of it? Letters without an outline have
 * holes, but not in so many columns, or large ones. */
static bool holds_strokes(const struct look *look, const uint8_t *depth, int wall)
{
    enum { STROKE = 30 /* percent of the height */, COLUMNS = 65 /* percent */ };
    const struct rect *core = &look->core, *place = &look->strip->place;
    int with_wall = 0, with_strokes = 0, most = int_max(2, core->height * STROKE / 100);
    for (int x = core->x; x < core->x + core->width; x++) {
        bool has_wall = false, has_stroke = false;
        for (int y = core->y; y < core->y + core->height; y++) {
            int at = y * place->width + x;
            has_wall |= look->classes[at] == wall;
            has_stroke |= depth[at] == 2 && is_thin(depth, place, x, y, most);
        }
        with_wall += has_wall;
        with_strokes += has_stroke;
    }
    return with_strokes * 100 > with_wall * COLUMNS;
}

/* On a ground as bright as they are letters are seen by their outline alone: then they are what it
 * shuts in, but for the holes of letters, which lie deeper. */
void polarity_find_hollow(struct look *look)
{
    bool no_bright = look->bright_from > 255, no_dark = look->dark_to < 0;
    int wall = no_bright ? DARK : BRIGHT, width = look->strip->place.width;
    if (!look->is_flat || no_bright == no_dark)
        return;
    uint8_t *depth = find_nesting(look, wall);
    bool found = depth && holds_strokes(look, depth, wall);
    for (int at = 0; found && at < width * look->strip->place.height; at++)
        if (depth[at] == 2)
            look->classes[at] = no_bright ? BRIGHT : DARK;
    look->is_hollow = found;
    free(depth);
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
bool polarity_is_inside(const struct look *look, int class)
{
    int other = class == BRIGHT ? DARK : BRIGHT;
    int between = look_contacts(look, class, other), ground = look_contacts(look, class, GROUND);
    return between * 10 > (between + ground) * 5;
}

/* Where each class holds strokes that the other shuts in, an outline lies on a ground as bright as
 * the letters in it, in some places at least. */
static bool is_known_by_nesting(const struct look *look, bool *ret_is_bright)
{
    uint8_t *in_dark = find_nesting(look, DARK), *in_bright = find_nesting(look, BRIGHT);
    bool is_known = false;
    if (in_dark && in_bright) {
        int by_dark = shut_in(look, in_dark, DARK), by_bright = shut_in(look, in_bright, BRIGHT);
        is_known = int_max(by_dark, by_bright) >= SHUT_IN;
        *ret_is_bright = by_dark > by_bright;
        if (is_known && holds_strokes(look, in_dark, DARK) &&
            holds_strokes(look, in_bright, BRIGHT))
            *ret_is_bright = look->margin_of[BRIGHT] > look->margin_of[DARK];
    }
    free(in_dark);
    free(in_bright);
    return is_known;
}

bool polarity_is_bright(const struct look *look)
{
    if (is_lone(look, BRIGHT, DARK) || is_lone(look, DARK, BRIGHT))
        return look->pixels[BRIGHT] > look->pixels[DARK];
    bool is_bright;
    if (is_known_by_nesting(look, &is_bright))
        return is_bright;
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
    int bright = look_contacts(look, BRIGHT, GROUND), dark = look_contacts(look, DARK, GROUND);
    bool bright_inside = polarity_is_inside(look, BRIGHT),
         dark_inside = polarity_is_inside(look, DARK);
    if (bright_inside != dark_inside)
        return bright_inside;
    int by_bright_excess = excess(look, BRIGHT) - excess(look, DARK);
    if (!bright_inside && abs(by_bright_excess) >= EXCESS)
        return by_bright_excess > 0;
    return bright_inside ? bright <= dark : bright >= dark;
}
