/* convert.c - scale to square pixels and full range with swscale, then turn the planes.
 *
 * What only has another range, or not even that, does without swscale: it would cost about a tenth
 * of what decoding does. Planes that are right as they are belong to the decoded frame.
 *
 * Fields: a frame of two fields is taken whole while nothing moves, since that keeps all rows of
 * the letters. Where it is combed (rows alternate), one field is taken and doubled: it has half the
 * rows, but letters have edges again.
 *
 * swscale takes its fast paths at init, and some of these copy luma as it is; so the ranges are set
 * before sws_init_context and not only by sws_setColorspaceDetails behind it. */
#include "media/convert.h"

#include "base/mem.h"
#include "media/levels.h"

#include <libavutil/mem.h>
#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* swscale may write some bytes behind a row's end. */
enum { ROW_ALIGN = 64, PLANE_PADDING = 64, ASPECT_MAX = 4 };

struct turn turn_of(const int32_t matrix[9])
{
    struct turn turn = { 0 };
    if (!matrix)
        return turn;
    int64_t a = matrix[0], b = matrix[1], c = matrix[3], d = matrix[4];
    turn.is_transposed = llabs(b) + llabs(c) > llabs(a) + llabs(d);
    turn.flips_x = (turn.is_transposed ? c : a) < 0;
    turn.flips_y = (turn.is_transposed ? b : d) < 0;
    return turn;
}

struct turn turn_of_frame(const AVFrame *frame, const int32_t matrix[9])
{
    const AVFrameSideData *side = av_frame_get_side_data(frame, AV_FRAME_DATA_DISPLAYMATRIX);
    bool has_own = side && side->size >= 9 * sizeof(int32_t);
    return turn_of(has_own ? (const int32_t *)side->data : matrix);
}

static void size_square(int width, int height, AVRational aspect, int *ret_width, int *ret_height)
{
    *ret_width = width;
    *ret_height = height;
    int64_t num = aspect.num, den = aspect.den;
    if (num <= 0 || den <= 0 || num > ASPECT_MAX * den || den > ASPECT_MAX * num)
        return;
    /* Larger, never smaller: no row or column is lost. */
    if (num > den)
        *ret_width = (int)((width * num + den / 2) / den);
    else
        *ret_height = (int)((height * den + num / 2) / num);
}

void convert_size(int width, int height, AVRational sample_aspect, struct turn turn, int *ret_width,
                  int *ret_height)
{
    if (turn.is_transposed)
        size_square(width, height, sample_aspect, ret_height, ret_width);
    else
        size_square(width, height, sample_aspect, ret_width, ret_height);
}

void convert_release(struct convert *convert)
{
    sws_freeContext(convert->sws);
    convert->sws = NULL;
}

/* ---- frames ---- */

static void frame_free(struct takeup_item *item)
{
    struct takeup_frame *frame = (struct takeup_frame *)item;
    av_free(frame->owner);
    free(frame);
}

static void frame_free_borrowed(struct takeup_item *item)
{
    struct takeup_frame *frame = (struct takeup_frame *)item;
    AVFrame *owner = frame->owner;
    av_frame_free(&owner);
    free(frame);
}

static int plane_count(enum takeup_pixels pixels)
{
    return pixels == TAKEUP_PIXELS_GRAY ? 1 : 3;
}

static int plane_side(int side, int plane)
{
    return plane == 0 ? side : (side + 1) / 2;
}

/* Without planes. */
static struct takeup_frame *frame_bare(int width, int height, enum takeup_pixels pixels)
{
    struct takeup_frame *frame = MEM_NEW(struct takeup_frame);
    frame->item = (struct takeup_item){ .port = TAKEUP_PORT_FRAME, .references = 1 };
    frame->item.free = frame_free;
    frame->width = width;
    frame->height = height;
    frame->pixels = pixels;
    frame->sample_aspect = (struct takeup_rational){ 1, 1 };
    return frame;
}

static struct takeup_frame *frame_new(int width, int height, enum takeup_pixels pixels)
{
    size_t offset[3] = { 0 }, size = 0;
    int stride[3] = { 0 };
    for (int i = 0; i < plane_count(pixels); i++) {
        stride[i] = (plane_side(width, i) + ROW_ALIGN - 1) / ROW_ALIGN * ROW_ALIGN;
        offset[i] = size;
        size += (size_t)stride[i] * (size_t)plane_side(height, i);
    }
    uint8_t *planes = av_mallocz(size + PLANE_PADDING);
    if (!planes)
        return NULL;
    struct takeup_frame *frame = frame_bare(width, height, pixels);
    frame->owner = planes;
    for (int i = 0; i < plane_count(pixels); i++) {
        frame->plane[i] = planes + offset[i];
        frame->stride[i] = stride[i];
    }
    return frame;
}

