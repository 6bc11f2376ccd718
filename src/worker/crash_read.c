/* crash_read.c - the worker's side. A line that is none of those that crash.c writes says nothing,
 * and a file that is named there is opened only if it is one of the worker's own libraries. */
#include "worker/crash.h"

#include "base/fs.h"
#include "base/mem.h"
#include "worker/symbols.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    NOTES_MAX_BYTES = 256 << 10,
    LINES_MAX = 4096, /* 64 threads with a stack each */
    PLACES_MAX = 256,
    FRAMES_SHOWN = 48,
    SAID_LINES_MAX = 40,
};

struct reader {
    struct crash_notes *notes;
    struct str text;
    int frames;    /* of the thread at hand */
    bool has_said; /* from here on it is what was printed */
    int said;
    struct symbol_place *places; /* frames that the loader has no name for, in their order */
    size_t place_count, place_at;
};

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* How a process kills itself says nothing of why. */
static bool is_of_the_end(const char *symbol, const char *module)
{
    static const char *const symbols[] = {
        "abort",         "raise", "gsignal", "pthread_kill", "__pthread_kill_implementation",
        "__libc_message"
    };
    for (size_t i = 0; i < COUNT(symbols); i++)
        if (strcmp(symbol, symbols[i]) == 0)
            return true;
    return strcmp(symbol, "?") == 0 && strncmp(base_name(module), "libc.so", 7) == 0;
}

struct frame {
    unsigned long offset;
    char symbol[256];
    const char *module;
};

static bool parse_frame(const char *line, struct frame *ret_frame)
{
    int used = 0;
    if (sscanf(line, "frame %lx %255s %n", &ret_frame->offset, ret_frame->symbol, &used) != 2 ||
        !used)
        return false;
    ret_frame->module = line + used;
    return true;
}

static bool has_no_name(const struct frame *frame)
{
    return strcmp(frame->symbol, "?") == 0;
}

/* A frame that was called from says where it will go on, which may be another line: one back. */
static void find_names(struct reader *reader, char *const *lines, size_t count)
{
    struct frame frame;
    bool is_innermost = true;
    for (size_t i = 0; i < count && strcmp(lines[i], "printed") != 0; i++) {
        if (!parse_frame(lines[i], &frame)) {
            is_innermost = true;
            continue;
        }
        if (has_no_name(&frame) && reader->place_count < PLACES_MAX)
            reader->places[reader->place_count++] =
                (struct symbol_place){ frame.module, frame.offset - !is_innermost, NULL };
        is_innermost = false;
    }
    symbols_find(reader->places, reader->place_count);
}

static char *name_of(struct reader *reader, const struct frame *frame)
{
    if (!has_no_name(frame) || reader->place_at >= reader->place_count)
        return str_printable(frame->symbol);
    char *name = TAKE(reader->places[reader->place_at].name);
    reader->place_at++;
    return name ? name : mem_strdup("?");
}

static void read_frame(struct reader *reader, const char *line)
{
    struct frame frame;
    if (!parse_frame(line, &frame))
        return;
    unsigned long offset = frame.offset;
    CLEANUP(mem_free_text) char *module = str_printable(frame.module);
    CLEANUP(mem_free_text) char *name = name_of(reader, &frame);
    bool is_known = strcmp(name, "?") != 0;
    if (!reader->notes->where && !is_of_the_end(name, module))
        reader->notes->where = is_known ? mem_printf("%s (%s)", name, base_name(module))
                                        : mem_printf("%s+0x%lx", base_name(module), offset);
    if (reader->frames++ < FRAMES_SHOWN)
        str_addf(&reader->text, "  #%-2d %s (%s+0x%lx)\n", reader->frames - 1, name, module,
                 offset);
}

static void read_line(struct reader *reader, const char *line)
{
    struct crash_notes *notes = reader->notes;
    int code, thread, number;
    char word[64];
    if (reader->has_said) {
        CLEANUP(mem_free_text) char *said = str_printable(line);
        if (reader->said++ < SAID_LINES_MAX && said[0])
            str_addf(&reader->text, "  | %s\n", said);
    } else if (sscanf(line, "signal %d code %d address %63s", &number, &code, word) == 3) {
        CLEANUP(mem_free_text) char *address = str_printable(word);
        notes->signal = number;
        str_addf(&reader->text, "signal: %d (%s), code %d, address %s\n", number,
                 number > 0 && number < NSIG ? strsignal(number) : "?", code, address);
    } else if (sscanf(line, "call %d", &number) == 1) {
        notes->call = number;
    } else if (strcmp(line, "memory") == 0) {
        notes->out_of_memory = true;
        str_add(&reader->text, "it had reached its limit of memory\n");
    } else if (sscanf(line, "thread %d", &thread) == 1) {
        str_addf(&reader->text, "stack of thread %d:\n", thread);
        reader->frames = 0;
    } else if (strncmp(line, "frame ", 6) == 0) {
        read_frame(reader, line);
    } else if (strcmp(line, "printed") == 0) {
        reader->has_said = true;
        str_add(&reader->text, "it printed:\n");
    }
}

static size_t split(char *text, char *lines[LINES_MAX])
{
    char *at = NULL;
    size_t count = 0;
    for (char *line = strtok_r(text, "\n", &at); line && count < LINES_MAX;
         line = strtok_r(NULL, "\n", &at))
        lines[count++] = line;
    return count;
}

void crash_read(int output_dir, struct crash_notes *ret_notes)
{
    CLEANUP(mem_free_text) char *text = NULL;
    size_t len;
    *ret_notes = (struct crash_notes){ .call = -1 };
    if (fs_read_file(output_dir, CRASH_NOTES, NOTES_MAX_BYTES, &text, &len, NULL) < 0)
        return;
    char *lines[LINES_MAX];
    struct symbol_place places[PLACES_MAX];
    size_t count = split(text, lines);
    struct reader reader = { .notes = ret_notes, .places = places };
    find_names(&reader, lines, count);
    for (size_t i = 0; i < count; i++)
        read_line(&reader, lines[i]);
    while (reader.place_at < reader.place_count)
        free(places[reader.place_at++].name);
    ret_notes->text = str_take(&reader.text);
}

void crash_notes_release(struct crash_notes *notes)
{
    free(notes->where);
    free(notes->text);
    *notes = (struct crash_notes){ .call = -1 };
}
