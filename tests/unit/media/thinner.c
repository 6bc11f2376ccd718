#include "test.h"

#include "media/thinner.h"

/* ---- which frames are made from this one ---- */

/* In H.264 01 begins a slice of nal_ref_idc 0, 41 one of 2, 65 one of a key frame; 06 and 67 no
 * slice. In H.265 0001 is TRAIL_N, 0201 TRAIL_R, 1001 RASL_N, 2601 IDR, 4e01 no slice; the second
 * byte is the sub-layer and 1. */
#define H264 AV_CODEC_ID_H264
#define HEVC AV_CODEC_ID_HEVC
#define WHOLE AV_FIELD_PROGRESSIVE
#define AVCC(lengths) "0164001ef" #lengths "e100" /* c, d, f: of 1, 2, 4 bytes */
#define HVCC(last) "01" ZEROS "00000000" last "00"
#define ZEROS "00000000000000000000000000000000"

static const struct {
    const char *name;
    enum AVCodecID codec;
    enum AVFieldOrder order;
    const char *box, *packet; /* in hex */
    bool is;
} packets[] = {
    { "a slice", H264, WHOLE, AVCC(f), "00000002 0109", true },
    { "of a reference", H264, WHOLE, AVCC(f), "00000002 4109", false },
    { "of a key frame", H264, WHOLE, AVCC(f), "00000002 6509", false },
    { "behind others", H264, WHOLE, AVCC(d), "0002 0601 0000 0002 0109", true },
    { "behind others, of a reference", H264, WHOLE, AVCC(d), "0002 0601 0002 2109", false },
    { "no slice", H264, WHOLE, AVCC(c), "02 0601", false },
    { "too long", H264, WHOLE, AVCC(f), "00000003 0109", false },
    { "length cut off", H264, WHOLE, AVCC(f), "000000", false },
    { "empty", H264, WHOLE, AVCC(f), "", false },
    { "start code", H264, WHOLE, "", "000001 0109", true },
    { "two start codes", H264, WHOLE, "00000167", "00000001 060109 000001 0109", true },
    { "start code, of a reference", H264, WHOLE, "", "000001 4109", false },
    { "start code at the end", H264, WHOLE, "", "00000001", false },
    { "a box cut off", H264, WHOLE, "0164001eff", "00000002 0109", false },
    { "perhaps one field", H264, AV_FIELD_UNKNOWN, AVCC(f), "00000002 0109", false },
    { "one field", H264, AV_FIELD_TT, AVCC(f), "00000002 0109", false },
    { "TRAIL_N", HEVC, WHOLE, HVCC("0b"), "00000002 0001", true },
    { "TRAIL_R", HEVC, WHOLE, HVCC("0b"), "00000002 0201", false },
    { "IDR", HEVC, WHOLE, HVCC("0b"), "00000002 2601", false },
    { "IDR without leading pictures", HEVC, WHOLE, HVCC("0b"), "00000002 2801", false },
    { "RASL_N behind another", HEVC, WHOLE, HVCC("08"), "02 4e01 02 1001", true },
    { "lower sub-layer", HEVC, WHOLE, HVCC("13"), "00000002 0001", false },
    { "highest sub-layer", HEVC, WHOLE, HVCC("13"), "00000002 0002", true },
    { "unknown sub-layers", HEVC, WHOLE, HVCC("03"), "00000002 0001", false },
    { "H.265 without a box", HEVC, WHOLE, "", "000001 000109", false },
    { "another codec", AV_CODEC_ID_VP9, WHOLE, AVCC(f), "00000002 0109", false },
};

/* A block as large as its bytes, so that a sanitizer sees who reads one more. */
static uint8_t *bytes_of(const char *hex, int *ret_size)
{
    uint8_t *bytes = NULL;
    int size = 0, digits = 0;
    for (; *hex; hex += digits) {
        unsigned byte;
        if (sscanf(hex, " %2x%n", &byte, &digits) != 1)
            break;
        bytes = mem_resize(bytes, (size_t)size + 1, 1);
        bytes[size++] = (uint8_t)byte;
    }
    *ret_size = size;
    return bytes;
}

static void test_what_is_disposable(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(packets); i++) {
        AVCodecParameters stream = { .codec_id = packets[i].codec,
                                     .field_order = packets[i].order };
        AVPacket packet = { 0 };
        stream.extradata = bytes_of(packets[i].box, &stream.extradata_size);
        packet.data = bytes_of(packets[i].packet, &packet.size);
        if (thinner_is_disposable(&stream, &packet) != packets[i].is)
            fail_msg("row %zu: %s", i, packets[i].name);
        free(stream.extradata);
        free(packet.data);
    }
}

