/* spoil.c - broken videos out of whole ones, the same ones each time.
 *
 *     spoil SOURCES OUT       each file of SOURCES, in all the ways below, as OUT/HOW-NAME
 *     spoil --dref MOV OUT REFERENCE     a QuickTime file whose track lies in another file
 *
 *   cut-N      the first N per cent
 *   flip-N     so many bits are others, anywhere
 *   head-N     so many bytes are others, among the first 512, where headers are
 *   hole-N     a part is zero, beginning at N per cent
 *   FIELD-V    one number of the header has another value: sizes, times, counts at their extremes
 */
#include "base/err.h"
#include "base/fs.h"
#include "base/macros.h"
#include "base/mem.h"
#include "base/str.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX_BYTES = 16 << 20, HEAD_BYTES = 512 };

struct source {
    const char *name, *out;
    char *bytes;
    size_t size;
};

static void fail(const char *what, const struct err *err)
{
    (void)fprintf(stderr, "spoil: %s: %s\n", what, err ? err->text : "cannot be spoilt");
    exit(3);
}

static void write_out(const struct source *source, const char *how, uint64_t value,
                      const char *bytes, size_t size)
{
    struct err err = { 0 };
    CLEANUP(mem_free_text)
    char *path = mem_printf("%s/%s-%" PRIu64 "-%s", source->out, how, value, source->name);
    if (fs_write_file(AT_FDCWD, path, bytes, size, FS_NEW, &err) < 0)
        fail(path, &err);
}

/* ---- anywhere ---- */

/* Of its own for each name and way, and the same each time. */
static uint32_t seed_of(const char *name, uint64_t value)
{
    uint32_t hash = 2166136261U ^ (uint32_t)value;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619U;
    return hash;
}

static uint32_t next(uint32_t *state)
{
    *state = *state * 1664525 + 1013904223;
    return *state >> 8;
}

static void cut(const struct source *source, int percent)
{
    write_out(source, "cut", (uint64_t)percent, source->bytes,
              source->size * (size_t)percent / 100);
}

static void flip(const struct source *source, int bits)
{
    uint32_t state = seed_of(source->name, (uint64_t)bits);
    CLEANUP(mem_free_text) char *bytes = mem_resize(NULL, source->size, 1);
    memcpy(bytes, source->bytes, source->size);
    for (int i = 0; i < bits; i++) {
        size_t at = next(&state) % source->size;
        bytes[at] = (char)(bytes[at] ^ 1 << next(&state) % 8);
    }
    write_out(source, "flip", (uint64_t)bits, bytes, source->size);
}

static void change_head(const struct source *source, int count)
{
    static const unsigned char values[] = { 0, 1, 0x7f, 0x80, 0xff };
    uint32_t state = seed_of(source->name, (uint64_t)count + 1000);
    size_t head = source->size < HEAD_BYTES ? source->size : HEAD_BYTES;
    CLEANUP(mem_free_text) char *bytes = mem_resize(NULL, source->size, 1);
    memcpy(bytes, source->bytes, source->size);
    for (int i = 0; i < count; i++)
        bytes[next(&state) % head] = (char)values[next(&state) % COUNT(values)];
    write_out(source, "head", (uint64_t)count, bytes, source->size);
}

static void make_hole(const struct source *source, int percent)
{
    CLEANUP(mem_free_text) char *bytes = mem_resize(NULL, source->size, 1);
    memcpy(bytes, source->bytes, source->size);
    size_t at = source->size * (size_t)percent / 100, len = source->size / 10 + 1;
    memset(bytes + at, 0, len < source->size - at ? len : source->size - at);
    write_out(source, "hole", (uint64_t)percent, bytes, source->size);
}

/* ---- fields ---- */

enum order { BIG, LITTLE };

