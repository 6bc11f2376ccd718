/* tracker_watch.c - is a line still there, as it was; or has it moved? */
#include "reading/tracker_private.h"

enum {
    NOISE_SHARE = 40, /* one part in so many of the box flickers: a moving ground */
    NOISE_MAX = 5,
};

void line_watch_noise(struct tracker *tracker, struct line *line)
{
    unsigned area = (unsigned)(line->trace.box.width * line->trace.box.height);
    bool noisy =
        trace_flicker(&line->trace, &tracker->edges[0], &tracker->edges[1]) * NOISE_SHARE > area;
    line->noise = int_max(0, int_min(NOISE_MAX, line->noise + (noisy ? 1 : -1)));
}

static bool has_changed(struct tracker *tracker, struct line *line, struct trace_match match)
{
    const struct edges *pictures[PICTURES] = { &tracker->edges[0], &tracker->edges[1],
                                               &tracker->edges[2] };
    line_watch_noise(tracker, line);
    if (line->noise > 1) /* what the ground lent it may go */
        return match.lost * 3 > match.groups;
    return match.lost > 0 || trace_gained(&line->trace, pictures, PICTURES) > 0;
}

/* It may have faded since the picture before the last. */
static int64_t gone_us(const struct tracker *tracker, const struct line *line)
{
    int64_t us = tracker->edge_us[0];
    (void)tracker_find_faded(tracker, 0, 1, line->trace.box, &us);
    return us;
}

static void watch_held(struct tracker *tracker, struct line *line)
{
    struct trace_match match = trace_match(&line->trace, &tracker->edges[0], 0);
    line->is_lost = match.kept * 100 < line->trace.total * 45;
    if (line->is_lost) {
        line->end_us = gone_us(tracker, line);
        return;
    }
    if (line_is_shown(&line->trace, match) && !has_changed(tracker, line, match)) {
        line->changed = 0;
        return;
    }
    if (line->changed++ == 0)
        line->end_us = gone_us(tracker, line);
    line->is_lost = line->changed == 2;
}

static void watch_new(struct tracker *tracker, struct line *line)
{
    struct trace_match match = trace_match(&line->trace, &tracker->edges[0], 0);
    if (match.kept * 10 < line->trace.total * 7) {
        line->is_lost = true;
        return;
    }
    line_watch_noise(tracker, line);
    trace_erode(&line->trace, &tracker->edges[0]);
    line->is_lost = line->trace.total * 2 < line->first_total;
    line->seen++;
}

void line_watch(struct tracker *tracker, struct line *line)
{
    if (line->is_held)
        watch_held(tracker, line);
    else
        watch_new(tracker, line);
}

/* Long enough to be known again elsewhere, and not on a moving ground, which is like anything. */
static bool may_move(const struct line *line)
{
    return line->is_lost && line->is_held && line->noise <= 1 &&
           line->trace.box.width >= 4 * line->trace.box.height;
}

/* By how many rows most of what was lost has moved down; 0: it has not. */
static int find_move(const struct tracker *tracker)
{
    enum { STEP = 3 };
    const struct edges *now = &tracker->edges[0];
    unsigned best = 0, all = 0, lines = 0;
    int best_down = 0;
    for (size_t i = 0; i < tracker->line_count; i++)
        if (may_move(&tracker->lines[i])) {
            all += tracker->lines[i].trace.total / STEP;
            lines++;
        }
    for (int down = -now->height / 2; lines > 0 && down <= now->height / 2; down++) {
        unsigned kept = 0;
        for (size_t i = 0; i < tracker->line_count; i++)
            if (may_move(&tracker->lines[i]))
                kept += trace_kept(&tracker->lines[i].trace, now, down, STEP);
        if (kept > best) {
            best = kept;
            best_down = down;
        }
    }
    return best * 100 >= all * (lines > 1 ? 50 : 80) ? best_down : 0;
}

static bool move_line(struct tracker *tracker, struct line *line, int down)
{
    int y = line->trace.box.y + down;
    struct trace_match match = trace_match(&line->trace, &tracker->edges[0], down);
    struct trace_match here = trace_match(&line->trace, &tracker->edges[0], 0);
    if (y < 0 || y + line->trace.box.height > tracker->edges[0].height || match.kept <= here.kept ||
        !line_is_shown(&line->trace, match) || match.lost * 5 > match.groups)
        return false;
    line->trace.box.y = y;
    line->is_lost = false;
    line->has_moved = line->has_ever_moved = true;
    line->changed = 0;
    return true;
}

/* What is remembered of the pictures before moves along, so that new lines that came with the
 * others, and moved with them, are seen to hold still. */
static void move_memory(struct tracker *tracker, int down)
{
    for (int i = 1; i < PICTURES; i++) {
        edges_move(&tracker->edges[i], down);
        tracker->moved[i] += down;
    }
}

void tracker_move_lines(struct tracker *tracker)
{
    bool any = false;
    int down = find_move(tracker);
    for (size_t i = 0; down != 0 && i < tracker->line_count; i++)
        any |= move_line(tracker, &tracker->lines[i], down);
    if (any)
        move_memory(tracker, down);
}