/* ---- which may go ---- */

/* Frames in the order of decoding: the pts, in brackets where it is disposable, '-' without one. */
static const struct {
    const char *name;
    int gap, duration; /* 0: not known */
    const char *frames, *dropped;
} streams[] = {
    { "B-frames that are referenced", 2, 1, "0 4 2 (1) (3) 8 6 (5) (7)", "1 3 5 7" },
    { "closer is asked for", 1, 1, "0 4 2 (1) (3) 8 6 (5) (7)", "" },
    { "nothing is asked for", 0, 1, "0 4 2 (1) (3)", "" },
    { "all", 4, 1, "0 3 (1) (2) 6 (4) (5)", "1 2 4 5" },
    { "every other one", 2, 1, "0 4 (1) (2) (3) 8 (5) (6) (7)", "1 3 5 7" },
    { "two of three", 3, 1, "0 4 (1) (2) (3) 8 (5) (6) (7)", "1 2 5 6" },
    { "no durations", 2, 0, "0 4 (1) (2) (3) 8 (5) (6) (7)", "3 7" },
    { "no order of display but this", 9, 1, "0 (1) (2) 3 (4)", "" },
    { "the last", 9, 1, "0 4 2 (1) (3) (5)", "1 3" },
    { "no times", 9, 1, "0 - - (-)", "" },
    { "the first once more", 1, 1, "0 4 (0)", "0" },
    { "twice the same", 2, 1, "0 4 2 (2) (1) (3)", "2 1 3" },
    { "time jumps back", 4, 1, "100 104 0 (3) 4 (2)", "3 2" },
    { "one is not what frames are made from, and not close", 2, 1, "0 8 (4) (6) (5) (7)", "5 7" },
};

static void test_what_may_go(void **state)
{
    (void)state;
    static uint8_t box[] = { 1, 100, 0, 30, 0xff, 0xe1, 0 };
    static uint8_t made_from[] = { 0, 0, 0, 2, 0x41, 9 }, disposable[] = { 0, 0, 0, 2, 0x01, 9 };
    const AVCodecParameters stream = { .codec_id = H264,
                                       .field_order = AV_FIELD_PROGRESSIVE,
                                       .extradata = box,
                                       .extradata_size = sizeof(box) };
    for (size_t i = 0; i < COUNT(streams); i++) {
        struct thinner thinner = { .gap = streams[i].gap };
        char dropped[64] = "", *words = mem_printf("%s", streams[i].frames), *rest = words, *word;
        while ((word = strtok_r(rest, " ", &rest))) {
            const char *pts = word + (word[0] == '(');
            const AVPacket packet = { .pts = pts[0] == '-' ? AV_NOPTS_VALUE : atoi(pts),
                                      .duration = streams[i].duration,
                                      .data = word[0] == '(' ? disposable : made_from,
                                      .size = sizeof(disposable) };
            if (thinner_drops(&thinner, &stream, &packet))
                snprintf(dropped + strlen(dropped), sizeof(dropped) - strlen(dropped), "%s%d",
                         dropped[0] ? " " : "", (int)packet.pts);
        }
        if (strcmp(dropped, streams[i].dropped) != 0)
            fail_msg("row %zu, %s: '%s'", i, streams[i].name, dropped);
        free(words);
    }
}

static void test_wild_times_are_far_apart(void **state)
{
    (void)state;
    static uint8_t data[] = { 0, 0, 1, 0x01, 9 };
    const AVCodecParameters stream = { .codec_id = H264, .field_order = AV_FIELD_PROGRESSIVE };
    const AVPacket first = { .pts = INT64_MIN + 1, .data = data, .size = sizeof(data) },
                   last = { .pts = INT64_MAX - 1, .data = data, .size = sizeof(data) },
                   between = { .pts = 0, .data = data, .size = sizeof(data) };
    struct thinner thinner = { .gap = 1000 };
    assert_false(thinner_drops(&thinner, &stream, &first));
    assert_false(thinner_drops(&thinner, &stream, &last));
    assert_false(thinner_drops(&thinner, &stream, &between));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_disposable),
        cmocka_unit_test(test_what_may_go),
        cmocka_unit_test(test_wild_times_are_far_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