/* A number, so many bytes behind the first place where `marker` stands. */
static const struct field {
    const char *endings, *name, *marker;
    size_t marker_bytes, offset, bytes;
    enum order order;
} fields[] = {
    { ".mp4 .mov", "mvhd.timescale", "mvhd", 4, 16, 4, BIG },
    { ".mp4 .mov", "mvhd.duration", "mvhd", 4, 20, 4, BIG },
    { ".mp4", "tkhd.width", "tkhd", 4, 80, 4, BIG },
    { ".mp4", "tkhd.matrix", "tkhd", 4, 44, 4, BIG },
    { ".mp4", "mdhd.timescale", "mdhd", 4, 16, 4, BIG },
    { ".mp4", "mdhd.duration", "mdhd", 4, 20, 4, BIG },
    { ".mp4", "elst.count", "elst", 4, 8, 4, BIG },
    { ".mp4", "elst.duration", "elst", 4, 12, 4, BIG },
    { ".mp4", "elst.time", "elst", 4, 16, 4, BIG },
    { ".mp4", "elst.rate", "elst", 4, 20, 4, BIG },
    { ".mp4", "stts.count", "stts", 4, 8, 4, BIG },
    { ".mp4", "stts.samples", "stts", 4, 12, 4, BIG },
    { ".mp4", "stts.delta", "stts", 4, 16, 4, BIG },
    { ".mp4", "stsc.chunk", "stsc", 4, 12, 4, BIG },
    { ".mp4", "stsc.samples", "stsc", 4, 16, 4, BIG },
    { ".mp4", "stsz.count", "stsz", 4, 12, 4, BIG },
    { ".mp4", "stsz.size", "stsz", 4, 16, 4, BIG },
    { ".mp4", "stco.count", "stco", 4, 8, 4, BIG },
    { ".mp4", "stco.offset", "stco", 4, 12, 4, BIG },
    { ".mp4", "moov.size", "moov", 4, (size_t)-4, 4, BIG },
    { ".mp4", "avc1.width", "avc1", 4, 28, 2, BIG },
    { ".mp4", "trun.count", "trun", 4, 8, 4, BIG },
    { ".mp4", "tfdt.time", "tfdt", 4, 8, 8, BIG },
    { ".mov", "rle.width", "rle ", 4, 28, 2, BIG },
    { ".mov", "rle.height", "rle ", 4, 30, 2, BIG },
    { ".mov .apng", "png.width", "IHDR", 4, 4, 4, BIG },
    { ".mov .apng", "png.height", "IHDR", 4, 8, 4, BIG },
    { ".apng", "delay", "fcTL", 4, 24, 4, BIG },
    { ".mkv .webm", "timescale", "\x2a\xd7\xb1\x83", 4, 4, 3, BIG },
    { ".mkv .webm", "duration", "\x44\x89\x88", 3, 3, 8, BIG },
    { ".mkv .webm", "frame-duration", "\x23\xe3\x83\x84", 4, 4, 4, BIG },
    { ".mkv .webm", "width", "\xb0\x81", 2, 2, 1, BIG },
    { ".mkv .webm", "height", "\xba\x81", 2, 2, 1, BIG },
    { ".mkv .webm", "cluster", "\x1f\x43\xb6\x75", 4, 4, 8, BIG },
    { ".avi", "frame-us", "avih", 4, 8, 4, LITTLE },
    { ".avi", "frames", "avih", 4, 24, 4, LITTLE },
    { ".avi", "streams", "avih", 4, 32, 4, LITTLE },
    { ".avi", "scale", "strh", 4, 28, 4, LITTLE },
    { ".avi", "rate", "strh", 4, 32, 4, LITTLE },
    { ".avi", "start", "strh", 4, 36, 4, LITTLE },
    { ".avi", "length", "strh", 4, 40, 4, LITTLE },
    { ".avi", "width", "strf", 4, 12, 4, LITTLE },
    { ".avi", "height", "strf", 4, 16, 4, LITTLE },
    { ".avi", "index", "idx1", 4, 12, 4, LITTLE },
    { ".gif", "width", "GIF89a", 6, 6, 2, LITTLE },
    { ".gif", "height", "GIF89a", 6, 8, 2, LITTLE },
    { ".gif", "delay", "\x21\xf9\x04", 3, 4, 2, LITTLE },
    { ".ivf", "width", "DKIF", 4, 12, 2, LITTLE },
    { ".ivf", "rate", "DKIF", 4, 16, 4, LITTLE },
    { ".ivf", "scale", "DKIF", 4, 20, 4, LITTLE },
    { ".ogv", "granule", "OggS", 4, 6, 8, LITTLE },
    { ".ogv", "theora.width", "\x80theora", 7, 10, 2, BIG },
    { ".ogv", "theora.rate", "\x80theora", 7, 22, 4, BIG },
    { ".ogv", "theora.scale", "\x80theora", 7, 26, 4, BIG },
    { ".flv", "frame-rate", "framerate", 9, 10, 8, BIG },
    { ".flv", "duration", "duration", 8, 9, 8, BIG },
    { ".m2v .mpg .vob .mxf", "mpeg.size", "\0\0\1\xb3", 4, 4, 3, BIG },
    { ".m2v .mpg .vob .mxf", "mpeg.rate", "\0\0\1\xb3", 4, 7, 1, BIG },
    { ".mxf", "rate", "\x30\x01\0\x08", 4, 4, 8, BIG },
};

