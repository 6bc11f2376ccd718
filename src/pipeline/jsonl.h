/* jsonl.h - a file of one JSON value a line, made as its values come. Private to the room. */
#ifndef TAKEUP_PIPELINE_JSONL_H
#define TAKEUP_PIPELINE_JSONL_H

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

#include <stdint.h>

struct jsonl {
    const char *name; /* borrowed */
    int fd;           /* -1: closed */
    struct str waiting;
    int64_t size_bytes; /* of all lines so far */
};

/* The file must not exist. End it with jsonl_finish, or jsonl_close when it is of no use any more.
 */
int jsonl_open(struct jsonl *lines, int dir_fd, const char *name, struct err *err);
int jsonl_add(struct jsonl *lines, const json_t *value, struct err *err);
/* Lines go to the file in pieces; now all that were added. */
int jsonl_flush(struct jsonl *lines, struct err *err);
int jsonl_finish(struct jsonl *lines, struct err *err);
void jsonl_close(struct jsonl *lines);

#endif
