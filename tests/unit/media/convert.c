#include "test.h"

#include "media/convert.h"
#include "media/levels.h"
#include "media/private.h"

#include <libavutil/opt.h>
#include <libavutil/pixdesc.h>

#include <math.h>
#include <string.h>

#define ONE 65536

static const struct {
    int32_t matrix[9];
    struct turn turn;
    /* Where the source's corners arrive, "abcd" read row by row from "ab" over "cd". */
    const char *corners;
} turns[] = {
    { { ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30 }, { false, false, false }, "abcd" },
    { { 0, ONE, 0, -ONE, 0, 0, 0, 0, 1 << 30 }, { true, true, false }, "cadb" },  /* clockwise */
    { { -ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30 }, { false, true, true }, "dcba" }, /* half */
    { { 0, -ONE, 0, ONE, 0, 0, 0, 0, 1 << 30 }, { true, false, true }, "bdac" },
    { { -ONE, 0, 0, 0, ONE, 0, 0, 0, 1 << 30 }, { false, true, false }, "badc" }, /* mirror */
    { { ONE, 0, 0, 0, -ONE, 0, 0, 0, 1 << 30 }, { false, false, true }, "cdab" },
    { { 0, ONE, 0, ONE, 0, 0, 0, 0, 1 << 30 }, { true, false, false }, "acbd" },
};

static AVFrame *frame_make(int format, int width, int height)
{
    AVFrame *frame = av_frame_alloc();
    assert_non_null(frame);
    frame->format = format;
    frame->width = width;
    frame->height = height;
    assert_true(av_frame_get_buffer(frame, 0) >= 0);
    for (int i = 0; frame->buf[i]; i++) /* swscale reads beyond the rows' ends */
        memset(frame->buf[i]->data, 0, (size_t)frame->buf[i]->size);
    return frame;
}

static void name_corners(const uint8_t *luma, int width, int height, int stride, char names[5])
{
    for (int c = 0; c < 4; c++) {
        int x = c % 2 ? width - 1 : 0, y = c / 2 ? height - 1 : 0;
        names[c] = (char)('a' + luma[y * stride + x] / 50 - 1);
    }
    names[4] = '\0';
}

/* Of frames, and of glances at them. */
static void test_corners_arrive_where_the_matrix_says(void **state)
{
    (void)state;
    enum { WIDTH = 30, HEIGHT = 20 };
    for (size_t i = 0; i < COUNT(turns); i++) {
        struct turn turn = turn_of(turns[i].matrix);
        assert_memory_equal(&turn, &turns[i].turn, sizeof(turn));
        CLEANUP(av_frame_free) AVFrame *frame = frame_make(AV_PIX_FMT_GRAY8, WIDTH, HEIGHT);
        for (int y = 0; y < HEIGHT; y++)
            for (int x = 0; x < WIDTH; x++)
                frame->data[0][y * frame->linesize[0] + x] =
                    (uint8_t)(50 * (1 + 2 * (y >= HEIGHT / 2) + (x >= WIDTH / 2)));
        struct convert convert = { 0 };
        struct takeup_frame *shown = NULL;
        struct err err = { 0 };
        assert_ok(
            convert_frame(&convert, frame, (AVRational){ 1, 1 }, turns[i].matrix, &shown, &err),
            err);
        convert_release(&convert);
        char corners[5], glanced[5];
        name_corners(shown->plane[0], shown->width, shown->height, shown->stride[0], corners);
        if (strcmp(corners, turns[i].corners) != 0 || (shown->width == WIDTH) == turn.is_transposed)
            fail_msg("row %zu: '%s', %dx%d", i, corners, shown->width, shown->height);
        takeup_item_unref(shown);
        const struct media media = { .frame = frame, .matrix = turns[i].matrix, .has_frame = true };
        struct media_glance glance;
        assert_true(media_glance(&media, &glance));
        name_corners(glance.luma, glance.columns, glance.rows, glance.columns, glanced);
        if (strcmp(glanced, turns[i].corners) != 0 ||
            (glance.columns == WIDTH) == turn.is_transposed)
            fail_msg("row %zu: '%s' at a glance, %dx%d", i, glanced, glance.columns, glance.rows);
        free(glance.luma);
    }
}

