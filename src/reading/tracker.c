/* tracker.c - what stands still for two pictures, and was not there before, is cut into lines; each
 * is on probation until it has been seen in some more, while all that does not stay is taken out of
 * it. So a moving ground leaves nothing behind but by chance, and chance does not last.
 *
 * A line is over when most of its strokes are gone; and also when some few letters' worth of them
 * are gone or have come, for two pictures: a digit that ticks makes another line.
 *
 * Times lie half way between the picture that showed it and the one that did not.
 *
 * Text that rolls up or down and never stands still is the matter of a second tracker, whose lines
 * and whose memory of the pictures move along by what shift.h says: there, the lines stand still.
 * It sees nothing of the lines of the first one, and the first one nothing of what rolls. */
#include "reading/tracker.h"

#include "base/mem.h"
#include "reading/cut.h"
#include "reading/shift.h"
#include "reading/trace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    HELD_AFTER = 3, /* pictures */
    PICTURES = 3,   /* that are kept */
    LINES_MAX = 400,
    NOISE_SHARE = 40, /* one part in so many of the box flickers: a moving ground */
    NOISE_MAX = 5,
    TOGETHER_US = 450000, /* pieces of one text come up within so long */
    LETTERS_MIN = 4,      /* fewer, on a moving ground, are chance */
    FAINT = 60,           /* levels from the darkest to the brightest; fewer are hard to see */
    OTHERS_MAX = 2,
    ROLLS_AFTER = 2, /* pictures moved alike */
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
    int64_t start_us, end_us, changed_us;
};

struct tracker {
    int scale;
    struct rect whole;            /* the picture */
    struct edges edges[PICTURES]; /* the newest first */
    int64_t edge_us[PICTURES];    /* when each began, as far as can be told */
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
    struct shift shift;
    struct tracker *roll; /* the lines that roll; NULL: there are none */
    bool is_roll;         /* of another one, */
    int rolled;           /* and has moved down by so many rows since the picture before */
    struct tracker_line *ended;
    size_t ended_count, ended_size, given;
};

struct tracker *tracker_new(void)
{
    struct tracker *tracker = MEM_NEW(struct tracker);
    tracker->lines = mem_zero(LINES_MAX, sizeof(*tracker->lines));
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

/* ---- ends ---- */

static struct rect scaled(struct rect rect, int scale)
{
    return (struct rect){ rect.x * scale, rect.y * scale, rect.width * scale, rect.height * scale };
}

/* A letter or two are a line on a page, where nothing else could have made them. */
static bool is_plausible(const struct line *line, const struct strip_image *image)
{
    bool is_enough = (image->is_page && line->noise == 0) || image->letters.count >= LETTERS_MIN;
    return is_enough && letters_make_text(&image->letters);
}

static void add_ended(struct tracker *tracker, const struct tracker_line *line)
{
    if (tracker->ended_count == tracker->ended_size) {
        tracker->ended_size = tracker->ended_size ? 2 * tracker->ended_size : 16;
        tracker->ended = mem_resize(tracker->ended, tracker->ended_size, sizeof(*tracker->ended));
    }
    tracker->ended[tracker->ended_count++] = *line;
}

static int line_end(struct tracker *tracker, struct line *line, int64_t end_us)
{
    int back = line->core_rolled * tracker->scale;
    struct tracker_line ended = { .id = line->id,
                                  .box = scaled(line->core, tracker->scale),
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
    add_ended(tracker, &ended);
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

/* Those that are lost leave; the ones that were held are passed on. */
static int end_lost(struct tracker *tracker)
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

/* ---- is it still there? ---- */

static bool is_shown(const struct trace *trace, struct trace_match match)
{
    return match.kept * 10 >= trace->total * 6;
}

static void watch_noise(struct tracker *tracker, struct line *line)
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
    watch_noise(tracker, line);
    if (line->noise > 1) /* what the ground lent it may go */
        return match.lost * 3 > match.groups;
    return match.lost > 0 || trace_gained(&line->trace, pictures, PICTURES) > 0;
}

static void watch_held(struct tracker *tracker, struct line *line)
{
    struct trace_match match = trace_match(&line->trace, &tracker->edges[0], 0);
    line->end_us = tracker->edge_us[0];
    line->is_lost = match.kept * 100 < line->trace.total * 45;
    if (line->is_lost)
        return;
    if (is_shown(&line->trace, match) && !has_changed(tracker, line, match)) {
        line->changed = 0;
        return;
    }
    if (line->changed++ == 0)
        line->changed_us = tracker->edge_us[0];
    line->is_lost = line->changed == 2;
    line->end_us = line->changed_us;
}

static void watch_new(struct tracker *tracker, struct line *line)
{
    struct trace_match match = trace_match(&line->trace, &tracker->edges[0], 0);
    if (match.kept * 10 < line->trace.total * 7) {
        line->is_lost = true;
        return;
    }
    watch_noise(tracker, line);
    trace_erode(&line->trace, &tracker->edges[0]);
    line->is_lost = line->trace.total * 2 < line->first_total;
    line->seen++;
}

/* ---- lines that move ---- */

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
        !is_shown(&line->trace, match) || match.lost * 5 > match.groups)
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
    for (int i = 1; i < PICTURES; i++)
        edges_move(&tracker->edges[i], down);
}

