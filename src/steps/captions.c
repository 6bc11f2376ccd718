/* captions.c - segments as subtitle files.
 *
 * Players show one cue at a time, or stack cues that overlap in an order of their own. So cues
 * never overlap here: at each instant at which a text comes or goes a new cue begins, with all that
 * is then shown, from top to bottom. */
#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "steps/common.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct params {
    struct takeup_strings formats;
    const char *name;
};

static const struct takeup_param table[] = {
    { "formats", TAKEUP_TYPE_STRINGS, offsetof(struct params, formats), "[srt]", 1, 2, "srt|vtt",
      "the files to write" },
    { "name", TAKEUP_TYPE_TEXT, offsetof(struct params, name), "captions", 0, 0, NULL,
      "name of the files, without its ending" },
    { 0 },
};

struct shown {
    int64_t start_ms, end_ms;
    int y;
    char *text;
};

struct captions {
    struct takeup_host *host;
    const struct params *params;
    struct shown *shown; /* in the order of start_ms */
    size_t count, size;
};

static int captions_open(void *self, const void *params_, struct takeup_host *host)
{
    struct captions *captions = self;
    const struct params *params = params_;
    captions->host = host;
    captions->params = params;
    if (params->name[0] == '\0' || params->name[0] == '.' || strchr(params->name, '/') ||
        strlen(params->name) > 200)
        return host->fail(host, TAKEUP_FAIL_CONFIG, "give a plain name, such as captions",
                          "'%.200s' cannot be the name of a file here", params->name);
    return 0;
}

static int captions_feed(void *self, const struct takeup_item *item, struct takeup_output *output)
{
    (void)output;
    struct captions *captions = self;
    const struct takeup_segment *segment = (const struct takeup_segment *)item;
    int64_t start_ms = (item->start_us + 500) / 1000, end_ms = (item->end_us + 500) / 1000;
    if (captions->count == captions->size) {
        captions->size = captions->size ? 2 * captions->size : 32;
        captions->shown = mem_resize(captions->shown, captions->size, sizeof(*captions->shown));
    }
    captions->shown[captions->count++] =
        (struct shown){ .start_ms = start_ms > 0 ? start_ms : 0,
                        .end_ms = end_ms > start_ms ? end_ms : start_ms + 1,
                        .y = segment->box.y,
                        .text = mem_strdup(segment->text) };
    return 0;
}

/* ---- cues ---- */

/* What is shown at one time, from top to bottom. */
struct screen {
    const struct shown **texts;
    size_t count, size;
};

static void screen_add(struct screen *screen, const struct shown *text)
{
    if (screen->count == screen->size) {
        screen->size = screen->size ? 2 * screen->size : 8;
        screen->texts = mem_resize(screen->texts, screen->size, sizeof(const struct shown *));
    }
    size_t at = screen->count++;
    for (; at > 0 && screen->texts[at - 1]->y > text->y; at--)
        screen->texts[at] = screen->texts[at - 1];
    screen->texts[at] = text;
}

static void screen_drop_ended(struct screen *screen, int64_t now_ms)
{
    size_t kept = 0;
    for (size_t i = 0; i < screen->count; i++)
        if (screen->texts[i]->end_ms > now_ms)
            screen->texts[kept++] = screen->texts[i];
    screen->count = kept;
}

static char *screen_text(const struct screen *screen)
{
    struct str text = { 0 };
    for (size_t i = 0; i < screen->count; i++) {
        str_add(&text, i ? "\n" : "");
        str_add(&text, screen->texts[i]->text);
    }
    return str_take(&text);
}

struct format {
    const char *name, *head;
    char decimal;
    bool has_entities;
};

struct writer {
    const struct format *format;
    struct str out;
    size_t cues;
    int64_t start_ms, end_ms; /* of the cue that is not written yet */
    char *text;               /* NULL: there is none */
};

static void add_time(struct str *out, int64_t ms, char decimal)
{
    str_addf(out, "%02" PRId64 ":%02d:%02d%c%03d", ms / 3600000, (int)(ms / 60000 % 60),
             (int)(ms / 1000 % 60), decimal, (int)(ms % 1000));
}

