/* err.h - what went wrong, told once, where the facts are known.
 *
 * A function that can fail takes a `struct err *` last, returns 0 (or 1/0 for yes/no) on success
 * and a negative errno on failure, and writes the text with the names of the things. Callers that
 * know more add it in front (err_context) or say what to do about it (err_hint). Only worker/ and
 * cli/ print. */
#ifndef TAKEUP_BASE_ERR_H
#define TAKEUP_BASE_ERR_H

#include "base/macros.h"

enum err_kind {
    ERR_NONE,
    ERR_USAGE,   /* the command line */
    ERR_CONFIG,  /* what a person wrote in a file: a job, a pipeline, a parameter */
    ERR_INPUT,   /* the bytes that were to be worked on cannot be used */
    ERR_MISSING, /* something that has to be installed or made is not there */
    ERR_IO,      /* the system said no; it may say yes later */
    ERR_MEMORY,
    ERR_STOPPED, /* somebody asked for the end */
    ERR_BUG,     /* ours */
    ERR_KIND_COUNT
};

enum { ERR_TEXT_SIZE = 1024, ERR_HINT_SIZE = 512 };

/* Zero-initialise: `struct err err = { 0 };`. Owns nothing. */
struct err {
    enum err_kind kind;
    int errnum;               /* 0: no errno belongs to this */
    char text[ERR_TEXT_SIZE]; /* what went wrong and where, without a final stop */
    char hint[ERR_HINT_SIZE]; /* what to do about it; may be empty */
};

/* Replaces what *err holds; with an errnum its text is appended. err may be NULL.
 * Returns -errnum, or -EINVAL when errnum is 0. */
int err_set(struct err *err, enum err_kind kind, int errnum, const char *format, ...)
    PRINTF_LIKE(4, 5);

#ifdef __clang_analyzer__
#define err_set(...) (err_set(__VA_ARGS__), -1) /* it cannot see that this is always below 0 */
#endif

/* Puts "FORMAT: " in front of the text. */
void err_context(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

void err_hint(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* "io", "config" …: a word for logs and JSON. */
const char *err_kind_name(enum err_kind kind);
/* The kind of that name; ERR_BUG for a word that is none. */
enum err_kind err_kind_parse(const char *name);

#endif
