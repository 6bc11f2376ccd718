/* waiting.h - what waits to be taken: how much, of which pipelines, and what comes first.
 *
 *     waiting_new -> (waiting_look -> waiting_scans, waiting_tell) … -> waiting_free
 *
 * Lanes are listed when they changed (spool/backlog.h). Which pipeline a job names stands in its
 * file: WAITING_SAMPLE of the lanes and as many of deferred/ are read, once each, and what is told
 * by pipeline is said to be of these. */
#ifndef TAKEUP_SERVE_WAITING_H
#define TAKEUP_SERVE_WAITING_H

#include "base/json.h"
#include "spool/layout.h"
#include "spool/scan.h"

#include <stdint.h>

enum { WAITING_SAMPLE = 200, WAITING_PIPELINES = 40 };

struct waiting;

struct waiting *waiting_new(const struct spool *spool);
void waiting_free(struct waiting **waiting);

int waiting_look(struct waiting *waiting, struct err *err);
/* SCAN_PLACES of them, in the order of scan_places, as survey_take wants them; borrowed until
 * the next look. */
const struct scan *const *waiting_scans(const struct waiting *waiting);
/* Reads files until the deadline (time_mono_us), and sets in `state`: lanes ({high, normal, low}),
 * pipelines ([{id, pending, deferred, inbox}], most first; id null: the default one), sampled (of
 * how many jobs), waiting ([{name, state, lane, pipeline, due_s}]: those that were read). */
void waiting_tell(struct waiting *waiting, int64_t deadline_us, json_t *state);

#endif
