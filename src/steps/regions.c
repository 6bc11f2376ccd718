/* regions.c - what is to be read: each line of text that holds still, once, when it is over.
 *
 * Text is looked for in the luma, and what cannot be seen there, red on black, in the planes of
 * colour.
 *
 * The whole picture is looked at, whatever regions are asked for: where a line ends is easier seen
 * with what stands beside it. What lies elsewhere is left out before it is read. */
#include "base/mem.h"
#include "reading/ticker.h"
#include "reading/tracker.h"
#include "steps/common.h"
#include "steps/zones.h"

#include <stdlib.h>
#include <string.h>

struct params {
    struct takeup_strings regions, ignore_regions;
    const char *ticker;
};

static const struct takeup_param table[] = {
    { "regions", TAKEUP_TYPE_STRINGS, offsetof(struct params, regions), "[]", 0, 100, NULL,
      "where text is read, as \"x,y,width,height\" in parts of the picture; none: everywhere" },
    { "ignore_regions", TAKEUP_TYPE_STRINGS, offsetof(struct params, ignore_regions), "[]", 0, 100,
      NULL, "where it is not, in the same form" },
    { "ticker", TAKEUP_TYPE_TEXT, offsetof(struct params, ticker), "ignore", 0, 0, "ignore|silent",
      "text that runs sideways and never holds still is left out; ignore: a warning says where it "
      "was, silent: nothing does" },
    { 0 },
};

enum { PLANES = 3 };

struct regions {
    struct takeup_host *host;
    struct tracker *trackers[PLANES]; /* the last two: NULL until there is colour */
    struct moments *moments;
    struct ticker *ticker; /* NULL: nobody asks */
    struct zones wanted, ignored;
    int width, height; /* of the picture */
    int64_t from_us;   /* no line that comes begins before */
};

static int regions_warm(void *self, const void *params_, struct takeup_why *why)
{
    struct regions *regions = self;
    const struct params *params = params_;
    int r = zones_parse(&regions->wanted, &params->regions, why);
    return r < 0 ? r : zones_parse(&regions->ignored, &params->ignore_regions, why);
}

static int regions_open(void *self, const void *params, struct takeup_host *host)
{
    const struct params *said = params;
    struct regions *regions = self;
    regions->host = host;
    if (said && strcmp(said->ticker, "ignore") == 0)
        regions->ticker = ticker_new();
    regions->moments = moments_new();
    regions->trackers[0] = tracker_new();
    tracker_time_by(regions->trackers[0], regions->moments);
    return 0;
}

static void crop_free(struct takeup_item *item)
{
    struct takeup_crop *crop = (struct takeup_crop *)item;
    free(crop->owner);
    free(crop);
}

/* Planes of colour have half the width and height. */
static struct rect in_frame(const struct rect *rect, int plane)
{
    int times = plane == 0 ? 1 : 2;
    return (struct rect){ rect->x * times, rect->y * times, rect->width * times,
                          rect->height * times };
}

/* Takes over the image of the line. */
static struct takeup_crop *crop_new(const struct regions *regions, const struct tracker_line *line,
                                    int plane)
{
    const struct rect place = in_frame(&line->image.place, plane);
    struct takeup_crop *crop = MEM_NEW(struct takeup_crop);
    crop->item = (struct takeup_item){ .port = TAKEUP_PORT_CROP,
                                       .references = 1,
                                       .start_us = line->start_us,
                                       .end_us = line->end_us,
                                       .free = crop_free };
    crop->frame_width = regions->width;
    crop->frame_height = regions->height;
    crop->region = line->id * PLANES + (uint64_t)plane;
    crop->flags = line->has_moved ? TAKEUP_REGION_MOVED : 0;
    crop->from_ms = regions->from_us > 0 ? (uintptr_t)(regions->from_us / 1000) : 0;
    crop->box = (struct takeup_box){ place.x, place.y, place.width, place.height };
    crop->width = line->image.width;
    crop->height = line->image.height;
    crop->luma = line->image.luma;
    crop->stride = line->image.width;
    crop->owner = line->image.luma;
    return crop;
}

static bool is_wanted(const struct regions *regions, const struct rect *line)
{
    const struct takeup_box box = { line->x, line->y, line->width, line->height };
    if (regions->wanted.count > 0 &&
        !zones_have(&regions->wanted, &box, regions->width, regions->height))
        return false;
    return !zones_have(&regions->ignored, &box, regions->width, regions->height);
}

