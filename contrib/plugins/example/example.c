/* example.c - a plugin to start from: the step `blank` finds the frames that show nothing.
 *
 *     gcc -O2 -Wall -fPIC -shared -o example.so example.c     (needs takeup's step.h: make install)
 *     install -D -m 644 example.so /usr/local/lib/takeup/plugins/example.so
 *     takeup check; takeup steps
 *
 * In a pipeline:
 *
 *       - id: gaps
 *         use: blank
 *         needs: [frames]
 *         with: {spread: 8}
 *
 * and the frames of the result have "boxes": an object "blank" as long as the picture is all of one
 * brightness: leader, fades to black, a lost signal. <takeup/step.h> says what every function may
 * do, who owns what and when each is called; it is short, read it first. */
#include <takeup/step.h>

#include <stdlib.h>

/* ---- parameters: a structure, and a row of the table for each of its members ---- */

struct blank_params {
    int64_t spread;
};

static const struct takeup_param blank_table[] = {
    { "spread", TAKEUP_TYPE_INT, offsetof(struct blank_params, spread), "8", 0, 255, NULL,
      "how far apart the darkest and the brightest pixel may be, of 255" },
    { 0 }, /* the end */
};

/* ---- the instance: zero-filled; what open is given stays valid until close ---- */

struct blank {
    const struct blank_params *params;
    struct takeup_host *host;
};

static int blank_open(void *self, const void *params, struct takeup_host *host)
{
    *(struct blank *)self = (struct blank){ params, host };
    return 0;
}

/* ---- what it gives: an item that holds all that belongs to it, so that one free ends it ---- */

struct found {
    struct takeup_boxes boxes; /* first, so that a pointer to it is one to the item */
    struct takeup_object object;
};

static void found_free(struct takeup_item *item)
{
    free(item);
}

static struct found *found_new(const struct takeup_frame *frame, int spread)
{
    struct found *found = calloc(1, sizeof(*found));
    if (!found)
        return NULL;
    found->object = (struct takeup_object){
        .label = "blank", /* borrowed; a constant outlives every item */
        .confidence = 1 - (float)spread / 255,
        .box = { 0, 0, frame->width, frame->height },
    };
    found->boxes = (struct takeup_boxes){
        .item = { .port = TAKEUP_PORT_BOXES,
                  .references = 1, /* ours; emit takes it over */
                  .start_us = frame->item.start_us,
                  .end_us = frame->item.end_us,
                  .free = found_free },
        .objects = &found->object,
        .count = 1,
    };
    return found;
}

/* ---- the work ---- */

/* Plane 0 is always luma with 8 bits a sample; rows are `stride` bytes apart. */
static int luma_spread(const struct takeup_frame *frame)
{
    uint8_t low = 255, high = 0;
    for (int y = 0; y < frame->height; y++) {
        const uint8_t *row = frame->plane[0] + (ptrdiff_t)y * frame->stride[0];
        for (int x = 0; x < frame->width; x++) {
            low = row[x] < low ? row[x] : low;
            high = row[x] > high ? row[x] : high;
        }
    }
    return high > low ? high - low : 0;
}

/* The item is borrowed: takeup_item_ref would keep it beyond this call. */
static int blank_feed(void *self, const struct takeup_item *item, struct takeup_output *output)
{
    const struct blank *blank = self;
    const struct takeup_frame *frame = (const struct takeup_frame *)item;
    int spread = luma_spread(frame);
    if (spread > blank->params->spread)
        return 0; /* nothing to say about this frame */
    struct found *found = found_new(frame, spread);
    if (!found)
        return blank->host->fail(blank->host, TAKEUP_FAIL_MEMORY, NULL, "no memory: %d bytes",
                                 (int)sizeof(*found));
    return takeup_emit(output, found);
}

/* ---- the tables that takeup reads ---- */

/* "boxes" of the result's frames; nobody else in the pipeline may then write them. */
static const char *const blank_writes[] = { "boxes", NULL };

static const struct takeup_step blank_step = {
    .name = "blank",
    .help = "finds frames that are all of one brightness",
    .takes = TAKEUP_PORT_FRAME,
    .gives = TAKEUP_PORT_BOXES,
    .flags = TAKEUP_PARALLEL, /* it remembers nothing from one frame to the next */
    .writes = blank_writes,
    .params = blank_table,
    .params_size = sizeof(struct blank_params),
    .self_size = sizeof(struct blank),
    .open = blank_open,
    .feed = blank_feed,
};

static const struct takeup_step *const steps[] = { &blank_step, NULL };

const struct takeup_plugin takeup_plugin = {
    .abi = TAKEUP_STEP_ABI,
    .name = "example",
    .version = "1",
    .steps = steps,
};
