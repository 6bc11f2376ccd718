/* regions.c - what is to be read: each line of text that holds still, once, when it is over. */
#include "base/mem.h"
#include "reading/tracker.h"
#include "steps/common.h"

#include <stdlib.h>

struct regions {
    struct takeup_host *host;
    struct tracker *tracker;
};

static int regions_open(void *self, const void *params, struct takeup_host *host)
{
    (void)params;
    struct regions *regions = self;
    regions->host = host;
    regions->tracker = tracker_new();
    return 0;
}

static void crop_free(struct takeup_item *item)
{
    struct takeup_crop *crop = (struct takeup_crop *)item;
    free(crop->owner);
    free(crop);
}

/* Takes over the image of the line. */
static struct takeup_crop *crop_new(const struct tracker_line *line)
{
    const struct rect *place = &line->image.place;
    struct takeup_crop *crop = MEM_NEW(struct takeup_crop);
    crop->item = (struct takeup_item){ .port = TAKEUP_PORT_CROP,
                                       .references = 1,
                                       .start_us = line->start_us,
                                       .end_us = line->end_us,
                                       .free = crop_free };
    crop->region = line->id;
    crop->box = (struct takeup_box){ place->x, place->y, place->width, place->height };
    crop->width = line->image.width;
    crop->height = line->image.height;
    crop->luma = line->image.luma;
    crop->stride = line->image.width;
    crop->owner = line->image.luma;
    return crop;
}

static int emit_ended(struct regions *regions, struct takeup_output *output)
{
    struct tracker_line line;
    while (tracker_next(regions->tracker, &line)) {
        int r = takeup_emit(output, crop_new(&line));
        if (r < 0)
            return r;
    }
    return 0;
}

static int regions_feed(void *self, const struct takeup_item *item, struct takeup_output *output)
{
    struct regions *regions = self;
    const struct takeup_frame *frame = (const struct takeup_frame *)item;
    struct luma luma = { frame->plane[0], frame->width, frame->height, frame->stride[0] };
    if (tracker_look(regions->tracker, &luma, item->start_us, item->end_us) < 0)
        return regions->host->fail(regions->host, TAKEUP_FAIL_MEMORY, NULL,
                                   "no memory for a picture of %dx%d", luma.width, luma.height);
    return emit_ended(regions, output);
}

static int regions_finish(void *self, struct takeup_output *output)
{
    struct regions *regions = self;
    if (tracker_end(regions->tracker) < 0)
        return regions->host->fail(regions->host, TAKEUP_FAIL_MEMORY, NULL,
                                   "no memory for the lines of the last picture");
    return emit_ended(regions, output);
}

static void regions_close(void *self)
{
    tracker_free(&((struct regions *)self)->tracker);
}

const struct takeup_step step_regions = {
    .name = "regions",
    .help = "lines of text that hold still, as images to be read",
    .takes = TAKEUP_PORT_FRAME,
    .gives = TAKEUP_PORT_CROP,
    .flags = TAKEUP_SERIAL,
    .self_size = sizeof(struct regions),
    .open = regions_open,
    .feed = regions_feed,
    .finish = regions_finish,
    .close = regions_close,
};
