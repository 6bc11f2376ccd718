/* ocr_engine.h - Tesseract with some languages, shared by all instances of `ocr` that want the
 * same.
 *
 * An engine takes 200 ms to load, and 30 MiB. All that it depends on are its languages; so of the
 * pipelines that a worker warms before it forks all share it, since a runner runs one of them. An
 * instance that is warmed while others are open is one more of a step at work on several threads,
 * and gets an engine of its own.
 *
 *     warm: engine_take();  open: engine_open();  close: engine_leave() */
#ifndef TAKEUP_STEPS_OCR_ENGINE_H
#define TAKEUP_STEPS_OCR_ENGINE_H

#include "api/step.h"

#include <stdbool.h>
#include <tesseract/capi.h>

struct engine;

/* Below 0: a language is none or cannot be loaded; *why says which, and what to do. */
int engine_take(const struct takeup_strings *languages, struct takeup_why *why,
                struct engine **ret_engine);
/* *engine is NULL afterwards, and may be before. */
void engine_leave(struct engine **engine, bool was_open);

/* An instance begins its run. */
void engine_open(void);

/* From begin to end nobody else reads with it, and none is loaded. */
TessBaseAPI *engine_begin(struct engine *engine);
void engine_end(struct engine *engine);

#endif
