/* in_hand.h - which crop each step is at work on, written down for whoever outlives this process.
 *
 * A reader of images may crash or hang inside its library. So before a step is fed a crop, its
 * place goes into a small file beside the results; when it comes back it is taken out again. Of a
 * run that has died the file says over what, and the next run is told to leave that out.
 *
 *     in_hand_new -> in_hand_skips, in_hand_take, in_hand_drop … -> in_hand_end     (any thread)
 *     in_hand_read, by another process, when the first is gone
 *
 * A place is {"step", "t_us", "box"}: the same in each run over the same input. */
#ifndef TAKEUP_PIPELINE_IN_HAND_H
#define TAKEUP_PIPELINE_IN_HAND_H

#include "api/step.h"
#include "base/json.h"

#include <stdbool.h>
#include <stdint.h>

#define IN_HAND_FILE ".in-hand" /* a name that is never an artifact */

enum { IN_HAND_SLOTS = 64, IN_HAND_NONE = -1 };

struct in_hand;

/* skip: a list of places, borrowed until the end; or NULL. That the file cannot be written is no
 * error: it only helps the next run. */
struct in_hand *in_hand_new(int output_dir, const json_t *skip);
/* Removes the file: the run has not died. NULL afterwards; accepts NULL. */
void in_hand_end(struct in_hand **in_hand);

/* Did an earlier run die over this crop? */
bool in_hand_skips(const struct in_hand *in_hand, const char *step, const struct takeup_crop *crop);
/* Before the crop is fed. What it returns is for in_hand_drop. */
int in_hand_take(struct in_hand *in_hand, const char *step, const struct takeup_crop *crop);
void in_hand_drop(struct in_hand *in_hand, int slot);

/* The places that were in hand for at least so long, a new list; NULL: none. What is in the
 * directory comes from a process that may be hostile. */
json_t *in_hand_read(int output_dir, int64_t least_ms);
/* The same of a list that was kept: what is no place is left out, and what is too many. Adds to
 * into. */
void in_hand_copy(json_t *into, const json_t *places);

#endif
