/* inbox_private.h - the tree of what was dropped; for inbox*.c. */
#ifndef TAKEUP_SPOOL_INBOX_PRIVATE_H
#define TAKEUP_SPOOL_INBOX_PRIVATE_H

#include "base/fs.h"
#include "spool/inbox.h"
#include "spool/listing.h"

enum drop_state {
    DROP_NEW,      /* not looked at yet */
    DROP_SETTLING, /* looked at, the second look is to come */
    DROP_WAITING,  /* still being written, changed between two looks, empty */
    DROP_READY,
    DROP_REFUSED, /* the system does not let us: tried again, ever more seldom */
    DROP_NEVER,   /* a link, a FIFO, in no pipeline's folder … */
    DROP_GONE,
    DROP_STATES
};

enum drop_why {
    WHY_NONE,
    WHY_CHANGING,
    WHY_WRITTEN,
    WHY_EMPTY,
    WHY_ERRNO, /* errnum says it */
    WHY_TOP,
    WHY_LINK,
    WHY_KIND,
    WHY_DEEP
};

/* A name in a folder. */
struct drop {
    struct folder *folder;
    struct folder *child;  /* it is a subfolder; NULL: a file */
    struct fs_print print; /* of the newest look, */
    int64_t ctime_ns;
    int64_t since_ms; /* and since when it looks so */
    int64_t next_ms;  /* when the next look is due; */
    uint64_t order;   /* of those due at once, which came first */
    int errnum;
    uint8_t state, why, tries;
    bool untaken; /* its claim was refused, and it looks the same since; errnum says why */
    bool queued;  /* in one of the queues, which frees it then if it is gone */
    char name[];
};

struct folder {
    struct folder *parent;      /* NULL: inbox/ itself */
    struct drop *drop;          /* its name in parent; NULL once that is gone */
    char *path;                 /* relative to inbox/; "" for itself */
    int depth;                  /* 0: inbox/, 1: of a pipeline */
    struct folder *top;         /* that of its pipeline; NULL: inbox/ itself */
    size_t counts[DROP_STATES]; /* of a pipeline's folder: of all files below it */
    struct drop **drops;        /* sorted by name */
    size_t count;
    size_t next_own,
        rest; /* new ones of the own share are from the first on, others before the second */
    size_t unknown_count; /* of a pipeline that is not known: how many names wait there */
    int64_t mtime_ns, mtime_since_ms;
    int64_t listed_ms; /* -1: never */
    int64_t again_ms;  /* not listed before that */
    int errnum;        /* why it cannot be read; 0: it can */
    bool unknown;      /* no such pipeline: nothing in it is kept */
    bool taken;        /* something in it became a job */
    bool gone;
};

struct drop_queue {
    struct drop **drops;
    size_t at, count, size;
    uint64_t pushed;
};

struct inbox {
    const struct spool *spool;
    struct inbox_rules rules;
    struct backlog_share share;
    bool remote, hinted, known;
    struct folder **folders; /* parents before children */
    size_t folder_count, folder_size;
    size_t round_at; /* the folder to visit next; folder_count: the round is over */
    int64_t round_ms;
    size_t new_at;           /* the folder whose new files are looked at next */
    struct drop_queue ready; /* first in, first out */
    struct drop_queue due;   /* a heap by next_ms */
    struct drop *picked;
    char *path; /* of it */
    struct folder *opened;
    int opened_fd;
};

/* ---- inbox_tree.c ---- */

/* Of a name in another folder (NULL: inbox/ itself); visited later in this round. */
struct folder *folder_new(struct inbox *inbox, struct drop *drop);
void folder_free(struct folder **folder);
/* Lists it if that is needed. < 0: it cannot be read; 0 also when it is gone. */
int folder_visit(struct inbox *inbox, struct folder *folder, int64_t now_ms, struct err *err);
/* Forgets the folders that are gone. */
void folders_compact(struct inbox *inbox);

/* ---- inbox_queue.c: `queued` is the caller's to set ---- */

void ready_push(struct drop_queue *queue, struct drop *drop);
struct drop *ready_pop(struct drop_queue *queue); /* it is not empty */
void due_push(struct drop_queue *queue, struct drop *drop);
struct drop *due_pop(struct drop_queue *queue);

/* ---- inbox_look.c ---- */

void drop_set(struct drop *drop, enum drop_state state, enum drop_why why);
/* Looks at it and sets what it is now; it is in no queue meanwhile. */
void drop_look(struct inbox *inbox, struct drop *drop, int64_t now_ms);
/* The system does not let us take it. */
void drop_refuse(struct drop *drop, int64_t now_ms, int errnum);
/* After some looks. Nothing stays open between turns: SMB renames no directory in which we hold
 * something. */
void inbox_close_folder(struct inbox *inbox);

#endif
