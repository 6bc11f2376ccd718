#include "reading/ticker.h"

#include "base/mem.h"
#include "reading/bits.h"
#include "reading/edges.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
    PICTURES = 3,
    EVERY_US = 4000000,
    BAND_ROWS = 8,    /* at half the scale at which text is looked for: half a line of it */
    BANDS_MAX = 128,  /* of a picture */
    STROKES_MIN = 20, /* bits of a band: two words or so */
    ROW_STEP = 2,     /* of the rows of a band, one in so many is looked at */
    SHIFT_MAX = 63,   /* from one picture to the next */
    SHIFT_SLACK = 2,
    VOTES = 2,
};

struct ticker {
    int scale, width, height; /* of the picture */
    struct edges edges[PICTURES];
    int count;
    int64_t next_us; /* when pictures are looked at again */
    uint8_t votes[BANDS_MAX];
    bool is_known[BANDS_MAX];
};

struct ticker *ticker_new(void)
{
    return MEM_NEW(struct ticker);
}

void ticker_free(struct ticker **ticker)
{
    struct ticker *dead = TAKE(*ticker);
    if (!dead)
        return;
    for (int i = 0; i < PICTURES; i++)
        edges_release(&dead->edges[i]);
    free(dead);
}

/* ---- one band ---- */

/* Bit x of the word is bit x + shift of the row. */
static uint64_t shifted(const uint64_t *row, int words, int word, int shift)
{
    if (shift == 0)
        return row[word];
    if (shift > 0)
        return row[word] >> shift | (word + 1 < words ? row[word + 1] << (64 - shift) : 0);
    return row[word] << -shift | (word > 0 ? row[word - 1] >> (64 + shift) : 0);
}

/* How many strokes of the band in `now` were `shift` further to the right before. */
static int kept(const struct edges *now, const struct edges *before, int band, int shift)
{
    int sum = 0, end = int_min((band + 1) * BAND_ROWS, now->height);
    for (int y = band * BAND_ROWS; y < end; y += ROW_STEP) {
        size_t at = (size_t)y * (size_t)now->words;
        for (int w = 0; w < now->words; w++)
            sum += bits_in(now->rising[at + (size_t)w] &
                           shifted(before->rising + at, now->words, w, shift)) +
                   bits_in(now->falling[at + (size_t)w] &
                           shifted(before->falling + at, now->words, w, shift));
    }
    return sum;
}

/* By how much its strokes went to the left (or, below 0, to the right); 0: they did not. */
static int find_shift(const struct edges *now, const struct edges *before, int band)
{
    int total = kept(now, now, band, 0), still = kept(now, before, band, 0);
    int best = 0, best_kept = 0;
    if (total < STROKES_MIN || still * 10 > total * 7)
        return 0;
    for (int shift = -SHIFT_MAX; shift <= SHIFT_MAX; shift++) {
        int sum = kept(now, before, band, shift);
        if (sum > best_kept) {
            best_kept = sum;
            best = shift;
        }
    }
    return best_kept * 10 >= total * 7 && still * 10 <= best_kept * 7 ? best : 0;
}

static bool is_running(const struct ticker *ticker, int band)
{
    int last = find_shift(&ticker->edges[0], &ticker->edges[1], band);
    if (last == 0)
        return false;
    int first = find_shift(&ticker->edges[1], &ticker->edges[2], band);
    return first != 0 && abs(first - last) <= SHIFT_SLACK;
}

/* ---- all bands ---- */

static int band_count(const struct ticker *ticker)
{
    return int_min(ticker->edges[0].height / BAND_ROWS, BANDS_MAX);
}

static void vote(struct ticker *ticker)
{
    bool running[BANDS_MAX];
    int bands = band_count(ticker), count = 0;
    for (int i = 0; i < bands; i++) {
        running[i] = is_running(ticker, i);
        count += running[i];
    }
    for (int i = 0; i < bands; i++) {
        if (running[i] && count * 4 <= bands)
            ticker->votes[i] = (uint8_t)int_min(ticker->votes[i] + 1, VOTES);
        else if (ticker->votes[i] > 0)
            ticker->votes[i]--;
    }
}

/* The first rows that won and were not told of; what lies close to them belongs to it. */
static bool take_found(struct ticker *ticker, struct rect *ret_rows)
{
    enum { CLOSE = 2 };
    int bands = band_count(ticker), first = 0;
    while (first < bands && (ticker->votes[first] < VOTES || ticker->is_known[first]))
        first++;
    if (first == bands)
        return false;
    int last = first;
    while (last + 1 < bands && ticker->votes[last + 1] == VOTES)
        last++;
    for (int i = int_max(0, first - CLOSE); i <= int_min(bands - 1, last + CLOSE); i++)
        ticker->is_known[i] = true;
    int rows = BAND_ROWS * ticker->scale;
    *ret_rows = (struct rect){ 0, first * rows, ticker->width, (last + 1 - first) * rows };
    return true;
}

/* ---- pictures ---- */

static void resize(struct ticker *ticker, const struct luma *luma)
{
    ticker->width = luma->width;
    ticker->height = luma->height;
    ticker->scale = 2 * edges_scale(luma->width, luma->height);
    ticker->count = 0;
    memset(ticker->votes, 0, sizeof(ticker->votes));
    memset(ticker->is_known, 0, sizeof(ticker->is_known));
}

int ticker_look(struct ticker *ticker, const struct luma *luma, int64_t start_us,
                struct rect *ret_rows)
{
    if (luma->width != ticker->width || luma->height != ticker->height)
        resize(ticker, luma);
    else if (start_us < ticker->next_us)
        return 0;
    struct edges oldest = ticker->edges[PICTURES - 1];
    memmove(&ticker->edges[1], &ticker->edges[0], sizeof(oldest) * (PICTURES - 1));
    ticker->edges[0] = oldest;
    if (edges_find(&ticker->edges[0], luma, ticker->scale) < 0)
        return -ENOMEM;
    if (++ticker->count < PICTURES)
        return 0;
    ticker->count = 0;
    ticker->next_us = start_us + EVERY_US;
    vote(ticker);
    return take_found(ticker, ret_rows);
}
