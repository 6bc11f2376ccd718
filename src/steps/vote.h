/* vote.h - two readings of one line become one: of each word the one of which the reader is surer.
 */
#ifndef TAKEUP_STEPS_VOTE_H
#define TAKEUP_STEPS_VOTE_H

#include "api/step.h"

/* A line's words, from left to right. */
struct ballot {
    struct takeup_word *words;
    size_t count;
};

/* Takes from `other` what it knows better: words that share columns are readings of the same ink,
 * and those of the lesser confidence (in the mean) go. Both are sorted again; what was not chosen
 * is in `other` then, which stays the caller's to free. */
void vote(struct ballot *line, struct ballot *other);

#endif
