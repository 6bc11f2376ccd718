#include "reading/letters.h"

enum {
    MANY = 5,              /* no chance, even where the line was taken for higher than it is */
    TALL_PERCENT = 55,     /* with an accent and a tail an A is still more than half the line */
    THICK_PERCENT = 35,    /* half of a stroke; the heaviest letters have a quarter */
    STACKED_PERCENT = 140, /* letters that lean reach over one another, but not as far */
};

bool letters_make_text(const struct letters *letters)
{
    bool is_low = letters->tallest * 100 < letters->height * TALL_PERCENT;
    bool is_thick = letters->thickness * 100 > letters->height * THICK_PERCENT;
    bool is_stacked = letters->widths * 100 > letters->width * STACKED_PERCENT;
    return !is_thick && (letters->count >= MANY || !(is_low || is_stacked));
}
