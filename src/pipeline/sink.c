/* The result of a run.
 *
 * Segments say from when to when a text is shown, boxes where things are. From them come the text,
 * in order, and the frames (frames.c).
 *
 * The body has to fit into what the worker reads. Frames go inline up to a number, and if the body
 * is still too large, what is in a file anyway or can be put into one is taken out, the largest and
 * least needed first: frames, segments, the text. Warnings are bounded. */
#include "pipeline/sink.h"

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "pipeline/boxes.h"
#include "pipeline/dropped.h"
#include "pipeline/frames.h"
#include "pipeline/jsonl.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WARNING_BYTES_MAX = 1000 };

struct sink {
    int output_dir;
    struct shown *segments;
    size_t segment_count, segment_size;
    struct jsonl partial; /* the same, as they came */

    bool with_boxes;
    struct boxes boxes;
    struct dropped dropped;
    struct shown_range range;

    char *warnings[SINK_WARNINGS_MAX];
    size_t warning_count; /* also of those that were not kept */
    uint64_t counters[TAKEUP_COUNTERS];
};

struct sink *sink_new(int output_dir, bool with_boxes)
{
    struct sink *sink = MEM_NEW(struct sink);
    sink->output_dir = output_dir;
    sink->with_boxes = with_boxes;
    sink->partial.fd = -1;
    boxes_init(&sink->boxes, output_dir);
    return sink;
}

static void shown_release(struct shown *shown)
{
    free(shown->text);
    json_drop(&shown->images);
}

void sink_free(struct sink **sink)
{
    if (!*sink)
        return;
    for (size_t i = 0; i < (*sink)->segment_count; i++)
        shown_release(&(*sink)->segments[i]);
    free((*sink)->segments);
    for (size_t i = 0; i < SINK_WARNINGS_MAX; i++)
        free((*sink)->warnings[i]);
    boxes_release(&(*sink)->boxes);
    dropped_release(&(*sink)->dropped);
    jsonl_close(&(*sink)->partial);
    free(*sink);
    *sink = NULL;
}

/* ---- what comes in ---- */

void sink_source(struct sink *sink, const struct takeup_item *item)
{
    struct shown_range *range = &sink->range;
    bool first = !range->is_known;
    range->is_known = true;
    if (first || item->start_us < range->first_us)
        range->first_us = item->start_us;
    if (first || item->start_us > range->last_us)
        range->last_us = item->start_us;
    if (first || item->end_us > range->end_us)
        range->end_us = item->end_us;
}

/* The whole picture, or more lines than a caption has. */
static bool is_page(const struct takeup_segment *segment, const char *text)
{
    enum { PAGE_BREAKS_MIN = 3 };
    const struct takeup_box *box = &segment->box;
    int breaks = 0;
    for (; *text; text++)
        breaks += *text == '\n';
    return breaks >= PAGE_BREAKS_MIN ||
           (segment->frame_width > 0 && box->x <= 0 && box->y <= 0 &&
            box->width >= segment->frame_width && box->height >= segment->frame_height);
}

/* NULL: there are none. */
static json_t *images_json(const char *const *images)
{
    if (!images || !*images)
        return NULL;
    json_t *list = json_array();
    for (; *images; images++)
        (void)json_array_append_new(list, json_string(*images));
    return list;
}

static json_t *segment_json(const struct shown *segment)
{
    json_t *object = json_object();
    json_set_real(object, "start", shown_seconds(segment->start_us));
    json_set_real(object, "end", shown_seconds(segment->end_us));
    json_set_text(object, "text", segment->text);
    json_set_real(object, "confidence", segment->confidence);
    json_set(object, "box", box_json(&segment->box));
    if (segment->images)
        json_set(object, "images", json_incref(segment->images));
    return object;
}

/* At once, since a run that dies writes nothing more. What cannot be written here is told when the
 * result cannot be. */
static void add_partial(struct sink *sink, const struct shown *segment)
{
    if (sink->segment_count == 0)
        (void)jsonl_open(&sink->partial, sink->output_dir, SINK_PARTIAL_FILE, NULL);
    if (sink->partial.fd < 0)
        return;
    CLEANUP(json_drop) json_t *line = segment_json(segment);
    if (jsonl_add(&sink->partial, line, NULL) < 0 || jsonl_flush(&sink->partial, NULL) < 0)
        jsonl_close(&sink->partial);
}

