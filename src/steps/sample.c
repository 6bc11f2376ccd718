/* sample.c - the source: frames of the input, at most so many for each second of it.
 *
 * A frame is taken by the time at which it is shown, never by its number, so that a variable frame
 * rate changes nothing: the first one, then the first at or after each multiple of 1/fps. Each one
 * stands until the next one that is taken, so one is always held back. */
#include "base/macros.h"
#include "media/media.h"
#include "steps/common.h"

#include <math.h>

struct params {
    double fps, start_s, end_s;
};

static const struct takeup_param table[] = {
    { "fps", TAKEUP_TYPE_REAL, offsetof(struct params, fps), "5", 0.01, 240, NULL,
      "frames that are looked at for each second of video" },
    { "start_s", TAKEUP_TYPE_REAL, offsetof(struct params, start_s), "0", 0, 1e7, NULL,
      "what is shown before this time, in seconds, is passed over" },
    { "end_s", TAKEUP_TYPE_REAL, offsetof(struct params, end_s), "0", 0, 1e7, NULL,
      "where to stop, in seconds; 0: at the end" },
    { 0 },
};

struct sample {
    struct takeup_host *host;
    struct media *media;
    struct takeup_frame *held; /* taken; ends where the next one starts */
    double fps;
    int64_t start_us, end_us; /* of the range */
    int64_t total_us;         /* for progress; 0: not known */
    int64_t slot;             /* the multiple of 1/fps that `held` stands for */
    int64_t shown_us;         /* the end of the last frame that was decoded */
    bool is_ended, has_taken;
};

enum { SLACK_US = 1000 /* Matroska rounds to milliseconds: 0.2 s can be 0.199 */ };

static void tell(struct sample *sample)
{
    const struct media_info *info = media_info(sample->media);
    sample->host->info(sample->host, "%s: %s in %s, %dx%d, %.4g frames/s, %.1f s%s%s",
                       sample->host->input_name, info->codec, info->container, info->width,
                       info->height, info->frame_rate, (double)info->duration_us / 1e6,
                       info->has_rotation ? ", turned" : "",
                       info->is_interlaced ? ", interlaced" : "");
}

static int sample_open(void *self, const void *params_, struct takeup_host *host)
{
    struct sample *sample = self;
    const struct params *params = params_;
    sample->host = host;
    sample->fps = params->fps;
    sample->start_us = llrint(params->start_s * 1e6);
    sample->end_us = params->end_s > 0 ? llrint(params->end_s * 1e6) : INT64_MAX;
    if (sample->end_us <= sample->start_us)
        return host->fail(host, TAKEUP_FAIL_CONFIG, "set end_s behind start_s, or to 0",
                          "end_s (%g) is not after start_s (%g)", params->end_s, params->start_s);
    struct err err = { 0 };
    const struct media_options options = { .threads = host->threads };
    if (media_open(host->input_fd, host->input_name, &options, &sample->media, &err) < 0)
        return step_fail(host, &err);
    sample->total_us = media_info(sample->media)->duration_us;
    if (sample->total_us > sample->end_us)
        sample->total_us = sample->end_us;
    tell(sample);
    return 0;
}

static int emit_held(struct sample *sample, int64_t end_us, struct takeup_output *output)
{
    struct takeup_frame *frame = TAKE(sample->held);
    if (!frame)
        return 0;
    frame->item.end_us = end_us;
    return takeup_emit(output, frame);
}

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
        host->warn(host, "%s: nothing is shown from %.3f s on, where start_s is", host->input_name,
                   (double)sample->start_us / 1e6);
    sample->is_ended = true;
    int64_t end_us = sample->shown_us < sample->end_us ? sample->shown_us : sample->end_us;
    return emit_held(sample, end_us, output);
}

static bool is_due(struct sample *sample, const struct media_time *time)
{
    if (time->end_us <= sample->start_us)
        return false;
    int64_t slot = (int64_t)floor((double)(time->start_us + SLACK_US) * sample->fps / 1e6);
    if (sample->has_taken && slot <= sample->slot)
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
        if (r == 0 || time.start_us >= sample->end_us)
            return end(sample, output);
        host->count(host, TAKEUP_COUNT_FRAMES_DECODED, 1);
        host->progress(host, time.start_us, sample->total_us);
        sample->shown_us = time.end_us;
        if (is_due(sample, &time))
            return take(sample, &time, output);
    }
}

static void sample_close(void *self)
{
    struct sample *sample = self;
    takeup_item_unref(sample->held);
    sample->held = NULL;
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