/* The planes of the source itself; it has three of 8 bits. NULL: no memory. */
static struct takeup_frame *frame_borrow(const AVFrame *source)
{
    AVFrame *owner = av_frame_clone(source);
    if (!owner)
        return NULL;
    struct takeup_frame *frame = frame_bare(source->width, source->height, TAKEUP_PIXELS_YUV420);
    frame->owner = owner;
    frame->item.free = frame_free_borrowed;
    for (int i = 0; i < plane_count(frame->pixels); i++) {
        frame->plane[i] = owner->data[i];
        frame->stride[i] = owner->linesize[i];
    }
    return frame;
}

static void frame_drop(struct takeup_frame **frame)
{
    takeup_item_unref(*frame);
    *frame = NULL;
}

/* ---- scaling ---- */

/* The formats with a "j" only say that the range is full. */
static int format_plain(int format, int *range)
{
    static const struct {
        int from, to;
    } full[] = {
        { AV_PIX_FMT_YUVJ420P, AV_PIX_FMT_YUV420P }, { AV_PIX_FMT_YUVJ422P, AV_PIX_FMT_YUV422P },
        { AV_PIX_FMT_YUVJ444P, AV_PIX_FMT_YUV444P }, { AV_PIX_FMT_YUVJ440P, AV_PIX_FMT_YUV440P },
        { AV_PIX_FMT_YUVJ411P, AV_PIX_FMT_YUV411P },
    };
    for (size_t i = 0; i < COUNT(full); i++) {
        if (full[i].from == format) {
            *range = 1;
            return full[i].to;
        }
    }
    return format;
}

static bool format_is_gray(int format)
{
    const AVPixFmtDescriptor *descriptor = av_pix_fmt_desc_get(format);
    return descriptor && descriptor->nb_components <= 2 &&
           !(descriptor->flags & (AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL));
}

static struct convert_key key_of(const AVFrame *source, const struct takeup_frame *target)
{
    struct convert_key key = { .width = source->width,
                               .height = source->height,
                               .to_width = target->width,
                               .to_height = target->height,
                               .space = source->colorspace };
    key.range = source->color_range == AVCOL_RANGE_JPEG ||
                (source->color_range == AVCOL_RANGE_UNSPECIFIED && format_is_gray(source->format));
    key.format = format_plain(source->format, &key.range);
    key.to_format = target->pixels == TAKEUP_PIXELS_GRAY ? AV_PIX_FMT_GRAY8 : AV_PIX_FMT_YUV420P;
    return key;
}

static int sws_coefficients(int space)
{
    switch (space) {
    case AVCOL_SPC_BT709:
        return SWS_CS_ITU709;
    case AVCOL_SPC_BT2020_NCL:
    case AVCOL_SPC_BT2020_CL:
        return SWS_CS_BT2020;
    case AVCOL_SPC_SMPTE240M:
        return SWS_CS_SMPTE240M;
    case AVCOL_SPC_FCC:
        return SWS_CS_FCC;
    default:
        return SWS_CS_DEFAULT;
    }
}

static int sws_set_options(struct SwsContext *sws, const struct convert_key *key)
{
    const struct {
        const char *name;
        int value;
    } options[] = {
        { "srcw", key->width },
        { "srch", key->height },
        { "src_format", key->format },
        { "src_range", key->range },
        { "dstw", key->to_width },
        { "dsth", key->to_height },
        { "dst_format", key->to_format },
        { "dst_range", 1 },
        { "sws_flags", SWS_BICUBIC | SWS_ACCURATE_RND },
    };
    for (size_t i = 0; i < COUNT(options); i++) {
        int r = av_opt_set_int(sws, options[i].name, options[i].value, 0);
        if (r < 0)
            return r;
    }
    return 0;
}

/* What is to be done to the samples when nothing else is to be done. */
static enum levels levels_for(const struct convert_key *key)
{
    bool is_only_range = key->width == key->to_width && key->height == key->to_height &&
                         key->to_format == AV_PIX_FMT_YUV420P &&
                         sws_coefficients(key->space) == SWS_CS_DEFAULT;
    return is_only_range ? levels_of(key->format, key->range != 0) : LEVELS_OTHER;
}