static void drop_partial(struct sink *sink)
{
    jsonl_close(&sink->partial);
    if (sink->segment_count > 0)
        (void)unlinkat(sink->output_dir, SINK_PARTIAL_FILE, 0);
}

void sink_segment(struct sink *sink, const struct takeup_segment *segment)
{
    if (sink->segment_count == sink->segment_size) {
        sink->segment_size = sink->segment_size ? 2 * sink->segment_size : 64;
        sink->segments = mem_resize(sink->segments, sink->segment_size, sizeof(*sink->segments));
    }
    char *text = str_plain(segment->text ? segment->text : "");
    sink->segments[sink->segment_count] = (struct shown){
        .start_us = segment->item.start_us,
        .end_us = segment->item.end_us,
        .number = sink->segment_count,
        .text = text,
        .confidence = shown_confidence(segment->confidence),
        .box = segment->box,
        .images = images_json(segment->images),
        .is_page = is_page(segment, text),
    };
    add_partial(sink, &sink->segments[sink->segment_count]);
    sink->segment_count++;
}

int sink_boxes(struct sink *sink, const struct takeup_boxes *boxes, struct err *err)
{
    return boxes_add(&sink->boxes, boxes, err);
}

void sink_drop(struct sink *sink, const struct takeup_segment *segment, const char *step,
               const char *why)
{
    dropped_add(&sink->dropped, segment, step, why);
}

void sink_warn(struct sink *sink, const char *text)
{
    size_t number = sink->warning_count++;
    if (number < SINK_WARNINGS_MAX)
        sink->warnings[number] = mem_strndup(text, str_utf8_cut(text, WARNING_BYTES_MAX));
}

void sink_count(struct sink *sink, enum takeup_counter counter, uint64_t more)
{
    if ((unsigned)counter < TAKEUP_COUNTERS)
        sink->counters[counter] += more;
}

/* ---- text and segments ---- */

static int by_start(const void *a, const void *b)
{
    const struct shown *left = a, *right = b;
    if (left->start_us != right->start_us)
        return left->start_us < right->start_us ? -1 : 1;
    return left->number < right->number ? -1 : left->number > right->number;
}

/* The same text again without a pause is the same text. */
static bool goes_on(const struct shown *before, const struct shown *segment)
{
    return before && segment->start_us <= before->end_us &&
           strcmp(before->text, segment->text) == 0;
}

/* Does an empty line part the two? Only where the one is gone when the other comes. */
static bool is_new_page(const struct shown *before, const struct shown *segment)
{
    enum { TOGETHER_US = 250000 };
    return before && (before->is_page || segment->is_page) &&
           before->end_us <= segment->start_us + TOGETHER_US;
}

static char *whole_text(const struct sink *sink)
{
    struct str text = { 0 };
    const struct shown *before = NULL;
    for (size_t i = 0; i < sink->segment_count; i++) {
        const struct shown *segment = &sink->segments[i];
        if (!segment->text[0])
            continue;
        if (!goes_on(before, segment)) {
            str_add(&text, text.len ? "\n" : "");
            str_add(&text, is_new_page(before, segment) ? "\n" : "");
            str_add(&text, segment->text);
        }
        before = segment;
    }
    return str_take(&text);
}

static int write_text(const struct sink *sink, const char *text, struct err *err)
{
    CLEANUP(mem_free_text) char *whole = mem_printf("%s%s", text, text[0] ? "\n" : "");
    return fs_write_file(sink->output_dir, "text.txt", whole, strlen(whole), FS_NEW, err);
}

static json_t *segments_json(const struct sink *sink)
{
    json_t *list = json_array();
    for (size_t i = 0; i < sink->segment_count; i++)
        (void)json_array_append_new(list, segment_json(&sink->segments[i]));
    return list;
}

/* ---- the body ---- */

static json_t *warnings_json(const struct sink *sink)
{
    json_t *list = json_array();
    for (size_t i = 0; i < sink->warning_count && i < SINK_WARNINGS_MAX; i++) {
        CLEANUP(mem_free_text)
        char *clean = str_utf8_clean(sink->warnings[i], strlen(sink->warnings[i]));
        (void)json_array_append_new(list, json_string(clean));
    }
    if (sink->warning_count > SINK_WARNINGS_MAX) {
        CLEANUP(mem_free_text)
        char *more = mem_printf("… and %zu more", sink->warning_count - SINK_WARNINGS_MAX);
        (void)json_array_append_new(list, json_string(more));
    }
    return list;
}

