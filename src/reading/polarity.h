/* polarity.h - are the letters the bright or the dark pixels of a strip? Asked by look_at, of a
 * look that has its classes. */
#ifndef TAKEUP_READING_POLARITY_H
#define TAKEUP_READING_POLARITY_H

#include "reading/look.h"

/* Gives letters that are as bright as their ground, and so none of a class yet, the class that is
 * not there. Before anything is counted. */
void polarity_find_hollow(struct look *look);

bool polarity_is_bright(const struct look *look);
/* Does the class border on the other one more than on the ground? */
bool polarity_is_inside(const struct look *look, int class);

#endif
