/* input.c - AVIO over a descriptor, and the list of formats.
 *
 * A video is a stranger's. Some formats of libav are lists of other files and addresses (HLS, DASH,
 * concat, SDP …), some read the file system by pattern (image2), and some take any text for moving
 * pictures (tty). So only the formats named below are opened, whatever the probe finds, and
 * open.c refuses io_open as well.
 *
 * The name of the file plays no part in the probe: an ending can be wrong, and then the right
 * demuxer would lose against the one that claims the ending. */
#include "media/input.h"

#include "base/str.h"

#include <libavutil/avstring.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { IO_BUFFER_BYTES = 64 * 1024, TEXT_BYTES = 4096, PROBE_BYTES_MAX = 1 << 20 };

static const char video_formats[] =
    "matroska,webm,mov,mp4,avi,mpegts,mpeg,mpegvideo,m4v,flv,live_flv,asf,ogg,mxf,nut,ivf,gif,apng,"
    "h261,h263,h264,hevc,vc1,vc1test,av1,obu,dirac,cavsvideo,avs2,avs3,mjpeg,mjpeg_2000,dnxhd,"
    "dv,gxf,wtv,rm,swf,yuv4mpegpipe,nsv,nuv,smk,bink,roq,flic,4xm,mm,film_cpk,idcin,iff,ipmovie,"
    "wc3movie,wsvqa,vivo,rpl,dhav,lmlm4,mtv,pmp,psxstr,pva,r3d,smjpeg,thp,tmv,vmd,yop,filmstrip,"
    "cine,cdxl,c93,bfi,bethsoftvid,anm,dsicin,ea,dxa,mv,mvi,rl2,tiertexseq,jv,hnm,gdv,ifv,ipu,kux,"
    "moflex,mods,mgsts,paf,sga,ser,xmv,ffm,lxf,mpegtsraw,ingenient,avr,avs,cdg,ico";

static const char audio_formats[] =
    "mp3,wav,w64,flac,aac,ac3,eac3,aiff,au,amr,ape,caf,dts,dtshd,"
    "tta,wv,mpc,mpc8,tak,truehd,mlp,voc,oma,loas,dsf,sox,spdif,xwma";

static const char list_formats[] = "hls,dash,concat,imf,sdp,webm_dash_manifest,vobsub";

static int input_read(void *opaque, uint8_t *buffer, int size)
{
    struct input *input = opaque;
    ssize_t n;
    do {
        n = pread(input->fd, buffer, (size_t)size, input->offset);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        if (!input->errnum)
            input->errnum = errno;
        return AVERROR(EIO);
    }
    if (n == 0)
        return AVERROR_EOF;
    input->offset += n;
    return (int)n;
}

static int64_t input_seek(void *opaque, int64_t offset, int whence)
{
    struct input *input = opaque;
    struct stat st;
    if (fstat(input->fd, &st) < 0)
        return AVERROR(errno);
    whence &= ~AVSEEK_FORCE;
    if (whence == AVSEEK_SIZE)
        return st.st_size;
    int64_t from = whence == SEEK_CUR ? input->offset : whence == SEEK_END ? st.st_size : 0;
    if (__builtin_add_overflow(from, offset, &offset) || offset < 0)
        return AVERROR(EINVAL);
    input->offset = offset;
    return offset;
}

static int input_check_kind(int fd, const char *name, struct err *err)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return err_set(err, ERR_IO, errno, "stat '%s'", name);
    int r = 0;
    if (S_ISDIR(st.st_mode)) {
        r = err_set(err, ERR_INPUT, 0, "'%s' is a directory", name);
        err_hint(err, "name a video file; for a directory make a job for each of its files");
    } else if (!S_ISREG(st.st_mode)) {
        r = err_set(err, ERR_INPUT, 0, "'%s' is not a regular file", name);
    } else if (st.st_size == 0) {
        r = err_set(err, ERR_INPUT, 0, "'%s' is empty", name);
        err_hint(err, "it has 0 bytes: the copy may have failed; copy it again");
    }
    return r;
}

int input_init(struct input *input, int fd, const char *name, struct err *err)
{
    *input = (struct input){ .fd = fd };
    int r = input_check_kind(fd, name, err);
    if (r < 0)
        return r;
    uint8_t *buffer = av_malloc(IO_BUFFER_BYTES);
    if (buffer)
        input->io =
            avio_alloc_context(buffer, IO_BUFFER_BYTES, 0, input, input_read, NULL, input_seek);
    if (!input->io) {
        av_free(buffer);
        return err_set(err, ERR_MEMORY, ENOMEM, "open '%s'", name);
    }
    return 0;
}

