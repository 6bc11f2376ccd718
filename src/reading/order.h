/* order.h - in which order lines that are seen together are read.
 *
 * Row by row, but for what stands in columns: then a column after the other, what spans them in its
 * place above or below. Beside each other are
 *
 * - columns of running text: three rows at least, long and most of them as long as the column;
 * - blocks of two rows at least whose rows do not line up.
 *
 * All else whose rows line up is a table, or names and what belongs to them, and is read along its
 * rows. */
#ifndef TAKEUP_READING_ORDER_H
#define TAKEUP_READING_ORDER_H

#include "reading/plane.h"

/* ret_order: `count` numbers of boxes, the first is that of the one to be read first. */
void order_boxes(const struct rect *boxes, size_t count, size_t *ret_order);

#endif