static int emit_ended(struct regions *regions, int plane, struct takeup_output *output)
{
    struct tracker_line line;
    while (tracker_next(regions->trackers[plane], &line)) {
        const struct rect box = in_frame(&line.box, plane);
        if (!is_wanted(regions, &box)) {
            strip_image_release(&line.image);
            continue;
        }
        int r = takeup_emit(output, crop_new(regions, &line, plane));
        if (r < 0)
            return r;
    }
    return 0;
}

static int watch_ticker(struct regions *regions, const struct luma *luma, int64_t start_us)
{
    struct rect rows;
    int r = regions->ticker ? ticker_look(regions->ticker, luma, start_us, &rows) : 0;
    if (r > 0)
        regions->host->warn(regions->host,
                            "a ticker, text that runs sideways, is not read: seen at %.1f s, "
                            "between rows %d and %d of %d",
                            (double)start_us / 1e6, rows.y, rows.y + rows.height, luma->height);
    return r;
}

static void begin_colour(struct regions *regions)
{
    for (int plane = 1; plane < PLANES; plane++) {
        regions->trackers[plane] = tracker_new();
        tracker_time_by(regions->trackers[plane], regions->moments);
        for (int before = 0; before < plane; before++)
            tracker_leave_to(regions->trackers[plane], regions->trackers[before],
                             before == 0 ? 2 : 1);
    }
}

static int look(struct regions *regions, const struct takeup_frame *frame, int plane)
{
    int part = plane == 0 ? 1 : 2;
    const struct luma luma = { frame->plane[plane], (frame->width + part - 1) / part,
                               (frame->height + part - 1) / part, frame->stride[plane] };
    int r = tracker_look(regions->trackers[plane], &luma, frame->item.start_us, frame->item.end_us);
    return r < 0 || plane > 0 ? r : watch_ticker(regions, &luma, frame->item.start_us);
}

/* Of all that is still to be emitted. */
static int64_t find_from_us(const struct regions *regions)
{
    int64_t from_us = tracker_from_us(regions->trackers[0]);
    for (int plane = 1; plane < PLANES && regions->trackers[plane]; plane++) {
        int64_t us = tracker_from_us(regions->trackers[plane]);
        from_us = us < from_us ? us : from_us;
    }
    return from_us;
}

static int regions_feed(void *self, const struct takeup_item *item, struct takeup_output *output)
{
    struct regions *regions = self;
    const struct takeup_frame *frame = (const struct takeup_frame *)item;
    int r = 0, planes = frame->pixels == TAKEUP_PIXELS_YUV420 ? PLANES : 1;
    if (planes > 1 && !regions->trackers[1])
        begin_colour(regions);
    step_add_glances(regions->moments, frame->glances);
    for (int plane = 0; plane < planes && r >= 0; plane++)
        r = look(regions, frame, plane);
    if (r < 0)
        return regions->host->fail(regions->host, TAKEUP_FAIL_MEMORY, NULL,
                                   "no memory for a picture of %dx%d", frame->width, frame->height);
    for (int plane = 0; plane < planes && r >= 0; plane++)
        r = emit_ended(regions, plane, output);
    regions->width = frame->width;
    regions->height = frame->height;
    regions->from_us = find_from_us(regions);
    return r;
}

static int regions_finish(void *self, struct takeup_output *output)
{
    struct regions *regions = self;
    int r = 0;
    for (int plane = 0; plane < PLANES && regions->trackers[plane] && r >= 0; plane++) {
        if (tracker_end(regions->trackers[plane]) < 0)
            return regions->host->fail(regions->host, TAKEUP_FAIL_MEMORY, NULL,
                                       "no memory for the lines of the last picture");
        r = emit_ended(regions, plane, output);
    }
    return r;
}

static void regions_close(void *self)
{
    struct regions *regions = self;
    for (int plane = 0; plane < PLANES; plane++)
        tracker_free(&regions->trackers[plane]);
    moments_free(&regions->moments);
    ticker_free(&regions->ticker);
    zones_release(&regions->wanted);
    zones_release(&regions->ignored);
}

const struct takeup_step step_regions = {
    .name = "regions",
    .help = "lines of text that hold still, as images to be read",
    .takes = TAKEUP_PORT_FRAME,
    .gives = TAKEUP_PORT_CROP,
    .flags = TAKEUP_SERIAL,
    .params = table,
    .params_size = sizeof(struct params),
    .self_size = sizeof(struct regions),
    .warm = regions_warm,
    .open = regions_open,
    .feed = regions_feed,
    .finish = regions_finish,
    .close = regions_close,
};
