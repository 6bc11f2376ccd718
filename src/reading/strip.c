/* strip.c - pictures of one line are gathered, and the image made of which it is read. */
#include "reading/strip.h"

#include "reading/ink.h"
#include "reading/islands.h"
#include "reading/look.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    NOISE = 16,   /* compression changes the level of a pixel by so much */
    LOW = 25,     /* an island that rises by less of the way from the outline to the letters, */
    HIGH = 45,    /* in percent, is none; by more, all of one */
    LETTERS = 28, /* rows of the image's letters, from the tallest to the tails */
    MARGIN = 10,  /* pixels: readers expect some paper around the letters */
    ROWS = 80, /* a strip that has twice as many is shrunk: its letters still have twice LETTERS */
};

void strip_release(struct strip *strip)
{
    free(strip->least);
    *strip = (struct strip){ 0 };
}

/* Only pixels of which all is in the rectangle. */
static struct rect shrunk_inside(struct rect rect, int shrink)
{
    int x = (rect.x + shrink - 1) / shrink, right = (rect.x + rect.width) / shrink;
    int y = (rect.y + shrink - 1) / shrink, bottom = (rect.y + rect.height) / shrink;
    return (struct rect){ x, y, right - x, bottom - y };
}

static struct rect shrunk_around(struct rect rect, int shrink)
{
    int x = rect.x / shrink, right = (rect.x + rect.width + shrink - 1) / shrink;
    int y = rect.y / shrink, bottom = (rect.y + rect.height + shrink - 1) / shrink;
    return (struct rect){ x, y, right - x, bottom - y };
}

int strip_begin(struct strip *strip, struct rect place)
{
    int wide = (place.width + 1) / 2; /* so much leaves a pixel, wherever the place begins */
    int shrink = int_max(1, int_min(place.height / ROWS, wide));
    place = shrunk_inside(place, shrink);
    size_t size = (size_t)place.width * (size_t)place.height;
    strip_release(strip);
    strip->shrink = shrink;
    strip->least = malloc(4 * size + 1);
    if (!strip->least)
        return -ENOMEM;
    strip->most = strip->least + size;
    strip->last = strip->most + size;
    strip->next = strip->last + size;
    strip->place = place;
    return 0;
}

/* The picture that was put off counts. */
static void fold(struct strip *strip)
{
    size_t size = (size_t)strip->place.width * (size_t)strip->place.height;
    memcpy(strip->last, strip->next, size);
    if (strip->count++ == 0) {
        memcpy(strip->least, strip->next, size);
        memcpy(strip->most, strip->next, size);
        return;
    }
    uint8_t *least = strip->least, *most = strip->most;
    const uint8_t *next = strip->next;
    for (size_t at = 0; at < size; at++) {
        least[at] = next[at] < least[at] ? next[at] : least[at];
        most[at] = next[at] > most[at] ? next[at] : most[at];
    }
}

/* One row of the strip from those rows of the picture that it shows: their mean. */
static void shrink_row(const struct strip *strip, const struct luma *luma, int y, uint8_t *row)
{
    int shrink = strip->shrink, pixels = shrink * shrink;
    for (int x = 0; x < strip->place.width; x++) {
        int sum = pixels / 2;
        for (int down = 0; down < shrink; down++) {
            const uint8_t *from = luma_row(luma, y * shrink + down) + (strip->place.x + x) * shrink;
            for (int across = 0; across < shrink; across++)
                sum += from[across];
        }
        row[x] = (uint8_t)(sum / pixels);
    }
}

void strip_add(struct strip *strip, const struct luma *luma)
{
    size_t width = (size_t)strip->place.width;
    if (strip->has_next)
        fold(strip);
    for (int y = 0; y < strip->place.height; y++) {
        uint8_t *row = strip->next + (size_t)y * width;
        if (strip->shrink > 1)
            shrink_row(strip, luma, strip->place.y + y, row);
        else
            memcpy(row, luma_row(luma, strip->place.y + y) + strip->place.x, width);
    }
    strip->has_next = true;
}

/* ---- the image ---- */

/* From a level to ink: none at `white` percent of the way from the ground to the letters. */
struct ramp {
    uint8_t ink[256];
};

static struct ramp make_ramp(int text, int ground, int white)
{
    struct ramp ramp;
    int distance = text - ground; /* below 0 for dark letters */
    int from = ground + distance * white / 100, to = text - distance * 5 / 100;
    for (int level = 0; level < 256; level++) {
        int part = from == to ? 0 : (level - from) * 255 / (to - from);
        ramp.ink[level] = (uint8_t)int_max(0, int_min(255, part));
    }
    return ramp;
}

/* Letters stand still; the more a pixel moves, the more of what it shows is the ground. */
static uint8_t steady_level(const struct look *look, const uint8_t *from, int at)
{
    if (!look->is_moving)
        return from[at];
    int less = int_max(0, look->strip->most[at] - look->strip->least[at] - NOISE) / 2;
    return (uint8_t)(look->letters == BRIGHT ? int_max(0, from[at] - less)
                                             : int_min(255, from[at] + less));
}

