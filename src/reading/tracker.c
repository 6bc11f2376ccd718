/* tracker.c - what stands still for two pictures, and was not there before, is cut into lines; each
 * is on probation until it has been seen in some more, while all that does not stay is taken out of
 * it. So a moving ground leaves nothing behind but by chance, and chance does not last.
 *
 * A line is over when most of its strokes are gone; and also when some few letters' worth of them
 * are gone or have come, for two pictures: a digit that ticks makes another line.
 *
 * Times lie half way between the picture that showed it and the one that did not. */
#include "reading/tracker.h"

#include "base/mem.h"
#include "reading/cut.h"
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
};

struct line {
    uint64_t id;
    struct trace trace;
    struct strip strip;
    struct rect core; /* trace.box when the strip began */
    unsigned first_total;
    int seen, changed, noise;
    bool is_held, is_lost;
    bool has_moved; /* since the strip began, */
    bool has_ever_moved;
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

static int line_end(struct tracker *tracker, struct line *line, int64_t end_us)
{
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
    if (tracker->ended_count == tracker->ended_size) {
        tracker->ended_size = tracker->ended_size ? 2 * tracker->ended_size : 16;
        tracker->ended = mem_resize(tracker->ended, tracker->ended_size, sizeof(*tracker->ended));
    }
    tracker->ended[tracker->ended_count++] = ended;
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
    for (size_t i = 0; i < tracker->line_count; i++) {
        const struct line *line = &tracker->lines[i];
        if (line->is_lost ? line->changed == 0 : !is_weak(line))
            cover(fresh, &line->trace.box);
    }
}

static int line_begin(struct tracker *tracker, struct rect box)
{
    const struct edges *pictures[] = { &tracker->edges[0], &tracker->edges[1] };
    if (tracker->line_count == LINES_MAX)
        return 0;
    struct line *line = &tracker->lines[tracker->line_count];
    *line = (struct line){ .id = tracker->next_id++, .seen = 2 };
    trace_init(&line->trace, box, pictures, 2);
    line->first_total = line->trace.total;
    struct trace_match match = trace_match(&line->trace, &tracker->edges[2], 0);
    bool earlier =
        tracker->count > 2 && match.lost == 0 && match.kept * 10 >= line->trace.total * 8;
    line->start_us = tracker->edge_us[earlier ? 2 : 1];
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

static int begin_lines(struct tracker *tracker)
{
    struct cut_lines found = { 0 };
    int r = 0;
    cut_find(&tracker->fresh, &found);
    for (size_t i = 0; i < found.count && r == 0; i++)
        if (replace_weak(tracker, &found.rects[i]))
            r = line_begin(tracker, found.rects[i]);
    cut_release(&found);
    return r == 0 ? end_lost(tracker) : r;
}

/* ---- lines that grow ---- */

/* On one row, no further apart than words are, and of one size: a full stop is small, but nothing
 * that belongs to a line is much taller than it. */
static bool is_beside(const struct rect *a, const struct rect *b)
{
    int rows = int_min(a->y + a->height, b->y + b->height) - int_max(a->y, b->y);
    int gap = int_max(a->x, b->x) - int_min(a->x + a->width, b->x + b->width);
    int least = int_min(a->height, b->height), most = int_max(a->height, b->height);
    return rows * 2 > least && gap * 2 < most * 3 && most < least * 3;
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
    return has_grown ? line_strip(tracker, line) : 0;
}

static int hold(struct tracker *tracker, struct line *line)
{
    line->is_held = true;
    line_retrace(tracker, line, line->trace.box);
    return join(tracker, line);
}

/* Of lines that came up in the last pictures one would wait in vain for more; on a ground that does
 * not move they are believed. */
int tracker_end(struct tracker *tracker)
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

/* Another size: all that was there is over. */
static int resize(struct tracker *tracker, const struct luma *luma)
{
    int r = tracker_end(tracker);
    tracker->whole = (struct rect){ 0, 0, luma->width, luma->height };
    tracker->scale = edges_scale(luma->width, luma->height);
    tracker->count = 0;
    int width = luma->width / tracker->scale, height = luma->height / tracker->scale;
    free(tracker->fresh.bits);
    tracker->fresh = (struct bitmap){ width, height, (width + 63) / 64, NULL };
    tracker->fresh.bits =
        mem_zero((size_t)tracker->fresh.words * (size_t)height + 1, sizeof(uint64_t));
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
    move_lines(tracker);
    find_fresh(tracker);
    int r = end_lost(tracker);
    for (size_t i = 0; i < tracker->line_count && r == 0; i++)
        if (!tracker->lines[i].is_held && tracker->lines[i].seen >= HELD_AFTER)
            r = hold(tracker, &tracker->lines[i]);
    if (r == 0)
        r = end_lost(tracker);
    if (r == 0)
        r = begin_lines(tracker);
    for (size_t i = 0; i < tracker->line_count && r == 0; i++) {
        struct line *line = &tracker->lines[i];
        if (line->has_moved && !line->is_held)
            r = line_strip(tracker, line);
        if (r == 0 && line->changed == 0 && !(line->has_moved && line->strip.has_next))
            strip_add(&line->strip, luma);
    }
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
    if (r == 0 && ++tracker->count > 1)
        r = look_at_lines(tracker, luma);
    return r;
}
