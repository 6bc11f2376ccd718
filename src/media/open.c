/* open.c - from a descriptor to a decoder for the best video stream. */
#include "base/mem.h"
#include "media/notes.h"
#include "media/private.h"

#include <libavutil/mem.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { STREAMS_MAX = 256, THREADS_MAX = 16 };

static int refuse_open(AVFormatContext *format, AVIOContext **io, const char *url, int flags,
                       AVDictionary **options)
{
    (void)format, (void)io, (void)url, (void)flags, (void)options;
    return AVERROR(EPERM);
}

static bool is_picture(const AVStream *stream)
{
    return stream->disposition & (AV_DISPOSITION_ATTACHED_PIC | AV_DISPOSITION_TIMED_THUMBNAILS |
                                  AV_DISPOSITION_STILL_IMAGE);
}

static bool is_video(const AVStream *stream)
{
    return stream->codecpar->codec_type == AVMEDIA_TYPE_VIDEO && !is_picture(stream);
}

/* ---- what it is when it is no video ---- */

static int open_failed(struct media *media, int averror, struct err *err)
{
    int r = input_error(&media->input, averror, err, "open '%s'", media->name);
    if (!err || err->kind != ERR_INPUT)
        return r;
    if (notes_have(media->notes_before, "moov atom not found")) {
        r = err_set(err, ERR_INPUT, 0,
                    "'%s' has no index (moov atom not found): the file is incomplete", media->name);
        err_hint(err, "an MP4 has its index last, so a copy or a recording that was broken off "
                      "cannot be read: copy it again, or recover it with a tool such as untrunc");
        return r;
    }
    char note[NOTE_SIZE];
    notes_last(media->notes_before, note);
    if (note[0])
        err_context(err, "%s", note);
    err_context(err, "'%s' is damaged at its beginning", media->name);
    err_hint(err, "copy it again, or repair it: ffmpeg -i FILE -c copy OUT.mkv");
    return r;
}

static int no_video(struct media *media, struct err *err)
{
    const AVFormatContext *format = media->format;
    const AVStream *audio = NULL;
    bool has_picture = false;
    for (unsigned i = 0; i < format->nb_streams; i++) {
        if (format->streams[i]->codecpar->codec_type == AVMEDIA_TYPE_AUDIO && !audio)
            audio = format->streams[i];
        has_picture |= is_picture(format->streams[i]);
    }
    const char *picture = has_picture ? ", with a cover picture" : "";
    int r;
    if (audio && format->duration > 0)
        r = err_set(err, ERR_INPUT, 0, "'%s' has no video: audio only (%s, %.1f s)%s", media->name,
                    avcodec_get_name(audio->codecpar->codec_id), (double)format->duration / 1e6,
                    picture);
    else if (audio)
        r = err_set(err, ERR_INPUT, 0, "'%s' has no video: audio only (%s)%s", media->name,
                    avcodec_get_name(audio->codecpar->codec_id), picture);
    else if (has_picture)
        r = err_set(err, ERR_INPUT, 0, "'%s' is an image, not a video", media->name);
    else
        r = err_set(err, ERR_INPUT, 0, "'%s' has no video%s (%s)", media->name,
                    format->nb_streams ? "" : ", nor sound: it may be cut off at its beginning",
                    format->iformat->long_name ? format->iformat->long_name
                                               : format->iformat->name);
    err_hint(err, "input_path must name a file with a video stream");
    return r;
}

/* ---- steps of opening ---- */

/* An index that says it has two thousand million parts, in a file of some kilobytes, makes libav
 * ask for memory that nobody has, and it answers what it answers when there is none left. What an
 * index takes is a few times its bytes: where that can be had, it is the file that lies. */
static bool is_a_lie(const struct media *media)
{
    enum { TIMES = 8, LEAST = 16 << 20, MOST = 256 << 20 };
    struct stat st;
    if (fstat(media->input.fd, &st) < 0)
        return false;
    int64_t bytes = st.st_size < MOST / TIMES ? st.st_size * TIMES + LEAST : MOST;
    void *room = av_malloc((size_t)bytes); /* not malloc, which is left out by compilers */
    bool has_room = room != NULL;
    av_free(room);
    return has_room;
}

