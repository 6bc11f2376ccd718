/* width.h - how many columns of a terminal a text takes: double-width and combining characters are
 * what they are, and what does not fit is cut. */
#ifndef TAKEUP_BASE_WIDTH_H
#define TAKEUP_BASE_WIDTH_H

#include "base/str.h"

#include <stddef.h>

/* Of a text without controls. */
int width_text(const char *text);
/* How many bytes at its beginning fit, with the marks that belong to the last of them. */
size_t width_cut(const char *text, int columns);
/* Adds a stranger's text, printable, in just so many columns: cut with "…", or filled with blanks.
 */
void width_add(struct str *str, const char *text, int columns);

#endif
