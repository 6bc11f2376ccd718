#include "media/thinner.h"

#include <libavutil/intreadwrite.h>

#include <stddef.h>

enum {
    AVCC_MIN = 7,  /* bytes of an avcC box, with the length of lengths in the fifth */
    HVCC_MIN = 23, /* of an hvcC box, with that and the sub-layers in the 22nd */
};

/* NAL units of a packet, one after the other: behind a length, as in MP4 and Matroska, or behind
 * start codes. */
struct units {
    const uint8_t *at, *end;
    int length_size; /* 0: start codes */
};

/* The next unit; NULL at the end, and where the length is wrong. */
static const uint8_t *next_unit(struct units *units, size_t *ret_size)
{
    if (units->length_size == 0) {
        while (units->end - units->at >= 4 && AV_RB24(units->at) != 1)
            units->at++;
        if (units->end - units->at < 4)
            return NULL;
        units->at += 3;
        *ret_size = (size_t)(units->end - units->at);
        return units->at;
    }
    size_t size = 0;
    if (units->end - units->at < units->length_size)
        return NULL;
    for (int i = 0; i < units->length_size; i++)
        size = size << 8 | *units->at++;
    if (size > (size_t)(units->end - units->at))
        return NULL;
    const uint8_t *unit = units->at;
    units->at += size;
    *ret_size = size;
    return unit;
}

static bool has_box(const AVCodecParameters *stream, int size_min)
{
    return stream->extradata_size >= size_min && stream->extradata[0] == 1;
}

/* All slices of a picture agree, so the first one tells. */
static bool is_disposable_h264(const AVCodecParameters *stream, const AVPacket *packet)
{
    struct units units = { packet->data, packet->data + packet->size,
                           has_box(stream, AVCC_MIN) ? (stream->extradata[4] & 3) + 1 : 0 };
    const uint8_t *unit;
    size_t size;
    while ((unit = next_unit(&units, &size)))
        if (size > 0 && (unit[0] & 31) >= 1 && (unit[0] & 31) <= 5) /* a slice */
            return (unit[0] >> 5 & 3) == 0;
    return false;
}

/* Only where the box tells how many sub-layers there are: one that is not the highest may be what
 * frames of a higher one are made from. */
static bool is_disposable_hevc(const AVCodecParameters *stream, const AVPacket *packet)
{
    if (!has_box(stream, HVCC_MIN))
        return false;
    int layers = stream->extradata[21] >> 3 & 7; /* 0: not known */
    struct units units = { packet->data, packet->data + packet->size,
                           (stream->extradata[21] & 3) + 1 };
    const uint8_t *unit;
    size_t size;
    while ((unit = next_unit(&units, &size)))
        if (size > 1 && (unit[0] >> 1 & 63) < 32) { /* a slice */
            int type = unit[0] >> 1 & 63, layer = (unit[1] & 7) - 1;
            return layers > 0 && layer == layers - 1 && type < 16 && type % 2 == 0;
        }
    return false;
}

bool thinner_is_disposable(const AVCodecParameters *stream, const AVPacket *packet)
{
    if (stream->field_order != AV_FIELD_PROGRESSIVE || !packet->data)
        return false;
    return stream->codec_id == AV_CODEC_ID_H264   ? is_disposable_h264(stream, packet)
           : stream->codec_id == AV_CODEC_ID_HEVC ? is_disposable_hevc(stream, packet)
                                                  : false;
}

/* Of the frames between two that were sent the earlier ones come first, so where not all can go a
 * frame goes if the one behind it may stay; its duration tells when that is shown. */
static bool may_go(const struct thinner *thinner, const AVPacket *packet)
{
    int64_t before = INT64_MIN, after = INT64_MAX;
    for (unsigned i = 0; i < thinner->count; i++) {
        int64_t sent = thinner->sent[i];
        if (sent <= packet->pts && sent > before)
            before = sent;
        if (sent >= packet->pts && sent < after)
            after = sent;
    }
    if (before == INT64_MIN || after == INT64_MAX)
        return false;
    uint64_t gap = (uint64_t)thinner->gap, past = (uint64_t)packet->pts - (uint64_t)before;
    return (uint64_t)after - (uint64_t)before <= gap ||
           (packet->duration > 0 && past <= gap && (uint64_t)packet->duration <= gap - past);
}

bool thinner_drops(struct thinner *thinner, const AVCodecParameters *stream, const AVPacket *packet)
{
    if (thinner->gap <= 0 || packet->pts == AV_NOPTS_VALUE)
        return false;
    if (may_go(thinner, packet) && thinner_is_disposable(stream, packet))
        return true;
    thinner->sent[thinner->next] = packet->pts;
    thinner->next = (thinner->next + 1) % THINNER_SENT_MAX;
    if (thinner->count < THINNER_SENT_MAX)
        thinner->count++;
    return false;
}
