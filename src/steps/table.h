/* table.h - the steps that are built in.
 *
 * They lie in a shared object of their own, takeup-steps.so, because they bring libav, Tesseract
 * and what those need, some 150 libraries: a process that runs no such step starts, and forks,
 * without them. It exports one symbol, takeup_steps. */
#ifndef TAKEUP_STEPS_TABLE_H
#define TAKEUP_STEPS_TABLE_H

#include "api/step.h"

#include <stdbool.h>

/* Their names, for those who know no more of them. A new step is added here. */
#define STEPS_EACH(STEP)                                                                           \
    STEP(sample) STEP(regions) STEP(ocr) STEP(lines) STEP(captions) STEP(stills) STEP(pages)

/* NULL at the end. */
extern const struct takeup_step *const steps_table[];

struct steps_library {
    struct takeup_plugin plugin; /* as every plugin has it; its version is that of the program */
    /* Can videos of this codec, by libav's name of it, be decoded? */
    bool (*has_decoder)(const char *codec);
};
extern const struct steps_library takeup_steps;

#endif
