/* The result of a run.
 *
 * Segments say from when to when a text is shown. From them come the text, in order, and the
 * frames: the instants at which what is shown changes. These are found by a sweep over all starts
 * and ends, with the segments that are open at each. The first one is the first frame's, whatever
 * it shows, and none lies behind the video's end, where nothing is shown because nothing is left.
 *
 * The body has to fit into what the worker reads. Frames and boxes go inline up to a number, and
 * if the body is still too large, what is in a file anyway or can be put into one is taken out,
 * the largest and least needed first: frames, segments, boxes, the text. Warnings are bounded. */
#include "pipeline/sink.h"

#include "base/fs.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "pipeline/jsonl.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WARNING_BYTES_MAX = 1000 };

struct shown {
    int64_t start_us, end_us;
    size_t number; /* in order of arrival */
    char *text;
    double confidence;
    struct takeup_box box;
};

struct sink {
    int output_dir;
    struct shown *segments;
    size_t segment_count, segment_size;

    bool with_boxes, boxes_open;
    struct jsonl boxes_lines;
    json_t *boxes; /* inline; NULL: too many */

    bool has_source;
    int64_t first_us, last_us, end_us; /* first and last start of a source's items, last end */

    char *warnings[SINK_WARNINGS_MAX];
    size_t warning_count; /* also of those that were not kept */
    uint64_t counters[TAKEUP_COUNTERS];
};

struct sink *sink_new(int output_dir, bool with_boxes)
{
    struct sink *sink = MEM_NEW(struct sink);
    sink->output_dir = output_dir;
    sink->with_boxes = with_boxes;
    sink->boxes = json_array();
    return sink;
}

void sink_free(struct sink **sink)
{
    if (!*sink)
        return;
    for (size_t i = 0; i < (*sink)->segment_count; i++)
        free((*sink)->segments[i].text);
    free((*sink)->segments);
    for (size_t i = 0; i < SINK_WARNINGS_MAX; i++)
        free((*sink)->warnings[i]);
    if ((*sink)->boxes_open)
        jsonl_close(&(*sink)->boxes_lines);
    json_drop(&(*sink)->boxes);
    free(*sink);
    *sink = NULL;
}

/* ---- what comes in ---- */

void sink_source(struct sink *sink, const struct takeup_item *item)
{
    bool first = !sink->has_source;
    sink->has_source = true;
    if (first || item->start_us < sink->first_us)
        sink->first_us = item->start_us;
    if (first || item->start_us > sink->last_us)
        sink->last_us = item->start_us;
    if (first || item->end_us > sink->end_us)
        sink->end_us = item->end_us;
}

/* 0 to 1, three digits; what is no number is 0. */
static double confidence_of(float confidence)
{
    if (!(confidence > 0))
        return 0;
    return confidence > 1 ? 1 : round((double)confidence * 1000) / 1000;
}

static double seconds(int64_t us)
{
    return round((double)us / 1000) / 1000;
}

void sink_segment(struct sink *sink, const struct takeup_segment *segment)
{
    if (sink->segment_count == sink->segment_size) {
        sink->segment_size = sink->segment_size ? 2 * sink->segment_size : 64;
        sink->segments = mem_resize(sink->segments, sink->segment_size, sizeof(*sink->segments));
    }
    const char *text = segment->text ? segment->text : "";
    sink->segments[sink->segment_count] = (struct shown){
        .start_us = segment->item.start_us,
        .end_us = segment->item.end_us,
        .number = sink->segment_count,
        .text = str_utf8_clean(text, strlen(text)),
        .confidence = confidence_of(segment->confidence),
        .box = segment->box,
    };
    sink->segment_count++;
}

static json_t *box_json(const struct takeup_box *box)
{
    json_t *list = json_array();
    const int sides[] = { box->x, box->y, box->width, box->height };
    for (size_t i = 0; i < COUNT(sides); i++)
        (void)json_array_append_new(list, json_integer(sides[i]));
    return list;
}

