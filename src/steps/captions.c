/* captions.c - segments as subtitle files.
 *
 * SRT knows no places: players show one cue at a time, or stack cues that overlap in an order of
 * their own. So its cues never overlap: at each instant at which a text comes or goes a new cue
 * begins, with all that is then shown, from top to bottom.
 *
 * WebVTT does. There each text is a cue of its own, where it was in the picture: its upper edge,
 * since few players understand a lower one, and its middle, or the side on which it stands. */
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
    struct takeup_box box;
    int frame_width, frame_height; /* 0: not known */
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
    return step_check_name(host, params->name, "captions");
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
                        .box = segment->box,
                        .frame_width = segment->frame_width,
                        .frame_height = segment->frame_height,
                        .text = str_plain(segment->text ? segment->text : "") };
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
    for (; at > 0 && screen->texts[at - 1]->box.y > text->box.y; at--)
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
    bool has_entities, has_places;
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

/* SRT has no way to escape anything, but an arrow must not be taken for that of a time. */
static void add_char(struct writer *writer, char c, bool is_arrow)
{
    if (writer->format->has_entities && strchr("&<>", c))
        str_add(&writer->out, c == '&' ? "&amp;" : c == '<' ? "&lt;" : "&gt;");
    else if (is_arrow)
        str_add(&writer->out, " >");
    else
        str_add_bytes(&writer->out, &c, 1);
}

static void add_line(struct writer *writer, const char *line, size_t len)
{
    int dashes = 0;
    for (size_t i = 0; i < len; i++) {
        add_char(writer, line[i], line[i] == '>' && dashes >= 2);
        dashes = line[i] == '-' ? dashes + 1 : 0;
    }
    str_add(&writer->out, "\n");
}

/* An empty line would end the cue; so would one of spaces for some players. */
static void add_text(struct writer *writer, const char *text)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        if (strspn(text, " \t") < len)
            add_line(writer, text, len);
        text += len + (text[len] == '\n');
    }
    str_add(&writer->out, "\n");
}

/* place: "" or the settings of the cue, with a space before them. */
static void add_cue(struct writer *writer, int64_t start_ms, int64_t end_ms, const char *place,
                    const char *text)
{
    if (!text[strspn(text, "\n\t ")])
        return;
    str_addf(&writer->out, "%zu\n", ++writer->cues);
    add_time(&writer->out, start_ms, writer->format->decimal);
    str_add(&writer->out, " --> ");
    add_time(&writer->out, end_ms, writer->format->decimal);
    str_addf(&writer->out, "%s\n", place);
    add_text(writer, text);
}

/* ---- cues of SRT ---- */

static void writer_flush(struct writer *writer)
{
    if (!writer->text)
        return;
    add_cue(writer, writer->start_ms, writer->end_ms, "", writer->text);
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

static void write_screens(const struct captions *captions, struct writer *writer)
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

/* ---- cues of WebVTT ---- */

static int percent(int part, int whole)
{
    int rounded = (int)(((int64_t)part * 200 + whole) / (2 * (int64_t)whole));
    return rounded < 0 ? 0 : rounded > 100 ? 100 : rounded;
}

/* What the player is told of the place; of a whole picture, nothing. */
static char *place_of(const struct shown *shown)
{
    enum { OFF_PERCENT = 6 }; /* the middle of the picture */
    const struct takeup_box *box = &shown->box;
    int width = shown->frame_width, height = shown->frame_height;
    if (width <= 0 || height <= 0 || box->width <= 0 ||
        (box->width >= width && box->height >= height))
        return mem_strdup("");
    int line = percent(box->y, height), middle = percent(2 * box->x + box->width, 2 * width);
    if (middle >= 50 - OFF_PERCENT && middle <= 50 + OFF_PERCENT)
        return mem_printf(" line:%d%% position:%d%% align:center", line, middle);
    if (middle < 50)
        return mem_printf(" line:%d%% position:%d%% align:left", line, percent(box->x, width));
    return mem_printf(" line:%d%% position:%d%% align:right", line,
                      percent(box->x + box->width, width));
}

static void write_placed(const struct captions *captions, struct writer *writer)
{
    for (size_t i = 0; i < captions->count; i++) {
        const struct shown *shown = &captions->shown[i];
        CLEANUP(mem_free_text) char *place = place_of(shown);
        add_cue(writer, shown->start_ms, shown->end_ms, place, shown->text);
    }
}

/* ---- files ---- */

static const struct format formats[] = {
    { .name = "srt", .head = "", .decimal = ',' },
    { .name = "vtt",
      .head = "WEBVTT\n\n",
      .decimal = '.',
      .has_entities = true,
      .has_places = true },
};

static int write_file(struct captions *captions, const struct format *format)
{
    struct writer writer = { .format = format };
    str_add(&writer.out, format->head);
    if (format->has_places)
        write_placed(captions, &writer);
    else
        write_screens(captions, &writer);
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