static int open_container(struct media *media, struct err *err)
{
    const AVInputFormat *demuxer = NULL;
    int r = input_probe(&media->input, media->name, &demuxer, err);
    if (r < 0)
        return r;
    media->format = avformat_alloc_context();
    if (!media->format)
        return err_set(err, ERR_MEMORY, ENOMEM, "open '%s'", media->name);
    media->format->pb = media->input.io;
    media->format->flags |= AVFMT_FLAG_CUSTOM_IO;
    media->format->io_open = refuse_open;
    media->format->max_streams = STREAMS_MAX;

    AVDictionary *options = NULL;
    (void)av_dict_set(&options, "protocol_whitelist", "", 0);
    r = avformat_open_input(&media->format, NULL, demuxer, &options); /* frees it when it fails */
    av_dict_free(&options);
    if (r == AVERROR(ENOMEM) && is_a_lie(media))
        r = AVERROR_INVALIDDATA;
    if (r < 0 || media->input.errnum)
        return open_failed(media, r, err);
    return 0;
}

/* Codecs are opened here too, with sizes as the file says them. */
static int find_streams(struct media *media, struct err *err)
{
    unsigned count = media->format->nb_streams;
    AVDictionary **options = mem_zero(count + 1, sizeof(*options));
    for (unsigned i = 0; i < count; i++)
        (void)av_dict_set_int(&options[i], "max_pixels", PICTURE_PIXELS_MAX, 0);
    int r = avformat_find_stream_info(media->format, count ? options : NULL);
    for (unsigned i = 0; i < count; i++)
        av_dict_free(&options[i]);
    free(options);
    if (r < 0 || media->input.errnum)
        return open_failed(media, r, err);
    return 0;
}

/* Which of two is to be read: the one that the file marks, else the larger, else the first. */
static bool is_better(const AVStream *stream, const AVStream *than)
{
    if (!than)
        return true;
    bool known = avcodec_find_decoder(stream->codecpar->codec_id) != NULL;
    bool than_known = avcodec_find_decoder(than->codecpar->codec_id) != NULL;
    if (known != than_known)
        return known;
    int marked = stream->disposition & AV_DISPOSITION_DEFAULT;
    int than_marked = than->disposition & AV_DISPOSITION_DEFAULT;
    if (marked != than_marked)
        return marked != 0;
    return (int64_t)stream->codecpar->width * stream->codecpar->height >
           (int64_t)than->codecpar->width * than->codecpar->height;
}

static int choose_stream(struct media *media, struct err *err)
{
    for (unsigned i = 0; i < media->format->nb_streams; i++) {
        AVStream *stream = media->format->streams[i];
        if (is_video(stream) && is_better(stream, media->stream))
            media->stream = stream;
    }
    if (!media->stream)
        return no_video(media, err);
    for (unsigned i = 0; i < media->format->nb_streams; i++)
        if (media->format->streams[i] != media->stream)
            media->format->streams[i]->discard = AVDISCARD_ALL;
    size_t size;
    const uint8_t *matrix =
        av_stream_get_side_data(media->stream, AV_PKT_DATA_DISPLAYMATRIX, &size);
    if (matrix && size >= 9 * sizeof(int32_t))
        media->matrix = (const int32_t *)matrix;
    return 0;
}

static int check_picture(struct media *media, struct err *err)
{
    const AVCodecParameters *par = media->stream->codecpar;
    if (par->width <= PICTURE_SIDE_MAX && par->height <= PICTURE_SIDE_MAX &&
        (int64_t)par->width * par->height <= PICTURE_PIXELS_MAX)
        return 0;
    int r = err_set(err, ERR_INPUT, 0, "'%s' has pictures of %dx%d, which is too large",
                    media->name, par->width, par->height);
    err_hint(err, "at most %dx%d pixels and %d in all: scale it down first", PICTURE_SIDE_MAX,
             PICTURE_SIDE_MAX, PICTURE_PIXELS_MAX);
    return r;
}

