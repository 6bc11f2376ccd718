/* common.h - what the built-in steps share. */
#ifndef TAKEUP_STEPS_COMMON_H
#define TAKEUP_STEPS_COMMON_H

#include "api/step.h"
#include "base/err.h"
#include "reading/moments.h"

/* Tells the host of err, with its hint. Returns below 0. */
int step_fail(struct takeup_host *host, const struct err *err);

/* Can a file here be called so? Else it fails, and names `example`. */
int step_check_name(struct takeup_host *host, const char *name, const char *example);

/* What was passed over before a frame; NULL: nothing is known of it. */
void step_add_glances(struct moments *moments, const struct takeup_glances *glances);

extern const struct takeup_step step_sample, step_regions, step_ocr, step_lines, step_captions,
    step_stills, step_pages;

#endif
