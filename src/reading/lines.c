/* lines.c - all that was read is kept until it is settled: until nothing that is still to be read
 * could make it another text, or hide it. What began first may be read last, a logo that stays for
 * an hour, and then all that began meanwhile has to wait. It is text, and little of it.
 *
 * Readings wait in `added` until all that may begin together with them is there. Then they join
 * what they go on with in `merged`, or begin there anew: its order is that in which they are given.
 * What was given stays there for as long as it can hide what begins later. */
#include "reading/lines.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

#define SURE 0.9 /* a reading of less confidence is likely to have an error */

enum {
    GAP_US = 500000,      /* what is away for so long is the same text */
    GRAIN_US = 250000,    /* starts that differ by less are one: a picture's worth */
    TOGETHER_US = 160000, /* and what comes up so soon after another comes with it */
    CHANCE_US = 600000,   /* three pictures */
};

/* In an array that grows. */
struct row {
    struct lines_stretch *all;
    size_t count, size;
};

struct lines {
    struct row added, merged;
    size_t decided;  /* of merged: given, or a shadow, which has no text any more */
    int64_t from_us; /* nothing that is not merged yet begins before */
};

struct lines *lines_new(void)
{
    struct lines *lines = MEM_NEW(struct lines);
    lines->from_us = INT64_MIN / 2; /* so far from it that times can be taken off */
    return lines;
}

void lines_stretch_release(struct lines_stretch *stretch)
{
    free(stretch->text);
    free(stretch->image);
    stretch->text = stretch->image = NULL;
}

static void row_add(struct row *row, const struct lines_stretch *stretch)
{
    if (row->count == row->size) {
        row->size = row->size ? 2 * row->size : 64;
        row->all = mem_resize(row->all, row->size, sizeof(*row->all));
    }
    row->all[row->count++] = *stretch;
}

static void row_release(struct row *row)
{
    for (size_t i = 0; i < row->count; i++)
        lines_stretch_release(&row->all[i]);
    free(row->all);
}

void lines_free(struct lines **lines)
{
    struct lines *dead = TAKE(*lines);
    if (!dead)
        return;
    row_release(&dead->added);
    row_release(&dead->merged);
    free(dead);
}

/* ---- likeness ---- */

/* The character at *at as it is compared, and *at behind it; '\0' at the end. What readers take for
 * one another becomes one; spaces vanish. */
static unsigned char next_folded(const char **at)
{
    static const char confused[] = "Il|!";
    while (**at == ' ')
        (*at)++;
    unsigned char c = (unsigned char)**at;
    if (c)
        (*at)++;
    return c && strchr(confused, c) ? 'l' : c;
}

static bool is_mark(unsigned char c)
{
    return c && strchr(".,:;'`\"-_~", c);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits carry meaning that no neighbour confirms, so they are compared as they are. */
static bool same_digits(const char *a, const char *b)
{
    for (;;) {
        while (*a && !is_digit(*a))
            a++;
        while (*b && !is_digit(*b))
            b++;
        if (!*a || !*b)
            return *a == *b;
        if (*a++ != *b++)
            return false;
    }
}

bool lines_alike(const char *a, const char *b)
{
    if (!same_digits(a, b))
        return false;
    unsigned char x, y;
    do {
        do
            x = next_folded(&a);
        while (is_mark(x));
        do
            y = next_folded(&b);
        while (is_mark(y));
        if (x != y)
            return false;
    } while (x);
    return true;
}

/* ---- stretches ---- */

void lines_add(struct lines *lines, const struct lines_reading *reading, int64_t start_us,
               int64_t end_us)
{
    if (reading->text[strspn(reading->text, " ")] == '\0')
        return;
    row_add(&lines->added,
            &(struct lines_stretch){ .text = mem_strdup(reading->text),
                                     .image = reading->image ? mem_strdup(reading->image) : NULL,
                                     .confidence = reading->confidence,
                                     .box = reading->box,
                                     .frame_width = reading->frame_width,
                                     .frame_height = reading->frame_height,
                                     .start_us = start_us,
                                     .end_us = end_us,
                                     .has_moved = reading->has_moved });
}

static int by_start(const void *a_, const void *b_)
{
    const struct lines_stretch *a = a_, *b = b_;
    if (a->start_us != b->start_us)
        return a->start_us < b->start_us ? -1 : 1;
    if (a->box.y != b->box.y)
        return a->box.y < b->box.y ? -1 : 1;
    return a->box.x < b->box.x ? -1 : a->box.x > b->box.x;
}

static int64_t together_us(const struct lines_stretch *a, const struct lines_stretch *b)
{
    int64_t from = a->start_us > b->start_us ? a->start_us : b->start_us;
    int64_t to = a->end_us < b->end_us ? a->end_us : b->end_us;
    return to - from;
}

static bool is_in_place(const struct rect *a, const struct rect *b)
{
    return rect_same_row(*a, *b) && rect_common(*a, *b).width > 0;
}

/* How much of a's box lies in b's, in percent. */
static int share_inside(const struct rect *a, const struct rect *b)
{
    const struct rect common = rect_common(*a, *b);
    int64_t area = (int64_t)a->width * a->height;
    return area > 0 ? (int)((int64_t)common.width * common.height * 100 / area) : 0;
}

/* The fewest edits that make a out of some part of b. */
static size_t edits_within(const char *a, const char *b)
{
    size_t rows = strlen(a), columns = strlen(b), best = rows;
    size_t *row = mem_zero(columns + 1, sizeof(*row));
    for (size_t i = 1; i <= rows; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t k = 1; k <= columns; k++) {
            size_t above = row[k], edits = diagonal + (a[i - 1] != b[k - 1]);
            edits = above + 1 < edits ? above + 1 : edits;
            row[k] = row[k - 1] + 1 < edits ? row[k - 1] + 1 : edits;
            diagonal = above;
        }
    }
    for (size_t k = 0; k <= columns; k++)
        best = row[k] < best ? row[k] : best;
    free(row);
    return best;
}

