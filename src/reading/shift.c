/* shift.c - the numbers of new strokes in each row say which shifts are worth a look, and the
 * strokes themselves whether they are right. When the shift before is known, only those near it are
 * tried. */
#include "reading/shift.h"

#include "base/macros.h"
#include "base/mem.h"
#include "reading/bits.h"

#include <stdlib.h>
#include <string.h>

enum {
    BITS_MIN = 60,   /* fewer have moved by chance */
    RANGE_SHARE = 8, /* what moves by more than one part in so many of the height nobody reads */
    BAND_SHARE = 8,  /* nor is a line higher than that */
    ROW_SHARE = 16,  /* a row is empty that has less than one part in so many of the fullest */
    CANDIDATES = 4,
    APART = 3, /* rows; nearer ones are the same candidate */
};

void shift_release(struct shift *shift)
{
    free(shift->now);
    free(shift->before);
    free(shift->counts);
    free(shift->counts_before);
    free(shift->matched);
    *shift = (struct shift){ 0 };
}

void shift_reset(struct shift *shift, int width, int height)
{
    int words = (width + 63) / 64;
    size_t rows = (size_t)height + 1, size = rows * (size_t)words;
    shift_release(shift);
    *shift = (struct shift){ .height = height,
                             .words = words,
                             .now = mem_zero(size, sizeof(uint64_t)),
                             .before = mem_zero(size, sizeof(uint64_t)),
                             .counts = mem_zero(rows, sizeof(int)),
                             .counts_before = mem_zero(rows, sizeof(int)),
                             .matched = mem_zero(rows, sizeof(int)) };
}

/* The strokes of this picture that are new; how many there are. */
static int find_new(struct shift *shift, const struct edges *now, const struct edges *before)
{
    uint64_t *older = shift->before;
    int *counts = shift->counts_before, all = 0;
    shift->before = shift->now;
    shift->counts_before = shift->counts;
    shift->now = older;
    shift->counts = counts;
    for (int y = 0; y < shift->height; y++) {
        counts[y] = 0;
        for (int w = 0; w < shift->words; w++) {
            size_t at = (size_t)y * (size_t)shift->words + (size_t)w;
            shift->now[at] =
                (now->rising[at] & ~before->rising[at]) | (now->falling[at] & ~before->falling[at]);
            counts[y] += bits_in(shift->now[at]);
        }
        all += counts[y];
    }
    return all;
}

/* Of the strokes that the rows have which both pictures show, in percent. Leaves in matched how
 * many each row has; of every `step`th one. */
static int match(struct shift *shift, int down, int step)
{
    int kept = 0, now = 0, before = 0;
    memset(shift->matched, 0, sizeof(*shift->matched) * (size_t)shift->height);
    for (int y = int_max(0, down); y < int_min(shift->height, shift->height + down); y += step) {
        const uint64_t *row = shift->now + (ptrdiff_t)y * shift->words;
        const uint64_t *other = shift->before + (ptrdiff_t)(y - down) * shift->words;
        now += shift->counts[y];
        before += shift->counts_before[y - down];
        if (shift->counts[y] == 0 || shift->counts_before[y - down] == 0)
            continue;
        for (int w = 0; w < shift->words; w++)
            shift->matched[y] += bits_in(row[w] & other[w]);
        kept += shift->matched[y];
    }
    return kept * step < BITS_MIN ? 0 : (int)((int64_t)kept * 100 / int_max(now, before));
}

/* Are most of the strokes that match in bands, as lines of text are? */
static bool has_bands(const struct shift *shift)
{
    int most = 0, all = 0, in_bands = 0;
    for (int y = 0; y < shift->height; y++)
        most = int_max(most, shift->matched[y]);
    for (int y = 0, rows = 0, band = 0; y <= shift->height; y++) {
        if (y < shift->height && shift->matched[y] * ROW_SHARE > most) {
            rows++;
            band += shift->matched[y];
            continue;
        }
        all += band;
        in_bands += rows * BAND_SHARE <= shift->height ? band : 0;
        rows = band = 0;
    }
    return in_bands * 10 >= all * 8;
}

/* ---- which shifts are worth a look ---- */

struct candidates {
    int down[CANDIDATES];
    int64_t score[CANDIDATES]; /* the highest first */
};

static void add_candidate(struct candidates *candidates, int down, int64_t score)
{
    int at = CANDIDATES - 1;
    for (int i = 0; i < CANDIDATES; i++)
        if (abs(candidates->down[i] - down) < APART) {
            at = i;
            break;
        }
    if (score <= candidates->score[at])
        return;
    for (; at > 0 && candidates->score[at - 1] < score; at--) {
        candidates->down[at] = candidates->down[at - 1];
        candidates->score[at] = candidates->score[at - 1];
    }
    candidates->down[at] = down;
    candidates->score[at] = score;
}

/* Where rows of many strokes meet rows of many, and rows of few rows of few. */
static void find_candidates(const struct shift *shift, struct candidates *candidates)
{
    int range = shift->height / RANGE_SHARE;
    for (int down = -range; down <= range; down++) {
        int from = int_max(0, down), to = int_min(shift->height, shift->height + down);
        const int *now = shift->counts + from, *before = shift->counts_before + (from - down);
        int64_t product = 0, sum = 0, sum_before = 0;
        for (int i = 0; i < to - from; i++) {
            product += now[i] * before[i];
            sum += now[i];
            sum_before += before[i];
        }
        if (down != 0)
            add_candidate(candidates, down, product - sum * sum_before / (to - from));
    }
}

/* Steps of the pictures are not all the same: five a second of 24. */
static bool is_steady(int down, int before)
{
    return (down > 0) == (before > 0) && abs(down - before) <= abs(before) * 3 / 10 + 2;
}

/* The best of those from `from` to `to`; 0: none is any good. */
static int find_best(struct shift *shift, int from, int to, int *best_share)
{
    int best = 0;
    for (int down = from; down <= to; down++) {
        int share = down == 0 ? 0 : match(shift, down, 2);
        if (share > *best_share) {
            *best_share = share;
            best = down;
        }
    }
    return best;
}

static int find_shift(struct shift *shift)
{
    int best = 0, share = 0;
    if (shift->steady > 0) {
        int reach = abs(shift->down) * 3 / 10 + 2;
        best = find_best(shift, shift->down - reach, shift->down + reach, &share);
    } else {
        struct candidates candidates = { 0 };
        find_candidates(shift, &candidates);
        for (int i = 0; i < CANDIDATES; i++) {
            int down = candidates.score[i] > 0 ? candidates.down[i] : 0;
            int found = down ? find_best(shift, down - 1, down + 1, &share) : 0;
            best = found ? found : best;
        }
    }
    return best != 0 && match(shift, best, 1) >= 50 && has_bands(shift) ? best : 0;
}

void shift_look(struct shift *shift, const struct edges *now, const struct edges *before)
{
    int down = find_new(shift, now, before) < BITS_MIN ? 0 : find_shift(shift);
    if (down == 0)
        shift->steady = 0;
    else
        shift->steady = shift->steady > 0 && is_steady(down, shift->down) ? shift->steady + 1 : 1;
    shift->down = down;
}
