#include "pipeline/boxes.h"

#include "base/fs.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- as JSON ---- */

double shown_confidence(float confidence)
{
    if (!(confidence > 0))
        return 0;
    return confidence > 1 ? 1 : round((double)confidence * 1000) / 1000;
}

double shown_seconds(int64_t us)
{
    return round((double)us / 1000) / 1000;
}

json_t *box_json(const struct takeup_box *box)
{
    json_t *list = json_array();
    const int sides[] = { box->x, box->y, box->width, box->height };
    for (size_t i = 0; i < COUNT(sides); i++)
        (void)json_array_append_new(list, json_integer(sides[i]));
    return list;
}

static json_t *object_json(const struct takeup_object *from)
{
    json_t *object = json_object();
    json_set_text(object, "label", from->label);
    json_set_real(object, "confidence", shown_confidence(from->confidence));
    json_set(object, "box", box_json(&from->box));
    json_set(object, "track", from->track ? json_integer((json_int_t)from->track) : NULL);
    if (from->text)
        json_set_text(object, "text", from->text);
    return object;
}

static json_t *line_json(const struct takeup_boxes *found)
{
    json_t *objects = json_array();
    for (size_t i = 0; i < found->count; i++)
        (void)json_array_append_new(objects, object_json(&found->objects[i]));
    json_t *line = json_object();
    json_set_real(line, "t", shown_seconds(found->item.start_us));
    json_set_real(line, "end", shown_seconds(found->item.end_us));
    json_set(line, "boxes", objects);
    return line;
}

/* ---- coming ---- */

void boxes_init(struct boxes *boxes, int dir_fd)
{
    *boxes = (struct boxes){ .dir_fd = dir_fd, .lines.fd = -1, .read_fd = -1 };
}

static void add_span(struct boxes *boxes, const struct takeup_item *item, int64_t offset)
{
    if (boxes->count == boxes->size) {
        boxes->size = boxes->size ? 2 * boxes->size : 64;
        boxes->spans = mem_resize(boxes->spans, boxes->size, sizeof(*boxes->spans));
    }
    boxes->spans[boxes->count] = (struct boxes_span){
        .start_us = item->start_us,
        .end_us = item->end_us,
        .number = boxes->count,
        .offset = offset,
        .len = (size_t)(boxes->lines.size_bytes - offset),
    };
    boxes->count++;
}

int boxes_add(struct boxes *boxes, const struct takeup_boxes *found, struct err *err)
{
    if (found->count == 0)
        return 0;
    int r = boxes->has_file ? 0 : jsonl_open(&boxes->lines, boxes->dir_fd, BOXES_FILE, err);
    if (r < 0)
        return r;
    boxes->has_file = true;
    int64_t offset = boxes->lines.size_bytes;
    CLEANUP(json_drop) json_t *line = line_json(found);
    r = jsonl_add(&boxes->lines, line, err);
    if (r == 0)
        add_span(boxes, &found->item, offset);
    return r;
}

/* ---- read again ---- */

static int by_start(const void *a, const void *b)
{
    const struct boxes_span *left = a, *right = b;
    if (left->start_us != right->start_us)
        return left->start_us < right->start_us ? -1 : 1;
    return left->number < right->number ? -1 : left->number > right->number;
}

int boxes_finish(struct boxes *boxes, struct err *err)
{
    if (!boxes->has_file)
        return 0;
    int r = jsonl_finish(&boxes->lines, err);
    if (r < 0)
        return r;
    qsort(boxes->spans, boxes->count, sizeof(*boxes->spans), by_start);
    boxes->read_fd = openat(boxes->dir_fd, BOXES_FILE, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    return boxes->read_fd < 0 ? err_set(err, ERR_IO, errno, "open '%s'", BOXES_FILE) : 0;
}

int boxes_load(const struct boxes *boxes, const struct boxes_span *span, json_t **ret_objects,
               struct err *err)
{
    CLEANUP(mem_free_text) char *text = mem_zero(span->len + 1, 1);
    ssize_t got = pread(boxes->read_fd, text, span->len, span->offset);
    if (got < 0 || (size_t)got != span->len)
        return err_set(err, ERR_IO, got < 0 ? errno : 0, "read '%s' again", BOXES_FILE);
    CLEANUP(json_drop) json_t *line = NULL;
    struct json_mark mark;
    if (json_parse(text, span->len, &line, &mark, NULL) != 1)
        return err_set(err, ERR_IO, 0, "'%s' is not what was written there", BOXES_FILE);
    *ret_objects = json_incref(json_object_get(line, "boxes"));
    return 0;
}

void boxes_release(struct boxes *boxes)
{
    jsonl_close(&boxes->lines);
    fs_close(&boxes->read_fd);
    free(boxes->spans);
    boxes_init(boxes, -1);
}
