/* lines.c - lines read in one image after the other become segments: one text, from when to when.
 *
 * Lines that come and go together are one segment of several lines, as a subtitle of two is. In it
 * they stand as they are read (reading/order.h), and where the rows are wider apart than elsewhere
 * a paragraph ends.
 *
 * Which segments are wanted can be said by how long they are shown and by their shape: that is what
 * tells a caption from a channel's name.
 *
 * They are emitted as soon as nothing that is still to be read can change them, as far as the lines
 * that come in say what is still to be read: so a run that dies has told what it had read. */
#include "reading/lines.h"

#include "base/mem.h"
#include "base/str.h"
#include "reading/order.h"
#include "steps/common.h"

#include <stdlib.h>
#include <string.h>

enum {
    GRAIN_US = 250000, /* a picture's worth */
    LOST_US = 600000,  /* less than three pictures: so early a line is lost on a restless ground */
};

struct params {
    int64_t min_us, max_us, max_lines;
    bool centred;
    double join_gap;
};

static const struct takeup_param table[] = {
    { "min_time", TAKEUP_TYPE_TIME, offsetof(struct params, min_us), "0", 0, 1e7, NULL,
      "texts that are shown for less are left out" },
    { "max_time", TAKEUP_TYPE_TIME, offsetof(struct params, max_us), "0", 0, 1e7, NULL,
      "texts that are shown for longer are left out; 0: none" },
    { "max_lines", TAKEUP_TYPE_INT, offsetof(struct params, max_lines), "0", 0, 1000, NULL,
      "texts of more lines are left out; 0: none" },
    { "centred", TAKEUP_TYPE_BOOL, offsetof(struct params, centred), "false", 0, 0, NULL,
      "only texts whose middle is that of the picture, from left to right" },
    { "join_gap", TAKEUP_TYPE_REAL, offsetof(struct params, join_gap), "3", 0, 100, NULL,
      "lines that come and go together are one text when no more than so many line heights part "
      "them; 0: however far they are apart" },
    { 0 },
};

struct merge {
    struct takeup_host *host;
    const struct params *params;
    struct lines *lines;
    struct lines_stretch *group; /* the next line may belong to them */
    size_t group_count, group_size;
};

static int merge_open(void *self, const void *params, struct takeup_host *host)
{
    struct merge *merge = self;
    merge->host = host;
    merge->params = params;
    merge->lines = lines_new();
    return 0;
}

/* ---- reading order ---- */

/* As they come: what began first is first. Takes over its strings. */
static void group_add(struct merge *merge, const struct lines_stretch *stretch)
{
    if (merge->group_count == merge->group_size) {
        merge->group_size = merge->group_size ? 2 * merge->group_size : 8;
        merge->group = mem_resize(merge->group, merge->group_size, sizeof(*merge->group));
    }
    merge->group[merge->group_count++] = *stretch;
}

static void group_drop(struct merge *merge)
{
    for (size_t i = 0; i < merge->group_count; i++)
        lines_stretch_release(&merge->group[i]);
    merge->group_count = 0;
}

static void arrange(struct lines_stretch *lines, size_t count)
{
    struct rect *boxes = mem_zero(count, sizeof(*boxes));
    size_t *order = mem_zero(count, sizeof(*order));
    struct lines_stretch *before = mem_zero(count, sizeof(*before));
    for (size_t i = 0; i < count; i++) {
        boxes[i] = lines[i].box;
        before[i] = lines[i];
    }
    order_boxes(boxes, count, order);
    for (size_t i = 0; i < count; i++)
        lines[i] = before[order[i]];
    free(boxes);
    free(order);
    free(before);
}

/* What came first is read first: where lines scroll, their places are of different times. */
static void group_arrange(struct merge *merge)
{
    for (size_t from = 0, to = 0; from < merge->group_count; from = to) {
        while (to < merge->group_count && merge->group[to].start_us == merge->group[from].start_us)
            to++;
        arrange(merge->group + from, to - from);
    }
}

/* ---- paragraphs ---- */

/* From the middle of the line before to the middle of this one. */
static int pitch_before(const struct merge *merge, size_t at)
{
    struct rect a = merge->group[at - 1].box, b = merge->group[at].box;
    return rect_same_row(a, b) ? 0 : b.y - a.y + (b.height - a.height) / 2;
}

static int by_size(const void *a, const void *b)
{
    return *(const int *)a - *(const int *)b;
}

