/* lines.c - lines read in one image after the other become segments: one text, from when to when.
 *
 * Lines that come and go together are one segment of several lines, as a subtitle of two is. */
#include "reading/lines.h"

#include "base/mem.h"
#include "base/str.h"
#include "steps/common.h"

#include <stdlib.h>

enum { GRAIN_US = 250000 /* a picture's worth */ };

struct merge {
    struct lines *lines;
    struct takeup_segment *held; /* the next line may belong to it */
};

static int merge_open(void *self, const void *params, struct takeup_host *host)
{
    (void)params, (void)host;
    ((struct merge *)self)->lines = lines_new();
    return 0;
}

static void segment_free(struct takeup_item *item)
{
    struct takeup_segment *segment = (struct takeup_segment *)item;
    free((char *)segment->text);
    free(segment);
}

static struct takeup_segment *segment_new(const struct lines_stretch *stretch)
{
    const struct lines_box *box = &stretch->box;
    struct takeup_segment *segment = MEM_NEW(struct takeup_segment);
    segment->item = (struct takeup_item){ .port = TAKEUP_PORT_SEGMENTS,
                                          .references = 1,
                                          .start_us = stretch->start_us,
                                          .end_us = stretch->end_us,
                                          .free = segment_free };
    segment->text = mem_strdup(stretch->text);
    segment->confidence = (float)stretch->confidence;
    segment->box = (struct takeup_box){ box->x, box->y, box->width, box->height };
    return segment;
}

static int min_int(int a, int b)
{
    return a < b ? a : b;
}

static int max_int(int a, int b)
{
    return a > b ? a : b;
}

/* The least confident line speaks for all. */
static void segment_add_line(struct takeup_segment *segment, const struct lines_stretch *stretch)
{
    char *text = mem_printf("%s\n%s", segment->text, stretch->text);
    free((char *)segment->text);
    segment->text = text;
    if ((float)stretch->confidence < segment->confidence)
        segment->confidence = (float)stretch->confidence;
    struct takeup_box *a = &segment->box;
    const struct lines_box *b = &stretch->box;
    int right = max_int(a->x + a->width, b->x + b->width);
    int bottom = max_int(a->y + a->height, b->y + b->height);
    a->x = min_int(a->x, b->x);
    a->y = min_int(a->y, b->y);
    a->width = right - a->x;
    a->height = bottom - a->y;
}

static int emit_held(struct merge *merge, struct takeup_output *output)
{
    return merge->held ? takeup_emit(output, TAKE(merge->held)) : 0;
}

static bool is_near(int64_t a_us, int64_t b_us)
{
    return a_us - b_us <= GRAIN_US && b_us - a_us <= GRAIN_US;
}

static int merge_feed(void *self, const struct takeup_item *item, struct takeup_output *output)
{
    (void)output;
    struct merge *merge = self;
    const struct takeup_lines *read = (const struct takeup_lines *)item;
    for (size_t i = 0; i < read->count; i++) {
        const struct takeup_line *line = &read->lines[i];
        const struct lines_reading reading = {
            .text = line->text,
            .confidence = line->confidence,
            .box = { line->box.x, line->box.y, line->box.width, line->box.height },
        };
        lines_add(merge->lines, &reading, item->start_us, item->end_us);
    }
    return 0;
}

static int merge_finish(void *self, struct takeup_output *output)
{
    struct merge *merge = self;
    const struct lines_stretch *stretch;
    lines_end(merge->lines);
    while ((stretch = lines_next(merge->lines))) {
        struct takeup_segment *held = merge->held;
        if (held && is_near(held->item.start_us, stretch->start_us) &&
            is_near(held->item.end_us, stretch->end_us)) {
            segment_add_line(held, stretch);
            continue;
        }
        int r = emit_held(merge, output);
        if (r < 0)
            return r;
        merge->held = segment_new(stretch);
    }
    return emit_held(merge, output);
}

static void merge_close(void *self)
{
    struct merge *merge = self;
    lines_free(&merge->lines);
    takeup_item_unref(merge->held);
    merge->held = NULL;
}

static const char *const writes[] = { "segments", NULL };

const struct takeup_step step_lines = {
    .name = "lines",
    .help = "segments: each text once, with the time at which it is shown",
    .takes = TAKEUP_PORT_LINES,
    .gives = TAKEUP_PORT_SEGMENTS,
    .flags = TAKEUP_SERIAL,
    .writes = writes,
    .self_size = sizeof(struct merge),
    .open = merge_open,
    .feed = merge_feed,
    .finish = merge_finish,
    .close = merge_close,
};
