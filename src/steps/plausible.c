#include "steps/plausible.h"

#include <ctype.h>
#include <stddef.h>
#include <string.h>

/* How far the way to 1 has to be gone. */
#define SHORT_SHARE (1.0 / 2)
#define FEW_SHARE (4.0 / 5)
#define STROKES_SHARE (7.0 / 8)

enum { SHORT = 8, FEW = 3 };

struct counts {
    size_t letters; /* and marks: all but spaces */
    size_t strokes, words, few_words;
    bool is_ascii;
};

/* Whether the character of UTF-8 that begins here is a sign: one of Latin-1's, or of the blocks
 * from general punctuation to arrows (U+2000 to U+2BFF), where ™, € and boxes are. */
static bool is_sign(const unsigned char *at)
{
    bool is_operator = at[0] == 0xc3 && (at[1] == 0x97 || at[1] == 0xb7); /* times, divided by */
    return at[0] == 0xc2 || is_operator || (at[0] == 0xe2 && at[1] < 0xb0);
}

bool plausible_has_letter(const char *text)
{
    for (const unsigned char *at = (const unsigned char *)text; *at; at++)
        if (isalnum(*at) || (*at >= 0xc2 && !is_sign(at)))
            return true;
    return false;
}

/* No colon: 11:11 is a time. */
static bool is_stroke(char c)
{
    return strchr("Iil|LTJt1-=/\\.,'", c) != NULL;
}

static struct counts count(const char *text)
{
    struct counts counts = { .is_ascii = true };
    size_t word = 0;
    for (const char *at = text; *at; at++) {
        bool is_end = at[1] == ' ' || at[1] == '\0';
        if (*at == ' ') {
            word = 0;
            continue;
        }
        bool is_first = (*at & 0xc0) != 0x80; /* byte of a character */
        counts.letters += is_first;
        counts.strokes += is_stroke(*at);
        counts.is_ascii &= isascii((unsigned char)*at) != 0;
        word += is_first;
        counts.words += is_end;
        counts.few_words += is_end && word < FEW;
    }
    return counts;
}

static double share(const struct counts *counts)
{
    if (counts->is_ascii && counts->strokes == counts->letters)
        return STROKES_SHARE;
    if (counts->is_ascii && counts->letters < FEW)
        return FEW_SHARE;
    if (counts->letters < SHORT || (counts->is_ascii && counts->few_words * 3 > counts->words * 2))
        return SHORT_SHARE;
    return 0;
}

double plausible_least(const char *text, double least)
{
    struct counts counts = count(text);
    return least + (1 - least) * share(&counts);
}
