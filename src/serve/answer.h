/* answer.h - what a request is answered with, before anything knows of HTTP's bytes. */
#ifndef TAKEUP_SERVE_ANSWER_H
#define TAKEUP_SERVE_ANSWER_H

#include "base/json.h"

#include <stddef.h>
#include <stdint.h>

/* Shared: answer_hold, answer_drop. Texts are its own; NULL: there is none. */
struct answer {
    unsigned holders;
    int status;        /* of HTTP */
    char *type;        /* Content-Type; NULL: application/json */
    char *etag;        /* as it is sent, with its quotes */
    char *disposition; /* Content-Disposition */
    char *location, *allow;
    char *policy;      /* Content-Security-Policy; NULL: nothing may be loaded */
    int retry_after_s; /* 0: not said */
    char *body;
    size_t body_len;
    int pipe_fd;        /* the body comes out of this pipe; -1: it does not */
    int64_t pipe_bytes; /* and is so long; for HEAD it is told, and there is no pipe */
};

/* holders is 1. */
struct answer *answer_new(int status);
/* {"error": …, "hint": …}; hint NULL: there is none. */
struct answer *answer_error(int status, const char *error, const char *hint);
/* The status that belongs to its kind. */
struct answer *answer_err(const struct err *err);
/* Takes json over. With an etag of what it says. */
struct answer *answer_json(int status, json_t *json);
/* Takes text over; a copy of type. */
struct answer *answer_text(int status, const char *type, char *text);

struct answer *answer_hold(struct answer *answer);
/* Cleanup handler. */
void answer_drop(struct answer **at);

#endif
