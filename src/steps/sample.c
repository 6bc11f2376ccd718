/* sample.c - the source: frames of the input, at most so many for each second of it.
 *
 * A frame is taken by the time at which it is shown, never by its number, so that a variable frame
 * rate changes nothing: the first one, then the first at or after each multiple of 1/fps, and any
 * that stands much longer than that. Each one stands until the next one that is taken, so one is
 * always held back.
 *
 * Where the input has fewer frames, as a show of slides has, one frame is looked at several times:
 * what follows judges by how often it saw something, and by when it saw it first and last.
 *
 * Frames that are passed over are glanced at, so that what changed can be timed to the frame; but
 * for those that no other one is made from, while a frame is left in each half of the interval: the
 * decoder never sees them, which is up to half of its work. */
#include "base/macros.h"
#include "base/mem.h"
#include "media/media.h"
#include "steps/common.h"
#include "steps/passed.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct params {
    double fps;
    int64_t from_us, to_us;
    const char *speed;
};

static const struct takeup_param table[] = {
    { "fps", TAKEUP_TYPE_REAL, offsetof(struct params, fps), "5", 0.01, 240, NULL,
      "frames that are looked at for each second of video; a text is read that is in three of "
      "them" },
    { "from", TAKEUP_TYPE_TIME, offsetof(struct params, from_us), "0", 0, 1e7, NULL,
      "what is shown before this time is passed over" },
    { "to", TAKEUP_TYPE_TIME, offsetof(struct params, to_us), "0", 0, 1e7, NULL,
      "where to stop; 0: at the end" },
    { "speed", TAKEUP_TYPE_TEXT, offsetof(struct params, speed), "accurate", 0, 0, "accurate|fast",
      "fast: decode roughly, without frames that no other needs; times are less exact" },
    { 0 },
};

struct sample {
    struct takeup_host *host;
    struct media *media;
    struct takeup_frame *held;           /* taken; ends where the next one starts */
    struct takeup_glances *held_glances; /* until it came */
    struct passed passed;                /* since then */
    double fps;
    int64_t start_us, end_us; /* of the range */
    int64_t total_us;         /* for progress; 0: not known */
    int64_t slot;             /* the multiple of 1/fps that `held` stands for */
    int64_t shown_us;         /* the end of the last frame that was decoded */
    bool is_ended, has_taken;
};

enum {
    SLACK_US = 1000, /* Matroska rounds to milliseconds: 0.2 s can be 0.199 */
    LOOKS_MAX = 4,   /* at one frame */
};

static void tell(struct sample *sample)
{
    const struct media_info *info = media_info(sample->media);
    sample->host->info(sample->host, "%s: %s in %s, %dx%d, %.4g frames/s, %.1f s%s%s",
                       sample->host->input_name, info->codec, info->container, info->width,
                       info->height, info->frame_rate, (double)info->duration_us / 1e6,
                       info->has_rotation ? ", turned" : "",
                       info->is_interlaced ? ", interlaced" : "");
}

static int64_t interval_us(const struct sample *sample)
{
    return llrint(1e6 / sample->fps);
}

static int sample_open(void *self, const void *params_, struct takeup_host *host)
{
    struct sample *sample = self;
    const struct params *params = params_;
    sample->host = host;
    sample->fps = params->fps;
    sample->passed.gap_us = interval_us(sample) / (PASSED_MAX - 2);
    sample->start_us = params->from_us;
    sample->end_us = params->to_us > 0 ? params->to_us : INT64_MAX;
    if (sample->end_us <= sample->start_us)
        return host->fail(host, TAKEUP_FAIL_CONFIG, "set 'to' behind 'from', or to 0",
                          "'to' (%g s) is not after 'from' (%g s)", (double)params->to_us / 1e6,
                          (double)params->from_us / 1e6);
    const struct media_options options = { .threads = host->threads,
                                           .is_rough = strcmp(params->speed, "fast") == 0,
                                           .gap_us = interval_us(sample) / 2 + SLACK_US };
    struct err err = { 0 };
    if (media_open(host->input_fd, host->input_name, &options, &sample->media, &err) < 0)
        return step_fail(host, &err);
    sample->total_us = media_info(sample->media)->duration_us;
    if (sample->total_us > sample->end_us)
        sample->total_us = sample->end_us;
    tell(sample);
    return 0;
}

/* ---- looks ---- */

/* A frame at one of the times when it is looked at; its planes are the frame's. */
struct look {
    struct takeup_frame frame; /* first: it is the item */
    struct takeup_frame *of;
    struct takeup_glances *glances;
};

static void look_free(struct takeup_item *item)
{
    struct look *look = (struct look *)item;
    takeup_item_unref(look->of);
    passed_free(look->glances);
    free(look);
}

/* Takes over the glances, which may be NULL. */
static struct takeup_frame *look_new(struct takeup_frame *frame, int64_t start_us, int64_t end_us,
                                     struct takeup_glances *glances)
{
    struct look *look = MEM_NEW(struct look);
    look->frame = *frame;
    look->frame.item.references = 1;
    look->frame.item.start_us = start_us;
    look->frame.item.end_us = end_us;
    look->frame.item.free = look_free;
    look->frame.owner = NULL;
    look->frame.glances = look->glances = glances;
    look->of = takeup_item_ref(frame);
    return &look->frame;
}

