/* crash_read.c - the worker's side. A line that is none of those that crash.c writes ends what is
 * believed; nothing that is named there is opened. */
#include "worker/crash.h"

#include "base/fs.h"
#include "base/mem.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NOTES_MAX_BYTES = 256 << 10, FRAMES_SHOWN = 48, SAID_LINES_MAX = 40 };

struct reader {
    struct crash_notes *notes;
    struct str text;
    int frames;    /* of the thread at hand */
    bool has_said; /* from here on it is what was printed */
    int said;
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

static void read_frame(struct reader *reader, const char *line)
{
    unsigned long offset;
    char symbol[256];
    int used = 0;
    if (sscanf(line, "frame %lx %255s %n", &offset, symbol, &used) != 2 || !used)
        return;
    CLEANUP(mem_free_text) char *module = str_printable(line + used);
    CLEANUP(mem_free_text) char *name = str_printable(symbol);
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

void crash_read(int output_dir, struct crash_notes *ret_notes)
{
    CLEANUP(mem_free_text) char *text = NULL;
    size_t len;
    *ret_notes = (struct crash_notes){ .call = -1 };
    struct reader reader = { .notes = ret_notes };
    if (fs_read_file(output_dir, CRASH_NOTES, NOTES_MAX_BYTES, &text, &len, NULL) < 0)
        return;
    char *at = NULL;
    for (char *line = strtok_r(text, "\n", &at); line; line = strtok_r(NULL, "\n", &at))
        read_line(&reader, line);
    ret_notes->text = str_take(&reader.text);
}

void crash_notes_release(struct crash_notes *notes)
{
    free(notes->where);
    free(notes->text);
    *notes = (struct crash_notes){ .call = -1 };
}
