/* levels.c - each loop has products of 16 bits and no more, so that compilers make vectors of it.
 *
 * Limited range has black at 16 and white at 235, and the colours from 16 to 240; with 10 bits four
 * times that. What lies beyond is clipped. */
#include "media/levels.h"

#include <libavutil/pixfmt.h>

#include <string.h>

enum { BLACK = 16, LUMA_SPAN = 219, CHROMA_SPAN = 224 };

enum levels levels_of(int format, bool is_full_range)
{
    switch (format) {
    case AV_PIX_FMT_YUV420P:
        return is_full_range ? LEVELS_KEEP : LEVELS_STRETCH;
    case AV_PIX_FMT_YUV420P10:
        return is_full_range ? LEVELS_KEEP10 : LEVELS_STRETCH10;
    default:
        return LEVELS_OTHER;
    }
}

/* From black; 0 to span. */
static inline uint8_t clip8(uint8_t level, uint8_t span)
{
    uint8_t low = level < BLACK ? BLACK : level, most = (uint8_t)(BLACK + span);
    return (uint8_t)((low > most ? most : low) - BLACK);
}

static inline uint16_t clip10(uint16_t level, uint16_t span)
{
    uint16_t low = level < 4 * BLACK ? 4 * BLACK : level, most = (uint16_t)(4 * BLACK + 4 * span);
    return (uint16_t)((low > most ? most : low) - 4 * BLACK);
}

/* 149 / 128 is 255 / 219. */
static void stretch_luma(const uint8_t *from, uint8_t *to, int width)
{
    for (int x = 0; x < width; x++)
        to[x] = (uint8_t)((uint16_t)(clip8(from[x], LUMA_SPAN) * 149 + 64) >> 7);
}

/* 291 / 256 is 255 / 224; no colour, 112 behind BLACK, becomes 128. */
static void stretch_chroma(const uint8_t *from, uint8_t *to, int width)
{
    for (int x = 0; x < width; x++)
        to[x] = (uint8_t)((uint16_t)(clip8(from[x], CHROMA_SPAN) * 291 + 304) >> 8);
}

/* The upper half of the product has 7 bits behind the point. */
static inline uint8_t scale10(uint16_t level, uint16_t factor, uint16_t plus)
{
    uint16_t scaled = (uint16_t)(((uint32_t)(uint16_t)(level * 64) * factor) >> 16);
    return (uint8_t)((uint16_t)(scaled + plus) >> 7);
}

static void stretch_luma10(const uint16_t *from, uint8_t *to, int width)
{
    enum { FACTOR = 255 * 128 * 256 / LUMA_SPAN };
    for (int x = 0; x < width; x++)
        to[x] = scale10(clip10(from[x], LUMA_SPAN), FACTOR, 64);
}

/* No colour is half a level below 128 before it is rounded. */
static void stretch_chroma10(const uint16_t *from, uint8_t *to, int width)
{
    enum { FACTOR = 255 * 128 * 256 / CHROMA_SPAN };
    for (int x = 0; x < width; x++)
        to[x] = scale10(clip10(from[x], CHROMA_SPAN), FACTOR, 127);
}

/* 1023 becomes 255. */
static void round10(const uint16_t *from, uint8_t *to, int width)
{
    enum { MOST = 1023, FACTOR = 255 * 128 * 1024 / MOST };
    for (int x = 0; x < width; x++)
        to[x] = scale10(from[x] > MOST ? MOST : from[x], FACTOR, 64);
}

static void convert_row(enum levels levels, bool is_luma, const uint8_t *from, uint8_t *to,
                        int width)
{
    const uint16_t *wide = (const void *)from;
    if (levels == LEVELS_KEEP)
        memcpy(to, from, (size_t)width);
    else if (levels == LEVELS_KEEP10)
        round10(wide, to, width);
    else if (levels == LEVELS_STRETCH10)
        (is_luma ? stretch_luma10 : stretch_chroma10)(wide, to, width);
    else
        (is_luma ? stretch_luma : stretch_chroma)(from, to, width);
}

void levels_convert(enum levels levels, const AVFrame *source, struct takeup_frame *target)
{
    for (int i = 0; i < 3; i++) {
        int width = i == 0 ? target->width : (target->width + 1) / 2;
        int height = i == 0 ? target->height : (target->height + 1) / 2;
        for (int y = 0; y < height; y++)
            convert_row(levels, i == 0, source->data[i] + (ptrdiff_t)y * source->linesize[i],
                        (uint8_t *)target->plane[i] + (ptrdiff_t)y * target->stride[i], width);
    }
}
