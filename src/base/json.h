/* json.h - jansson, with errors that a person can act on.
 *
 * Values are jansson's; json_drop is their cleanup handler. */
#ifndef TAKEUP_BASE_JSON_H
#define TAKEUP_BASE_JSON_H

#include "base/err.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

struct json_mark {
    int line;   /* from 1; 0: not known */
    int column; /* from 1 */
};

/* Cleanup handler: json_decref, then NULL. */
void json_drop(json_t **value);

/* 1: *ret_value is yours. 0: the text only ends too soon (or is empty): more may come.
 * < 0: it is wrong before its end: *err has the reason, *ret_mark the place. A byte order mark is
 * skipped; duplicate keys are wrong. */
int json_parse(const char *text, size_t len, json_t **ret_value, struct json_mark *ret_mark,
               struct err *err);

/* One line, keys in the order in which they were set; the caller frees it. What is unseen (str.h)
 * is escaped, so that JSON can be shown as it is. */
char *json_line(const json_t *value);
/* The same indented by two; ends with a newline. */
char *json_pretty(const json_t *value);

/* Before a fork: reads and writes a little of everything. Where jansson is bound at its first calls
 * (Debian's is), the dynamic linker has then looked them up, and no child does it anew. */
void json_rehearse(void);

/* Sets key to a copy of text with invalid UTF-8 replaced; NULL sets null. */
void json_set_text(json_t *object, const char *key, const char *text);
void json_set_int(json_t *object, const char *key, json_int_t value);
void json_set_real(json_t *object, const char *key, double value);
void json_set_bool(json_t *object, const char *key, bool value);
/* Takes value over, also when it is NULL (sets null). */
void json_set(json_t *object, const char *key, json_t *value);

/* Borrowed; `otherwise` when the key is not there or of another type. */
const char *json_get_text(const json_t *object, const char *key, const char *otherwise);
json_int_t json_get_int(const json_t *object, const char *key, json_int_t otherwise);
double json_get_real(const json_t *object, const char *key, double otherwise);

/* "a string", "null" …: for error texts. */
const char *json_type_name(const json_t *value);

#endif
