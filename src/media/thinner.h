/* thinner.h - which packets need not be decoded.
 *
 * Of a video with B-frames, half the frames or more are such as no other one is made from. Whoever
 * needs a frame each 100 ms need not pay for those between. What is told here is told of whole
 * packets, before they are decoded, and costs a look at a few of their bytes:
 *
 *     struct thinner thinner = { .gap = … };
 *     thinner_drops() for each packet, in the order of the file
 */
#ifndef TAKEUP_MEDIA_THINNER_H
#define TAKEUP_MEDIA_THINNER_H

#include <libavcodec/avcodec.h>

#include <stdbool.h>
#include <stdint.h>

/* Whether no other frame is made from the one in this packet: nal_ref_idc 0 (H.264 7.4.1), a
 * sub-layer non-reference picture of the highest temporal sub-layer (H.265 7.4.2.2). False where it
 * cannot be told: in other codecs, where the stream may have a field in each packet, of bytes that
 * are damaged. */
bool thinner_is_disposable(const AVCodecParameters *stream, const AVPacket *packet);

/* The order of decoding lets a frame be sent at most 16 before those that are shown before it. */
enum { THINNER_SENT_MAX = 32 };

struct thinner {
    int64_t gap; /* so far apart may the frames be that are left, in the stream's time base; <= 0:
                    nothing is dropped */
    int64_t sent[THINNER_SENT_MAX]; /* the pts of those that were not dropped; a ring */
    unsigned count, next;
};

/* True: the decoder need not see this packet, since between frames that are shown before it and
 * after it no more time than the gap is left. One of each was sent, so the first and the last frame
 * always stay. */
bool thinner_drops(struct thinner *thinner, const AVCodecParameters *stream,
                   const AVPacket *packet);

#endif
