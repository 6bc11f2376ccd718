/* tracker_roll.c - text that rolls up or down: the second tracker of another one. */
#include "reading/tracker_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { ROLLS_AFTER = 2 /* pictures moved alike */ };

/* What was there before, as far away as the text has rolled. */
void roll_drop_fresh(const struct tracker *tracker, struct bitmap *fresh)
{
    const struct edges *now = &tracker->edges[0], *before = &tracker->edges[1];
    int down = tracker->shift.down;
    for (int y = int_max(0, down); y < int_min(now->height, now->height + down); y++)
        for (int w = 0; w < now->words; w++) {
            size_t at = (size_t)y * (size_t)now->words + (size_t)w;
            size_t other = (size_t)(y - down) * (size_t)now->words + (size_t)w;
            fresh->bits[at] &= ~((now->rising[at] & before->rising[other]) |
                                 (now->falling[at] & before->falling[other]));
        }
}

/* Rows between the line and the side of the picture from which it came. */
static int rows_behind(const struct tracker *tracker, struct rect box)
{
    return tracker->rolled < 0 ? tracker->edges[0].height - box.y - box.height : box.y;
}

/* Of text that rolls: has all of the line come in, and will it stay for a while? */
bool roll_is_whole(const struct tracker *tracker, struct rect box)
{
    int rows = abs(tracker->rolled), behind = rows_behind(tracker, box);
    int ahead = tracker->edges[0].height - box.height - behind;
    return rows > 0 && behind >= rows + box.height / 3 + 2 && ahead >= (HELD_AFTER - 1) * rows + 2;
}

/* When a line that rolls, seen first at seen_us, had come in. */
static int64_t come_in_us(const struct tracker *tracker, struct rect box, int64_t seen_us)
{
    int rows = abs(tracker->rolled), behind = rows_behind(tracker, box);
    int64_t step_us = tracker->edge_us[0] - tracker->edge_us[1];
    return behind > 3 * rows + box.height ? seen_us : tracker->start_us - behind * step_us / rows;
}

/* What stands in one row has come in as one, with the last of its letters. */
void roll_come_in(struct tracker *tracker, struct line *line)
{
    int64_t step_us = tracker->edge_us[0] - tracker->edge_us[1];
    line->start_us = come_in_us(tracker, line->trace.box, line->start_us);
    line->has_ever_moved = true;
    for (size_t i = 0; i < tracker->line_count; i++) {
        struct line *other = &tracker->lines[i];
        if (!rect_same_row(other->trace.box, line->trace.box) ||
            llabs(other->start_us - line->start_us) > 2 * step_us)
            continue;
        line->rolled = other->rolled;
        if (line->start_us < other->start_us)
            line->start_us = other->start_us;
        other->start_us = line->start_us;
    }
}

/* A line that is still on probation, and is nothing but what rolls, seen twice in one place. */
static int drop_rolling(struct tracker *tracker)
{
    const struct edges *now = &tracker->edges[0];
    for (size_t i = 0; i < tracker->line_count; i++) {
        struct line *line = &tracker->lines[i];
        line->is_lost = !line->is_held && trace_kept(&line->trace, now, tracker->shift.down, 1) >
                                              trace_kept(&line->trace, now, 0, 1);
    }
    return tracker_drop_lost(tracker);
}

/* Lines that stood still and now move (a terminal) are found again by move_lines, and with them
 * what comes along. */
static bool is_scroll(const struct tracker *tracker)
{
    const struct edges *now = &tracker->edges[0];
    for (size_t i = 0; i < tracker->line_count; i++) {
        const struct line *line = &tracker->lines[i];
        unsigned kept = trace_kept(&line->trace, now, tracker->shift.down, 1);
        if (line->is_held && kept * 10 >= line->trace.total * 6 &&
            kept > trace_kept(&line->trace, now, 0, 1))
            return true;
    }
    return false;
}

static int roll_begin(struct tracker *tracker)
{
    struct tracker *roll = tracker->roll = tracker_new();
    roll->is_roll = true;
    roll->scale = tracker->scale;
    roll->whole = tracker->whole;
    tracker_make_fresh(roll, tracker->fresh.width, tracker->fresh.height);
    for (int i = 1; i < PICTURES; i++)
        if (edges_copy(&roll->edges[i - 1], &tracker->edges[i]) < 0)
            return -ENOMEM;
    return edges_copy(&roll->edges[PICTURES - 1], &tracker->edges[PICTURES - 1]);
}

/* Of a line, to be moved by about `down`: shifts are of whole rows, and what is left over adds up.
 * It may as well have come to stand still. */