static void move_lines(struct tracker *tracker)
{
    bool any = false;
    int down = find_move(tracker);
    for (size_t i = 0; down != 0 && i < tracker->line_count; i++)
        any |= move_line(tracker, &tracker->lines[i], down);
    if (any)
        move_memory(tracker, down);
}

/* ---- new lines ---- */

static struct rect strip_place(const struct tracker *tracker, struct rect box)
{
    int aside = box.height * 6 / 10 + 2, above = box.height / 5 + 1;
    struct rect place = { box.x - aside, box.y - above, box.width + 2 * aside,
                          box.height + 2 * above };
    return rect_common(scaled(place, tracker->scale), tracker->whole);
}

static int line_strip(struct tracker *tracker, struct line *line)
{
    line->core = line->trace.box;
    line->core_rolled = line->rolled;
    line->has_moved = false;
    return strip_begin(&line->strip, strip_place(tracker, line->core));
}

static void cover(struct bitmap *fresh, const struct rect *box)
{
    int x0 = int_max(0, box->x - 4), x1 = int_min(fresh->width, box->x + box->width + 4);
    int y0 = int_max(0, box->y - 2), y1 = int_min(fresh->height, box->y + box->height + 2);
    for (int y = y0; y < y1; y++)
        for (int w = x0 / 64; w * 64 < x1; w++) {
            int from = int_max(x0 - w * 64, 0), to = int_min(x1 - w * 64, 64);
            uint64_t mask = to == 64 ? ~UINT64_C(0) : (UINT64_C(1) << to) - 1;
            mask &= ~((UINT64_C(1) << from) - 1);
            fresh->bits[(size_t)y * (size_t)fresh->words + (size_t)w] &= ~mask;
        }
}

/* A letter or less, that may as well be the beginning of more: it does not hide what is new. */
static bool is_weak(const struct line *line)
{
    return line->trace.box.width * 2 < line->trace.box.height * 3;
}

/* What another one follows, where it is in this one's reduced picture. */
static void cover_other(struct tracker *tracker, const struct tracker *other, int times)
{
    int to = times * tracker->scale, from = other->scale;
    for (size_t i = 0; i < other->line_count; i++) {
        const struct rect *box = &other->lines[i].trace.box;
        const struct rect here = { box->x * from / to, box->y * from / to,
                                   box->width * from / to + 1, box->height * from / to + 1 };
        if (!other->lines[i].is_faint)
            cover(&tracker->fresh, &here);
    }
    if (other->roll)
        cover_other(tracker, other->roll, times);
}

static void cover_lines(const struct tracker *tracker, struct bitmap *bitmap)
{
    for (size_t i = 0; i < tracker->line_count; i++) {
        const struct line *line = &tracker->lines[i];
        if (line->is_lost ? line->changed == 0 : !is_weak(line))
            cover(bitmap, &line->trace.box);
    }
}

/* What was there before, as far away as the text has rolled. */
static void drop_rolled(const struct tracker *tracker, struct bitmap *fresh)
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

