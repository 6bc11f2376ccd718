/* table.h - what the commands call of this room.
 *
 * It lies in a shared object of its own, takeup-serve.so, because libmicrohttpd brings GnuTLS and
 * what that needs: no other command, and no fork of a worker, is to pay for it. It exports one
 * symbol, takeup_serve. What base and spool keep in a variable, it has a second time: so it is told
 * how to log and whether to sync. */
#ifndef TAKEUP_SERVE_TABLE_H
#define TAKEUP_SERVE_TABLE_H

#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "spool/layout.h"

#include <stdbool.h>
#include <stddef.h>

struct serve_options {
    const char *spool;        /* its path */
    const char *listen;       /* "ADDR:PORT", "[ADDR]:PORT"; port 0: any that is free */
    const char *const *hosts; /* names that it may be called by, beside addresses and localhost */
    size_t host_count;
    bool may_write;
    const char *token_file;         /* where may_write */
    const char *const *input_roots; /* where inputs of jobs may lie: spool/input.h */
    size_t input_root_count;
};

struct state_memory;

struct serve_library {
    const char *version; /* that of the program */
    /* Before all others. */
    void (*setup)(enum log_level level, enum log_style style, bool durable);
    /* Until SIGTERM or SIGINT: then 0. */
    int (*serve)(const struct serve_options *options, struct err *err);
    /* What /metrics says of the spool, in Prometheus' text format; the caller frees it. */
    int (*metrics)(const struct spool *spool, char **ret_text, struct err *err);
    /* What the dashboard shows, and the page that has it inside: state.h, page.h. */
    struct state_memory *(*state_memory_new)(const struct spool *spool, int64_t budget_ms);
    void (*state_memory_free)(struct state_memory **memory);
    int (*state_take)(const struct spool *spool, struct state_memory *memory, json_t **ret_state,
                      struct err *err);
    char *(*page_static)(const json_t *state, double every_s);
};
extern const struct serve_library takeup_serve;

#endif
