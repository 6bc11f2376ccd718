/* boxes.h - what detectors found. It goes to boxes.jsonl as it comes and is read again, piece by
 * piece, when the frames are made: in memory are only the times. Private to the room.
 *
 *     boxes_init -> boxes_add … -> boxes_finish -> boxes_load … -> boxes_release */
#ifndef TAKEUP_PIPELINE_BOXES_H
#define TAKEUP_PIPELINE_BOXES_H

#include "api/step.h"
#include "base/err.h"
#include "base/json.h"
#include "pipeline/jsonl.h"

#include <stdbool.h>

#define BOXES_FILE "boxes.jsonl"

/* One line of the file. */
struct boxes_span {
    int64_t start_us, end_us;
    size_t number; /* in order of arrival */
    int64_t offset;
    size_t len;
};

struct boxes {
    int dir_fd; /* borrowed */
    bool has_file;
    struct jsonl lines;
    int read_fd; /* once finished; else -1 */
    struct boxes_span *spans;
    size_t count, size;
};

void boxes_init(struct boxes *boxes, int dir_fd);
/* Items without objects leave no line: there are too many of them. */
int boxes_add(struct boxes *boxes, const struct takeup_boxes *found, struct err *err);
/* No more come: the spans are in order of start now. */
int boxes_finish(struct boxes *boxes, struct err *err);
/* The objects of one span, a new list. */
int boxes_load(const struct boxes *boxes, const struct boxes_span *span, json_t **ret_objects,
               struct err *err);
void boxes_release(struct boxes *boxes);

/* [x, y, width, height] */
json_t *box_json(const struct takeup_box *box);
/* As results show them: seconds to the millisecond; 0 to 1, three digits, what is no number is 0.
 */
double shown_seconds(int64_t us);
double shown_confidence(float confidence);

#endif