void input_release(struct input *input)
{
    if (input->io)
        av_freep(&input->io->buffer);
    avio_context_free(&input->io);
}

int input_error(const struct input *input, int averror, struct err *err, const char *format, ...)
{
    char text[ERR_TEXT_SIZE], why[AV_ERROR_MAX_STRING_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (input->errnum)
        return err_set(err, ERR_IO, input->errnum, "%s", text);
    if (averror == AVERROR(ENOMEM))
        return err_set(err, ERR_MEMORY, ENOMEM, "%s", text);
    (void)av_strerror(averror, why, sizeof(why));
    return err_set(err, ERR_INPUT, 0, "%s: %s", text, why);
}

/* Text of a person or of a program: valid UTF-8 (or UTF-16 with its mark) without control
 * characters. A raw YUV4MPEG of flat gray would look the same behind its first word. */
static bool is_text(const char *bytes, size_t len)
{
    static const char utf16_le[] = "\xff\xfe", utf16_be[] = "\xfe\xff";
    if (len >= 2 && (memcmp(bytes, utf16_le, 2) == 0 || memcmp(bytes, utf16_be, 2) == 0))
        return len < 3 || (unsigned char)bytes[2] != 0xff; /* MPEG sound also begins with ff */
    if (len >= 9 && memcmp(bytes, "YUV4MPEG2", 9) == 0)
        return false;
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)bytes[i] < 0x20 && !strchr("\t\n\v\f\r\b\033", bytes[i]))
            return false;
    for (size_t cut = 0; cut < 4 && cut < len; cut++) /* the last character may be cut */
        if (memchr(bytes, '\0', len) == NULL && str_is_utf8(bytes, len - cut))
            return true;
    return false;
}

static int input_check_text(struct input *input, const char *name, const char *format_name,
                            struct err *err)
{
    char bytes[TEXT_BYTES];
    ssize_t n;
    do {
        n = pread(input->fd, bytes, sizeof(bytes), 0);
    } while (n < 0 && errno == EINTR);
    if (n < 0)
        return err_set(err, ERR_IO, errno, "read '%s'", name);
    if (!is_text(bytes, (size_t)n))
        return 0;
    bool is_list = format_name && av_match_list(format_name, list_formats, ',');
    int r = err_set(err, ERR_INPUT, 0, "'%s' is a text file%s", name,
                    is_list ? " that names other files (a playlist)" : "");
    err_hint(err, is_list ? "make a job for each of the videos that it names"
                          : "input_path must name a video");
    return r;
}

static int input_unknown(const char *name, struct err *err)
{
    int r = err_set(err, ERR_INPUT, 0, "'%s' is not in any video format that is known", name);
    err_hint(err, "look at it with `ffprobe`; it may be damaged at its beginning, encrypted, or no "
                  "video at all");
    return r;
}

static int input_check_format(const char *name, const AVInputFormat *format, int score,
                              struct err *err)
{
    if (!format)
        return input_unknown(name, err);
    if (str_has_suffix(format->name, "_pipe") || strcmp(format->name, "image2") == 0) {
        int len = (int)strcspn(format->name, "_");
        int r = err_set(err, ERR_INPUT, 0, "'%s' is an image (%.*s), not a video", name, len,
                        format->name);
        err_hint(err, "input_path must name a video");
        return r;
    }
    if (av_match_list(format->name, video_formats, ','))
        return 0;
    if (score <= AVPROBE_SCORE_RETRY) /* next to nothing spoke for it */
        return input_unknown(name, err);
    if (av_match_list(format->name, audio_formats, ','))
        return 0;
    int r = err_set(err, ERR_INPUT, 0, "'%s' is in a format that is not read: %s", name,
                    format->long_name ? format->long_name : format->name);
    err_hint(err, "convert it: ffmpeg -i FILE OUT.mkv");
    return r;
}

int input_probe(struct input *input, const char *name, const AVInputFormat **ret_format,
                struct err *err)
{
    const AVInputFormat *format = NULL;
    int score = av_probe_input_buffer2(input->io, &format, NULL, NULL, 0, PROBE_BYTES_MAX);
    if (input->errnum)
        return input_error(input, score, err, "read '%s'", name);
    if (score == AVERROR(ENOMEM))
        return input_error(input, score, err, "open '%s'", name);
    int r = input_check_text(input, name, format ? format->name : NULL, err);
    if (r == 0)
        r = input_check_format(name, score < 0 ? NULL : format, score, err);
    if (r < 0)
        return r;
    *ret_format = format;
    return 0;
}