static const struct {
    int format, range, sample; /* every byte, or every 16 bits, of the source */
    int luma;                  /* as it must arrive */
    enum takeup_pixels pixels;
} formats[] = {
    { AV_PIX_FMT_YUV420P, AVCOL_RANGE_UNSPECIFIED, 16, 0, TAKEUP_PIXELS_YUV420 },
    { AV_PIX_FMT_YUV420P, AVCOL_RANGE_MPEG, 235, 255, TAKEUP_PIXELS_YUV420 },
    { AV_PIX_FMT_YUV420P, AVCOL_RANGE_JPEG, 235, 235, TAKEUP_PIXELS_YUV420 },
    { AV_PIX_FMT_YUVJ420P, AVCOL_RANGE_UNSPECIFIED, 16, 16, TAKEUP_PIXELS_YUV420 },
    { AV_PIX_FMT_YUV444P, AVCOL_RANGE_MPEG, 126, 128, TAKEUP_PIXELS_YUV420 },
    { AV_PIX_FMT_YUV420P10LE, AVCOL_RANGE_MPEG, 940, 255, TAKEUP_PIXELS_YUV420 },
    { AV_PIX_FMT_YUV422P12LE, AVCOL_RANGE_JPEG, 2048, 128, TAKEUP_PIXELS_YUV420 },
    { AV_PIX_FMT_GRAY8, AVCOL_RANGE_UNSPECIFIED, 200, 200, TAKEUP_PIXELS_GRAY },
    { AV_PIX_FMT_GRAY8, AVCOL_RANGE_MPEG, 235, 255, TAKEUP_PIXELS_GRAY },
    { AV_PIX_FMT_GRAY16LE, AVCOL_RANGE_JPEG, 200 * 257, 200, TAKEUP_PIXELS_GRAY },
    { AV_PIX_FMT_RGB24, AVCOL_RANGE_UNSPECIFIED, 200, 200, TAKEUP_PIXELS_YUV420 },
    { AV_PIX_FMT_BGRA, AVCOL_RANGE_UNSPECIFIED, 0, 0, TAKEUP_PIXELS_YUV420 },
    { AV_PIX_FMT_GBRP, AVCOL_RANGE_UNSPECIFIED, 255, 255, TAKEUP_PIXELS_YUV420 },
};

static void frame_fill(AVFrame *frame, int sample)
{
    const AVPixFmtDescriptor *descriptor = av_pix_fmt_desc_get(frame->format);
    bool wide = descriptor->comp[0].depth > 8;
    for (int i = 0; i < 4 && frame->data[i]; i++) {
        bool chroma = i > 0 && !(descriptor->flags & AV_PIX_FMT_FLAG_RGB);
        int rows =
            chroma ? AV_CEIL_RSHIFT(frame->height, descriptor->log2_chroma_h) : frame->height;
        int value = chroma ? 1 << (descriptor->comp[0].depth - 1) : sample;
        for (int y = 0; y < rows; y++)
            for (int x = 0; x < frame->linesize[i]; x++)
                frame->data[i][y * frame->linesize[i] + x] =
                    (uint8_t)(wide && x % 2 ? value >> 8 : value);
    }
}

