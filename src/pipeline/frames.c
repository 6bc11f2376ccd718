/* Frames, by a sweep over all starts and ends, with the segments and the boxes that are there at
 * each. The first one is the first frame's, whatever it shows, and none lies behind the video's
 * end, where nothing is shown because nothing is left. Of boxes there may be some for each frame of
 * the video: only those that are there at the time are in memory. */
#include "pipeline/frames.h"

#include "base/mem.h"
#include "base/str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A line of boxes.jsonl while it is shown. */
struct open_boxes {
    const struct boxes_span *span;
    json_t *objects;
};

struct sweep {
    const struct frames_from *from;
    size_t next, next_span; /* the first that has not begun */
    size_t next_dropped;    /* the first that is not written */
    const struct shown **open;
    size_t open_count;
    struct open_boxes *open_boxes;
    size_t boxes_count, boxes_size;
    char *text;      /* of the last frame written; NULL: none yet */
    json_t *objects; /* and its boxes */
    struct jsonl lines;
    json_t *frames; /* inline; NULL: too many */
};

/* ---- times ---- */

static int by_time(const void *a, const void *b)
{
    const int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

/* Is t behind the video's end? A last item that says no end of its own still shows its start. */
static bool is_after_end(const struct shown_range *range, int64_t t_us)
{
    return range->is_known && t_us > range->last_us && t_us >= range->end_us;
}

static void add_times(const struct shown_range *range, int64_t start_us, int64_t end_us,
                      int64_t *times, size_t *count)
{
    const int64_t both[] = { start_us, end_us };
    for (size_t i = 0; i < COUNT(both); i++)
        if (!is_after_end(range, both[i]) && (!range->is_known || both[i] > range->first_us))
            times[(*count)++] = both[i];
}

/* All instants at which something may change, in order, some more than once. */
static int64_t *sweep_times(const struct frames_from *from, size_t *ret_count)
{
    const struct shown_range *range = &from->range;
    size_t spans = from->boxes ? from->boxes->count : 0, count = 0;
    int64_t *times = mem_zero(2 * (from->segment_count + spans) + 1, sizeof(*times));
    if (range->is_known)
        times[count++] = range->first_us;
    for (size_t i = 0; i < from->segment_count; i++)
        add_times(range, from->segments[i].start_us, from->segments[i].end_us, times, &count);
    for (size_t i = 0; i < spans; i++)
        add_times(range, from->boxes->spans[i].start_us, from->boxes->spans[i].end_us, times,
                  &count);
    qsort(times, count, sizeof(*times), by_time);
    *ret_count = count;
    return times;
}

/* ---- texts ---- */

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

/* What is shown at t: those that have not ended, and those that begin. */
static void move_texts(struct sweep *sweep, int64_t t_us)
{
    size_t kept = 0;
    for (size_t i = 0; i < sweep->open_count; i++)
        if (sweep->open[i]->end_us > t_us)
            sweep->open[kept++] = sweep->open[i];
    sweep->open_count = kept;
    for (; sweep->next < sweep->from->segment_count; sweep->next++) {
        const struct shown *segment = &sweep->from->segments[sweep->next];
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

/* ---- boxes ---- */

static void drop_ended_boxes(struct sweep *sweep, int64_t t_us)
{
    size_t kept = 0;
    for (size_t i = 0; i < sweep->boxes_count; i++) {
        if (sweep->open_boxes[i].span->end_us > t_us)
            sweep->open_boxes[kept++] = sweep->open_boxes[i];
        else
            json_drop(&sweep->open_boxes[i].objects);
    }
    sweep->boxes_count = kept;
}

static int open_span(struct sweep *sweep, const struct boxes_span *span, struct err *err)
{
    if (sweep->boxes_count == sweep->boxes_size) {
        sweep->boxes_size = sweep->boxes_size ? 2 * sweep->boxes_size : 8;
        sweep->open_boxes =
            mem_resize(sweep->open_boxes, sweep->boxes_size, sizeof(*sweep->open_boxes));
    }
    struct open_boxes *open = &sweep->open_boxes[sweep->boxes_count];
    *open = (struct open_boxes){ .span = span };
    int r = boxes_load(sweep->from->boxes, span, &open->objects, err);
    if (r == 0)
        sweep->boxes_count++;
    return r;
}

static int move_boxes(struct sweep *sweep, int64_t t_us, struct err *err)
{
    const struct boxes *boxes = sweep->from->boxes;
    int r = 0;
    drop_ended_boxes(sweep, t_us);
    for (; r == 0 && boxes && sweep->next_span < boxes->count; sweep->next_span++) {
        const struct boxes_span *span = &boxes->spans[sweep->next_span];
        if (span->start_us > t_us)
            break;
        if (span->end_us > t_us)
            r = open_span(sweep, span, err);
    }
    return r;
}

/* NULL: frames do not tell of boxes. */
static json_t *sweep_objects(const struct sweep *sweep)
{
    if (!sweep->from->boxes)
        return NULL;
    json_t *all = json_array();
    for (size_t i = 0; i < sweep->boxes_count; i++)
        (void)json_array_extend(all, sweep->open_boxes[i].objects);
    return all;
}

/* ---- a frame ---- */

static bool is_as_before(const struct sweep *sweep, const char *text, const json_t *objects)
{
    return sweep->text && strcmp(sweep->text, text) == 0 &&
           (!objects || json_equal(sweep->objects, objects));
}

static void keep_inline(struct sweep *sweep, json_t *frame)
{
    if (sweep->frames && json_array_size(sweep->frames) >= sweep->from->inline_max)
        json_drop(&sweep->frames);
    if (sweep->frames)
        (void)json_array_append(sweep->frames, frame);
}

static int sweep_frame(struct sweep *sweep, int64_t t_us, struct err *err)
{
    double confidence;
    CLEANUP(mem_free_text) char *text = sweep_text(sweep, &confidence);
    CLEANUP(json_drop) json_t *objects = sweep_objects(sweep);
    if (is_as_before(sweep, text, objects))
        return 0;
    CLEANUP(json_drop) json_t *frame = json_object();
    json_set_real(frame, "t", shown_seconds(t_us));
    json_set_text(frame, "text", text);
    json_set_real(frame, "confidence", confidence); /* null when there is no text */
    if (objects)
        json_set(frame, "boxes", json_incref(objects));
    keep_inline(sweep, frame);
    free(sweep->text);
    sweep->text = TAKE(text);
    json_drop(&sweep->objects);
    sweep->objects = TAKE(objects);
    return jsonl_add(&sweep->lines, frame, err);
}

static int write_dropped(struct sweep *sweep, int64_t until_us, struct err *err)
{
    const struct dropped *dropped = sweep->from->dropped;
    int r = 0;
    while (r == 0 && sweep->next_dropped < dropped->count &&
           dropped->lines[sweep->next_dropped].start_us <= until_us)
        r = jsonl_add(&sweep->lines, dropped->lines[sweep->next_dropped++].line, err);
    return r;
}

static int sweep_run(struct sweep *sweep, struct err *err)
{
    size_t count;
    int64_t *times = sweep_times(sweep->from, &count);
    int r = 0;
    for (size_t i = 0; r == 0 && i < count; i++) {
        if (i > 0 && times[i] == times[i - 1])
            continue;
        move_texts(sweep, times[i]);
        r = move_boxes(sweep, times[i], err);
        if (r == 0)
            r = write_dropped(sweep, times[i] - 1, err);
        if (r == 0)
            r = sweep_frame(sweep, times[i], err);
    }
    free(times);
    return r == 0 ? write_dropped(sweep, INT64_MAX, err) : r;
}

static void sweep_release(struct sweep *sweep)
{
    drop_ended_boxes(sweep, INT64_MAX);
    free(sweep->open_boxes);
    free(sweep->open);
    free(sweep->text);
    json_drop(&sweep->objects);
    jsonl_close(&sweep->lines);
    json_drop(&sweep->frames);
}

int frames_write(int dir_fd, const struct frames_from *from, json_t **ret_frames, struct err *err)
{
    struct sweep sweep = { .from = from };
    int r = jsonl_open(&sweep.lines, dir_fd, FRAMES_FILE, err);
    if (r < 0)
        return r;
    sweep.frames = json_array();
    sweep.open = mem_zero(from->segment_count, sizeof(*sweep.open));
    r = sweep_run(&sweep, err);
    if (r == 0)
        r = jsonl_finish(&sweep.lines, err);
    if (r == 0)
        *ret_frames = TAKE(sweep.frames);
    sweep_release(&sweep);
    return r;
}
