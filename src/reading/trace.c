#include "reading/trace.h"

#include "base/mem.h"
#include "reading/bits.h"

#include <stdlib.h>
#include <string.h>

enum {
    GROUP_BITS = 10, /* so many bits of a group tell something */
    LANE_ROWS = 31,  /* rows of 8 bits that can be added up in a byte */
};

/* The bits of the box, in word `w` of its rows. */
static uint64_t box_mask(const struct trace *trace, int w)
{
    int x = (trace->first_word + w) * 64;
    int from = int_max(trace->box.x - x, 0);
    int to = int_min(trace->box.x + trace->box.width - x, 64);
    uint64_t mask = to == 64 ? ~UINT64_C(0) : (UINT64_C(1) << to) - 1;
    return mask & ~((UINT64_C(1) << from) - 1);
}

static void add_lanes(uint16_t *groups, uint64_t lanes)
{
    for (int i = 0; i < 8; i++, lanes >>= 8)
        groups[i] = (uint16_t)(groups[i] + (lanes & 255));
}

static const uint64_t *edge_row(const uint64_t *bits, const struct edges *edges, int y)
{
    return bits + (size_t)y * (size_t)edges->words;
}

static void count_own(struct trace *trace)
{
    memset(trace->own, 0, sizeof(*trace->own) * (size_t)trace->words * 8);
    trace->total = 0;
    for (int y = 0; y < trace->box.height; y++)
        for (int w = 0; w < trace->words; w++) {
            size_t at = (size_t)y * (size_t)trace->words + (size_t)w;
            add_lanes(&trace->own[w * 8], bits_in_bytes(trace->rising[at]));
            add_lanes(&trace->own[w * 8], bits_in_bytes(trace->falling[at]));
            trace->total +=
                (unsigned)bits_in(trace->rising[at]) + (unsigned)bits_in(trace->falling[at]);
        }
}

void trace_release(struct trace *trace)
{
    free(trace->rising);
    free(trace->falling);
    free(trace->own);
    *trace = (struct trace){ 0 };
}

void trace_init(struct trace *trace, struct rect box, const struct edges *const *edges, int count)
{
    *trace = (struct trace){ .box = box, .first_word = box.x / 64 };
    trace->words = (box.x + box.width + 63) / 64 - trace->first_word;
    size_t size = (size_t)box.height * (size_t)trace->words;
    trace->rising = mem_zero(size, sizeof(uint64_t));
    trace->falling = mem_zero(size, sizeof(uint64_t));
    trace->own = mem_zero((size_t)trace->words * 8, sizeof(*trace->own));
    for (int y = 0; y < box.height; y++)
        for (int w = 0; w < trace->words; w++) {
            uint64_t rising = box_mask(trace, w), falling = rising;
            for (int i = 0; i < count; i++) {
                rising &= edge_row(edges[i]->rising, edges[i], box.y + y)[trace->first_word + w];
                falling &= edge_row(edges[i]->falling, edges[i], box.y + y)[trace->first_word + w];
            }
            trace->rising[(size_t)y * (size_t)trace->words + (size_t)w] = rising;
            trace->falling[(size_t)y * (size_t)trace->words + (size_t)w] = falling;
        }
    count_own(trace);
}

void trace_erode(struct trace *trace, const struct edges *edges)
{
    for (int y = 0; y < trace->box.height; y++)
        for (int w = 0; w < trace->words; w++) {
            size_t at = (size_t)y * (size_t)trace->words + (size_t)w;
            int row = trace->box.y + y, word = trace->first_word + w;
            trace->rising[at] &= edge_row(edges->rising, edges, row)[word];
            trace->falling[at] &= edge_row(edges->falling, edges, row)[word];
        }
    count_own(trace);
}

