/* desk.h - questions of many visitors, put to those who look at the spool.
 *
 *     desk_new -> desk_ask …, desk_turn -> desk_free
 *
 * Visitors who ask the same at one time get one answer, and it is kept for DESK_KEPT_MS: so a
 * thousand of them cost the spool no more than one. A question that somebody's write has overtaken
 * is asked anew. Each line has its own child that looks: what takes long in one does not keep the
 * other waiting. Nobody waits longer than DESK_PATIENCE_MS. Has one question been out for so long,
 * the answer is that the filesystem does not answer, and so it is at once for all who come while
 * that lasts; else that too many wait. */
#ifndef TAKEUP_SERVE_DESK_H
#define TAKEUP_SERVE_DESK_H

#include "base/loop.h"
#include "serve/answer.h"
#include "serve/table.h"

#include <stdbool.h>

/* Health has one of its own: its verdict waits for nothing that is only counted. */
enum desk_line { DESK_HEALTH, DESK_METRICS, DESK_STATE, DESK_JOBS, DESK_WRITES, DESK_LINES };
enum { DESK_KEPT_MS = 500, DESK_PATIENCE_MS = 4000 };

/* In the visitor's own storage. on_answer gets an answer to hold or to drop. */
struct desk_visit {
    void (*on_answer)(void *arg, struct answer *answer);
    void *arg;
    /* The desk's own: */
    int64_t since_ms;
    struct desk_visit *next;
    struct desk_entry *entry; /* NULL: it does not wait */
};

struct desk;

/* All is borrowed, and outlives it. */
struct desk *desk_new(struct loop *loop, const struct serve_options *options);
/* Those who wait get an answer that says so. */
void desk_free(struct desk **at);

struct desk_question {
    enum desk_line line;
    const char *text; /* as in eye.h; copied */
    const char *body; /* copied */
    size_t body_len;
    bool is_shared; /* others who ask the same may have the answer too */
};

/* The answer, if there is one already; it is the caller's to drop. NULL: on_answer comes later. */
struct answer *desk_ask(struct desk *desk, const struct desk_question *question,
                        struct desk_visit *visit);
/* The visitor does not wait any longer. */
void desk_leave(struct desk_visit *visit);
/* Answers those who have waited long enough; returns in how many ms that has to be done again, -1:
 * nobody waits. */
int64_t desk_turn(struct desk *desk);

#endif