static json_t *boxes_json(const struct takeup_boxes *boxes)
{
    json_t *objects = json_array();
    for (size_t i = 0; i < boxes->count; i++) {
        json_t *object = json_object();
        json_set_text(object, "label", boxes->objects[i].label);
        json_set_real(object, "confidence", confidence_of(boxes->objects[i].confidence));
        json_set(object, "box", box_json(&boxes->objects[i].box));
        (void)json_array_append_new(objects, object);
    }
    json_t *instant = json_object();
    json_set_real(instant, "t", seconds(boxes->item.start_us));
    json_set(instant, "objects", objects);
    return instant;
}

/* An instant at which nothing was found is not written down: there are too many of them. */
int sink_boxes(struct sink *sink, const struct takeup_boxes *boxes, struct err *err)
{
    if (boxes->count == 0)
        return 0;
    int r = 0;
    if (!sink->boxes_open)
        r = jsonl_open(&sink->boxes_lines, sink->output_dir, "boxes.jsonl", err);
    if (r < 0)
        return r;
    sink->boxes_open = true;
    CLEANUP(json_drop) json_t *instant = boxes_json(boxes);
    if (sink->boxes && json_array_size(sink->boxes) >= SINK_INLINE_MAX)
        json_drop(&sink->boxes);
    if (sink->boxes)
        (void)json_array_append(sink->boxes, instant);
    return jsonl_add(&sink->boxes_lines, instant, err);
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
    for (size_t i = 0; i < sink->segment_count; i++) {
        const struct shown *segment = &sink->segments[i];
        json_t *object = json_object();
        json_set_real(object, "start", seconds(segment->start_us));
        json_set_real(object, "end", seconds(segment->end_us));
        json_set_text(object, "text", segment->text);
        json_set_real(object, "confidence", segment->confidence);
        json_set(object, "box", box_json(&segment->box));
        (void)json_array_append_new(list, object);
    }
    return list;
}

/* ---- frames ---- */

/* The sweep: at which segment it is, and which of those before are still shown. */
struct sweep {
    const struct sink *sink;
    size_t next;
    const struct shown **open;
    size_t open_count;
    char *text; /* of the last frame written; NULL: none yet */
    struct jsonl lines;
    json_t *frames; /* inline; NULL: too many */
};