/* Is an outline near on two sides that face each other? Then it is a stroke that is between. */
static bool is_between(const struct look *look, int x, int y)
{
    int width = look->strip->place.width, height = look->strip->place.height;
    int reach = int_max(2, look->core.height / 12), rim = look_other(look), at = y * width + x;
    bool left = false, right = false, above = false, below = false;
    for (int i = 1; i <= reach; i++) {
        left |= x >= i && look->classes[at - i] == rim;
        right |= x + i < width && look->classes[at + i] == rim;
        above |= y >= i && look->classes[at - i * width] == rim;
        below |= y + i < height && look->classes[at + i * width] == rim;
    }
    return (left && right) || (above && below);
}

/* On a moving ground every pixel counts as it was least like the letters. */
static const uint8_t *plane_of(const struct look *look)
{
    const struct strip *strip = look->strip;
    return !look->is_moving ? strip->last : look->letters == BRIGHT ? strip->least : strip->most;
}

/* Thin strokes are faint in a small picture, and within an outline nothing else can be as bright;
 * but on a moving ground only what is nearly as bright as the letters is one. */
static void draw(const struct look *look, struct ink *ink)
{
    const uint8_t *from = plane_of(look);
    int text = look_level(look, from, look->letters);
    int rim = look_level(look, from, look_other(look));
    struct ramp open = make_ramp(text, look_ground(look, from), look->is_flat ? 8 : 70);
    struct ramp between = make_ramp(text, rim, 60);
    for (int y = 0, at = 0; y < ink->height; y++)
        for (int x = 0; x < ink->width; x++, at++) {
            bool is_stroke = look->is_hollow || (look->is_moving && is_between(look, x, y));
            ink->ink[at] = (is_stroke ? &between : &open)->ink[steady_level(look, from, at)];
        }
}

/* Letters inside an outline are islands; what is as bright but goes on to the border of the strip
 * is the ground, in a gap between two words say, where it has an outline on both sides. Where it
 * reaches the border in no more than the width of a letter it may be the tail of one. */
static int drop_ground(const struct look *look, struct ink *ink)
{
    const uint8_t *from = plane_of(look);
    int size = ink->width * ink->height;
    int text = look_level(look, from, look->letters);
    int way = int_max(1, abs(text - look_level(look, from, look_other(look))));
    uint8_t *height = calloc((size_t)size + 1, 1), *rise = calloc((size_t)size + 1, 1);
    for (int at = 0; height && at < size; at++)
        height[at] = look->letters == BRIGHT ? from[at] : 255 - from[at];
    int r = height && rise
                ? islands_find(height, ink->width, ink->height, look->core.height / 2, rise)
                : -ENOMEM;
    for (int at = 0; r == 0 && at < size; at++) {
        int most = (rise[at] * 100 - LOW * way) * 255 / ((HIGH - LOW) * way);
        ink->ink[at] = (uint8_t)int_max(0, int_min(ink->ink[at], most));
    }
    free(height);
    free(rise);
    return r;
}

static int print(const struct ink *ink, const struct strip *strip, int letters,
                 struct strip_image *image)
{
    double scale = (double)LETTERS / letters;
    image->luma = ink_print(ink, scale, MARGIN, &image->width, &image->height);
    int margin = (int)lrint(MARGIN / scale);
    const struct rect place = { strip->place.x - margin, strip->place.y - margin,
                                strip->place.width + 2 * margin, strip->place.height + 2 * margin };
    image->place = rect_scaled(place, strip->shrink);
    return image->luma ? 0 : -ENOMEM;
}

/* Where the outline is; NULL: no memory, then it is not asked for. */
static uint8_t *find_rim(const struct look *look)
{
    size_t size = (size_t)look->strip->place.width * (size_t)look->strip->place.height;
    uint8_t *rim = malloc(size + 1);
    for (size_t at = 0; rim && at < size; at++)
        rim[at] = look->classes[at] == look_other(look);
    return rim;
}

static int clean(const struct look *look, struct ink *ink, struct letters *ret_letters)
{
    uint8_t *rim = look->is_outlined ? find_rim(look) : NULL;
    int r = ink_clean(ink, look->core, rim, ret_letters);
    free(rim);
    return r;
}

static int make_image(const struct look *look, int letters, struct strip_image *image)
{
    const struct rect *place = &look->strip->place;
    uint8_t *bytes = calloc((size_t)place->width * (size_t)place->height + 1, 1);
    if (!bytes)
        return -ENOMEM;
    struct ink ink = { bytes, place->width, place->height };
    draw(look, &ink);
    int r = look->is_inside ? drop_ground(look, &ink) : 0;
    if (r == 0)
        r = clean(look, &ink, &image->letters);
    if (r == 0)
        r = print(&ink, look->strip, letters, image);
    free(bytes);
    return r;
}

int strip_image(struct strip *strip, struct rect core, struct strip_image *ret_image)
{
    if (strip->count == 0)
        fold(strip);
    struct look look;
    core = rect_common(shrunk_around(core, strip->shrink), strip->place);
    int r = look_at(&look, strip, core);
    if (r < 0)
        return r;
    *ret_image = (struct strip_image){ .is_page = look.is_page };
    r = make_image(&look, core.height, ret_image);
    look_release(&look);
    return r;
}

void strip_image_release(struct strip_image *image)
{
    free(image->luma);
    *image = (struct strip_image){ 0 };
}
