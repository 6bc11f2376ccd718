/* steps.h - the built-in steps, whose code is loaded when it is first asked for. */
#ifndef TAKEUP_CLI_STEPS_H
#define TAKEUP_CLI_STEPS_H

#include "base/err.h"
#include "pipeline/catalog.h"
#include "steps/table.h"

/* For catalog_new_late. */
extern const struct catalog_late cli_late_steps;

/* takeup-steps.so, loaded once and kept. ERR_MISSING names each path that was tried. Starts no
 * thread, as long as OMP_THREAD_LIMIT is 1 when it is first called. */
int cli_load_steps(const struct steps_library **ret_library, struct err *err);

#endif