static void test_luma_has_full_range(void **state)
{
    (void)state;
    static const int sizes[][2] = { { 64, 48 }, { 33, 17 }, { 1, 1 } };
    for (size_t i = 0; i < COUNT(formats) * COUNT(sizes); i++) {
        size_t row = i / COUNT(sizes);
        int width = sizes[i % COUNT(sizes)][0], height = sizes[i % COUNT(sizes)][1];
        CLEANUP(av_frame_free) AVFrame *frame = frame_make(formats[row].format, width, height);
        frame->color_range = formats[row].range;
        frame_fill(frame, formats[row].sample);
        struct convert convert = { 0 };
        struct takeup_frame *shown = NULL;
        struct err err = { 0 };
        int r = convert_frame(&convert, frame, (AVRational){ 0, 1 }, NULL, &shown, &err);
        convert_release(&convert);
        if (r < 0)
            fail_msg("row %zu, %dx%d: %s", row, width, height, err.text);
        int luma = shown->plane[0][(height - 1) * shown->stride[0] + width - 1];
        if (abs(luma - formats[row].luma) > 2 || shown->pixels != formats[row].pixels)
            fail_msg("row %zu, %dx%d: luma %d", row, width, height, luma);
        if (shown->pixels == TAKEUP_PIXELS_YUV420 && abs(shown->plane[1][0] - 128) > 2)
            fail_msg("row %zu: chroma %d", row, shown->plane[1][0]);
        takeup_item_unref(shown);
    }
}

/* Every level in every plane, beyond the range too; columns and rows differ. */
static void frame_fill_gradient(AVFrame *frame, int depth)
{
    for (int i = 0; i < 3; i++)
        for (int y = 0; y < (i ? (frame->height + 1) / 2 : frame->height); y++)
            for (int x = 0; x < (i ? (frame->width + 1) / 2 : frame->width); x++) {
                int level = (x * 3 + y * 37 + i * 11) % (1 << depth);
                uint8_t *row = frame->data[i] + (ptrdiff_t)y * frame->linesize[i];
                if (depth > 8)
                    ((uint16_t *)(void *)row)[x] = (uint16_t)level;
                else
                    row[x] = (uint8_t)level;
            }
}

/* What swscale makes of it; in *whole its planes. */
static AVFrame *scale_whole(const AVFrame *source, int format, int range)
{
    AVFrame *whole = frame_make(AV_PIX_FMT_YUV420P, source->width, source->height);
    struct SwsContext *sws = sws_alloc_context();
    assert_non_null(sws);
    const struct {
        const char *name;
        int value;
    } options[] = {
        { "srcw", source->width },
        { "srch", source->height },
        { "src_format", format },
        { "src_range", range },
        { "dstw", source->width },
        { "dsth", source->height },
        { "dst_format", AV_PIX_FMT_YUV420P },
        { "dst_range", 1 },
        { "sws_flags", SWS_BICUBIC | SWS_ACCURATE_RND },
    };
    for (size_t i = 0; i < COUNT(options); i++)
        assert_true(av_opt_set_int(sws, options[i].name, options[i].value, 0) >= 0);
    assert_true(sws_init_context(sws, NULL, NULL) >= 0);
    assert_true(sws_scale(sws, (const uint8_t *const *)source->data, source->linesize, 0,
                          source->height, whole->data, whole->linesize) > 0);
    sws_freeContext(sws);
    return whole;
}

static int difference(const struct takeup_frame *shown, const AVFrame *whole, int plane)
{
    int most = 0;
    for (int y = 0; y < (plane ? (shown->height + 1) / 2 : shown->height); y++)
        for (int x = 0; x < (plane ? (shown->width + 1) / 2 : shown->width); x++) {
            int own = shown->plane[plane][y * shown->stride[plane] + x];
            int by = abs(own - whole->data[plane][y * whole->linesize[plane] + x]);
            most = by > most ? by : most;
        }
    return most;
}