/* What is covered by lines is known; what remains of the bits that stood still is new. Where a line
 * has just gone, what its last picture has in common with this one is chance. */
static void find_fresh(struct tracker *tracker)
{
    const struct edges *now = &tracker->edges[0], *before = &tracker->edges[1];
    struct bitmap *fresh = &tracker->fresh;
    size_t words = (size_t)now->words * (size_t)now->height;
    for (size_t i = 0; i < words; i++)
        fresh->bits[i] =
            (now->rising[i] & before->rising[i]) | (now->falling[i] & before->falling[i]);
    cover_lines(tracker, fresh);
    if (tracker->roll)
        cover_lines(tracker->roll, fresh);
    if (tracker->shift.down != 0)
        drop_rolled(tracker, fresh);
    for (int i = 0; i < tracker->other_count; i++)
        cover_other(tracker, tracker->others[i].tracker, tracker->others[i].times);
}

static bool is_in_row(const struct rect *a, const struct rect *b)
{
    int rows = int_min(a->y + a->height, b->y + b->height) - int_max(a->y, b->y);
    return rows * 2 > int_min(a->height, b->height);
}

/* Rows between the line and the side of the picture from which it came. */
static int rows_behind(const struct tracker *tracker, struct rect box)
{
    return tracker->rolled < 0 ? tracker->edges[0].height - box.y - box.height : box.y;
}

/* Of text that rolls: has all of the line come in, and will it stay for a while? */
static bool is_whole(const struct tracker *tracker, struct rect box)
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
static void come_in(struct tracker *tracker, struct line *line)
{
    int64_t step_us = tracker->edge_us[0] - tracker->edge_us[1];
    line->start_us = come_in_us(tracker, line->trace.box, line->start_us);
    line->has_ever_moved = true;
    for (size_t i = 0; i < tracker->line_count; i++) {
        struct line *other = &tracker->lines[i];
        if (!is_in_row(&other->trace.box, &line->trace.box) ||
            llabs(other->start_us - line->start_us) > 2 * step_us)
            continue;
        line->rolled = other->rolled;
        if (line->start_us < other->start_us)
            line->start_us = other->start_us;
        other->start_us = line->start_us;
    }
}

/* In a box of the reduced picture. */
static bool is_faint(const struct tracker *tracker, const struct luma *luma, struct rect box)
{
    int counts[256] = { 0 }, all = 0, least = 0, most = 255;
    const struct rect place = rect_common(scaled(box, tracker->scale), tracker->whole);
    for (int y = place.y; y < place.y + place.height; y++)
        for (int x = place.x; x < place.x + place.width; x++, all++)
            counts[luma_row(luma, y)[x]]++;
    for (int seen = counts[0]; least < 255 && seen * 50 < all; seen += counts[++least])
        ;
    for (int seen = counts[255]; most > least && seen * 50 < all; seen += counts[--most])
        ;
    return most - least < FAINT;
}

static int line_begin(struct tracker *tracker, const struct luma *luma, struct rect box)
{
    const struct edges *pictures[] = { &tracker->edges[0], &tracker->edges[1] };
    if (tracker->line_count == LINES_MAX)
        return 0;
    struct line *line = &tracker->lines[tracker->line_count];
    *line = (struct line){ .id = tracker->next_id++, .seen = 2 };
    trace_init(&line->trace, box, pictures, 2);
    line->first_total = line->trace.total;
    line->is_faint = is_faint(tracker, luma, box);
    struct trace_match match = trace_match(&line->trace, &tracker->edges[2], 0);
    bool earlier =
        tracker->count > 2 && match.lost == 0 && match.kept * 10 >= line->trace.total * 8;
    line->start_us = tracker->edge_us[earlier ? 2 : 1];
    if (tracker->is_roll)
        come_in(tracker, line);
    tracker->line_count++;
    return line_strip(tracker, line);
}

static int area(struct rect rect)
{
    return rect.width * rect.height;
}

/* Makes way for a new line that is more than the weak ones in its place; false: it is no more than
 * one of them. */