/* How far apart rows are as a rule; 0: there are too few of them to say. */
static int usual_pitch(const struct merge *merge)
{
    int *pitches = mem_zero(merge->group_count, sizeof(*pitches));
    size_t count = 0;
    for (size_t i = 1; i < merge->group_count; i++) {
        int pitch = pitch_before(merge, i);
        if (pitch > 0)
            pitches[count++] = pitch;
    }
    if (count > 1)
        qsort(pitches, count, sizeof(*pitches), by_size);
    int usual = count > 1 ? pitches[(count - 1) / 2] : 0;
    free(pitches);
    return usual;
}

/* Only where both were there at one time. Letters with and without tails put the middle of a row a
 * little up or down. */
static bool begins_paragraph(const struct merge *merge, size_t at, int usual)
{
    const struct rect *a = &merge->group[at - 1].box, *b = &merge->group[at].box;
    int pitch = pitch_before(merge, at), height = int_max(a->height, b->height);
    if (merge->group[at - 1].start_us != merge->group[at].start_us)
        return false;
    return usual > 0 ? pitch * 5 > usual * 7 && (pitch - usual) * 2 > height : pitch > 3 * height;
}

static char *group_text(const struct merge *merge)
{
    struct str text = { 0 };
    int usual = usual_pitch(merge);
    for (size_t i = 0; i < merge->group_count; i++) {
        if (i > 0)
            str_add(&text, begins_paragraph(merge, i, usual) ? "\n\n" : "\n");
        str_add(&text, merge->group[i].text);
    }
    return str_take(&text);
}

/* ---- segments ---- */

static void segment_free(struct takeup_item *item)
{
    struct takeup_segment *segment = (struct takeup_segment *)item;
    for (size_t i = 0; segment->images && segment->images[i]; i++)
        free((char *)segment->images[i]);
    free((void *)segment->images);
    free((char *)segment->text);
    free(segment);
}

/* NULL: none was kept. */
static const char *const *group_images(const struct merge *merge)
{
    char **images = mem_zero(merge->group_count + 1, sizeof(*images));
    size_t count = 0;
    for (size_t i = 0; i < merge->group_count; i++) {
        const char *image = merge->group[i].image;
        if (image)
            images[count++] = mem_strdup(image);
    }
    if (count > 0)
        return (const char *const *)images;
    free(images);
    return NULL;
}

/* Of the lines in the group: the first says since when, the last to go until when, and the least
 * confident speaks for all. */
static struct takeup_segment *segment_new(const struct merge *merge)
{
    const struct lines_stretch *top = &merge->group[0];
    struct takeup_segment *segment = MEM_NEW(struct takeup_segment);
    segment->item = (struct takeup_item){ .port = TAKEUP_PORT_SEGMENTS,
                                          .references = 1,
                                          .start_us = top->start_us,
                                          .end_us = top->end_us,
                                          .free = segment_free };
    segment->text = group_text(merge);
    segment->images = group_images(merge);
    segment->frame_width = top->frame_width;
    segment->frame_height = top->frame_height;
    segment->confidence = (float)top->confidence;
    struct rect box = top->box;
    for (size_t i = 1; i < merge->group_count; i++) {
        const struct lines_stretch *line = &merge->group[i];
        box = rect_around(box, line->box);
        if (line->end_us > segment->item.end_us)
            segment->item.end_us = line->end_us;
        if ((float)line->confidence < segment->confidence)
            segment->confidence = (float)line->confidence;
    }
    segment->box = (struct takeup_box){ box.x, box.y, box.width, box.height };
    return segment;
}

/* ---- what is wanted ---- */

static bool is_centred(const struct takeup_segment *segment)
{
    enum { OFF_PERCENT = 6 }; /* of the picture's width */
    if (segment->frame_width == 0)
        return true;
    int off = 2 * segment->box.x + segment->box.width - segment->frame_width;
    return abs(off) * 50 <= OFF_PERCENT * segment->frame_width;
}

/* Why it is not; NULL: it is. */
static char *why_unwanted(const struct merge *merge, const struct takeup_segment *segment)
{
    const struct params *params = merge->params;
    int64_t length_us = segment->item.end_us - segment->item.start_us;
    if (length_us < params->min_us)
        return mem_printf("it is shown for %.3g s, less than min_time", (double)length_us / 1e6);
    if (params->max_us > 0 && length_us > params->max_us)
        return mem_printf("it is shown for %.3g s, more than max_time", (double)length_us / 1e6);
    if (params->max_lines > 0 && (int64_t)merge->group_count > params->max_lines)
        return mem_printf("it has %zu lines, more than max_lines", merge->group_count);
    if (params->centred && !is_centred(segment))
        return mem_strdup("it is not centred");
    return NULL;
}

