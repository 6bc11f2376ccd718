/* writes.h - what changes something in the spool: as the commands submit, cancel and retry do it.
 */
#ifndef TAKEUP_SERVE_WRITES_H
#define TAKEUP_SERVE_WRITES_H

#include "serve/answer.h"
#include "spool/input.h"
#include "spool/layout.h"
#include "spool/pulse.h"

/* 201 when the job is on disk. query: {"name", "lane"}, both of which may be left out. */
struct answer *writes_submit(struct spool *spool, const struct input_bounds *bounds,
                             const json_t *query, const char *body, size_t body_len);
/* 202 when the request is on disk; a live worker, or the next one, does it. pulse: what was seen of
 * the workers before; it waits for none of them. */
struct answer *writes_cancel(const struct spool *spool, struct pulse *pulse, const char *name);
/* 202 when the job waits again. */
struct answer *writes_retry(const struct spool *spool, const char *name);

#endif
