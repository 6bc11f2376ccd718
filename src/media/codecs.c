#include "media/codecs.h"

#include <libavcodec/avcodec.h>

bool media_has_decoder(const char *codec)
{
    const AVCodecDescriptor *descriptor = avcodec_descriptor_get_by_name(codec);
    return descriptor && avcodec_find_decoder(descriptor->id);
}
