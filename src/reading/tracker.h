/* tracker.h - lines of text that hold still, each with its place and its time, from the pictures of
 * a video in their order.
 *
 *     struct tracker *tracker = tracker_new();
 *     tracker_look() for each picture, tracker_next() until NULL after each;
 *     tracker_end(); tracker_next() until NULL; tracker_free();
 *
 * A line begins when strokes appear that stay for some pictures, and ends when they are gone; one
 * that moves up or down as a whole (a terminal that scrolls) is the same line. Of text that rolls
 * up or down all the time (credits) a line begins when all of it has come in, and ends when it is
 * no longer whole. What runs sideways (a ticker) is none. Nothing is known here of letters: a fence
 * is a line too, as far as it looks like one. */
#ifndef TAKEUP_READING_TRACKER_H
#define TAKEUP_READING_TRACKER_H

#include "reading/moments.h"
#include "reading/strip.h"

#include <stdbool.h>

struct tracker;

/* A line that has ended. Its image is the caller's (strip_image_release). */
struct tracker_line {
    uint64_t id;     /* counts up in the order in which lines begin */
    struct rect box; /* of the letters, in pixels of the picture */
    bool has_moved;  /* box is where it was first */
    int64_t start_us, end_us;
    struct strip_image image;
};

struct tracker *tracker_new(void);
void tracker_free(struct tracker **tracker);

/* What `other` follows is left to it, from now on, unless it is faint there: both look at the same
 * pictures, `other` first, and a pixel of this one's planes is as large as times x times of
 * other's. At most two. */
void tracker_leave_to(struct tracker *tracker, const struct tracker *other, int times);

/* Times are as exact as these, to which each picture is added before it is looked at. Borrowed. */
void tracker_time_by(struct tracker *tracker, const struct moments *moments);

/* The picture that is shown from start_us to end_us. 0, or -ENOMEM. */
int tracker_look(struct tracker *tracker, const struct luma *luma, int64_t start_us,
                 int64_t end_us);
/* No more will come: what is still there ends at end_us of the last picture. 0, or -ENOMEM. */
int tracker_end(struct tracker *tracker);
/* The next line that has ended; false: none. */
bool tracker_next(struct tracker *tracker, struct tracker_line *ret_line);
/* No line that tracker_next gives from now on begins before this; it only grows. */
int64_t tracker_from_us(struct tracker *tracker);

#endif