static const struct {
    int format, range, plain, depth;
    bool is_kept; /* the decoder's own planes */
} levels[] = {
    { AV_PIX_FMT_YUV420P, AVCOL_RANGE_MPEG, AV_PIX_FMT_YUV420P, 8, false },
    { AV_PIX_FMT_YUV420P, AVCOL_RANGE_UNSPECIFIED, AV_PIX_FMT_YUV420P, 8, false },
    { AV_PIX_FMT_YUV420P, AVCOL_RANGE_JPEG, AV_PIX_FMT_YUV420P, 8, true },
    { AV_PIX_FMT_YUVJ420P, AVCOL_RANGE_UNSPECIFIED, AV_PIX_FMT_YUV420P, 8, true },
    { AV_PIX_FMT_YUV420P10, AVCOL_RANGE_MPEG, AV_PIX_FMT_YUV420P10, 10, false },
    { AV_PIX_FMT_YUV420P10, AVCOL_RANGE_JPEG, AV_PIX_FMT_YUV420P10, 10, false },
};

/* One level of luma, two of colour; and without swscale. */
static void test_usual_formats_become_what_swscale_makes_of_them(void **state)
{
    (void)state;
    static const int sizes[][2] = { { 640, 360 }, { 333, 217 }, { 31, 1 }, { 1, 1 } };
    for (size_t i = 0; i < COUNT(levels) * COUNT(sizes); i++) {
        size_t row = i / COUNT(sizes);
        int width = sizes[i % COUNT(sizes)][0], height = sizes[i % COUNT(sizes)][1];
        CLEANUP(av_frame_free) AVFrame *frame = frame_make(levels[row].format, width, height);
        frame->color_range = levels[row].range;
        frame_fill_gradient(frame, levels[row].depth);
        CLEANUP(av_frame_free)
        AVFrame *whole = scale_whole(frame, levels[row].plain,
                                     levels[row].range == AVCOL_RANGE_JPEG || levels[row].is_kept);
        struct convert convert = { 0 };
        struct takeup_frame *shown = NULL;
        struct err err = { 0 };
        assert_ok(convert_frame(&convert, frame, (AVRational){ 1, 1 }, NULL, &shown, &err), err);
        assert_null(convert.sws);
        for (int plane = 0; plane < 3; plane++) {
            int most = difference(shown, whole, plane);
            if (most > (plane ? 2 : 1))
                fail_msg("row %zu, %dx%d, plane %d: by %d levels", row, width, height, plane, most);
            if ((shown->plane[plane] == frame->data[plane]) != levels[row].is_kept)
                fail_msg("row %zu, plane %d: a copy, or none", row, plane);
        }
        takeup_item_unref(shown);
    }
}

/* No picture gets darker, nor has it a cast: what comes out is the exact level, rounded; the
 * factors of the loops are off by little. `none` is no colour, and of luma black.
 * Samples in 16 bits may hold more than 10. */
static const struct {
    enum levels levels;
    int depth, plane, least, most, none;
    double becomes, factor, error_max;
} exact[] = {
    { LEVELS_STRETCH, 8, 0, 16, 235, 16, 0, 255.0 / 219, 0.58 },
    { LEVELS_STRETCH, 8, 1, 16, 240, 128, 128, 255.0 / 224, 0.7 },
    { LEVELS_STRETCH10, 11, 0, 64, 940, 64, 0, 255.0 / 876, 0.52 },
    { LEVELS_STRETCH10, 11, 2, 64, 960, 512, 128, 255.0 / 896, 0.52 },
    { LEVELS_KEEP10, 11, 0, 0, 1023, 0, 0, 255.0 / 1023, 0.52 },
};

static void test_levels_are_rounded(void **state)
{
    (void)state;
    enum { WIDTH = 2048 }; /* each level is in each plane */
    uint8_t shown[3][WIDTH];
    for (size_t i = 0; i < COUNT(exact); i++) {
        int format = exact[i].depth == 8 ? AV_PIX_FMT_YUV420P : AV_PIX_FMT_YUV420P10;
        CLEANUP(av_frame_free) AVFrame *frame = frame_make(format, WIDTH, 1);
        struct takeup_frame target = { .width = WIDTH,
                                       .height = 1,
                                       .plane = { shown[0], shown[1], shown[2] } };
        frame_fill_gradient(frame, exact[i].depth);
        levels_convert(exact[i].levels, frame, &target);
        const uint8_t *row = frame->data[exact[i].plane], *to = shown[exact[i].plane];
        for (int x = 0; x < (exact[i].plane ? WIDTH / 2 : WIDTH); x++) {
            int level = exact[i].depth == 8 ? row[x] : ((const uint16_t *)(const void *)row)[x];
            int least = level < exact[i].least ? exact[i].least : level;
            int inside = least > exact[i].most ? exact[i].most : least;
            double is = exact[i].becomes + (inside - exact[i].none) * exact[i].factor;
            if (fabs(to[x] - is) > exact[i].error_max)
                fail_msg("row %zu: %d becomes %d, not %.2f", i, level, to[x], is);
        }
    }
}

