/* tracker.c - what stands still for two pictures, and was not there before, is cut into lines; each
 * is on probation until it has been seen in some more, while all that does not stay is taken out of
 * it. So a moving ground leaves nothing behind but by chance, and chance does not last.
 *
 * A line is over when most of its strokes are gone; and also when some few letters' worth of them
 * are gone or have come, for two pictures: a digit that ticks makes another line.
 *
 * Times are those of the frame between two pictures at which the line came or went, as far as
 * moments.h can tell; else they lie half way between the picture that showed it and the one that
 * did not.
 *
 * Text that rolls up or down and never stands still is the matter of a second tracker, whose lines
 * and whose memory of the pictures move along by what shift.h says: there, the lines stand still.
 * It sees nothing of the lines of the first one, and the first one nothing of what rolls. */
#include "reading/tracker_private.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    LETTERS_MIN = 4,    /* fewer, on a moving ground, are chance */
    LATE_US = 10000000, /* a line is seen to begin no later than so long after it did: credits
                           that roll slowly are waited for, */
    LATE_PICTURES = 4,  /* and so many pictures */
};

struct tracker *tracker_new(void)
{
    struct tracker *tracker = MEM_NEW(struct tracker);
    tracker->lines = mem_zero(LINES_MAX, sizeof(*tracker->lines));
    tracker->from_us = INT64_MIN;
    return tracker;
}

static void line_release(struct line *line)
{
    trace_release(&line->trace);
    strip_release(&line->strip);
}

void tracker_free(struct tracker **tracker)
{
    struct tracker *dead = TAKE(*tracker);
    if (!dead)
        return;
    for (size_t i = 0; i < dead->line_count; i++)
        line_release(&dead->lines[i]);
    for (size_t i = dead->given; i < dead->ended_count; i++)
        strip_image_release(&dead->ended[i].image);
    for (int i = 0; i < PICTURES; i++)
        edges_release(&dead->edges[i]);
    shift_release(&dead->shift);
    tracker_free(&dead->roll);
    free(dead->fresh.bits);
    free(dead->ended);
    free(dead->lines);
    free(dead);
}

/* A letter or two are a line on a page, where nothing else could have made them. */
static bool is_plausible(const struct line *line, const struct strip_image *image)
{
    bool is_enough = (image->is_page && line->noise == 0) || image->letters.count >= LETTERS_MIN;
    return is_enough && letters_make_text(&image->letters);
}

void tracker_add_ended(struct tracker *tracker, const struct tracker_line *line)
{
    if (tracker->ended_count == tracker->ended_size) {
        tracker->ended_size = tracker->ended_size ? 2 * tracker->ended_size : 16;
        tracker->ended = mem_resize(tracker->ended, tracker->ended_size, sizeof(*tracker->ended));
    }
    struct tracker_line *ended = &tracker->ended[tracker->ended_count++];
    *ended = *line;
    if (ended->start_us < tracker->from_us)
        ended->start_us = tracker->from_us;
}

static int line_end(struct tracker *tracker, struct line *line, int64_t end_us)
{
    int back = line->core_rolled * tracker->scale;
    struct tracker_line ended = { .id = line->id,
                                  .box = rect_scaled(line->core, tracker->scale),
                                  .has_moved = line->has_ever_moved,
                                  .start_us = line->start_us,
                                  .end_us = end_us };
    if (!line->strip.has_next || strip_image(&line->strip, ended.box, &ended.image) < 0)
        return -ENOMEM;
    if (!is_plausible(line, &ended.image)) {
        strip_image_release(&ended.image);
        return 0;
    }
    ended.box.y -= back; /* to where it was first */
    ended.image.place.y -= back;
    tracker_add_ended(tracker, &ended);
    return 0;
}

bool tracker_next(struct tracker *tracker, struct tracker_line *ret_line)
{
    if (tracker->given == tracker->ended_count) {
        tracker->given = tracker->ended_count = 0;
        return false;
    }
    *ret_line = tracker->ended[tracker->given++];
    return true;
}

/* Until a line is held its start may still be put earlier. */
static int64_t first_start(const struct tracker *tracker, int64_t first_us, int64_t late_us)
{
    for (size_t i = 0; i < tracker->line_count; i++) {
        const struct line *line = &tracker->lines[i];
        int64_t us = line->is_held ? line->start_us : line->start_us - late_us;
        first_us = us < first_us ? us : first_us;
    }
    return tracker->roll ? first_start(tracker->roll, first_us, late_us) : first_us;
}

int64_t tracker_from_us(struct tracker *tracker)
{
    int64_t step_us = tracker->end_us - tracker->start_us;
    int64_t late_us = LATE_US + LATE_PICTURES * step_us;
    int64_t us = first_start(tracker, tracker->start_us - late_us, late_us);
    for (size_t i = tracker->given; i < tracker->ended_count; i++)
        us = tracker->ended[i].start_us < us ? tracker->ended[i].start_us : us;
    if (us > tracker->from_us)
        tracker->from_us = us;
    return tracker->from_us;
}

/* Those that are lost leave; the ones that were held are passed on. */
int tracker_drop_lost(struct tracker *tracker)
{
    size_t kept = 0;
    int r = 0;
    for (size_t i = 0; i < tracker->line_count; i++) {
        struct line *line = &tracker->lines[i];
        if (!line->is_lost) {
            tracker->lines[kept++] = *line;
            continue;
        }
        if (line->is_held && r == 0)
            r = line_end(tracker, line, line->end_us);
        line_release(line);
    }
    tracker->line_count = kept;
    return r;
}

