/* download.h - an answer whose body comes out of a pipe, at the pace of who takes it. */
#ifndef TAKEUP_SERVE_DOWNLOAD_H
#define TAKEUP_SERVE_DOWNLOAD_H

#include "base/loop.h"
#include "serve/answer.h"
#include "serve/callers.h"

#include <microhttpd.h>

/* How many there may be at a time: each is a process. */
enum { DOWNLOADS_MAX = 16 };

/* Zero-initialise. */
struct downloads {
    struct download *first;
    size_t count;
};

/* The pipe of the answer is the response's from here. NULL: no memory. */
struct MHD_Response *download_new(struct downloads *downloads, struct loop *loop,
                                  struct MHD_Connection *connection, struct caller *caller,
                                  struct answer *answer);
/* They end now, whatever is missing. */
void downloads_stop(struct downloads *downloads);

#endif
