/* faults.h - system calls that kill, stop, fail or lie at the Nth time.
 *
 *     fault_watch(spool) -> fault_arm(plan) -> … -> fault_disarm()
 *
 * faults.c defines the calls by which files are touched, in front of libc's. It follows which
 * descriptors lead into the watched directory; a call that touches it is a point, and the plan says
 * what happens at which. Linked into a program (points.c), or preloaded (inject.c). */
#ifndef TAKEUP_TORTURE_FAULTS_H
#define TAKEUP_TORTURE_FAULTS_H

#include <stdbool.h>

enum fault_mode {
    FAULT_NONE,
    FAULT_KILL_BEFORE, /* SIGKILL, the call is not made */
    FAULT_KILL_AFTER,  /* the call is made first */
    FAULT_STOP,        /* SIGSTOP before the call */
    FAULT_ERROR,       /* the call is not made and says errnum */
    FAULT_LIE,         /* a rename, link, mkdir, unlink or rmdir is made, and says errnum */
};

struct fault_plan {
    enum fault_mode mode;
    long at; /* 1: the first point that this mode knows */
    int errnum;
    long lasting;      /* so many calls after it fail as well, with errnum (after a lie: EIO) */
    bool changes_only; /* points are only the calls that may change something */
    bool cached;       /* as an NFS client does it, files are moved into a directory that was made
                          here even after somebody moved that away */
};

/* What happened; in memory that may be shared with whoever waits for this process. */
struct fault_seen {
    long points; /* so far */
    bool fired;
    char call[16]; /* which call it was */
};

void fault_watch(const char *dir); /* absolute */
void fault_arm(const struct fault_plan *plan, struct fault_seen *seen);
void fault_disarm(void);
/* Keeps a descriptor of each directory that is made from now on, for plans that say `cached`. */
void fault_keep_handles(bool keep);
void fault_pause(bool pause); /* for what the test itself does */
const char *fault_mode_name(enum fault_mode mode);

#endif