/* The extremes of a number; those that do not fit are left out. */
static const uint64_t extremes[] = {
    0,          1,          0x80,       0xff,       16385,     32768,
    UINT16_MAX, 0x7fffffff, 0x80000000, UINT32_MAX, INT64_MAX, UINT64_MAX,
};

static bool is_worth_it(uint64_t value, size_t bytes)
{
    if (bytes < 8 && value >> (8 * bytes))
        return false;
    if (value == 0x80 || value == 0xff)
        return bytes == 1;
    if (value == UINT16_MAX)
        return bytes == 2;
    return value <= 32768 || bytes >= 4;
}

static void put(char *at, uint64_t value, size_t bytes, enum order order)
{
    for (size_t i = 0; i < bytes; i++) {
        size_t shift = 8 * (order == BIG ? bytes - 1 - i : i);
        at[i] = (char)(value >> shift);
    }
}

static void set_field(const struct source *source, const struct field *field)
{
    const char *found = memmem(source->bytes, source->size, field->marker, field->marker_bytes);
    if (!found)
        return;
    size_t at = (size_t)(found - source->bytes) + field->offset;
    if (at + field->bytes > source->size)
        return;
    CLEANUP(mem_free_text) char *bytes = mem_resize(NULL, source->size, 1);
    for (size_t i = 0; i < COUNT(extremes); i++) {
        if (!is_worth_it(extremes[i], field->bytes))
            continue;
        memcpy(bytes, source->bytes, source->size);
        put(bytes + at, extremes[i], field->bytes, field->order);
        write_out(source, field->name, extremes[i], bytes, source->size);
    }
}

static void spoil(const struct source *source)
{
    static const int cuts[] = { 1, 10, 50, 75, 99 }, holes[] = { 0, 30, 60 };
    static const int flips[] = { 1, 16, 256 }, heads[] = { 1, 4, 32 };
    const char *ending = strrchr(source->name, '.');
    for (size_t i = 0; i < COUNT(cuts); i++)
        cut(source, cuts[i]);
    for (size_t i = 0; i < COUNT(holes); i++)
        make_hole(source, holes[i]);
    for (size_t i = 0; i < COUNT(flips); i++)
        flip(source, flips[i]);
    for (size_t i = 0; i < COUNT(heads); i++)
        change_head(source, heads[i]);
    for (size_t i = 0; i < COUNT(fields); i++) {
        const char *found = ending ? strstr(fields[i].endings, ending) : NULL;
        if (found && (found[strlen(ending)] == ' ' || found[strlen(ending)] == '\0'))
            set_field(source, &fields[i]);
    }
}

static void read_source(const char *path, struct source *ret_source)
{
    struct err err = { 0 };
    if (fs_read_file(AT_FDCWD, path, FILE_MAX_BYTES, &ret_source->bytes, &ret_source->size, &err) <
        0)
        fail(path, &err);
}