static bool replace_weak(struct tracker *tracker, const struct rect *box)
{
    for (size_t i = 0; i < tracker->line_count; i++) {
        struct line *line = &tracker->lines[i];
        struct rect common = rect_common(line->trace.box, *box);
        if (!is_weak(line) || area(common) == 0)
            continue;
        if (area(common) * 10 > area(*box) * 7)
            return false;
        line->is_lost = true;
        line->is_held = false;
    }
    return true;
}

static int begin_lines(struct tracker *tracker, const struct luma *luma)
{
    struct cut_lines found = { 0 };
    int r = 0;
    cut_find(&tracker->fresh, &found);
    for (size_t i = 0; i < found.count && r == 0; i++)
        if ((!tracker->is_roll || is_whole(tracker, found.rects[i])) &&
            replace_weak(tracker, &found.rects[i]))
            r = line_begin(tracker, luma, found.rects[i]);
    cut_release(&found);
    return r == 0 ? end_lost(tracker) : r;
}

/* ---- lines that grow ---- */

/* In one row, no further apart than words are, and of one size: a full stop is small, but nothing
 * that belongs to a line is much taller than it. */
static bool is_beside(const struct rect *a, const struct rect *b)
{
    int gap = int_max(a->x, b->x) - int_min(a->x + a->width, b->x + b->width);
    int least = int_min(a->height, b->height), most = int_max(a->height, b->height);
    return is_in_row(a, b) && gap * 2 < most * 3 && most < least * 3;
}

static void line_retrace(struct tracker *tracker, struct line *line, struct rect box)
{
    const struct edges *pictures[] = { &tracker->edges[0], &tracker->edges[1], &tracker->edges[2] };
    trace_release(&line->trace);
    trace_init(&line->trace, box, pictures, PICTURES);
    struct rect extent = trace_extent(&line->trace);
    if (extent.width == 0)
        return;
    trace_release(&line->trace);
    trace_init(&line->trace, extent, pictures, PICTURES);
}

static struct line *find_beside(struct tracker *tracker, const struct line *line)
{
    for (size_t i = 0; i < tracker->line_count; i++) {
        struct line *other = &tracker->lines[i];
        if (other != line && other->is_held && !other->is_lost && other->changed == 0 &&
            is_beside(&other->trace.box, &line->trace.box))
            return other;
    }
    return NULL;
}

/* The first piece says when a line begins; but what is small beside the rest of it, on a ground
 * that moves, may have been there by chance. */
static int64_t joint_start(const struct line *a, const struct line *b)
{
    const struct line *small = area(a->trace.box) < area(b->trace.box) ? a : b;
    const struct line *large = small == a ? b : a;
    bool is_chance = small->noise > 0 && area(small->trace.box) * 4 < area(large->trace.box);
    return is_chance || large->start_us < small->start_us ? large->start_us : small->start_us;
}

/* One that has just been held belongs to the ones beside which it came up; the eldest grows. */
static int join(struct tracker *tracker, struct line *line)
{
    struct line *other;
    bool has_grown = false;
    while ((other = find_beside(tracker, line))) {
        struct line *elder = other->id < line->id ? other : line;
        struct line *younger = elder == line ? other : line;
        struct rect box = rect_around(elder->trace.box, younger->trace.box);
        elder->start_us = joint_start(elder, younger);
        younger->is_lost = true;
        younger->is_held = false; /* so it leaves unread */
        line_retrace(tracker, elder, box);
        line = elder;
        has_grown = true;
    }
    return has_grown || tracker->is_roll ? line_strip(tracker, line) : 0;
}

static int hold(struct tracker *tracker, struct line *line)
{
    line->is_held = true;
    line_retrace(tracker, line, line->trace.box);
    return join(tracker, line);
}

/* Of lines that came up in the last pictures one would wait in vain for more; on a ground that does
 * not move they are believed. */
static int end_all(struct tracker *tracker)
{
    int r = 0;
    for (size_t i = 0; i < tracker->line_count && r == 0; i++) {
        struct line *line = &tracker->lines[i];
        if (line->is_held)
            continue;
        watch_noise(tracker, line);
        if (line->noise == 0)
            r = hold(tracker, line);
    }
    for (size_t i = 0; i < tracker->line_count; i++) {
        tracker->lines[i].is_lost = true;
        tracker->lines[i].end_us = tracker->end_us;
    }
    return r < 0 ? r : end_lost(tracker);
}