struct trace_match trace_match(const struct trace *trace, const struct edges *edges, int down)
{
    struct trace_match match = { 0 };
    for (int w = 0; w < trace->words; w++) {
        uint16_t kept[8] = { 0 };
        uint64_t lanes = 0;
        for (int y = 0, rows = 0; y < trace->box.height; y++) {
            int row = trace->box.y + y + down, word = trace->first_word + w;
            if (row < 0 || row >= edges->height)
                continue;
            size_t at = (size_t)y * (size_t)trace->words + (size_t)w;
            /* The two never share a bit. */
            lanes +=
                bits_in_bytes((trace->rising[at] & edge_row(edges->rising, edges, row)[word]) |
                              (trace->falling[at] & edge_row(edges->falling, edges, row)[word]));
            if (++rows % LANE_ROWS == 0) {
                add_lanes(kept, lanes);
                lanes = 0;
            }
        }
        add_lanes(kept, lanes);
        for (int i = 0; i < 8; i++) {
            unsigned own = trace->own[w * 8 + i];
            match.kept += kept[i];
            match.groups += own >= GROUP_BITS;
            match.lost += own >= GROUP_BITS && kept[i] * 100U < own * 35;
        }
    }
    return match;
}

unsigned trace_kept(const struct trace *trace, const struct edges *edges, int down, int step)
{
    unsigned kept = 0;
    for (int y = 0; y < trace->box.height; y += step) {
        int row = trace->box.y + y + down;
        if (row < 0 || row >= edges->height)
            continue;
        const uint64_t *rising = edge_row(edges->rising, edges, row) + trace->first_word;
        const uint64_t *falling = edge_row(edges->falling, edges, row) + trace->first_word;
        for (int w = 0; w < trace->words; w++) {
            size_t at = (size_t)y * (size_t)trace->words + (size_t)w;
            kept += (unsigned)bits_in((trace->rising[at] & rising[w]) |
                                      (trace->falling[at] & falling[w]));
        }
    }
    return kept;
}

unsigned trace_gained(const struct trace *trace, const struct edges *const *edges, int count)
{
    struct trace now;
    unsigned gained = 0;
    trace_init(&now, trace->box, edges, count);
    for (size_t at = 0; at < (size_t)trace->box.height * (size_t)trace->words; at++) {
        now.rising[at] &= ~trace->rising[at];
        now.falling[at] &= ~trace->falling[at];
    }
    count_own(&now);
    for (int i = 0; i < trace->words * 8; i++)
        gained += now.own[i] >= GROUP_BITS && now.own[i] * 2 >= trace->own[i];
    trace_release(&now);
    return gained;
}

unsigned trace_flicker(const struct trace *trace, const struct edges *a, const struct edges *b)
{
    unsigned flicker = 0;
    for (int y = 0; y < trace->box.height; y++) {
        size_t row = (size_t)(trace->box.y + y) * (size_t)a->words + (size_t)trace->first_word;
        for (int w = 0; w < trace->words; w++) {
            size_t at = (size_t)y * (size_t)trace->words + (size_t)w, other = row + (size_t)w;
            uint64_t rising = (a->rising[other] ^ b->rising[other]) & ~trace->rising[at];
            uint64_t falling = (a->falling[other] ^ b->falling[other]) & ~trace->falling[at];
            flicker += (unsigned)bits_in((rising | falling) & box_mask(trace, w));
        }
    }
    return flicker;
}

struct rect trace_extent(const struct trace *trace)
{
    int left = trace->box.width, right = 0, top = trace->box.height, bottom = 0;
    for (int y = 0; y < trace->box.height; y++)
        for (int w = 0; w < trace->words; w++) {
            size_t at = (size_t)y * (size_t)trace->words + (size_t)w;
            uint64_t bits = trace->rising[at] | trace->falling[at];
            if (!bits)
                continue;
            int x = (trace->first_word + w) * 64 - trace->box.x;
            left = int_min(left, x + __builtin_ctzll(bits));
            right = int_max(right, x + 64 - __builtin_clzll(bits));
            top = int_min(top, y);
            bottom = y + 1;
        }
    if (right <= left)
        return (struct rect){ trace->box.x, trace->box.y, 0, 0 };
    return (struct rect){ trace->box.x + left, trace->box.y + top, right - left, bottom - top };
}