/* Do their boxes tell whether they were in one place? Those of lines that move do so only for the
 * time at which they began. */
static bool is_comparable(const struct lines_stretch *a, const struct lines_stretch *b)
{
    int64_t apart_us =
        a->start_us > b->start_us ? a->start_us - b->start_us : b->start_us - a->start_us;
    return (!a->has_moved && !b->has_moved) || apart_us <= GRAIN_US || together_us(a, b) <= 0;
}

/* A cut behind a line can make it blink. One text that gives way to another as a rule does not. */
static bool is_blink(const struct lines_stretch *a, const struct lines_stretch *b)
{
    int64_t gap_us = -together_us(a, b);
    return gap_us > 0 && gap_us <= GRAIN_US &&
           edits_within(a->text, b->text) * 16 <= strlen(a->text);
}

/* Both are readings of one text, of which one at least is no good: a ground that moves behind a
 * line can make it two. What follows upon the other with much of the same may be another text,
 * though, when both were read with confidence. */
static bool is_misread(const struct lines_stretch *a, const struct lines_stretch *b)
{
    double least = a->confidence < b->confidence ? a->confidence : b->confidence;
    return (least < SURE || together_us(a, b) > 0 || is_blink(a, b)) && is_comparable(a, b) &&
           share_inside(&a->box, &b->box) >= 60 && share_inside(&b->box, &a->box) >= 60 &&
           same_digits(a->text, b->text) && edits_within(a->text, b->text) * 4 <= strlen(a->text) &&
           edits_within(b->text, a->text) * 4 <= strlen(b->text);
}

/* The one that this one goes on with; NULL: there is none. */
static struct lines_stretch *find_same(const struct row *row, const struct lines_stretch *stretch)
{
    struct lines_stretch *elsewhere = NULL;
    for (size_t i = row->count; i-- > 0;) {
        struct lines_stretch *other = &row->all[i];
        if (other->end_us + GAP_US < stretch->start_us)
            continue;
        if (is_misread(other, stretch))
            return other;
        if (!lines_alike(other->text, stretch->text))
            continue;
        if (is_in_place(&other->box, &stretch->box) && is_comparable(other, stretch))
            return other;
        /* It moved, unless both were there at one time. */
        if (!elsewhere && other->end_us <= stretch->start_us + GRAIN_US)
            elsewhere = other;
    }
    return elsewhere;
}

/* Takes over the strings of more. */
static void go_on(struct lines_stretch *stretch, struct lines_stretch *more)
{
    if (more->end_us > stretch->end_us)
        stretch->end_us = more->end_us;
    if (more->confidence > stretch->confidence) {
        lines_stretch_release(stretch);
        stretch->text = more->text;
        stretch->image = more->image;
        stretch->confidence = more->confidence;
        stretch->frame_width = more->frame_width;
        stretch->frame_height = more->frame_height;
        return;
    }
    lines_stretch_release(more);
}

/* Lines that come up together are seen to do so some frames apart: what is fainter comes later, and
 * the text that was there before may have been gone sooner. Not where lines scroll: those come up
 * in one place one after the other. */
static void start_together(struct lines_stretch *group, size_t count)
{
    int64_t last_us = group[0].start_us;
    for (size_t i = 0; i < count; i++)
        if (!group[i].has_moved)
            last_us = group[i].start_us;
    for (size_t i = 0; i < count; i++)
        if (!group[i].has_moved && last_us < group[i].end_us)
            group[i].start_us = last_us;
    qsort(group, count, sizeof(*group), by_start);
}

static void merge(struct lines *lines, struct lines_stretch *stretch)
{
    struct lines_stretch *same = find_same(&lines->merged, stretch);
    if (same)
        go_on(same, stretch);
    else
        row_add(&lines->merged, stretch);
}

