/* table.h - the steps that are built in. */
#ifndef TAKEUP_STEPS_TABLE_H
#define TAKEUP_STEPS_TABLE_H

#include "api/step.h"

/* NULL at the end. */
extern const struct takeup_step *const steps_table[];

#endif