static int convert_prepare(struct convert *convert, const struct convert_key *key, struct err *err)
{
    if (convert->sws && memcmp(&convert->key, key, sizeof(*key)) == 0)
        return 0;
    convert_release(convert);
    if (!sws_isSupportedInput(key->format)) {
        const char *name = av_get_pix_fmt_name(key->format);
        return err_set(err, ERR_INPUT, 0, "pixel format %s cannot be converted",
                       name ? name : "(unknown)");
    }
    convert->sws = sws_alloc_context();
    if (!convert->sws)
        return err_set(err, ERR_MEMORY, ENOMEM, "scale a frame");
    if (sws_set_options(convert->sws, key) < 0 || sws_init_context(convert->sws, NULL, NULL) < 0) {
        convert_release(convert);
        return err_set(err, ERR_INPUT, 0, "cannot scale from %dx%d to %dx%d", key->width,
                       key->height, key->to_width, key->to_height);
    }
    (void)sws_setColorspaceDetails(convert->sws, sws_getCoefficients(sws_coefficients(key->space)),
                                   key->range, sws_getCoefficients(SWS_CS_DEFAULT), 1, 0, 1 << 16,
                                   1 << 16);
    convert->key = *key;
    return 0;
}

/* swscale takes all gray for full range, whatever it is told. */
static void stretch_gray(struct takeup_frame *frame)
{
    enum { BLACK = 16, WHITE = 235 };
    for (int y = 0; y < frame->height; y++) {
        uint8_t *row = (uint8_t *)frame->plane[0] + (ptrdiff_t)y * frame->stride[0];
        for (int x = 0; x < frame->width; x++)
            row[x] = (uint8_t)(av_clip(row[x] - BLACK, 0, WHITE - BLACK) * 255 / (WHITE - BLACK));
    }
}

static int convert_scale(struct convert *convert, const AVFrame *source,
                         struct takeup_frame *target, struct err *err)
{
    struct convert_key key = key_of(source, target);
    enum levels levels = levels_for(&key);
    if (levels != LEVELS_OTHER) {
        levels_convert(levels, source, target);
        return 0;
    }
    int r = convert_prepare(convert, &key, err);
    if (r < 0)
        return r;
    uint8_t *planes[4] = { (uint8_t *)target->plane[0], (uint8_t *)target->plane[1],
                           (uint8_t *)target->plane[2], NULL };
    int strides[4] = { target->stride[0], target->stride[1], target->stride[2], 0 };
    r = sws_scale(convert->sws, (const uint8_t *const *)source->data, source->linesize, 0,
                  source->height, planes, strides);
    if (r < 0)
        return err_set(err, ERR_INPUT, 0, "a frame cannot be converted");
    if (source->color_range == AVCOL_RANGE_MPEG && format_is_gray(source->format))
        stretch_gray(target);
    return 0;
}

/* ---- fields ---- */

enum { COMB_STEP = 24, COMB_SHARE = 20000, COMB_MIN = 16 };

/* Does the pixel stand against both its neighbours, and they with the ones beyond it? Strokes of
 * one pixel do not alternate over five rows. */
static bool is_combed_at(const uint8_t *at, ptrdiff_t stride)
{
    int own = at[0], up = at[-stride], down = at[stride];
    if (abs(own - up) < COMB_STEP || abs(own - down) < COMB_STEP || (own > up) != (own > down))
        return false;
    return abs(at[-2 * stride] - own) < COMB_STEP / 2 &&
           abs(at[2 * stride] - own) < COMB_STEP / 2 && abs(up - down) < COMB_STEP / 2;
}

static bool is_combed(const struct takeup_frame *frame)
{
    int64_t found = 0;
    for (int y = 2; y < frame->height - 2; y++) {
        const uint8_t *row = frame->plane[0] + (ptrdiff_t)y * frame->stride[0];
        for (int x = 0; x < frame->width; x++)
            found += is_combed_at(row + x, frame->stride[0]);
    }
    return found > COMB_MIN + (int64_t)frame->width * frame->height / COMB_SHARE;
}

/* One field as a frame of half the height; borrows the planes. */
static void field_of(const AVFrame *source, bool is_bottom, AVFrame *field)
{
    field->format = source->format;
    field->colorspace = source->colorspace;
    field->color_range = source->color_range;
    field->width = source->width;
    field->height = (source->height + (is_bottom ? 0 : 1)) / 2;
    const AVPixFmtDescriptor *descriptor = av_pix_fmt_desc_get(source->format);
    bool has_palette = descriptor && (descriptor->flags & AV_PIX_FMT_FLAG_PAL);
    for (int i = 0; i < 4 && source->data[i]; i++) {
        bool is_picture = !(has_palette && i == 1);
        field->data[i] = source->data[i] + (is_picture && is_bottom ? source->linesize[i] : 0);
        field->linesize[i] = source->linesize[i] * (is_picture ? 2 : 1);
    }
}

