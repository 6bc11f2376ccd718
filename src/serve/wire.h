/* wire.h - questions and answers between the server and the children that look, over a socket pair.
 *
 * A message is two lengths, a head (JSON, one line) and a body, and with an answer a descriptor may
 * come. The child waits for each; the server never does. Both trust each other: they are one
 * program. */
#ifndef TAKEUP_SERVE_WIRE_H
#define TAKEUP_SERVE_WIRE_H

#include "base/str.h"
#include "serve/answer.h"

#include <stdbool.h>

/* A whole question as bytes to be sent. */
void wire_add_question(struct str *bytes, const char *question, const char *body, size_t body_len);

/* In the child. 1: a question; *ret_question is yours, and *ret_body. 0: the server is gone. */
int wire_next_question(int fd, json_t **ret_question, char **ret_body, size_t *ret_len);
/* False: the server is gone. */
bool wire_send_answer(int fd, const struct answer *answer);

/* In the server: what has come of an answer. */
struct wire_reader {
    struct str bytes;
    int pipe_fd; /* -1: none */
};
#define WIRE_READER_NEW ((struct wire_reader){ .pipe_fd = -1 })
void wire_reader_release(struct wire_reader *reader);
/* Takes what is there. 1: *ret_answer is whole, and yours. 0: more is to come. < 0: the child is
 * gone, or what it sent is no answer. */
int wire_take_answer(struct wire_reader *reader, int fd, struct answer **ret_answer);

#endif
