/* A frame written and read again. */
#include "test.h"

#include "media/picture.h"

#include <libavcodec/avcodec.h>

#include <string.h>

enum { WIDTH = 33, HEIGHT = 21, CHROMA_WIDTH = 17, CHROMA_HEIGHT = 11 };

struct planes {
    uint8_t luma[HEIGHT][WIDTH], cb[CHROMA_HEIGHT][CHROMA_WIDTH], cr[CHROMA_HEIGHT][CHROMA_WIDTH];
};

/* The left half is red, or dark where there is no colour; the right one white. */
static struct takeup_frame frame_make(struct planes *planes, enum takeup_pixels pixels)
{
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++)
            planes->luma[y][x] = x < WIDTH / 2 ? 76 : 255;
    for (int y = 0; y < CHROMA_HEIGHT; y++)
        for (int x = 0; x < CHROMA_WIDTH; x++) {
            planes->cb[y][x] = x < CHROMA_WIDTH / 2 ? 85 : 128;
            planes->cr[y][x] = x < CHROMA_WIDTH / 2 ? 255 : 128;
        }
    return (struct takeup_frame){
        .width = WIDTH,
        .height = HEIGHT,
        .pixels = pixels,
        .plane = { planes->luma[0], planes->cb[0], planes->cr[0] },
        .stride = { WIDTH, CHROMA_WIDTH, CHROMA_WIDTH },
    };
}

static AVFrame *read_again(enum picture_format format, uint8_t *bytes, size_t size)
{
    const AVCodec *decoder =
        avcodec_find_decoder(format == PICTURE_PNG ? AV_CODEC_ID_PNG : AV_CODEC_ID_MJPEG);
    CLEANUP(avcodec_free_context) AVCodecContext *codec = avcodec_alloc_context3(decoder);
    CLEANUP(av_packet_free) AVPacket *packet = av_packet_alloc();
    AVFrame *image = av_frame_alloc();
    assert_int_equal(av_new_packet(packet, (int)size), 0);
    memcpy(packet->data, bytes, size);
    assert_true(avcodec_open2(codec, decoder, NULL) >= 0);
    assert_int_equal(avcodec_send_packet(codec, packet), 0);
    assert_int_equal(avcodec_receive_frame(codec, image), 0);
    assert_int_equal(image->width, WIDTH);
    assert_int_equal(image->height, HEIGHT);
    return image;
}

/* In the middle of the left and of the right half; of a plane with `step` bytes a pixel. */
static const struct {
    enum picture_format format;
    enum takeup_pixels pixels;
    int planes, step;      /* of the file */
    int left[3], right[3]; /* of each plane, or of each byte of a pixel */
} cases[] = {
    { PICTURE_PNG, TAKEUP_PIXELS_YUV420, 1, 3, { 254, 0, 0 }, { 255, 255, 255 } },
    { PICTURE_PNG, TAKEUP_PIXELS_GRAY, 1, 1, { 76 }, { 255 } },
    { PICTURE_JPEG, TAKEUP_PIXELS_YUV420, 3, 1, { 76, 85, 255 }, { 255, 128, 128 } },
    { PICTURE_JPEG, TAKEUP_PIXELS_GRAY, 3, 1, { 76, 128, 128 }, { 255, 128, 128 } },
};

static void check_pixel(size_t row, const AVFrame *image, bool is_right)
{
    const int *wanted = is_right ? cases[row].right : cases[row].left;
    for (int i = 0; i < cases[row].planes * cases[row].step; i++) {
        int plane = cases[row].planes > 1 ? i : 0, byte = cases[row].planes > 1 ? 0 : i;
        int width = plane > 0 ? CHROMA_WIDTH : WIDTH, height = plane > 0 ? CHROMA_HEIGHT : HEIGHT;
        int x = width * (is_right ? 3 : 1) / 4, y = height / 2;
        int got = image->data[plane][y * image->linesize[plane] + x * cases[row].step + byte];
        if (abs(got - wanted[i]) > 4)
            fail_msg("row %zu: %s, %d: %d", row, is_right ? "right" : "left", i, got);
    }
}

static void test_pictures(void **state)
{
    (void)state;
    struct planes *planes = MEM_NEW(struct planes);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct takeup_frame frame = frame_make(planes, cases[i].pixels);
        uint8_t *bytes = NULL;
        size_t size = 0;
        struct err err = { 0 };
        assert_ok(picture_encode(&frame, cases[i].format, &bytes, &size, &err), err);
        CLEANUP(av_frame_free) AVFrame *image = read_again(cases[i].format, bytes, size);
        check_pixel(i, image, false);
        check_pixel(i, image, true);
        free(bytes);
    }
    free(planes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pictures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