static int own_shift(const struct tracker *roll, const struct line *line, int down)
{
    int best = down;
    unsigned best_kept = trace_kept(&line->trace, &roll->edges[0], down, 1);
    const int others[] = { down - 1, down + 1, 0 };
    for (int i = 0; i < 3; i++) {
        unsigned kept = trace_kept(&line->trace, &roll->edges[0], others[i], 1);
        if (kept > best_kept) {
            best_kept = kept;
            best = others[i];
        }
    }
    return best;
}

/* One that is no longer whole has left, at a time between the two pictures. */
static void roll_line(struct tracker *roll, struct line *line, int64_t before_us)
{
    int ahead = roll->edges[0].height - line->trace.box.height - rows_behind(roll, line->trace.box);
    int down = own_shift(roll, line, roll->rolled);
    int y = line->trace.box.y + down;
    if (y < 0 || y + line->trace.box.height > roll->edges[0].height) {
        line->is_lost = true;
        line->end_us = before_us + ahead * (roll->start_us - before_us) / abs(down);
        return;
    }
    line->trace.box.y = y;
    line->rolled += down;
    line->has_moved |= down != 0;
}

/* Lines and memory move along, to where they are in the new picture. */
static int roll_move(struct tracker *tracker)
{
    struct tracker *roll = tracker->roll;
    struct edges oldest = roll->edges[PICTURES - 1];
    int64_t before_us = roll->start_us;
    for (int i = PICTURES - 1; i > 0; i--) {
        roll->edges[i] = roll->edges[i - 1];
        edges_move(&roll->edges[i], tracker->shift.down);
    }
    roll->edges[0] = oldest;
    roll->rolled = tracker->shift.down;
    roll->start_us = tracker->start_us;
    roll->end_us = tracker->end_us;
    roll->count = tracker->count;
    memcpy(roll->edge_us, tracker->edge_us, sizeof(roll->edge_us));
    if (edges_copy(&roll->edges[0], &tracker->edges[0]) < 0)
        return -ENOMEM;
    for (size_t i = 0; i < roll->line_count; i++)
        roll_line(roll, &roll->lines[i], before_us);
    return tracker_drop_lost(roll);
}

/* Lets the second tracker go when it has nothing left to do. */
int roll_find(struct tracker *tracker)
{
    int r = 0;
    if (tracker->other_count > 0) /* what rolls is plain, or left alone */
        return 0;
    shift_look(&tracker->shift, &tracker->edges[0], &tracker->edges[1]);
    if (tracker->shift.down != 0 && !tracker->roll && is_scroll(tracker))
        tracker->shift.down = tracker->shift.steady = 0;
    if (tracker->shift.down != 0)
        r = drop_rolling(tracker);
    else if (tracker->roll && tracker->roll->line_count == 0)
        tracker_free(&tracker->roll);
    if (r == 0 && tracker->shift.down != 0 && !tracker->roll)
        r = roll_begin(tracker);
    return r == 0 && tracker->roll ? roll_move(tracker) : r;
}

/* Lines on probation may well be made of what rolls. */
static void cover_held(const struct tracker *tracker, struct edges *edges)
{
    struct bitmap rising = { edges->width, edges->height, edges->words, edges->rising };
    struct bitmap falling = { edges->width, edges->height, edges->words, edges->falling };
    for (size_t i = 0; i < tracker->line_count; i++) {
        const struct line *line = &tracker->lines[i];
        if (!line->is_held)
            continue;
        bitmap_cover(&rising, &line->trace.box);
        bitmap_cover(&falling, &line->trace.box);
    }
}

/* What has ended in the second tracker is told by the first. */
static void take_rolled(struct tracker *tracker)
{
    struct tracker_line line;
    while (tracker_next(tracker->roll, &line))
        tracker_add_ended(tracker, &line);
    tracker->next_id = tracker->roll->next_id;
}

int roll_end(struct tracker *tracker)
{
    int r = tracker_end_all(tracker->roll);
    take_rolled(tracker);
    tracker_free(&tracker->roll);
    return r;
}

int roll_look(struct tracker *tracker, const struct luma *luma)
{
    struct tracker *roll = tracker->roll;
    cover_held(tracker, &roll->edges[0]);
    if (tracker->shift.steady < ROLLS_AFTER)
        roll->rolled = 0; /* so nothing begins */
    roll->next_id = tracker->next_id;
    int r = tracker_look_at_lines(roll, luma);
    take_rolled(tracker);
    return r;
}