static json_t *usage_json(const struct sink *sink)
{
    json_t *usage = json_object();
    json_set_int(usage, "frames_decoded", (json_int_t)sink->counters[TAKEUP_COUNT_FRAMES_DECODED]);
    json_set_int(usage, "frames_read", (json_int_t)sink->counters[TAKEUP_COUNT_FRAMES_READ]);
    return usage;
}

/* What is not inline: "KEY": null, "KEY_file": file. */
static void move_out(json_t *body, const char *key, const char *file)
{
    CLEANUP(mem_free_text) char *file_key = mem_printf("%s_file", key);
    json_set(body, key, NULL);
    json_set_text(body, file_key, file);
}

static int write_frames(const struct sink *sink, json_t **ret_frames, struct err *err)
{
    const struct frames_from from = {
        .segments = sink->segments,
        .segment_count = sink->segment_count,
        .boxes = sink->with_boxes ? &sink->boxes : NULL,
        .dropped = &sink->dropped,
        .range = sink->range,
        .inline_max = SINK_INLINE_MAX,
    };
    return frames_write(sink->output_dir, &from, ret_frames, err);
}

static int write_segments(const struct sink *sink, const json_t *body, struct err *err)
{
    struct jsonl lines;
    int r = jsonl_open(&lines, sink->output_dir, "segments.jsonl", err);
    if (r < 0)
        return r;
    size_t i;
    json_t *segment;
    json_array_foreach(json_object_get(body, "segments"), i, segment) r =
        r < 0 ? r : jsonl_add(&lines, segment, err);
    if (r == 0)
        r = jsonl_finish(&lines, err);
    jsonl_close(&lines);
    return r;
}

/* Takes out the next thing that can be; 0: there is none. */
static int shrink(const struct sink *sink, json_t *body, struct err *err)
{
    if (json_array_size(json_object_get(body, "frames")) > 0) {
        move_out(body, "frames", "frames.jsonl");
    } else if (json_array_size(json_object_get(body, "segments")) > 0) {
        int r = write_segments(sink, body, err);
        if (r < 0)
            return r;
        move_out(body, "segments", "segments.jsonl");
    } else if (json_is_string(json_object_get(body, "text"))) {
        move_out(body, "text", "text.txt");
    } else {
        return 0;
    }
    return 1;
}

static int write_body(const struct sink *sink, json_t *body, struct err *err)
{
    for (;;) {
        CLEANUP(mem_free_text) char *text = json_pretty(body);
        size_t len = strlen(text);
        int r = len > SINK_BODY_BYTES_MAX ? shrink(sink, body, err) : 0;
        if (r < 0)
            return r;
        if (r == 0)
            return fs_write_file(sink->output_dir, "result.json", text, len, FS_NEW, err);
    }
}

/* Takes frames over. */
static json_t *body_new(const struct sink *sink, const char *text, json_t *frames)
{
    json_t *body = json_object();
    json_set_text(body, "text", text);
    json_set(body, "segments", segments_json(sink));
    if (frames)
        json_set(body, "frames", frames);
    else
        move_out(body, "frames", "frames.jsonl");
    if (sink->boxes.has_file)
        json_set_text(body, "boxes_file", BOXES_FILE);
    json_set(body, "warnings", warnings_json(sink));
    json_set(body, "usage", usage_json(sink));
    return body;
}

int sink_write(struct sink *sink, struct err *err)
{
    if (sink->segment_count > 0)
        qsort(sink->segments, sink->segment_count, sizeof(*sink->segments), by_start);
    dropped_sort(&sink->dropped);
    CLEANUP(mem_free_text) char *text = whole_text(sink);
    CLEANUP(json_drop) json_t *frames = NULL;
    int r = write_text(sink, text, err);
    if (r == 0)
        r = boxes_finish(&sink->boxes, err);
    if (r == 0)
        r = write_frames(sink, &frames, err);
    if (r < 0)
        return r;
    CLEANUP(json_drop) json_t *body = body_new(sink, text, TAKE(frames));
    r = write_body(sink, body, err);
    if (r == 0)
        drop_partial(sink);
    return r;
}
