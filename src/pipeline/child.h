/* child.h - ask a question in a forked child, when answering may crash, hang or leave a mess. */
#ifndef TAKEUP_PIPELINE_CHILD_H
#define TAKEUP_PIPELINE_CHILD_H

#include "base/err.h"
#include "base/str.h"

#include <stdint.h>

/* A busy machine takes seconds to load a library, and a plugin that is off ends its jobs for good.
 */
enum { CHILD_LIMIT_MS = 10000 };

/* Runs in the child, writes the answer. */
typedef void child_fn(void *arg, struct str *answer);

/* 0: *ret_answer is yours. < 0: *err says how the child ended: "died of signal 11 (…)", "did not
 * end within 10 s", "ended with status 3". The child has no stdin, stdout and stderr, dumps no
 * core, dies with this process, and so does what it started. */
int child_ask(child_fn *fn, void *arg, int64_t limit_ms, char **ret_answer, struct err *err);

#endif
