/* eye.h - what a child that looks does with each question: all of this room that touches the spool.
 *
 * A question is {"do": …} with what the path and the query of the request say:
 *
 *     health; metrics; dashboard
 *     jobs {"query": {…}}; job {"job"}; file {"job", "file", "head": true for no bytes}
 *     submit {"query": {"name", "lane"}} with the job as body; cancel {"job"}; retry {"job"}
 *
 * It keeps what it listed from one question to the next. The spool may go away and come back, also
 * as another mount: it is opened anew, and all that was kept is forgotten. */
#ifndef TAKEUP_SERVE_EYE_H
#define TAKEUP_SERVE_EYE_H

#include "serve/answer.h"
#include "serve/table.h"

struct eye;

/* Opens nothing yet. options are borrowed. */
struct eye *eye_new(const struct serve_options *options);
/* Cleanup handler. */
void eye_free(struct eye **at);

/* Never NULL; the caller drops it. */
struct answer *eye_answer(struct eye *eye, const json_t *question, const char *body,
                          size_t body_len);

#endif
