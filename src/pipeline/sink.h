/* sink.h - what steps give, merged by time into the body of the result. Private to the room.
 *
 *     sink_new -> sink_source, sink_segment, sink_boxes, sink_warn … -> sink_write -> sink_free
 *
 * Segments are kept until the end and written down as they come, boxes stream into a file, of
 * frames only the times are looked at. Items are borrowed for the call. */
#ifndef TAKEUP_PIPELINE_SINK_H
#define TAKEUP_PIPELINE_SINK_H

#include "api/step.h"
#include "base/err.h"

#include <stdbool.h>

enum {
    SINK_INLINE_MAX = 2000, /* frames */
    SINK_WARNINGS_MAX = 100,
    SINK_BODY_BYTES_MAX = 8 << 20,
};

/* What was read so far, a segment a line as it comes: of use only when the run does not end well,
 * and gone when it does. */
#define SINK_PARTIAL_FILE "partial.jsonl"

struct sink;

/* output_dir is borrowed until sink_free. with_boxes: each frame tells of boxes, even when none
 * come. */
struct sink *sink_new(int output_dir, bool with_boxes);
void sink_free(struct sink **sink);

/* An item of a source: when what is shown begins and ends. */
void sink_source(struct sink *sink, const struct takeup_item *item);
void sink_segment(struct sink *sink, const struct takeup_segment *segment);
int sink_boxes(struct sink *sink, const struct takeup_boxes *boxes, struct err *err);
/* Once it was called frames.jsonl has such lines too. */
void sink_drop(struct sink *sink, const struct takeup_segment *segment, const char *step,
               const char *why);
void sink_warn(struct sink *sink, const char *text);
void sink_count(struct sink *sink, enum takeup_counter counter, uint64_t more);

/* text.txt, frames.jsonl, result.json, and what does not fit into it. Once. */
int sink_write(struct sink *sink, struct err *err);

#endif
