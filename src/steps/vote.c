#include "steps/vote.h"

#include "base/mem.h"

#include <stdlib.h>

/* Words from `from` up to `to`. */
struct span {
    size_t from, to;
};

static int right_of(const struct takeup_word *word)
{
    return word->box.x + word->box.width;
}

/* The next words of both that share columns with one another; false: neither has any left. One of
 * the two may be empty. */
static bool next_spans(const struct ballot *a, const struct ballot *b, struct span *in_a,
                       struct span *in_b)
{
    *in_a = (struct span){ in_a->to, in_a->to };
    *in_b = (struct span){ in_b->to, in_b->to };
    int right = 0;
    for (;;) {
        const struct takeup_word *of_a = in_a->to < a->count ? &a->words[in_a->to] : NULL;
        const struct takeup_word *of_b = in_b->to < b->count ? &b->words[in_b->to] : NULL;
        bool is_a = of_a && (!of_b || of_a->box.x <= of_b->box.x);
        const struct takeup_word *next = is_a ? of_a : of_b;
        bool is_first = in_a->from == in_a->to && in_b->from == in_b->to;
        if (!next || (!is_first && next->box.x >= right))
            return !is_first;
        right = is_first || right_of(next) > right ? right_of(next) : right;
        *(is_a ? &in_a->to : &in_b->to) += 1;
    }
}

static float confidence(const struct ballot *ballot, struct span span)
{
    float sum = 0;
    for (size_t i = span.from; i < span.to; i++)
        sum += ballot->words[i].confidence;
    return span.to > span.from ? sum / (float)(span.to - span.from) : 0;
}

static void give(struct ballot *to, const struct ballot *from, struct span span)
{
    for (size_t i = span.from; i < span.to; i++)
        to->words[to->count++] = from->words[i];
}

void vote(struct ballot *line, struct ballot *other)
{
    size_t size = line->count + other->count + 1;
    struct ballot chosen = { mem_zero(size, sizeof(*chosen.words)), 0 };
    struct ballot rest = { mem_zero(size, sizeof(*rest.words)), 0 };
    struct span in_line = { 0 }, in_other = { 0 };
    while (next_spans(line, other, &in_line, &in_other)) {
        bool is_better = confidence(other, in_other) > confidence(line, in_line);
        give(is_better ? &rest : &chosen, line, in_line);
        give(is_better ? &chosen : &rest, other, in_other);
    }
    free(line->words);
    free(other->words);
    *line = chosen;
    *other = rest;
}