static int emit_group(struct merge *merge, struct takeup_output *output)
{
    if (merge->group_count == 0)
        return 0;
    group_arrange(merge);
    struct takeup_segment *segment = segment_new(merge);
    CLEANUP(mem_free_text) char *why = why_unwanted(merge, segment);
    group_drop(merge);
    if (!why)
        return takeup_emit(output, segment);
    merge->host->drop(merge->host, segment, why);
    takeup_item_unref(segment);
    return 0;
}

/* ---- groups ---- */

static bool is_near(int64_t a_us, int64_t b_us)
{
    return a_us - b_us <= GRAIN_US && b_us - a_us <= GRAIN_US;
}

/* Lines that have come together and go nearly so: one was lost to sight before the other. */
static bool end_together(const struct lines_stretch *a, const struct lines_stretch *b)
{
    int64_t apart_us = llabs(a->end_us - b->end_us);
    int64_t shorter_us = (a->end_us < b->end_us ? a->end_us : b->end_us) - a->start_us;
    return apart_us <= GRAIN_US || (apart_us < LOST_US && apart_us * 5 <= shorter_us * 2);
}

static bool is_close(const struct merge *merge, const struct rect *box)
{
    double gap = merge->params->join_gap;
    for (size_t i = 0; i < merge->group_count; i++) {
        const struct rect *other = &merge->group[i].box;
        int apart =
            int_max(box->y, other->y) - int_min(box->y + box->height, other->y + other->height);
        if (gap == 0 || apart <= gap * int_min(box->height, other->height))
            return true;
    }
    return false;
}

static bool belongs(const struct merge *merge, const struct lines_stretch *stretch)
{
    if (merge->group_count == 0)
        return false;
    const struct lines_stretch *first = &merge->group[0];
    return is_near(first->start_us, stretch->start_us) && end_together(first, stretch) &&
           is_close(merge, &stretch->box);
}

/* What is known for good; the last group as well, when nothing that comes can belong to it. */
static int emit_settled(struct merge *merge, struct takeup_output *output)
{
    struct lines_stretch stretch;
    while (lines_next(merge->lines, &stretch)) {
        int r = belongs(merge, &stretch) ? 0 : emit_group(merge, output);
        group_add(merge, &stretch);
        if (r < 0)
            return r;
    }
    bool is_whole = merge->group_count > 0 &&
                    lines_next_from_us(merge->lines) > merge->group[0].start_us + GRAIN_US;
    return is_whole ? emit_group(merge, output) : 0;
}

/* ---- the step ---- */

static int merge_feed(void *self, const struct takeup_item *item, struct takeup_output *output)
{
    struct merge *merge = self;
    const struct takeup_lines *read = (const struct takeup_lines *)item;
    for (size_t i = 0; i < read->count; i++) {
        const struct takeup_line *line = &read->lines[i];
        const struct lines_reading reading = {
            .text = line->text,
            .confidence = line->confidence,
            .box = { line->box.x, line->box.y, line->box.width, line->box.height },
            .has_moved = read->flags & TAKEUP_REGION_MOVED,
            .image = line->image,
            .frame_width = read->frame_width,
            .frame_height = read->frame_height,
        };
        lines_add(merge->lines, &reading, item->start_us, item->end_us);
    }
    /* What one of several inputs says does not hold for the others. */
    if (read->from_ms == 0 || merge->host->inputs > 1)
        return 0;
    lines_settle(merge->lines, (int64_t)read->from_ms * 1000);
    return emit_settled(merge, output);
}

static int merge_finish(void *self, struct takeup_output *output)
{
    struct merge *merge = self;
    lines_end(merge->lines);
    return emit_settled(merge, output);
}

static void merge_close(void *self)
{
    struct merge *merge = self;
    lines_free(&merge->lines);
    group_drop(merge);
    free(merge->group);
    merge->group = NULL;
    merge->group_size = 0;
}

static const char *const writes[] = { "segments", NULL };

const struct takeup_step step_lines = {
    .name = "lines",
    .help = "segments: each text once, with the time at which it is shown",
    .takes = TAKEUP_PORT_LINES,
    .gives = TAKEUP_PORT_SEGMENTS,
    .flags = TAKEUP_SERIAL,
    .writes = writes,
    .params = table,
    .params_size = sizeof(struct params),
    .self_size = sizeof(struct merge),
    .open = merge_open,
    .feed = merge_feed,
    .finish = merge_finish,
    .close = merge_close,
};
