#include "steps/table.h"

#include "steps/common.h"

const struct takeup_step *const steps_table[] = {
    &step_sample, &step_regions, &step_ocr, &step_lines, &step_captions, NULL,
};
