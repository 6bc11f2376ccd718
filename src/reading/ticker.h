/* ticker.h - a line of text that runs sideways for good, which nobody reads here; so that it can be
 * told where one was.
 *
 *     struct ticker *ticker = ticker_new();
 *     ticker_look() for each picture in its order; ticker_free();
 *
 * Three pictures are compared every four seconds. In a ticker's rows the strokes are all there in
 * the next picture, but as far to the side as they went the time before, and that twice. What is
 * more than a quarter of the picture is a camera that turns. */
#ifndef TAKEUP_READING_TICKER_H
#define TAKEUP_READING_TICKER_H

#include "reading/plane.h"

struct ticker;

struct ticker *ticker_new(void);
void ticker_free(struct ticker **ticker);

/* 1: there is one that was not told of before, in *ret_rows of the picture. 0: there is none.
 * < 0: -ENOMEM. */
int ticker_look(struct ticker *ticker, const struct luma *luma, int64_t start_us,
                struct rect *ret_rows);

#endif
