/* picture.c - PNG has red, green and blue, or only gray; JPEG takes the planes as they are, in full
 * range, which is what it means. */
#include "media/picture.h"

#include "base/macros.h"

#include <libavcodec/avcodec.h>
#include <libswscale/swscale.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { JPEG_QUALITY = 3 /* of 2, the best, to 31 */ };

static void sws_free(struct SwsContext **sws)
{
    sws_freeContext(*sws);
    *sws = NULL;
}

static enum AVPixelFormat format_for(const struct takeup_frame *frame, enum picture_format format)
{
    if (format == PICTURE_JPEG)
        return AV_PIX_FMT_YUVJ420P;
    return frame->pixels == TAKEUP_PIXELS_GRAY ? AV_PIX_FMT_GRAY8 : AV_PIX_FMT_RGB24;
}

static int fail(struct err *err, const char *what)
{
    return err_set(err, ERR_MEMORY, ENOMEM, "%s of a frame", what);
}

static AVFrame *image_new(const struct takeup_frame *frame, enum AVPixelFormat format)
{
    AVFrame *image = av_frame_alloc();
    if (!image)
        return NULL;
    image->format = format;
    image->width = frame->width;
    image->height = frame->height;
    image->color_range = AVCOL_RANGE_JPEG;
    image->quality = JPEG_QUALITY * FF_QP2LAMBDA;
    if (av_frame_get_buffer(image, 0) < 0)
        av_frame_free(&image);
    return image;
}

/* What has no colour gets none. */
static void copy_planes(const struct takeup_frame *frame, AVFrame *image)
{
    enum { NO_COLOUR = 128 };
    int planes = image->format == AV_PIX_FMT_GRAY8 ? 1 : 3;
    for (int i = 0; i < planes; i++) {
        int width = i == 0 ? frame->width : (frame->width + 1) / 2;
        int height = i == 0 ? frame->height : (frame->height + 1) / 2;
        for (int y = 0; y < height; y++) {
            uint8_t *row = image->data[i] + (ptrdiff_t)y * image->linesize[i];
            if (i > 0 && frame->pixels == TAKEUP_PIXELS_GRAY)
                memset(row, NO_COLOUR, (size_t)width);
            else
                memcpy(row, frame->plane[i] + (ptrdiff_t)y * frame->stride[i], (size_t)width);
        }
    }
}

/* The coefficients are those that convert.c made the planes with. */
static int copy_as_rgb(const struct takeup_frame *frame, AVFrame *image, struct err *err)
{
    CLEANUP(sws_free)
    struct SwsContext *sws =
        sws_getContext(frame->width, frame->height, AV_PIX_FMT_YUV420P, frame->width, frame->height,
                       AV_PIX_FMT_RGB24, SWS_BICUBIC | SWS_ACCURATE_RND, NULL, NULL, NULL);
    if (!sws)
        return fail(err, "an image");
    const int *table = sws_getCoefficients(SWS_CS_DEFAULT);
    (void)sws_setColorspaceDetails(sws, table, 1, table, 1, 0, 1 << 16, 1 << 16);
    if (sws_scale(sws, frame->plane, frame->stride, 0, frame->height, image->data,
                  image->linesize) < 0)
        return fail(err, "an image");
    return 0;
}

static AVCodecContext *encoder_open(const AVFrame *image, enum picture_format format,
                                    struct err *err)
{
    const AVCodec *encoder =
        avcodec_find_encoder(format == PICTURE_PNG ? AV_CODEC_ID_PNG : AV_CODEC_ID_MJPEG);
    CLEANUP(avcodec_free_context)
    AVCodecContext *codec = encoder ? avcodec_alloc_context3(encoder) : NULL;
    if (codec) {
        codec->width = image->width;
        codec->height = image->height;
        codec->pix_fmt = image->format;
        codec->color_range = image->color_range;
        codec->time_base = (AVRational){ 1, 25 };
        codec->flags |= AV_CODEC_FLAG_QSCALE;
        codec->global_quality = image->quality;
        codec->thread_count = 1;
    }
    if (codec && avcodec_open2(codec, encoder, NULL) >= 0)
        return TAKE(codec);
    (void)err_set(err, ERR_MISSING, 0, "this FFmpeg cannot write %s files",
                  format == PICTURE_PNG ? "PNG" : "JPEG");
    return NULL;
}

static int encode(AVCodecContext *codec, const AVFrame *image, uint8_t **ret_bytes,
                  size_t *ret_size, struct err *err)
{
    CLEANUP(av_packet_free) AVPacket *packet = av_packet_alloc();
    if (!packet || avcodec_send_frame(codec, image) < 0 || avcodec_send_frame(codec, NULL) < 0 ||
        avcodec_receive_packet(codec, packet) < 0)
        return fail(err, "the image file");
    uint8_t *bytes = malloc((size_t)packet->size + 1);
    if (!bytes)
        return fail(err, "the image file");
    memcpy(bytes, packet->data, (size_t)packet->size);
    *ret_bytes = bytes;
    *ret_size = (size_t)packet->size;
    return 0;
}

int picture_encode(const struct takeup_frame *frame, enum picture_format format,
                   uint8_t **ret_bytes, size_t *ret_size, struct err *err)
{
    CLEANUP(av_frame_free)
    AVFrame *image = image_new(frame, format_for(frame, format));
    if (!image)
        return fail(err, "an image");
    int r = 0;
    if (image->format == AV_PIX_FMT_RGB24)
        r = copy_as_rgb(frame, image, err);
    else
        copy_planes(frame, image);
    if (r < 0)
        return r;
    CLEANUP(avcodec_free_context)
    AVCodecContext *codec = encoder_open(image, format, err);
    return codec ? encode(codec, image, ret_bytes, ret_size, err) : -ENOSYS;
}