/* The decoder may drop its frame while a step still looks at the picture. */
static void test_kept_planes_outlive_the_decoded_frame(void **state)
{
    (void)state;
    CLEANUP(av_frame_free) AVFrame *frame = frame_make(AV_PIX_FMT_YUVJ420P, 64, 48);
    frame_fill_gradient(frame, 8);
    uint8_t last = frame->data[0][47 * frame->linesize[0] + 63];
    struct convert convert = { 0 };
    struct takeup_frame *shown = NULL;
    struct err err = { 0 };
    assert_ok(convert_frame(&convert, frame, (AVRational){ 1, 1 }, NULL, &shown, &err), err);
    av_frame_unref(frame);
    assert_int_equal(shown->plane[0][47 * shown->stride[0] + 63], last);
    takeup_item_unref(shown);
}

/* Another matrix means other luma and other colours: swscale knows how. */
static void test_other_matrices_are_left_to_swscale(void **state)
{
    (void)state;
    CLEANUP(av_frame_free) AVFrame *frame = frame_make(AV_PIX_FMT_YUV420P, 64, 48);
    frame->color_range = AVCOL_RANGE_JPEG;
    frame->colorspace = AVCOL_SPC_BT709;
    frame_fill_gradient(frame, 8);
    struct convert convert = { 0 };
    struct takeup_frame *shown = NULL;
    struct err err = { 0 };
    assert_ok(convert_frame(&convert, frame, (AVRational){ 1, 1 }, NULL, &shown, &err), err);
    assert_non_null(convert.sws);
    convert_release(&convert);
    takeup_item_unref(shown);
}

static const struct {
    int width, height;
    AVRational aspect;
    bool is_transposed;
    int to_width, to_height;
} shapes[] = {
    { 720, 576, { 0, 1 }, false, 720, 576 },    { 720, 576, { 16, 15 }, false, 768, 576 },
    { 720, 480, { 8, 9 }, false, 720, 540 },    { 720, 576, { 16, 15 }, true, 576, 768 },
    { 640, 360, { 1000, 1 }, false, 640, 360 }, { 640, 360, { 1, -1 }, false, 640, 360 },
};

static void test_pixels_become_square(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(shapes); i++) {
        int width, height;
        struct turn turn = { .is_transposed = shapes[i].is_transposed };
        convert_size(shapes[i].width, shapes[i].height, shapes[i].aspect, turn, &width, &height);
        if (width != shapes[i].to_width || height != shapes[i].to_height)
            fail_msg("row %zu: %dx%d", i, width, height);
    }
}

/* Fields of two instants: an edge that stands at x in one and at x + 20 in the other. */
static void test_combed_fields_are_parted(void **state)
{
    (void)state;
    for (int moves = 0; moves < 2; moves++) {
        CLEANUP(av_frame_free) AVFrame *frame = frame_make(AV_PIX_FMT_GRAY8, 160, 120);
        frame->interlaced_frame = 1;
        frame->top_field_first = 1;
        for (int y = 0; y < 120; y++)
            for (int x = 0; x < 160; x++)
                frame->data[0][y * frame->linesize[0] + x] =
                    x < 60 + (moves && y % 2 ? 20 : 0) ? 20 : 220;
        struct convert convert = { 0 };
        struct takeup_frame *shown = NULL;
        struct err err = { 0 };
        assert_ok(convert_frame(&convert, frame, (AVRational){ 1, 1 }, NULL, &shown, &err), err);
        convert_release(&convert);
        assert_int_equal(shown->height, 120);
        for (int y = 0; y < 120; y++)
            if (abs(shown->plane[0][y * shown->stride[0] + 70] - 220) > 4)
                fail_msg("moves %d: row %d is combed", moves, y);
        takeup_item_unref(shown);
    }
}