static int convert_fields(struct convert *convert, const AVFrame *source,
                          struct takeup_frame *target, struct err *err)
{
    int r = convert_scale(convert, source, target, err);
    if (r < 0 || !source->interlaced_frame || source->height < 8)
        return r;
    /* Seen where rows are rows: only when the height was not scaled. */
    if (target->height == source->height && !is_combed(target))
        return 0;
    CLEANUP(av_frame_free) AVFrame *field = av_frame_alloc();
    if (!field)
        return err_set(err, ERR_MEMORY, ENOMEM, "a field");
    field_of(source, !source->top_field_first, field);
    return convert_scale(convert, field, target, err);
}

/* ---- turning ---- */

/* width, height: of the target. */
static void plane_turn(const uint8_t *from, ptrdiff_t from_stride, uint8_t *to, ptrdiff_t to_stride,
                       int width, int height, struct turn turn)
{
    ptrdiff_t step_x = turn.is_transposed ? from_stride : 1;
    ptrdiff_t step_y = turn.is_transposed ? 1 : from_stride;
    if (turn.flips_x) {
        from += step_x * (width - 1);
        step_x = -step_x;
    }
    if (turn.flips_y) {
        from += step_y * (height - 1);
        step_y = -step_y;
    }
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++)
            to[y * to_stride + x] = from[y * step_y + x * step_x];
}

static struct takeup_frame *frame_turn(const struct takeup_frame *frame, struct turn turn)
{
    int width = turn.is_transposed ? frame->height : frame->width;
    int height = turn.is_transposed ? frame->width : frame->height;
    struct takeup_frame *turned = frame_new(width, height, frame->pixels);
    for (int i = 0; turned && i < plane_count(frame->pixels); i++)
        plane_turn(frame->plane[i], frame->stride[i], (uint8_t *)turned->plane[i],
                   turned->stride[i], plane_side(width, i), plane_side(height, i), turn);
    return turned;
}

static int check_size(int width, int height, struct err *err)
{
    if (width < 1 || height < 1 || width > PICTURE_SIDE_MAX || height > PICTURE_SIDE_MAX ||
        (int64_t)width * height > PICTURE_PIXELS_MAX)
        return err_set(err, ERR_INPUT, 0, "a picture of %dx%d is too large", width, height);
    return 0;
}

/* Are the planes right as they are? Fields may have to be parted. */
static bool can_borrow(const AVFrame *source, int width, int height)
{
    const struct takeup_frame shape = { .width = width,
                                        .height = height,
                                        .pixels = TAKEUP_PIXELS_YUV420 };
    const struct convert_key key = key_of(source, &shape);
    return levels_for(&key) == LEVELS_KEEP && !source->interlaced_frame &&
           source->linesize[0] >= width && source->linesize[1] >= plane_side(width, 1) &&
           source->linesize[2] >= plane_side(width, 2);
}

/* Not turned. */
static int make_frame(struct convert *convert, const AVFrame *source, AVRational sample_aspect,
                      struct takeup_frame **ret_frame, struct err *err)
{
    int width, height;
    size_square(source->width, source->height, sample_aspect, &width, &height);
    int r = check_size(width, height, err);
    if (r < 0)
        return r;
    bool borrows = can_borrow(source, width, height);
    bool is_gray = format_is_gray(source->format);
    CLEANUP(frame_drop)
    struct takeup_frame *frame =
        borrows ? frame_borrow(source)
                : frame_new(width, height, is_gray ? TAKEUP_PIXELS_GRAY : TAKEUP_PIXELS_YUV420);
    if (!frame)
        return err_set(err, ERR_MEMORY, ENOMEM, "a frame of %dx%d", width, height);
    r = borrows ? 0 : convert_fields(convert, source, frame, err);
    if (r == 0)
        *ret_frame = TAKE(frame);
    return r;
}

int convert_frame(struct convert *convert, const AVFrame *source, AVRational sample_aspect,
                  const int32_t matrix[9], struct takeup_frame **ret_frame, struct err *err)
{
    CLEANUP(frame_drop) struct takeup_frame *frame = NULL;
    int r = make_frame(convert, source, sample_aspect, &frame, err);
    if (r < 0)
        return r;
    struct turn turn = turn_of_frame(source, matrix);
    if (turn.is_transposed || turn.flips_x || turn.flips_y) {
        struct takeup_frame *turned = frame_turn(frame, turn);
        if (!turned)
            return err_set(err, ERR_MEMORY, ENOMEM, "a frame of %dx%d", frame->width,
                           frame->height);
        frame_drop(&frame);
        frame = turned;
    }
    *ret_frame = TAKE(frame);
    return 0;
}