/* An empty line would end the cue. */
static void add_text(struct writer *writer, const char *text)
{
    char last = '\n';
    for (; *text; text++) {
        char c = *text == '\r' ? '\n' : *text;
        if (c == '\n' && last == '\n')
            continue;
        last = c;
        if (writer->format->has_entities && strchr("&<>", c))
            str_add(&writer->out, c == '&' ? "&amp;" : c == '<' ? "&lt;" : "&gt;");
        else
            str_add_bytes(&writer->out, &c, 1);
    }
    str_add(&writer->out, last == '\n' ? "\n" : "\n\n");
}

static void writer_flush(struct writer *writer)
{
    if (!writer->text)
        return;
    if (writer->text[strspn(writer->text, "\r\n ")]) {
        str_addf(&writer->out, "%zu\n", ++writer->cues);
        add_time(&writer->out, writer->start_ms, writer->format->decimal);
        str_add(&writer->out, " --> ");
        add_time(&writer->out, writer->end_ms, writer->format->decimal);
        str_add(&writer->out, "\n");
        add_text(writer, writer->text);
    }
    free(writer->text);
    writer->text = NULL;
}

/* Goes on with the last cue when it says the same and nothing lies between. */
static void writer_add(struct writer *writer, const struct screen *screen, int64_t start_ms,
                       int64_t end_ms)
{
    char *text = screen_text(screen);
    if (writer->text && writer->end_ms == start_ms && strcmp(writer->text, text) == 0) {
        writer->end_ms = end_ms;
        free(text);
        return;
    }
    writer_flush(writer);
    writer->text = text;
    writer->start_ms = start_ms;
    writer->end_ms = end_ms;
}

static int64_t next_change(const struct captions *captions, size_t next,
                           const struct screen *screen)
{
    int64_t at = next < captions->count ? captions->shown[next].start_ms : INT64_MAX;
    for (size_t i = 0; i < screen->count; i++)
        at = screen->texts[i]->end_ms < at ? screen->texts[i]->end_ms : at;
    return at;
}

static void write_cues(const struct captions *captions, struct writer *writer)
{
    struct screen screen = { 0 };
    for (size_t next = 0; next < captions->count || screen.count > 0;) {
        int64_t now_ms = next_change(captions, next, &screen);
        screen_drop_ended(&screen, now_ms);
        while (next < captions->count && captions->shown[next].start_ms <= now_ms)
            screen_add(&screen, &captions->shown[next++]);
        if (screen.count > 0)
            writer_add(writer, &screen, now_ms, next_change(captions, next, &screen));
    }
    writer_flush(writer);
    free(screen.texts);
}

static const struct format formats[] = {
    { .name = "srt", .head = "", .decimal = ',' },
    { .name = "vtt", .head = "WEBVTT\n\n", .decimal = '.', .has_entities = true },
};

static int write_file(struct captions *captions, const struct format *format)
{
    struct writer writer = { .format = format };
    str_add(&writer.out, format->head);
    write_cues(captions, &writer);
    CLEANUP(mem_free_text)
    char *name = mem_printf("%s.%s", captions->params->name, format->name);
    struct err err = { 0 };
    const char *text = str_text(&writer.out);
    int r = fs_write_file(captions->host->output_dir, name, text, strlen(text), FS_NEW, &err);
    str_release(&writer.out);
    return r < 0 ? step_fail(captions->host, &err) : 0;
}

static bool is_wanted(const struct takeup_strings *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], name) == 0)
            return true;
    return false;
}

static int captions_finish(void *self, struct takeup_output *output)
{
    (void)output;
    struct captions *captions = self;
    int r = 0;
    for (size_t i = 0; i < COUNT(formats) && r >= 0; i++)
        if (is_wanted(&captions->params->formats, formats[i].name))
            r = write_file(captions, &formats[i]);
    return r;
}

static void captions_close(void *self)
{
    struct captions *captions = self;
    for (size_t i = 0; i < captions->count; i++)
        free(captions->shown[i].text);
    free(captions->shown);
    captions->shown = NULL;
    captions->count = captions->size = 0;
}

static const char *const writes[] = { "captions", NULL };

const struct takeup_step step_captions = {
    .name = "captions",
    .help = "subtitle files",
    .takes = TAKEUP_PORT_SEGMENTS,
    .gives = TAKEUP_PORT_NONE,
    .flags = TAKEUP_SERIAL,
    .writes = writes,
    .params = table,
    .params_size = sizeof(struct params),
    .self_size = sizeof(struct captions),
    .open = captions_open,
    .feed = captions_feed,
    .finish = captions_finish,
    .close = captions_close,
};