static void test_huge_pictures_are_refused(void **state)
{
    (void)state;
    CLEANUP(av_frame_free) AVFrame *frame = frame_make(AV_PIX_FMT_GRAY8, 16, 16);
    frame->width = PICTURE_SIDE_MAX + 1;
    struct convert convert = { 0 };
    struct takeup_frame *shown = NULL;
    struct err err = { 0 };
    assert_true(convert_frame(&convert, frame, (AVRational){ 1, 1 }, NULL, &shown, &err) < 0);
    assert_int_equal(err.kind, ERR_INPUT);
    assert_null(shown);
    convert_release(&convert);
}

/* Samples of all kinds have their upper eight bits, and of RGB green is taken. */
static void test_glances_have_eight_bits(void **state)
{
    (void)state;
    enum { WIDTH = 30, HEIGHT = 20, LEVEL = 0xb7 };
    static const struct {
        int format;
        const char *bytes; /* over and over, from each row's beginning */
        bool is_told;
    } kinds[] = {
        { AV_PIX_FMT_GRAY8, "\xb7", true },
        { AV_PIX_FMT_YUYV422, "\xb7\x10", true },
        { AV_PIX_FMT_RGB24, "\x10\xb7\x20", true },
        { AV_PIX_FMT_GRAY10LE, "\xdf\x02", true }, /* 0x2df: 0xb7 and two bits more */
        { AV_PIX_FMT_GRAY10BE, "\x02\xdf", true },
        { AV_PIX_FMT_GRAY16LE, "\x55\xb7", true },
        { AV_PIX_FMT_P010LE, "\xc0\xb7", true },
        { AV_PIX_FMT_PAL8, "\xb7", false },
        { AV_PIX_FMT_MONOWHITE, "\xb7", false },
        { AV_PIX_FMT_GRAYF32LE, "\xb7", false },
    };
    for (size_t i = 0; i < COUNT(kinds); i++) {
        CLEANUP(av_frame_free) AVFrame *frame = frame_make(kinds[i].format, WIDTH, HEIGHT);
        size_t period = strlen(kinds[i].bytes);
        for (int y = 0; y < HEIGHT; y++)
            for (int at = 0; at < frame->linesize[0]; at++)
                frame->data[0][y * frame->linesize[0] + at] =
                    (uint8_t)kinds[i].bytes[(size_t)at % period];
        const struct media media = { .frame = frame, .has_frame = true };
        struct media_glance glance = { 0 };
        if (media_glance(&media, &glance) != kinds[i].is_told)
            fail_msg("row %zu: told or not", i);
        for (int at = 0; at < glance.columns * glance.rows; at++)
            if (glance.luma[at] != LEVEL)
                fail_msg("row %zu: %d at %d", i, glance.luma[at], at);
        free(glance.luma);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_corners_arrive_where_the_matrix_says),
        cmocka_unit_test(test_glances_have_eight_bits),
        cmocka_unit_test(test_luma_has_full_range),
        cmocka_unit_test(test_usual_formats_become_what_swscale_makes_of_them),
        cmocka_unit_test(test_levels_are_rounded),
        cmocka_unit_test(test_kept_planes_outlive_the_decoded_frame),
        cmocka_unit_test(test_other_matrices_are_left_to_swscale),
        cmocka_unit_test(test_pixels_become_square),
        cmocka_unit_test(test_combed_fields_are_parted),
        cmocka_unit_test(test_huge_pictures_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
