/* decode.c - the one decode loop: receive until EAGAIN, send the next packet, send NULL at the end.
 *
 * Times come from frames, never from packets, since packets are in the order of decoding. They are
 * made to grow: a frame without a time follows the one before it, and where time jumps back (two
 * recordings in one file) the rest is shifted behind what there was.
 *
 * A damaged packet or frame is counted and passed over: what can be decoded is worth more than the
 * reason why the rest cannot. Only running out of memory and a read that fails end the video. */
#include "media/private.h"

#include "media/notes.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

enum {
    READ_ERRORS_MAX = 32,     /* in a row, then the rest of the file is given up */
    FRAME_US_DEFAULT = 40000, /* where nothing says how long a frame is shown */
    FRAME_US_MAX = 3600 * 1000000U,
    JUMP_BACK_US = 1000000, /* less than this is a frame out of order */
    SHORT_US = 500000,      /* a video that ends so much too soon is truncated, */
    SHORT_SHARE = 20,       /* if this is also one part in so many */
};

static void count_error(struct media *media)
{
    if (media->errors++ == 0)
        media->first_error_us = media->clock.has_last ? media->clock.last.end_us : 0;
}

/* ---- the loop ---- */

static bool is_wanted(struct media *media)
{
    return media->packet->stream_index == media->stream->index &&
           !thinner_drops(&media->thinner, media->stream->codecpar, media->packet);
}

/* 1: a packet to decode is in media->packet. 0: the file has ended. */
static int read_packet(struct media *media, struct err *err)
{
    for (int failed = 0; failed < READ_ERRORS_MAX;) {
        uint64_t notes = notes_count();
        int r = av_read_frame(media->format, media->packet);
        media->read_notes += notes_count() - notes;
        if (media->input.errnum || r == AVERROR(ENOMEM))
            return input_error(&media->input, r, err, "read '%s'", media->name);
        if (r == AVERROR_EOF)
            return 0;
        if (r < 0 && r != AVERROR(EAGAIN)) {
            count_error(media);
            failed++;
        } else if (r >= 0 && is_wanted(media)) {
            return 1;
        } else {
            av_packet_unref(media->packet);
        }
    }
    return 0;
}

static int send_packet(struct media *media, struct err *err)
{
    int r = read_packet(media, err);
    if (r < 0)
        return r;
    media->is_draining = r == 0;
    r = avcodec_send_packet(media->codec, media->is_draining ? NULL : media->packet);
    av_packet_unref(media->packet);
    if (r == AVERROR(ENOMEM))
        return err_set(err, ERR_MEMORY, ENOMEM, "decode '%s'", media->name);
    if (r < 0 && r != AVERROR_EOF)
        count_error(media);
    return 0;
}

/* 1: a frame is in media->frame. 0: the decoder is empty for good. */
static int receive_frame(struct media *media, struct err *err)
{
    for (int failed = 0; failed < READ_ERRORS_MAX;) {
        int r = avcodec_receive_frame(media->codec, media->frame);
        if (r >= 0)
            return 1;
        if (r == AVERROR_EOF)
            return 0;
        if (r == AVERROR(ENOMEM))
            return err_set(err, ERR_MEMORY, ENOMEM, "decode '%s'", media->name);
        if (r != AVERROR(EAGAIN)) {
            count_error(media);
            failed += media->is_draining; /* before that, each error has used up a packet */
            continue;
        }
        if (media->is_draining) /* a decoder that has not understood the NULL */
            return 0;
        r = send_packet(media, err);
        if (r < 0)
            return r;
    }
    return 0;
}

/* ---- times ---- */

static int64_t frame_duration_us(const struct media *media)
{
    static const AVRational us = { 1, 1000000 };
    int64_t duration = av_rescale_q(media->frame->pkt_duration, media->stream->time_base, us);
    if (duration > 0 && duration < FRAME_US_MAX)
        return duration;
    if (media->info.frame_rate >= 0.01)
        return (int64_t)(1e6 / media->info.frame_rate);
    return FRAME_US_DEFAULT;
}

/* Where the frame's own time lies; false when it has none, or none that can be. */
static bool frame_start_us(struct media *media, int64_t *ret_start_us)
{
    static const AVRational us = { 1, 1000000 };
    if (media->frame->best_effort_timestamp == AV_NOPTS_VALUE)
        return false;
    int64_t start = av_rescale_q(media->frame->best_effort_timestamp, media->stream->time_base, us);
    struct media_clock *clock = &media->clock;
    if (!time_is_sane(start))
        return false;
    if (!clock->has_origin) {
        clock->has_origin = true;
        clock->origin_us = start - (clock->has_last ? clock->last.end_us : 0);
    }
    start += clock->shift_us - clock->origin_us;
    *ret_start_us = start;
    return time_is_sane(start);
}

