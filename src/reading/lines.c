/* lines.c - stretches are kept in the order in which they began; the first ones leave as soon as
 * they are over. So memory grows with what is on the screen at one time, and with what began while
 * one long line stood still: text, and little of it. */
#include "reading/lines.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

enum { GAP_US = 300000 /* a reading may fail for so long without parting a text in two */ };

struct slot {
    struct lines_stretch stretch;
    bool is_open; /* may go on in the next image */
};

struct lines {
    struct slot *slots;
    size_t count, size;
    struct lines_stretch given; /* lent out by lines_next */
};

struct lines *lines_new(void)
{
    return MEM_NEW(struct lines);
}

void lines_free(struct lines **lines)
{
    struct lines *dead = TAKE(*lines);
    if (!dead)
        return;
    for (size_t i = 0; i < dead->count; i++)
        free(dead->slots[i].stretch.text);
    free(dead->slots);
    free(dead->given.text);
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

/* ---- place ---- */

static int overlap(int a, int a_size, int b, int b_size)
{
    int from = a > b ? a : b;
    int to = a + a_size < b + b_size ? a + a_size : b + b_size;
    return to - from;
}

static bool same_row(const struct lines_box *a, const struct lines_box *b)
{
    int least = a->height < b->height ? a->height : b->height;
    return 2 * overlap(a->y, a->height, b->y, b->height) > least &&
           overlap(a->x, a->width, b->x, b->width) > 0;
}

/* ---- stretches ---- */

static struct slot *slot_of(struct lines *lines, const struct lines_reading *reading,
                            int64_t start_us)
{
    struct slot *elsewhere = NULL;
    for (size_t i = 0; i < lines->count; i++) {
        struct slot *slot = &lines->slots[i];
        if (!slot->is_open || slot->stretch.end_us > start_us ||
            !lines_alike(slot->stretch.text, reading->text))
            continue;
        if (same_row(&slot->stretch.box, &reading->box))
            return slot;
        elsewhere = elsewhere ? elsewhere : slot; /* it moved */
    }
    return elsewhere;
}

static void slot_go_on(struct slot *slot, const struct lines_reading *reading, int64_t end_us)
{
    struct lines_stretch *stretch = &slot->stretch;
    stretch->end_us = end_us;
    if (reading->confidence <= stretch->confidence)
        return;
    free(stretch->text);
    stretch->text = mem_strdup(reading->text);
    stretch->confidence = reading->confidence;
    stretch->box = reading->box;
}

static void slot_begin(struct lines *lines, const struct lines_reading *reading, int64_t start_us,
                       int64_t end_us)
{
    if (lines->count == lines->size) {
        lines->size = lines->size ? 2 * lines->size : 16;
        lines->slots = mem_resize(lines->slots, lines->size, sizeof(*lines->slots));
    }
    size_t at = lines->count; /* by start, then from top to bottom */
    while (at > 0 && lines->slots[at - 1].stretch.start_us == start_us &&
           lines->slots[at - 1].stretch.box.y > reading->box.y)
        at--;
    memmove(&lines->slots[at + 1], &lines->slots[at], (lines->count - at) * sizeof(*lines->slots));
    lines->slots[at] = (struct slot){
        .stretch = { .text = mem_strdup(reading->text),
                     .confidence = reading->confidence,
                     .box = reading->box,
                     .start_us = start_us,
                     .end_us = end_us },
        .is_open = true,
    };
    lines->count++;
}

void lines_add(struct lines *lines, const struct lines_reading *readings, size_t count,
               int64_t start_us, int64_t end_us)
{
    for (size_t i = 0; i < lines->count; i++)
        lines->slots[i].is_open &= lines->slots[i].stretch.end_us + GAP_US >= start_us;
    for (size_t i = 0; i < count; i++) {
        if (readings[i].text[strspn(readings[i].text, " ")] == '\0')
            continue;
        struct slot *slot = slot_of(lines, &readings[i], start_us);
        if (slot)
            slot_go_on(slot, &readings[i], end_us);
        else
            slot_begin(lines, &readings[i], start_us, end_us);
    }
}

void lines_end(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        lines->slots[i].is_open = false;
}

const struct lines_stretch *lines_next(struct lines *lines)
{
    free(lines->given.text);
    lines->given.text = NULL;
    if (lines->count == 0 || lines->slots[0].is_open)
        return NULL;
    lines->given = lines->slots[0].stretch;
    lines->count--;
    memmove(&lines->slots[0], &lines->slots[1], lines->count * sizeof(*lines->slots));
    return &lines->given;
}
