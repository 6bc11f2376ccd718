/* tracker_private.h - what the parts of the tracker share: tracker.c (pictures, ends),
 * tracker_watch.c, tracker_begin.c, tracker_roll.c. */
#ifndef TAKEUP_READING_TRACKER_PRIVATE_H
#define TAKEUP_READING_TRACKER_PRIVATE_H

#include "reading/cut.h"
#include "reading/edges.h"
#include "reading/shift.h"
#include "reading/trace.h"
#include "reading/tracker.h"

enum {
    HELD_AFTER = 3, /* pictures */
    PICTURES = 3,   /* that are kept */
    LINES_MAX = 400,
    OTHERS_MAX = 2,
};

struct line {
    uint64_t id;
    struct trace trace;
    struct strip strip;
    struct rect core; /* trace.box when the strip began, */
    int core_rolled;  /* and rolled */
    int rolled;       /* rows that it has rolled down since it came in */
    unsigned first_total;
    int seen, changed, noise;
    bool is_held, is_lost;
    bool has_moved; /* since the strip began, */
    bool has_ever_moved;
    bool is_faint; /* where it was first */
    int64_t start_us, end_us;
    struct rect came_box; /* where it was when it came, */
    int came;             /* in which interval of moments.h, then; -1: nobody knows */
};

struct tracker {
    int scale;
    struct rect whole;            /* the picture */
    struct edges edges[PICTURES]; /* the newest first */
    int64_t edge_us[PICTURES];    /* when each began, as far as can be told */
    int moved[PICTURES];          /* rows that all has moved down since then (tracker_move_lines) */
    int64_t start_us, end_us;     /* of the newest */
    uint64_t count;               /* of pictures so far */
    struct line *lines;
    size_t line_count;
    uint64_t next_id;
    struct bitmap fresh;
    struct {
        const struct tracker *tracker;
        int times;
    } others[OTHERS_MAX];
    int other_count;
    const struct moments *moments; /* NULL: there are none */
    struct shift shift;
    struct tracker *roll; /* the lines that roll; NULL: there are none */
    bool is_roll;         /* of another one, */
    int rolled;           /* and has moved down by so many rows since the picture before */
    int64_t from_us;      /* it was said that no line begins before */
    struct tracker_line *ended;
    size_t ended_count, ended_size, given;
};

static inline bool line_is_shown(const struct trace *trace, struct trace_match match)
{
    return match.kept * 10 >= trace->total * 6;
}

/* ---- tracker.c ---- */

/* Takes over its image. It begins no sooner than it was said. */
void tracker_add_ended(struct tracker *tracker, const struct tracker_line *line);
/* moments_find and moments_find_faded in a box of the reduced picture. */
bool tracker_find_moment(const struct tracker *tracker, int interval, struct rect box,
                         int64_t *ret_us);
bool tracker_find_faded(const struct tracker *tracker, int interval, int older, struct rect box,
                        int64_t *ret_us);
/* Lines that are lost leave; those that were held end. 0, or -ENOMEM. */
int tracker_drop_lost(struct tracker *tracker);
int tracker_end_all(struct tracker *tracker);
void tracker_make_fresh(struct tracker *tracker, int width, int height);
/* At the newest picture: what has become of the lines, and which are new. 0, or -ENOMEM. */
int tracker_look_at_lines(struct tracker *tracker, const struct luma *luma);

/* ---- tracker_watch.c ---- */

void line_watch_noise(struct tracker *tracker, struct line *line);
/* Is it lost, or has it changed, in the newest picture? */
void line_watch(struct tracker *tracker, struct line *line);
/* Lines that are lost where they were, and are found elsewhere in their column, are not lost. */
void tracker_move_lines(struct tracker *tracker);

/* ---- tracker_begin.c ---- */

/* Its image is made of what comes from now on, where it is now. 0, or -ENOMEM. */
int line_begin_strip(struct tracker *tracker, struct line *line);
void bitmap_cover(struct bitmap *bitmap, const struct rect *box);
void tracker_cover_lines(const struct tracker *tracker, struct bitmap *bitmap);
void tracker_find_fresh(struct tracker *tracker);
/* Of what is fresh. 0, or -ENOMEM. */
int tracker_begin_lines(struct tracker *tracker, const struct luma *luma);
/* It is believed from now on, and belongs to the ones beside it. 0, or -ENOMEM. */
int line_hold(struct tracker *tracker, struct line *line);
/* The same behind the last picture: what stands beside it keeps its own image, since there is no
 * picture left of which one of both could be made. */
void line_hold_last(struct tracker *tracker, struct line *line);

/* ---- tracker_roll.c ---- */

/* Takes out of what is fresh that which has rolled there. */
void roll_drop_fresh(const struct tracker *tracker, struct bitmap *fresh);
/* Has all of the line come in, and will it stay for a while? */
bool roll_is_whole(const struct tracker *tracker, struct rect box);
/* What stands in one row has come in as one, with the last of its letters. */
void roll_come_in(struct tracker *tracker, struct line *line);
/* Does anything roll in the newest picture? 0, or -ENOMEM. */
int roll_find(struct tracker *tracker);
int roll_look(struct tracker *tracker, const struct luma *luma);
/* 0, or -ENOMEM. There is a second tracker; it goes. */
int roll_end(struct tracker *tracker);

#endif