static int by_time(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

static int by_place(const void *a, const void *b)
{
    const struct shown *left = *(const struct shown *const *)a;
    const struct shown *right = *(const struct shown *const *)b;
    if (left->box.y != right->box.y)
        return left->box.y < right->box.y ? -1 : 1;
    if (left->box.x != right->box.x)
        return left->box.x < right->box.x ? -1 : 1;
    return left->number < right->number ? -1 : left->number > right->number;
}

/* Is t behind the video's end? A last item that says no end of its own still shows its start. */
static bool is_after_end(const struct sink *sink, int64_t t_us)
{
    return sink->has_source && t_us > sink->last_us && t_us >= sink->end_us;
}

/* All instants at which something may change, in order, some more than once. */
static int64_t *sweep_times(const struct sink *sink, size_t *ret_count)
{
    int64_t *times = mem_zero(2 * sink->segment_count + 1, sizeof(*times));
    size_t count = 0;
    if (sink->has_source)
        times[count++] = sink->first_us;
    for (size_t i = 0; i < sink->segment_count; i++) {
        const int64_t both[] = { sink->segments[i].start_us, sink->segments[i].end_us };
        for (size_t j = 0; j < COUNT(both); j++)
            if (!is_after_end(sink, both[j]) && (!sink->has_source || both[j] > sink->first_us))
                times[count++] = both[j];
    }
    qsort(times, count, sizeof(*times), by_time);
    *ret_count = count;
    return times;
}

/* What is shown at t: those that have not ended, and those that begin. */
static void sweep_move(struct sweep *sweep, int64_t t_us)
{
    size_t kept = 0;
    for (size_t i = 0; i < sweep->open_count; i++)
        if (sweep->open[i]->end_us > t_us)
            sweep->open[kept++] = sweep->open[i];
    sweep->open_count = kept;
    for (; sweep->next < sweep->sink->segment_count; sweep->next++) {
        const struct shown *segment = &sweep->sink->segments[sweep->next];
        if (segment->start_us > t_us)
            break;
        if (segment->end_us > t_us && segment->text[0])
            sweep->open[sweep->open_count++] = segment;
    }
    if (sweep->open_count > 1)
        qsort(sweep->open, sweep->open_count, sizeof(struct shown *), by_place);
}

/* The texts from top to bottom, and the mean of their confidences, each by its length. */
static char *sweep_text(const struct sweep *sweep, double *ret_confidence)
{
    struct str text = { 0 };
    double sum = 0, weight = 0;
    for (size_t i = 0; i < sweep->open_count; i++) {
        double len = (double)strlen(sweep->open[i]->text);
        sum += len * sweep->open[i]->confidence;
        weight += len;
        str_add(&text, i ? "\n" : "");
        str_add(&text, sweep->open[i]->text);
    }
    *ret_confidence = weight > 0 ? round(sum / weight * 1000) / 1000 : NAN;
    return str_take(&text);
}

static int sweep_frame(struct sweep *sweep, int64_t t_us, struct err *err)
{
    double confidence;
    CLEANUP(mem_free_text) char *text = sweep_text(sweep, &confidence);
    if (sweep->text && strcmp(sweep->text, text) == 0)
        return 0;
    CLEANUP(json_drop) json_t *frame = json_object();
    json_set_real(frame, "t", seconds(t_us));
    json_set_text(frame, "text", text);
    json_set_real(frame, "confidence", confidence); /* null when there is no text */
    if (sweep->frames && json_array_size(sweep->frames) >= SINK_INLINE_MAX)
        json_drop(&sweep->frames);
    if (sweep->frames)
        (void)json_array_append(sweep->frames, frame);
    free(sweep->text);
    sweep->text = TAKE(text);
    return jsonl_add(&sweep->lines, frame, err);
}

static int sweep_run(struct sweep *sweep, struct err *err)
{
    size_t count;
    int64_t *times = sweep_times(sweep->sink, &count);
    sweep->open = mem_zero(sweep->sink->segment_count, sizeof(*sweep->open));
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (i > 0 && times[i] == times[i - 1])
            continue;
        sweep_move(sweep, times[i]);
        r = sweep_frame(sweep, times[i], err);
    }
    free(sweep->open);
    free(times);
    free(sweep->text);
    return r;
}

/* frames.jsonl, and *ret_frames: the same inline, or NULL. */
static int write_frames(const struct sink *sink, json_t **ret_frames, struct err *err)
{
    struct sweep sweep = { .sink = sink };
    int r = jsonl_open(&sweep.lines, sink->output_dir, "frames.jsonl", err);
    if (r < 0)
        return r;
    sweep.frames = json_array();
    r = sweep_run(&sweep, err);
    if (r == 0)
        r = jsonl_finish(&sweep.lines, err);
    jsonl_close(&sweep.lines);
    *ret_frames = sweep.frames;
    return r;
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
    } else if (json_array_size(json_object_get(body, "boxes")) > 0) {
        move_out(body, "boxes", "boxes.jsonl");
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
    if (sink->with_boxes && sink->boxes)
        json_set(body, "boxes", json_incref(sink->boxes));
    else if (sink->with_boxes)
        move_out(body, "boxes", "boxes.jsonl");
    json_set(body, "warnings", warnings_json(sink));
    json_set(body, "usage", usage_json(sink));
    return body;
}

int sink_write(struct sink *sink, struct err *err)
{
    if (sink->segment_count > 0)
        qsort(sink->segments, sink->segment_count, sizeof(*sink->segments), by_start);
    CLEANUP(mem_free_text) char *text = whole_text(sink);
    CLEANUP(json_drop) json_t *frames = NULL;
    int r = write_text(sink, text, err);
    if (r == 0 && sink->boxes_open)
        r = jsonl_finish(&sink->boxes_lines, err);
    if (r == 0)
        r = write_frames(sink, &frames, err);
    if (r < 0)
        return r;
    CLEANUP(json_drop) json_t *body = body_new(sink, text, TAKE(frames));
    return write_body(sink, body, err);
}