/* Where look `i` of `looks` begins: the last one an interval before the end, the others one by one
 * from the start. */
static int64_t look_start_us(const struct sample *sample, const struct takeup_item *item, int i,
                             int looks)
{
    return i > 0 && i + 1 == looks ? item->end_us - interval_us(sample)
                                   : item->start_us + i * interval_us(sample);
}

static int emit_looks(struct sample *sample, struct takeup_frame *frame, int looks,
                      struct takeup_output *output)
{
    int r = 0;
    for (int i = 0; i < looks && r >= 0; i++) {
        int64_t start_us = look_start_us(sample, &frame->item, i, looks);
        int64_t end_us =
            i + 1 < looks ? look_start_us(sample, &frame->item, i + 1, looks) : frame->item.end_us;
        r = takeup_emit(output, look_new(frame, start_us, end_us, TAKE(sample->held_glances)));
    }
    takeup_item_unref(frame);
    return r;
}

static int emit_held(struct sample *sample, int64_t end_us, struct takeup_output *output)
{
    struct takeup_frame *frame = TAKE(sample->held);
    if (!frame)
        return 0;
    frame->item.end_us = end_us;
    int64_t looks = (end_us - frame->item.start_us + SLACK_US) / interval_us(sample);
    if (looks > LOOKS_MAX)
        looks = LOOKS_MAX;
    return emit_looks(sample, frame, looks > 1 ? (int)looks : 1, output);
}

/* ---- frames ---- */

/* Takes the frame that was just decoded, and lets the one before it go. */
static int take(struct sample *sample, const struct media_time *time, struct takeup_output *output)
{
    struct err err = { 0 };
    struct takeup_frame *frame = NULL;
    if (media_frame(sample->media, &frame, &err) < 0)
        return step_fail(sample->host, &err);
    if (frame->item.start_us < sample->start_us)
        frame->item.start_us = sample->start_us;
    int r = emit_held(sample, time->start_us, output);
    if (r < 0) {
        takeup_item_unref(frame);
        return r;
    }
    sample->held = frame;
    sample->held_glances = passed_take(&sample->passed);
    sample->has_taken = true;
    return 1;
}

static int end(struct sample *sample, struct takeup_output *output)
{
    struct takeup_host *host = sample->host;
    const char *damage = media_damage(sample->media);
    if (damage[0])
        host->warn(host, "%s: %s", host->input_name, damage);
    if (!sample->has_taken)
        host->warn(host, "%s: nothing is shown from %.3f s on, where 'from' is", host->input_name,
                   (double)sample->start_us / 1e6);
    sample->is_ended = true;
    int64_t end_us = sample->shown_us < sample->end_us ? sample->shown_us : sample->end_us;
    return emit_held(sample, end_us, output);
}

static bool is_due(struct sample *sample, const struct media_time *time)
{
    int64_t slot = (int64_t)floor((double)(time->start_us + SLACK_US) * sample->fps / 1e6);
    bool is_long = time->end_us - time->start_us + SLACK_US >= 2 * interval_us(sample);
    if (sample->has_taken && slot <= sample->slot && !is_long)
        return false;
    sample->slot = slot;
    return true;
}

static int sample_pull(void *self, struct takeup_output *output)
{
    struct sample *sample = self;
    struct takeup_host *host = sample->host;
    struct media_time time;
    struct err err = { 0 };
    if (sample->is_ended)
        return 0;
    for (;;) {
        int r = media_next(sample->media, &time, &err);
        if (r < 0)
            return step_fail(host, &err);
        if (r > 0 && time.start_us >= sample->end_us)
            sample->shown_us = sample->end_us;
        if (r == 0 || time.start_us >= sample->end_us)
            return end(sample, output);
        host->count(host, TAKEUP_COUNT_FRAMES_DECODED, 1);
        host->progress(host, time.start_us, sample->total_us);
        sample->shown_us = time.end_us;
        if (time.end_us <= sample->start_us)
            continue;
        bool is_taken = is_due(sample, &time);
        passed_add(&sample->passed, sample->media, time.start_us, is_taken);
        if (is_taken)
            return take(sample, &time, output);
    }
}

static void sample_close(void *self)
{
    struct sample *sample = self;
    takeup_item_unref(sample->held);
    sample->held = NULL;
    passed_free(TAKE(sample->held_glances));
    passed_release(&sample->passed);
    media_close(&sample->media);
}

const struct takeup_step step_sample = {
    .name = "sample",
    .help = "frames of the input, evenly in time",
    .takes = TAKEUP_PORT_NONE,
    .gives = TAKEUP_PORT_FRAME,
    .flags = TAKEUP_SERIAL,
    .params = table,
    .params_size = sizeof(struct params),
    .self_size = sizeof(struct sample),
    .open = sample_open,
    .pull = sample_pull,
    .close = sample_close,
};
