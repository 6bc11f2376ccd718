/* glance.c - some points of a decoded frame, without converting it. */
#include "base/mem.h"
#include "media/private.h"

#include <libavutil/pixdesc.h>

#include <string.h>

enum { SIDE_MAX = 160 /* points on the longer side */ };

/* Where luma lies in the decoded frame: of RGB green stands for it. */
struct luma_bytes {
    const uint8_t *first;
    ptrdiff_t row, pixel; /* bytes from one to the next */
    bool is_big_endian;
    int shift; /* of a sample of two bytes, to have its upper 8 bits; 0: samples of one byte */
};

static bool find_luma(const AVFrame *frame, struct luma_bytes *ret_luma)
{
    const AVPixFmtDescriptor *format = av_pix_fmt_desc_get(frame->format);
    const uint64_t strange = AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM |
                             AV_PIX_FMT_FLAG_HWACCEL | AV_PIX_FMT_FLAG_FLOAT |
                             AV_PIX_FMT_FLAG_BAYER;
    if (!format || format->flags & strange)
        return false;
    const AVComponentDescriptor *part = &format->comp[format->flags & AV_PIX_FMT_FLAG_RGB ? 1 : 0];
    if (part->depth < 8 || part->shift + part->depth > 16)
        return false;
    *ret_luma = (struct luma_bytes){ .first = frame->data[part->plane] + part->offset,
                                     .row = frame->linesize[part->plane],
                                     .pixel = part->step,
                                     .is_big_endian = format->flags & AV_PIX_FMT_FLAG_BE,
                                     .shift = part->shift + part->depth - 8 };
    return true;
}

static uint8_t level_of(const struct luma_bytes *luma, const uint8_t *at)
{
    if (luma->shift == 0)
        return *at;
    int low = at[luma->is_big_endian], high = at[!luma->is_big_endian];
    return (uint8_t)((high << 8 | low) >> luma->shift);
}

/* Of `count` parts of a side, the middle of part i; from the other end when it is mirrored. */
static int middle(int side, int count, int i, bool flips)
{
    return (2 * (flips ? count - 1 - i : i) + 1) * side / (2 * count);
}

static void look(const AVFrame *frame, const struct luma_bytes *luma, struct turn turn,
                 const struct media_glance *glance)
{
    int along_x = turn.is_transposed ? frame->height : frame->width;
    int along_y = turn.is_transposed ? frame->width : frame->height;
    ptrdiff_t step_x = turn.is_transposed ? luma->row : luma->pixel;
    ptrdiff_t step_y = turn.is_transposed ? luma->pixel : luma->row;
    ptrdiff_t offset[SIDE_MAX];
    for (int x = 0; x < glance->columns; x++)
        offset[x] = middle(along_x, glance->columns, x, turn.flips_x) * step_x;
    for (int y = 0; y < glance->rows; y++) {
        const uint8_t *row = luma->first + middle(along_y, glance->rows, y, turn.flips_y) * step_y;
        uint8_t *to = glance->luma + (ptrdiff_t)y * glance->columns;
        for (int x = 0; x < glance->columns; x++)
            to[x] = level_of(luma, row + offset[x]);
    }
}

bool media_glance(const struct media *media, struct media_glance *ret_glance)
{
    const AVFrame *frame = media->frame;
    struct luma_bytes luma;
    if (!media->has_frame || !find_luma(frame, &luma))
        return false;
    struct turn turn = turn_of_frame(frame, media->matrix);
    int longer = frame->width > frame->height ? frame->width : frame->height;
    int step = (longer + SIDE_MAX - 1) / SIDE_MAX;
    int columns = (frame->width + step - 1) / step, rows = (frame->height + step - 1) / step;
    ret_glance->columns = turn.is_transposed ? rows : columns;
    ret_glance->rows = turn.is_transposed ? columns : rows;
    ret_glance->luma = mem_zero((size_t)columns, (size_t)rows);
    look(frame, &luma, turn, ret_glance);
    return true;
}
