/* tracker_begin.c - lines that begin, and lines that grow by others that came up beside them. */
#include "reading/tracker_private.h"

#include "reading/cut.h"

enum { FAINT = 60 /* levels from the darkest to the brightest; fewer are hard to see */ };

static struct rect strip_place(const struct tracker *tracker, struct rect box)
{
    int aside = box.height * 6 / 10 + 2, above = box.height / 5 + 1;
    struct rect place = { box.x - aside, box.y - above, box.width + 2 * aside,
                          box.height + 2 * above };
    return rect_common(rect_scaled(place, tracker->scale), tracker->whole);
}

int line_begin_strip(struct tracker *tracker, struct line *line)
{
    line->core = line->trace.box;
    line->core_rolled = line->rolled;
    line->has_moved = false;
    return strip_begin(&line->strip, strip_place(tracker, line->core));
}

void bitmap_cover(struct bitmap *bitmap, const struct rect *box)
{
    int x0 = int_max(0, box->x - 4), x1 = int_min(bitmap->width, box->x + box->width + 4);
    int y0 = int_max(0, box->y - 2), y1 = int_min(bitmap->height, box->y + box->height + 2);
    for (int y = y0; y < y1; y++)
        for (int w = x0 / 64; w * 64 < x1; w++) {
            int from = int_max(x0 - w * 64, 0), to = int_min(x1 - w * 64, 64);
            uint64_t mask = to == 64 ? ~UINT64_C(0) : (UINT64_C(1) << to) - 1;
            mask &= ~((UINT64_C(1) << from) - 1);
            bitmap->bits[(size_t)y * (size_t)bitmap->words + (size_t)w] &= ~mask;
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
            bitmap_cover(&tracker->fresh, &here);
    }
    if (other->roll)
        cover_other(tracker, other->roll, times);
}

void tracker_cover_lines(const struct tracker *tracker, struct bitmap *bitmap)
{
    for (size_t i = 0; i < tracker->line_count; i++) {
        const struct line *line = &tracker->lines[i];
        if (line->is_lost ? line->changed == 0 : !is_weak(line))
            bitmap_cover(bitmap, &line->trace.box);
    }
}

/* What is covered by lines is known; what remains of the bits that stood still is new. Where a line
 * has just gone, what its last picture has in common with this one is chance. */
void tracker_find_fresh(struct tracker *tracker)
{
    const struct edges *now = &tracker->edges[0], *before = &tracker->edges[1];
    struct bitmap *fresh = &tracker->fresh;
    size_t words = (size_t)now->words * (size_t)now->height;
    for (size_t i = 0; i < words; i++)
        fresh->bits[i] =
            (now->rising[i] & before->rising[i]) | (now->falling[i] & before->falling[i]);
    tracker_cover_lines(tracker, fresh);
    if (tracker->roll)
        tracker_cover_lines(tracker->roll, fresh);
    if (tracker->shift.down != 0)
        roll_drop_fresh(tracker, fresh);
    for (int i = 0; i < tracker->other_count; i++)
        cover_other(tracker, tracker->others[i].tracker, tracker->others[i].times);
}

/* In a box of the reduced picture. */
static bool is_faint(const struct tracker *tracker, const struct luma *luma, struct rect box)
{
    int counts[256] = { 0 }, all = 0, least = 0, most = 255;
    const struct rect place = rect_common(rect_scaled(box, tracker->scale), tracker->whole);
    for (int y = place.y; y < place.y + place.height; y++)
        for (int x = place.x; x < place.x + place.width; x++, all++)
            counts[luma_row(luma, y)[x]]++;
    for (int seen = counts[0]; least < 255 && seen * 50 < all; seen += counts[++least])
        ;
    for (int seen = counts[255]; most > least && seen * 50 < all; seen += counts[--most])
        ;
    return most - least < FAINT;
}

/* It stands still in the two newest pictures, and in the one before, if `earlier`. But where
 * nothing changed when a picture came, the strokes in it were those of the line that stood there
 * before. */
static void find_start(const struct tracker *tracker, struct line *line, bool earlier)
{
    int first = earlier ? 2 : 1, last = tracker->count > 2 ? 0 : 1;
    for (line->came = first; line->came >= last; line->came--) {
        line->came_box = line->trace.box;
        line->came_box.y -= tracker->moved[line->came];
        if (tracker_find_moment(tracker, line->came, line->came_box, &line->start_us))
            return;
    }
    line->came = -1;
    line->start_us = tracker->edge_us[first];
}

/* When it is held all of it is there: what faded in began half way. */
static void refine_start(const struct tracker *tracker, struct line *line)
{
    int since = line->seen - 2;
    if (line->came >= 0 && !line->has_ever_moved && line->came_box.y == line->trace.box.y &&
        line->came + since < MOMENTS_PICTURES)
        (void)tracker_find_faded(tracker, line->came + since, line->came + since, line->came_box,
                                 &line->start_us);
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
    find_start(tracker, line, earlier);
    if (tracker->is_roll)
        roll_come_in(tracker, line);
    tracker->line_count++;
    return line_begin_strip(tracker, line);
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

int tracker_begin_lines(struct tracker *tracker, const struct luma *luma)
{
    struct cut_lines found = { 0 };
    int r = 0;
    cut_find(&tracker->fresh, &found);
    for (size_t i = 0; i < found.count && r == 0; i++)
        if ((!tracker->is_roll || roll_is_whole(tracker, found.rects[i])) &&
            replace_weak(tracker, &found.rects[i]))
            r = line_begin(tracker, luma, found.rects[i]);
    cut_release(&found);
    return r == 0 ? tracker_drop_lost(tracker) : r;
}

/* In one row, no further apart than words are, and of one size: a full stop is small, but nothing
 * that belongs to a line is much taller than it. */
static bool is_beside(const struct rect *a, const struct rect *b)
{
    int gap = int_max(a->x, b->x) - int_min(a->x + a->width, b->x + b->width);
    int least = int_min(a->height, b->height), most = int_max(a->height, b->height);
    return rect_same_row(*a, *b) && gap * 2 < most * 3 && most < least * 3;
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
    return has_grown || tracker->is_roll ? line_begin_strip(tracker, line) : 0;
}

void line_hold_last(struct tracker *tracker, struct line *line)
{
    line->is_held = true;
    refine_start(tracker, line);
}

int line_hold(struct tracker *tracker, struct line *line)
{
    line->is_held = true;
    refine_start(tracker, line);
    line_retrace(tracker, line, line->trace.box);
    return join(tracker, line);
}