static int is_file(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void spoil_all(const char *dir, const char *out)
{
    struct dirent **names;
    int count = scandir(dir, &names, is_file, alphasort);
    if (count <= 0)
        fail(dir, NULL);
    for (int i = 0; i < count; i++) {
        CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", dir, names[i]->d_name);
        struct source source = { .name = names[i]->d_name, .out = out };
        read_source(path, &source);
        spoil(&source);
        free(source.bytes);
        free(names[i]);
    }
    free(names);
}

/* ---- a track in another file ---- */

static uint32_t get_big(const char *at)
{
    const unsigned char *bytes = (const unsigned char *)at;
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* A Macintosh alias: of all that is in it, libav reads these names. */
static void add_alias(struct str *entry, const char *path)
{
    enum { VOLUME = 27, NAME = 63, ABSOLUTE = 2 };
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    size_t len = strlen(path);
    str_add_bytes(entry, "\0\0\0\0\0\0\0\0\0\0", 10);
    str_addf(entry, "%c%-*s", 4, VOLUME, "disk");
    str_add_bytes(entry, "\0\0\0\0\0\0\0\0\0\0\0\0", 12);
    str_addf(entry, "%c%-*.*s", (int)strlen(name), NAME, NAME, name);
    str_add_bytes(entry, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\1", 20);
    str_add_bytes(entry, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16);
    const char head[] = { 0, ABSOLUTE, (char)(len >> 8), (char)len };
    str_add_bytes(entry, head, sizeof(head));
    str_add(entry, path);
    str_add_bytes(entry, "\0", len % 2);
    str_add_bytes(entry, "\xff\xff\0\0", 4);
}

/* Each box around `at` grows; they lie in one another, from the first one of the file on. */
static void grow_boxes(char *bytes, size_t begin, size_t end, size_t at, size_t more)
{
    while (begin + 8 <= end) {
        size_t size = get_big(bytes + begin);
        if (size < 8 || size > end - begin)
            return;
        if (at >= begin && at < begin + size) {
            put(bytes + begin, size + more, 4, BIG);
            grow_boxes(bytes, begin + 8, begin + size, at, more);
            return;
        }
        begin += size;
    }
}

/* The index lies behind the pictures, so nothing that it points to moves. */
static void refer(const struct source *source, const char *reference)
{
    enum { DREF_HEAD = 12, ENTRY_BYTES = 12 }; /* behind "dref": version, count */
    const char *found = memmem(source->bytes, source->size, "dref", 4);
    if (!found)
        fail(source->name, NULL);
    size_t at = (size_t)(found - source->bytes) + DREF_HEAD;
    struct str alias = { 0 }, whole = { 0 };
    char head[ENTRY_BYTES] = "\0\0\0\0alis";
    add_alias(&alias, reference);
    put(head, sizeof(head) + alias.len, 4, BIG);
    grow_boxes(source->bytes, 0, source->size, at, alias.len);
    str_add_bytes(&whole, source->bytes, at);
    str_add_bytes(&whole, head, sizeof(head));
    str_add_bytes(&whole, alias.data, alias.len);
    str_add_bytes(&whole, source->bytes + at + ENTRY_BYTES, source->size - at - ENTRY_BYTES);
    struct err err = { 0 };
    if (fs_write_file(AT_FDCWD, source->out, whole.data, whole.len, FS_NEW, &err) < 0)
        fail(source->out, &err);
    str_release(&alias);
    str_release(&whole);
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        spoil_all(argv[1], argv[2]);
        return 0;
    }
    if (argc != 5 || strcmp(argv[1], "--dref") != 0) {
        (void)fprintf(stderr, "usage: spoil SOURCES OUT | spoil --dref MOV OUT REFERENCE\n");
        return 2;
    }
    struct source source = { .name = argv[2], .out = argv[3] };
    read_source(argv[2], &source);
    refer(&source, argv[4]);
    free(source.bytes);
    return 0;
}