static void set_time(struct media *media)
{
    struct media_clock *clock = &media->clock;
    int64_t next = clock->has_last ? clock->last.end_us : 0, start = next;
    bool is_known = frame_start_us(media, &start);
    if (!is_known)
        start = next;
    if (start < 0)
        start = 0;
    if (clock->has_last && start < clock->last.start_us) {
        if (clock->last.start_us - start > JUMP_BACK_US)
            clock->shift_us += next - start;
        start = next;
    }
    clock->last = (struct media_time){ start, start + frame_duration_us(media) };
    clock->has_last = true;
}

/* ---- the interface ---- */

static int no_frame(struct media *media, struct err *err)
{
    char note[NOTE_SIZE];
    notes_last(media->notes_before, note);
    int r = err_set(err, ERR_INPUT, 0, "'%s': no frame can be decoded (%s in %s)%s%s", media->name,
                    media->info.codec, media->info.container, note[0] ? ": " : "", note);
    err_hint(err, "the file is damaged or ends before its first frame: copy it again");
    return r;
}

int media_next(struct media *media, struct media_time *ret_time, struct err *err)
{
    media->has_frame = false;
    if (media->is_ended)
        return 0;
    int r = receive_frame(media, err);
    if (r < 0)
        return r;
    if (r == 0) {
        media->is_ended = true;
        return media->frames > 0 ? 0 : no_frame(media, err);
    }
    if (media->frame->decode_error_flags || (media->frame->flags & AV_FRAME_FLAG_CORRUPT))
        count_error(media);
    set_time(media);
    media->frames++;
    media->has_frame = true;
    *ret_time = media->clock.last;
    return 1;
}

int media_frame(struct media *media, struct takeup_frame **ret_frame, struct err *err)
{
    if (!media->has_frame)
        return err_set(err, ERR_BUG, 0, "no frame was decoded");
    AVRational aspect = av_guess_sample_aspect_ratio(media->format, media->stream, media->frame);
    struct takeup_frame *frame = NULL;
    int r = convert_frame(&media->convert, media->frame, aspect, media->matrix, &frame, err);
    if (r < 0) {
        err_context(err, "'%s'", media->name);
        return r;
    }
    const struct media_time *time = &media->clock.last;
    AVRational base = media->stream->time_base;
    frame->item.start_us = time->start_us;
    frame->item.end_us = time->end_us;
    frame->time_base = (struct takeup_rational){ base.num, base.den };
    frame->pts = media->frame->best_effort_timestamp;
    if (frame->pts == AV_NOPTS_VALUE)
        frame->pts = av_rescale_q(time->start_us + media->clock.origin_us, AV_TIME_BASE_Q, base);
    *ret_frame = frame;
    return 0;
}

/* When the video should end, as far as the file says it, on our clock; 0: it does not. The
 * stream's own word counts; the container's may be the sound's, so it needs a second witness. */
static int64_t promised_end_us(const struct media *media)
{
    const AVFormatContext *format = media->format;
    if (format->duration_estimation_method != AVFMT_DURATION_FROM_STREAM &&
        media->read_notes == 0 && media->errors == 0)
        return 0;
    const AVStream *stream = media->stream;
    if (stream->duration > 0 && stream->start_time != AV_NOPTS_VALUE && media->clock.has_origin)
        return av_rescale_q(stream->start_time + stream->duration, stream->time_base,
                            AV_TIME_BASE_Q) -
               media->clock.origin_us;
    return media->read_notes || media->errors ? media->info.duration_us : 0;
}

static bool is_truncated(const struct media *media)
{
    int64_t end = promised_end_us(media);
    int64_t missing = end - media->clock.last.end_us;
    return media->is_ended && missing > SHORT_US && missing > end / SHORT_SHARE;
}

const char *media_damage(struct media *media)
{
    str_release(&media->damage);
    bool truncated = is_truncated(media);
    if (truncated)
        str_addf(&media->damage, "truncated: it ends at %.1f s of %.1f s",
                 (double)media->clock.last.end_us / 1e6, (double)promised_end_us(media) / 1e6);
    if (media->errors) {
        char note[NOTE_SIZE];
        notes_last(media->notes_before, note);
        str_addf(&media->damage, "%s%" PRIu64 " decode error%s, the first at %.1f s%s%s%s",
                 truncated ? "; " : "truncated or corrupt: ", media->errors,
                 media->errors == 1 ? "" : "s", (double)media->first_error_us / 1e6,
                 note[0] ? " (" : "", note, note[0] ? ")" : "");
    }
    return str_text(&media->damage);
}