/* Of lines that came up in the last pictures one would wait in vain for more; on a ground that does
 * not move they are believed. */
int tracker_end_all(struct tracker *tracker)
{
    for (size_t i = 0; i < tracker->line_count; i++) {
        struct line *line = &tracker->lines[i];
        if (line->is_held)
            continue;
        line_watch_noise(tracker, line);
        if (line->noise == 0)
            line_hold_last(tracker, line);
    }
    for (size_t i = 0; i < tracker->line_count; i++) {
        tracker->lines[i].is_lost = true;
        tracker->lines[i].end_us = tracker->end_us;
    }
    return tracker_drop_lost(tracker);
}

int tracker_end(struct tracker *tracker)
{
    int r = tracker_end_all(tracker);
    int rolled = tracker->roll ? roll_end(tracker) : 0;
    return r < 0 ? r : rolled;
}

static int begin_picture(struct tracker *tracker, const struct luma *luma, int64_t start_us)
{
    struct edges oldest = tracker->edges[PICTURES - 1];
    for (int i = PICTURES - 1; i > 0; i--) {
        tracker->edges[i] = tracker->edges[i - 1];
        tracker->edge_us[i] = tracker->edge_us[i - 1];
        tracker->moved[i] = tracker->moved[i - 1];
    }
    tracker->edges[0] = oldest;
    tracker->moved[0] = 0;
    tracker->edge_us[0] =
        tracker->count == 0 ? start_us : start_us - (start_us - tracker->start_us) / 2;
    return edges_find(&tracker->edges[0], luma, tracker->scale);
}

bool tracker_find_moment(const struct tracker *tracker, int interval, struct rect box,
                         int64_t *ret_us)
{
    return tracker->moments &&
           moments_find(tracker->moments, interval, rect_scaled(box, tracker->scale),
                        tracker->whole, ret_us);
}

bool tracker_find_faded(const struct tracker *tracker, int interval, int older, struct rect box,
                        int64_t *ret_us)
{
    return tracker->moments &&
           moments_find_faded(tracker->moments, interval, older, rect_scaled(box, tracker->scale),
                              tracker->whole, ret_us);
}

void tracker_make_fresh(struct tracker *tracker, int width, int height)
{
    free(tracker->fresh.bits);
    tracker->fresh = (struct bitmap){ width, height, (width + 63) / 64, NULL };
    tracker->fresh.bits =
        mem_zero((size_t)tracker->fresh.words * (size_t)height + 1, sizeof(uint64_t));
}

/* Another size: all that was there is over. */
static int resize(struct tracker *tracker, const struct luma *luma)
{
    int r = tracker_end(tracker);
    tracker->whole = (struct rect){ 0, 0, luma->width, luma->height };
    tracker->scale = edges_scale(luma->width, luma->height);
    tracker->count = 0;
    memset(tracker->moved, 0, sizeof(tracker->moved));
    tracker_make_fresh(tracker, luma->width / tracker->scale, luma->height / tracker->scale);
    shift_reset(&tracker->shift, tracker->fresh.width, tracker->fresh.height);
    return r;
}

int tracker_look_at_lines(struct tracker *tracker, const struct luma *luma)
{
    for (size_t i = 0; i < tracker->line_count; i++)
        line_watch(tracker, &tracker->lines[i]);
    if (!tracker->is_roll)
        tracker_move_lines(tracker);
    tracker_find_fresh(tracker);
    int r = tracker_drop_lost(tracker);
    for (size_t i = 0; i < tracker->line_count && r == 0; i++)
        if (!tracker->lines[i].is_held && tracker->lines[i].seen >= HELD_AFTER)
            r = line_hold(tracker, &tracker->lines[i]);
    if (r == 0)
        r = tracker_drop_lost(tracker);
    if (r == 0)
        r = tracker_begin_lines(tracker, luma);
    for (size_t i = 0; i < tracker->line_count && r == 0; i++) {
        struct line *line = &tracker->lines[i];
        if (line->has_moved && !line->is_held)
            r = line_begin_strip(tracker, line);
        if (r == 0 && line->changed == 0 && !(line->has_moved && line->strip.has_next))
            strip_add(&line->strip, luma);
    }
    return r;
}

void tracker_leave_to(struct tracker *tracker, const struct tracker *other, int times)
{
    tracker->others[tracker->other_count].tracker = other;
    tracker->others[tracker->other_count++].times = times;
}

void tracker_time_by(struct tracker *tracker, const struct moments *moments)
{
    tracker->moments = moments;
}

int tracker_look(struct tracker *tracker, const struct luma *luma, int64_t start_us, int64_t end_us)
{
    int r = 0;
    if (luma->width != tracker->whole.width || luma->height != tracker->whole.height)
        r = resize(tracker, luma);
    if (r == 0)
        r = begin_picture(tracker, luma, start_us);
    tracker->start_us = start_us;
    tracker->end_us = end_us;
    if (r < 0 || ++tracker->count == 1)
        return r;
    r = roll_find(tracker);
    if (r == 0)
        r = tracker_look_at_lines(tracker, luma);
    return r == 0 && tracker->roll ? roll_look(tracker, luma) : r;
}