static int open_decoder(struct media *media, const struct media_options *options, struct err *err)
{
    int r = check_picture(media, err);
    if (r < 0)
        return r;
    const AVCodecParameters *par = media->stream->codecpar;
    if (par->codec_id == AV_CODEC_ID_NONE) {
        r = err_set(err, ERR_INPUT, 0, "'%s' is incomplete: it does not say how its video is coded",
                    media->name);
        err_hint(err, "it may be cut off at its beginning: copy it again");
        return r;
    }
    const AVCodec *decoder = avcodec_find_decoder(par->codec_id);
    if (!decoder) {
        r = err_set(err, ERR_MISSING, 0, "no decoder for %s, in which the video of '%s' is",
                    avcodec_get_name(par->codec_id), media->name);
        err_hint(err, "convert it to another codec where it can be played");
        return r;
    }
    media->codec = avcodec_alloc_context3(decoder);
    media->packet = av_packet_alloc();
    media->frame = av_frame_alloc();
    if (!media->codec || !media->packet || !media->frame)
        return err_set(err, ERR_MEMORY, ENOMEM, "open '%s'", media->name);
    r = avcodec_parameters_to_context(media->codec, par);
    if (r >= 0) {
        media->codec->pkt_timebase = media->stream->time_base;
        media->codec->max_pixels = PICTURE_PIXELS_MAX;
        media->codec->thread_count = options->threads < 1             ? 1
                                     : options->threads > THREADS_MAX ? THREADS_MAX
                                                                      : options->threads;
        if (options->is_rough) {
            media->codec->skip_loop_filter = AVDISCARD_ALL;
            media->codec->skip_frame = AVDISCARD_NONREF;
        }
        media->thinner.gap =
            av_rescale_q(options->gap_us, AV_TIME_BASE_Q, media->stream->time_base);
        r = avcodec_open2(media->codec, decoder, NULL);
    }
    return r < 0 ? open_failed(media, r, err) : 0;
}

static void fill_info(struct media *media)
{
    AVStream *stream = media->stream;
    const AVCodecParameters *par = stream->codecpar;
    struct media_info *info = &media->info;
    AVRational rate = av_guess_frame_rate(media->format, stream, NULL);
    info->container = media->format->iformat->name;
    info->codec = avcodec_get_name(par->codec_id);
    convert_size(par->width, par->height, av_guess_sample_aspect_ratio(media->format, stream, NULL),
                 turn_of(media->matrix), &info->width, &info->height);
    info->frame_rate = rate.num > 0 && rate.den > 0 ? av_q2d(rate) : 0;
    info->duration_us = media->format->duration > 0 ? media->format->duration : 0;
    struct turn turn = turn_of(media->matrix);
    info->has_rotation = turn.is_transposed || turn.flips_x || turn.flips_y;
    info->is_interlaced =
        par->field_order != AV_FIELD_UNKNOWN && par->field_order != AV_FIELD_PROGRESSIVE;
    if (time_is_sane(media->format->start_time)) {
        media->clock.has_origin = true;
        media->clock.origin_us = media->format->start_time;
    }
}

int media_open(int fd, const char *name, const struct media_options *options,
               struct media **ret_media, struct err *err)
{
    static const struct media_options no_options = { 0 };
    struct err own = { 0 }; /* open_failed looks at what was set */
    if (!err)
        err = &own;
    notes_start();
    CLEANUP(media_close) struct media *media = MEM_NEW(struct media);
    media->name = mem_strdup(name);
    media->notes_before = notes_count();
    int r = input_init(&media->input, fd, name, err);
    if (r >= 0)
        r = open_container(media, err);
    if (r >= 0)
        r = find_streams(media, err);
    if (r >= 0)
        r = choose_stream(media, err);
    if (r >= 0)
        r = open_decoder(media, options ? options : &no_options, err);
    if (r < 0)
        return r;
    fill_info(media);
    *ret_media = TAKE(media);
    return 0;
}

void media_close(struct media **media)
{
    struct media *dead = TAKE(*media);
    if (!dead)
        return;
    avcodec_free_context(&dead->codec);
    av_packet_free(&dead->packet);
    av_frame_free(&dead->frame);
    avformat_close_input(&dead->format); /* leaves the custom AVIO alone */
    input_release(&dead->input);
    convert_release(&dead->convert);
    str_release(&dead->damage);
    free(dead->name);
    free(dead);
}

const struct media_info *media_info(const struct media *media)
{
    return &media->info;
}
