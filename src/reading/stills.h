/* stills.h - pictures that hold still, as the pages of a presentation do.
 *
 *     struct stills *stills = stills_new();
 *     stills_look() for each picture in its order; stills_end(); stills_free();
 *
 * A page begins when two pictures after each other have the same strokes, and is over when strokes
 * are gone in several places, or in much of it, for two pictures. What only comes belongs to the
 * page: points that are shown one by one make one page, whose last state counts. A small part that
 * moves all the time (a speaker in a corner) is no part of it. */
#ifndef TAKEUP_READING_STILLS_H
#define TAKEUP_READING_STILLS_H

#include "reading/plane.h"

#include <stdbool.h>

struct stills;

/* What a picture brought. */
struct stills_news {
    bool has_ended; /* a page, before this picture; it was shown */
    int64_t start_us, end_us;
    bool is_page; /* this picture shows a page; a new one, after has_ended */
};

struct stills *stills_new(void);
void stills_free(struct stills **stills);

/* The picture that is shown from start_us to end_us. 0, or -ENOMEM. */
int stills_look(struct stills *stills, const struct luma *luma, int64_t start_us, int64_t end_us,
                struct stills_news *ret_news);
/* No more will come. */
void stills_end(struct stills *stills, struct stills_news *ret_news);

#endif
