/* target.h - what the first line of a request asks for: a path and a query, taken apart.
 *
 * Nothing here opens anything. A path is a list of names; one that could mean something to a
 * filesystem (empty, ".", "..", with a slash or a NUL in it, however they were encoded) is refused,
 * and never mended. */
#ifndef TAKEUP_SERVE_TARGET_H
#define TAKEUP_SERVE_TARGET_H

#include <stdbool.h>
#include <stddef.h>

enum { TARGET_MAX_BYTES = 4096, TARGET_NAMES = 8, TARGET_PAIRS = 16 };

struct target {
    char *text;                      /* decoded, in pieces: what the others point into */
    const char *names[TARGET_NAMES]; /* of "/v1/jobs": "v1", "jobs"; of "/": none */
    size_t name_count;
    struct target_pair {
        const char *key, *value;
    } pairs[TARGET_PAIRS];
    size_t pair_count;
};

/* NULL, or what is wrong with it, as a text for people; then *ret_target is empty. raw is as it
 * came, percent-encoded: "/v1/jobs?state=done". */
const char *target_parse(const char *raw, struct target *ret_target);
/* Cleanup handler. */
void target_release(struct target *target);

/* The value of a key of the query; NULL when it is not there. */
const char *target_get(const struct target *target, const char *key);

/* name as one piece of a path; the caller frees it. */
char *target_encode(const char *name);

#endif
