/* str.h - a string that grows, and what there is to know about UTF-8.
 *
 *     struct str s = { 0 };  str_add(&s, "text"); … s.data …  str_release(&s);  */
#ifndef TAKEUP_BASE_STR_H
#define TAKEUP_BASE_STR_H

#include "base/macros.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
    char *data; /* NUL-terminated; NULL while nothing was added */
    size_t len;
    size_t size;
};

void str_add(struct str *str, const char *text);
void str_add_bytes(struct str *str, const void *bytes, size_t len);
void str_addf(struct str *str, const char *format, ...) PRINTF_LIKE(2, 3);
/* The text so far, "" when nothing was added; borrowed until the next call. */
const char *str_text(const struct str *str);
/* The text so far, moved to the caller, who frees it; str is empty afterwards. */
char *str_take(struct str *str);
void str_release(struct str *str);

/* ---- text of strangers ----
 *
 * Names of files, messages, what was read from a picture: it may hold what does something to a
 * terminal, to the lines around it or to the order in which they are read, instead of being seen.
 * These are the controls (C0, DEL, C1), the line and paragraph separators, and the marks,
 * embeddings, overrides and isolates of direction. */

/* The length of text's first character if it is one of these, and its code; else 0. */
size_t str_unseen(const char *text, uint32_t *ret_code);
/* A copy for people, in one line: what is unseen as \n, \xNN (one byte) or \uNNNN, and a byte that
 * is no UTF-8 as \xNN. The caller frees it. */
char *str_printable(const char *text);
/* The same of a text that has lines: its newlines and tabs stay. */
char *str_printable_lines(const char *text);
/* Adds what is formatted as one line: printable, and with a newline at its end. */
void str_add_line(struct str *str, const char *format, ...) PRINTF_LIKE(2, 3);
/* A copy to be kept as plain text: UTF-8 (else U+FFFD), without controls. What parts lines (CR LF,
 * CR, NEL, the separators) is a newline, a tab stays, all others are left out; marks of direction
 * belong to a text in Arabic or Hebrew and stay. The caller frees it. */
char *str_plain(const char *text);

bool str_has_prefix(const char *text, const char *prefix);
bool str_has_suffix(const char *text, const char *suffix);

/* The length of the longest start of text that is at most max bytes and cuts no UTF-8 character. */
size_t str_utf8_cut(const char *text, size_t max);
/* How many bytes the first character has; 0: it is none, or not whole. */
size_t str_utf8_char(const char *bytes, size_t len);
/* The same of a NUL-terminated text, and its code. */
size_t str_utf8_decode(const char *text, uint32_t *ret_code);
bool str_is_utf8(const char *text, size_t len);
/* A copy in which every byte that is not part of valid UTF-8 is U+FFFD; the caller frees it. */
char *str_utf8_clean(const char *text, size_t len);

/* text as one word of a shell's command line, quoted where it has to be; the caller frees it. */
char *str_shell_word(const char *text);

/* count random bytes as 2 * count hex digits and a NUL. */
void str_random_hex(char *out, size_t count);

#endif
