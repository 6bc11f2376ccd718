/* regions.c - what is to be read, and once only: frames that show the same become one crop.
 *
 * A crop is the luma of the whole frame, borrowed from it. Of the frames of a group the last one is
 * passed on: compression sharpens a still picture from frame to frame. */
#include "base/mem.h"
#include "reading/gate.h"
#include "steps/common.h"

#include <stdlib.h>

struct regions {
    struct takeup_host *host;
    struct gate gate;
    struct takeup_frame *newest; /* of the group; NULL: there is no group */
    int64_t start_us;            /* of the group */
};

static int regions_open(void *self, const void *params, struct takeup_host *host)
{
    (void)params;
    ((struct regions *)self)->host = host;
    return 0;
}

static void crop_free(struct takeup_item *item)
{
    struct takeup_crop *crop = (struct takeup_crop *)item;
    takeup_item_unref(crop->owner);
    free(crop);
}

/* Takes over the reference to the frame. */
static struct takeup_crop *crop_new(struct takeup_frame *frame)
{
    struct takeup_crop *crop = MEM_NEW(struct takeup_crop);
    crop->item = (struct takeup_item){ .port = TAKEUP_PORT_CROP, .references = 1 };
    crop->item.free = crop_free;
    crop->box = (struct takeup_box){ 0, 0, frame->width, frame->height };
    crop->width = frame->width;
    crop->height = frame->height;
    crop->luma = frame->plane[0];
    crop->stride = frame->stride[0];
    crop->owner = frame;
    return crop;
}

static int emit_group(struct regions *regions, struct takeup_output *output)
{
    if (!regions->newest)
        return 0;
    int64_t end_us = regions->newest->item.end_us;
    struct takeup_crop *crop = crop_new(TAKE(regions->newest));
    crop->item.start_us = regions->start_us;
    crop->item.end_us = end_us;
    return takeup_emit(output, crop);
}

static int regions_feed(void *self, const struct takeup_item *item, struct takeup_output *output)
{
    struct regions *regions = self;
    struct takeup_frame *frame = takeup_item_ref((void *)item);
    struct luma luma = { frame->plane[0], frame->width, frame->height, frame->stride[0] };
    if (regions->newest && !gate_changes(&regions->gate, &luma)) {
        takeup_item_unref(regions->newest);
        regions->newest = frame;
        return 0;
    }
    int r = emit_group(regions, output);
    regions->newest = frame; /* freed by close, whatever happens */
    regions->start_us = item->start_us;
    if (r >= 0 && gate_keep(&regions->gate, &luma) < 0)
        r = regions->host->fail(regions->host, TAKEUP_FAIL_MEMORY, NULL,
                                "no memory for a picture of %dx%d", luma.width, luma.height);
    return r;
}

static int regions_finish(void *self, struct takeup_output *output)
{
    return emit_group(self, output);
}

static void regions_close(void *self)
{
    struct regions *regions = self;
    takeup_item_unref(regions->newest);
    regions->newest = NULL;
    gate_release(&regions->gate);
}

const struct takeup_step step_regions = {
    .name = "regions",
    .help = "images to be read, one for each change of the picture",
    .takes = TAKEUP_PORT_FRAME,
    .gives = TAKEUP_PORT_CROP,
    .flags = TAKEUP_SERIAL,
    .self_size = sizeof(struct regions),
    .open = regions_open,
    .feed = regions_feed,
    .finish = regions_finish,
    .close = regions_close,
};
