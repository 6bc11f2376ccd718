/* plausible.h - is what was read text, or a picture that a reader takes for letters? */
#ifndef TAKEUP_STEPS_PLAUSIBLE_H
#define TAKEUP_STEPS_PLAUSIBLE_H

#include <stdbool.h>

/* A line of nothing but marks is a picture's. */
bool plausible_has_letter(const char *text);

/* How much confidence a text needs where `least` is enough for a line of several words. More of the
 * way to 1:
 *
 * - half of it for fewer than eight letters, and where more than two thirds of the words have one
 * or two;
 * - four fifths for one or two letters alone;
 * - seven eighths for nothing but strokes, as in `il`, `TTT`, `LL=`: edges are read as that.
 *
 * Scripts of which one or two characters make a word are no worse off for it: only letters of
 * ASCII are counted as so few, or as strokes. */
double plausible_least(const char *text, double least);

#endif