/* What has ended in the second tracker is told by the first. */
static void take_rolled(struct tracker *tracker)
{
    struct tracker_line line;
    while (tracker_next(tracker->roll, &line))
        add_ended(tracker, &line);
    tracker->next_id = tracker->roll->next_id;
}

int tracker_end(struct tracker *tracker)
{
    int r = end_all(tracker);
    if (!tracker->roll)
        return r;
    if (r == 0)
        r = end_all(tracker->roll);
    take_rolled(tracker);
    tracker_free(&tracker->roll);
    return r;
}

/* ---- pictures ---- */

static int begin_picture(struct tracker *tracker, const struct luma *luma, int64_t start_us)
{
    struct edges oldest = tracker->edges[PICTURES - 1];
    for (int i = PICTURES - 1; i > 0; i--) {
        tracker->edges[i] = tracker->edges[i - 1];
        tracker->edge_us[i] = tracker->edge_us[i - 1];
    }
    tracker->edges[0] = oldest;
    tracker->edge_us[0] =
        tracker->count == 0 ? start_us : start_us - (start_us - tracker->start_us) / 2;
    return edges_find(&tracker->edges[0], luma, tracker->scale);
}

static void make_fresh(struct tracker *tracker, int width, int height)
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
    make_fresh(tracker, luma->width / tracker->scale, luma->height / tracker->scale);
    shift_reset(&tracker->shift, tracker->fresh.width, tracker->fresh.height);
    return r;
}

static int look_at_lines(struct tracker *tracker, const struct luma *luma)
{
    for (size_t i = 0; i < tracker->line_count; i++) {
        struct line *line = &tracker->lines[i];
        if (line->is_held)
            watch_held(tracker, line);
        else
            watch_new(tracker, line);
    }
    if (!tracker->is_roll)
        move_lines(tracker);
    find_fresh(tracker);
    int r = end_lost(tracker);
    for (size_t i = 0; i < tracker->line_count && r == 0; i++)
        if (!tracker->lines[i].is_held && tracker->lines[i].seen >= HELD_AFTER)
            r = hold(tracker, &tracker->lines[i]);
    if (r == 0)
        r = end_lost(tracker);
    if (r == 0)
        r = begin_lines(tracker, luma);
    for (size_t i = 0; i < tracker->line_count && r == 0; i++) {
        struct line *line = &tracker->lines[i];
        if (line->has_moved && !line->is_held)
            r = line_strip(tracker, line);
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

/* ---- what rolls ---- */

/* A line that is still on probation, and is nothing but what rolls, seen twice in one place. */
static int drop_rolling(struct tracker *tracker)
{
    const struct edges *now = &tracker->edges[0];
    for (size_t i = 0; i < tracker->line_count; i++) {
        struct line *line = &tracker->lines[i];
        line->is_lost = !line->is_held && trace_kept(&line->trace, now, tracker->shift.down, 1) >
                                              trace_kept(&line->trace, now, 0, 1);
    }
    return end_lost(tracker);
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
    make_fresh(roll, tracker->fresh.width, tracker->fresh.height);
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
    return end_lost(roll);
}

/* Lets the second tracker go when it has nothing left to do. */
static int find_roll(struct tracker *tracker)
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
        cover(&rising, &line->trace.box);
        cover(&falling, &line->trace.box);
    }
}

static int look_at_roll(struct tracker *tracker, const struct luma *luma)
{
    struct tracker *roll = tracker->roll;
    cover_held(tracker, &roll->edges[0]);
    if (tracker->shift.steady < ROLLS_AFTER)
        roll->rolled = 0; /* so nothing begins */
    roll->next_id = tracker->next_id;
    int r = look_at_lines(roll, luma);
    take_rolled(tracker);
    return r;
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
    r = find_roll(tracker);
    if (r == 0)
        r = look_at_lines(tracker, luma);
    return r == 0 && tracker->roll ? look_at_roll(tracker, luma) : r;
}
