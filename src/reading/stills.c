/* stills.c - the strokes of pictures (edges.h) are compared in cells of 64x16: on a page a cell has
 * them or has lost them, whatever compression does to single ones. Half the scale at which text is
 * looked for will do.
 *
 * What stands still for three pictures is taken into the page. So what moves hardly gets in; what
 * does, and is then lost, makes its cell noisy, and noisy cells have no say for a while. */
#include "reading/stills.h"

#include "base/mem.h"
#include "reading/bits.h"
#include "reading/edges.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    PICTURES = 3, /* that are kept */
    CELL_ROWS = 16,
    STROKES_MIN = 12, /* bits of a cell that can be lost */
    LOST_MIN = 3,     /* cells; fewer are a pointer, or a digit of a clock */
    LOST_SHARE = 4,   /* or one part in so many of the page */
    NOISE = 20,       /* pictures for which a cell that lost its strokes is not asked */
};

/* Bits of both directions, one after the other. */
struct bits {
    uint64_t *rising, *falling;
};

struct stills {
    int width, height; /* of the pictures */
    int words, rows, cells;
    struct edges edges[PICTURES]; /* the newest first */
    int count;                    /* of pictures of this size */
    struct bits page;             /* what the page has */
    uint8_t *noise;               /* of each cell */
    bool *lost;                   /* room for what compare finds */
    bool is_open, is_doubtful;    /* a page is shown; the last picture seems to be another */
    int64_t page_us, doubt_us;    /* since when */
    int64_t before_us, end_us;    /* when the picture before began; when the last one ends */
};

struct stills *stills_new(void)
{
    return MEM_NEW(struct stills);
}

static void release(struct stills *stills)
{
    for (int i = 0; i < PICTURES; i++)
        edges_release(&stills->edges[i]);
    free(stills->page.rising);
    free(stills->page.falling);
    free(stills->noise);
    free(stills->lost);
    stills->page = (struct bits){ 0 };
    stills->noise = NULL;
    stills->lost = NULL;
}

void stills_free(struct stills **stills)
{
    struct stills *dead = TAKE(*stills);
    if (!dead)
        return;
    release(dead);
    free(dead);
}

/* ---- cells ---- */

static struct bits bits_of(const struct edges *edges)
{
    return (struct bits){ edges->rising, edges->falling };
}

/* How many bits of the cell `a` has, and how many of these b has too. */
static void count_cell(const struct stills *stills, const struct bits *a, const struct bits *b,
                       int cell, int *ret_own, int *ret_kept)
{
    int word = cell % stills->words, row = cell / stills->words * CELL_ROWS;
    int end = int_min(row + CELL_ROWS, stills->rows);
    *ret_own = *ret_kept = 0;
    for (; row < end; row++) {
        size_t at = (size_t)row * (size_t)stills->words + (size_t)word;
        *ret_own += bits_in(a->rising[at]) + bits_in(a->falling[at]);
        *ret_kept +=
            bits_in(a->rising[at] & b->rising[at]) + bits_in(a->falling[at] & b->falling[at]);
    }
}

struct change {
    int cells, lost; /* that have strokes; that have lost them */
};

/* From a to b. lost: what cells are, of all that there are; NULL: it does not matter. */
static struct change compare(const struct stills *stills, const struct bits *a,
                             const struct bits *b, bool *lost)
{
    struct change change = { 0 };
    for (int cell = 0; cell < stills->cells; cell++) {
        int own, kept;
        count_cell(stills, a, b, cell, &own, &kept);
        bool is_lost = own >= STROKES_MIN && kept * 2 < own, is_noisy = stills->noise[cell] > 0;
        change.cells += own >= STROKES_MIN && !is_noisy;
        change.lost += is_lost && !is_noisy;
        if (lost)
            lost[cell] = is_lost;
    }
    return change;
}

static bool is_other(const struct change *change)
{
    return change->lost >= LOST_MIN || change->lost * LOST_SHARE > change->cells;
}

/* ---- pages ---- */

/* Do the last two pictures show the same, and something? */
static bool holds_still(const struct stills *stills)
{
    struct bits now = bits_of(&stills->edges[0]), before = bits_of(&stills->edges[1]);
    if (stills->count < 2)
        return false;
    struct change there = compare(stills, &before, &now, NULL);
    struct change back = compare(stills, &now, &before, NULL);
    return there.cells > 0 && back.cells > 0 && !is_other(&there) && !is_other(&back);
}

