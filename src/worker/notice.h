/* notice.h - STATUS.txt, for people who see only the share.
 *
 * Any number of workers keep one file: whoever finds that another one has written it meanwhile
 * leaves it at that. */
#ifndef TAKEUP_WORKER_NOTICE_H
#define TAKEUP_WORKER_NOTICE_H

#include "spool/layout.h"
#include "spool/pulse.h"
#include "worker/queue.h"

#include <stdint.h>

/* Zero-initialise. */
struct notice {
    int64_t stamp_ns; /* the file's time when last seen */
    struct pulse pulse;
    int64_t next_ms; /* monotonic: not before that, since writing it took so long */
};

/* From time to time. What the queue has listed is not listed again. */
void notice_keep(struct notice *notice, const struct spool *spool, const char *owner,
                 const struct queue *queue);
/* At the end, in any case: nobody may read there that a worker still works. */
void notice_last(struct notice *notice, const struct spool *spool, const char *owner);

#endif