/* Those that nothing which begins at from_us or later can come up together with. */
static void merge_added(struct lines *lines, int64_t from_us)
{
    struct row *added = &lines->added;
    size_t from = 0, to = 0;
    if (added->count > 0) /* else there is no array */
        qsort(added->all, added->count, sizeof(*added->all), by_start);
    for (;; from = to) {
        int64_t first_us = from < added->count ? added->all[from].start_us : from_us;
        if (first_us >= from_us - TOGETHER_US)
            break;
        while (to < added->count && added->all[to].start_us - first_us <= TOGETHER_US)
            to++;
        start_together(added->all + from, to - from);
        for (size_t i = from; i < to; i++)
            merge(lines, &added->all[i]);
    }
    added->count -= from;
    if (from > 0) /* else nothing moves, and there may be no array */
        memmove(added->all, added->all + from, added->count * sizeof(*added->all));
}

/* Where one text gives way to another, what strokes they share may look like a line for a moment.
 */
static bool is_chance(const struct lines_stretch *stretch, const struct lines_stretch *other)
{
    int64_t length_us = stretch->end_us - stretch->start_us;
    return length_us <= CHANCE_US && length_us * 2 <= other->end_us - other->start_us &&
           share_inside(&stretch->box, &other->box) >= 80 &&
           strlen(stretch->text) * 2 <= strlen(other->text);
}

/* Of the same place and time: a part of another reading, a worse one of the same, or junk. */
static bool is_shadow(const struct lines_stretch *stretch, const struct lines_stretch *other)
{
    int64_t length_us = stretch->end_us - stretch->start_us;
    if (together_us(stretch, other) * 5 < length_us * 2 || !is_comparable(stretch, other) ||
        share_inside(&stretch->box, &other->box) < 60)
        return false;
    if (stretch->confidence < other->confidence * 0.75 || is_chance(stretch, other))
        return true;
    size_t own = strlen(stretch->text), others = strlen(other->text);
    bool is_less =
        own * 5 < others * 4 || (own * 4 < others * 5 && stretch->confidence < other->confidence);
    return is_less && edits_within(stretch->text, other->text) * 5 <= own * 2;
}

/* Of one that is still there. Of those before it which are shadows, none casts one. */
static bool is_hidden(const struct lines *lines, size_t at)
{
    const struct lines_stretch *all = lines->merged.all;
    for (size_t i = 0; i < lines->merged.count && all[i].start_us <= all[at].end_us; i++)
        if (i != at && all[i].text && is_shadow(&all[at], &all[i]))
            return true;
    return false;
}

/* ---- what is settled ---- */

/* Nothing that comes can go on with it. */
static bool is_over(const struct lines *lines, const struct lines_stretch *stretch)
{
    return stretch->end_us < lines->from_us - GAP_US;
}

/* Nor with what may hide it; what does not begin before it ends does not. */
static bool is_settled(const struct lines *lines, size_t at)
{
    const struct lines_stretch *all = lines->merged.all;
    for (size_t i = at; i < lines->merged.count && all[i].start_us <= all[at].end_us; i++)
        if (!is_over(lines, &all[i]))
            return false;
    return is_over(lines, &all[at]);
}

int64_t lines_next_from_us(const struct lines *lines)
{
    return lines->decided < lines->merged.count ? lines->merged.all[lines->decided].start_us
                                                : lines->from_us;
}

/* Those that were over before what comes next begins: they hide nothing of it. */
static void forget(struct lines *lines)
{
    struct row *merged = &lines->merged;
    int64_t next_us = lines_next_from_us(lines);
    size_t kept = 0, decided = 0;
    for (size_t i = 0; i < merged->count; i++) {
        bool is_decided = i < lines->decided;
        if (is_decided && merged->all[i].end_us < next_us) {
            lines_stretch_release(&merged->all[i]);
            continue;
        }
        decided += is_decided;
        merged->all[kept++] = merged->all[i];
    }
    merged->count = kept;
    lines->decided = decided;
}

void lines_settle(struct lines *lines, int64_t from_us)
{
    merge_added(lines, from_us);
    lines->from_us = from_us;
    if (lines->added.count > 0 && lines->added.all[0].start_us < from_us)
        lines->from_us = lines->added.all[0].start_us;
    forget(lines);
}

void lines_end(struct lines *lines)
{
    lines_settle(lines, INT64_MAX);
}

bool lines_next(struct lines *lines, struct lines_stretch *ret_stretch)
{
    while (lines->decided < lines->merged.count && is_settled(lines, lines->decided)) {
        struct lines_stretch *stretch = &lines->merged.all[lines->decided];
        bool hidden = is_hidden(lines, lines->decided);
        lines->decided++;
        if (hidden) {
            lines_stretch_release(stretch);
            continue;
        }
        *ret_stretch = *stretch;
        stretch->text = mem_strdup(stretch->text);
        stretch->image = NULL;
        return true;
    }
    return false;
}