static void page_begin(struct stills *stills)
{
    const struct edges *now = &stills->edges[0], *before = &stills->edges[1];
    size_t count = (size_t)stills->words * (size_t)stills->rows;
    for (size_t i = 0; i < count; i++) {
        stills->page.rising[i] = now->rising[i] & before->rising[i];
        stills->page.falling[i] = now->falling[i] & before->falling[i];
    }
    stills->is_open = true;
    stills->is_doubtful = false;
    stills->page_us = stills->before_us;
}

/* What is gone is forgotten, what has stood for three pictures is taken in. */
static void page_grow(struct stills *stills)
{
    const struct edges *a = &stills->edges[0], *b = &stills->edges[1], *c = &stills->edges[2];
    size_t count = (size_t)stills->words * (size_t)stills->rows;
    if (stills->count < PICTURES)
        return;
    for (size_t i = 0; i < count; i++) {
        stills->page.rising[i] =
            a->rising[i] & (stills->page.rising[i] | (b->rising[i] & c->rising[i]));
        stills->page.falling[i] =
            a->falling[i] & (stills->page.falling[i] | (b->falling[i] & c->falling[i]));
    }
}

static void page_end(struct stills *stills, int64_t end_us, struct stills_news *news)
{
    if (stills->noise)
        memset(stills->noise, 0, (size_t)stills->cells);
    news->has_ended = stills->is_open;
    news->start_us = stills->page_us;
    news->end_us = end_us;
    stills->is_open = stills->is_doubtful = false;
}

/* Is the page still there? */
static void page_watch(struct stills *stills, int64_t start_us, struct stills_news *news)
{
    struct bits now = bits_of(&stills->edges[0]);
    struct change change = compare(stills, &stills->page, &now, stills->lost);
    if (!is_other(&change)) {
        for (int cell = 0; cell < stills->cells; cell++)
            stills->noise[cell] = stills->lost[cell]        ? NOISE
                                  : stills->noise[cell] > 0 ? stills->noise[cell] - 1
                                                            : 0;
        stills->is_doubtful = false;
        news->is_page = true;
        page_grow(stills);
    } else if (stills->is_doubtful) {
        page_end(stills, stills->doubt_us, news);
    } else {
        stills->is_doubtful = true;
        stills->doubt_us = start_us;
    }
}

/* ---- pictures ---- */

static int resize(struct stills *stills, const struct luma *luma)
{
    int scale = 2 * edges_scale(luma->width, luma->height);
    release(stills);
    stills->width = luma->width;
    stills->height = luma->height;
    stills->words = (luma->width / scale + 63) / 64;
    stills->rows = luma->height / scale;
    stills->cells = (stills->rows + CELL_ROWS - 1) / CELL_ROWS * stills->words;
    stills->count = 0;
    size_t words = (size_t)stills->words * (size_t)stills->rows + 1;
    stills->page.rising = calloc(words, sizeof(uint64_t));
    stills->page.falling = calloc(words, sizeof(uint64_t));
    stills->noise = calloc((size_t)stills->cells + 1, sizeof(*stills->noise));
    stills->lost = calloc((size_t)stills->cells + 1, sizeof(*stills->lost));
    return stills->page.rising && stills->page.falling && stills->noise && stills->lost ? 0
                                                                                        : -ENOMEM;
}

int stills_look(struct stills *stills, const struct luma *luma, int64_t start_us, int64_t end_us,
                struct stills_news *ret_news)
{
    struct stills_news news = { 0 };
    int r = 0;
    if (luma->width != stills->width || luma->height != stills->height) {
        page_end(stills, start_us, &news);
        r = resize(stills, luma);
    }
    struct edges oldest = stills->edges[PICTURES - 1];
    memmove(&stills->edges[1], &stills->edges[0], sizeof(oldest) * (PICTURES - 1));
    stills->edges[0] = oldest;
    if (r == 0)
        r = edges_find(&stills->edges[0], luma, 2 * edges_scale(luma->width, luma->height));
    if (r < 0)
        return r;
    stills->count = int_min(stills->count + 1, PICTURES);
    if (stills->is_open)
        page_watch(stills, start_us, &news);
    if (!stills->is_open && holds_still(stills)) {
        page_begin(stills);
        news.is_page = true;
    }
    stills->before_us = start_us;
    stills->end_us = end_us;
    *ret_news = news;
    return 0;
}

void stills_end(struct stills *stills, struct stills_news *ret_news)
{
    *ret_news = (struct stills_news){ 0 };
    page_end(stills, stills->is_doubtful ? stills->doubt_us : stills->end_us, ret_news);
}
