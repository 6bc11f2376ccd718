#include "steps/table.h"

#include "media/codecs.h"
#include "steps/common.h"

#define ENTRY(name) &step_##name,
const struct takeup_step *const steps_table[] = { STEPS_EACH(ENTRY) NULL };

const struct steps_library takeup_steps = {
    .plugin = { .abi = TAKEUP_STEP_ABI,
                .name = "takeup-steps",
                .version = TAKEUP_VERSION,
                .steps = steps_table },
    .has_decoder = media_has_decoder,
};
