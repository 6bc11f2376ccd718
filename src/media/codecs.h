/* codecs.h - which decoders this libavcodec has. */
#ifndef TAKEUP_MEDIA_CODECS_H
#define TAKEUP_MEDIA_CODECS_H

#include <stdbool.h>

/* By libav's name of the codec: "h264". */
bool media_has_decoder(const char *codec);

#endif
