#include "pipeline/dropped.h"

#include "base/mem.h"
#include "base/str.h"
#include "pipeline/boxes.h"

#include <stdlib.h>
#include <string.h>

static json_t *line_json(const struct takeup_segment *segment, const char *step, const char *why)
{
    const char *text = segment->text ? segment->text : "";
    CLEANUP(mem_free_text) char *clean = str_utf8_clean(text, strlen(text));
    CLEANUP(mem_free_text) char *reason = str_utf8_clean(why, strlen(why));
    json_t *line = json_object();
    json_set_real(line, "t", shown_seconds(segment->item.start_us));
    json_set_real(line, "end", shown_seconds(segment->item.end_us));
    json_set_text(line, "dropped", clean);
    json_set_real(line, "confidence", shown_confidence(segment->confidence));
    json_set(line, "box", box_json(&segment->box));
    json_set_text(line, "step", step);
    json_set_text(line, "why", reason);
    return line;
}

void dropped_add(struct dropped *dropped, const struct takeup_segment *segment, const char *step,
                 const char *why)
{
    if (dropped->count == dropped->size) {
        dropped->size = dropped->size ? 2 * dropped->size : 32;
        dropped->lines = mem_resize(dropped->lines, dropped->size, sizeof(*dropped->lines));
    }
    dropped->lines[dropped->count] = (struct dropped_line){
        .start_us = segment->item.start_us,
        .number = dropped->count,
        .line = line_json(segment, step, why),
    };
    dropped->count++;
}

static int by_start(const void *a, const void *b)
{
    const struct dropped_line *left = a, *right = b;
    if (left->start_us != right->start_us)
        return left->start_us < right->start_us ? -1 : 1;
    return left->number < right->number ? -1 : left->number > right->number;
}

void dropped_sort(struct dropped *dropped)
{
    if (dropped->count > 0)
        qsort(dropped->lines, dropped->count, sizeof(*dropped->lines), by_start);
}

void dropped_release(struct dropped *dropped)
{
    for (size_t i = 0; i < dropped->count; i++)
        json_drop(&dropped->lines[i].line);
    free(dropped->lines);
    *dropped = (struct dropped){ 0 };
}
