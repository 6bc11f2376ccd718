/* params.h - a step's table of parameters as a table of keys, and whether a step is sound. */
#ifndef TAKEUP_PIPELINE_PARAMS_H
#define TAKEUP_PIPELINE_PARAMS_H

#include "api/step.h"
#include "base/err.h"
#include "config/keys.h"

/* Ends with a row without a name; the caller frees it. What it points to is the step's. dir: where
 * the step's files lie, borrowed as long as the keys are used; or NULL. */
struct key *params_keys(const struct takeup_step *step, const char *dir);

/* "frame", "crop" …; of none "nothing". */
const char *port_name(enum takeup_port port);
/* 1 to 64 of a-z, 0-9, _ and -. */
bool id_is_valid(const char *id);
bool step_is_source(const struct takeup_step *step);

/* Can this table be used: a name, ports, one flag, the functions it needs, parameters within their
 * structure, defaults that fit? ERR_BUG says what is wrong; plugins are other people's code. */
int step_check(const struct takeup_step *step, struct err *err);

#endif
