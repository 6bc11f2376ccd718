/* watchdog_rules.h - what a watchdog decides, apart from the processes that it decides about. */
#ifndef TAKEUP_WORKER_WATCHDOG_RULES_H
#define TAKEUP_WORKER_WATCHDOG_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* ---- what happens next ---- */

enum dog_state {
    DOG_WATCHING, /* the worker runs */
    DOG_ENDING,   /* and was asked to end, by a person; KILL when its time is over */
    DOG_TERMED,   /* and hangs: it got TERM */
    DOG_KILLED,   /* and KILL */
    DOG_WAITING,  /* there is none; the next one starts when the time is over */
    DOG_STATE_COUNT
};

enum dog_event {
    EVENT_ENDED,   /* the worker ended by itself or as asked: exit status 0, 1 or 2 */
    EVENT_DIED,    /* by a signal, or because the spool cannot be used: 3, or any other */
    EVENT_STOPPED, /* its heartbeat has */
    EVENT_TIMEOUT, /* the time of the state is over */
    EVENT_ASKED,   /* TERM or INT for the watchdog */
    DOG_EVENT_COUNT
};

enum dog_move {
    MOVE_NONE,
    MOVE_FINISH,  /* the watchdog ends, with the worker's status */
    MOVE_AGAIN,   /* one more worker, after a while, or the end when there were too many */
    MOVE_START,   /* now */
    MOVE_TERM,    /* to the worker */
    MOVE_KILL,    /* to the worker */
    MOVE_FORWARD, /* what the watchdog was asked, to the worker */
    MOVE_QUIT,    /* the watchdog ends with 0 */
};

enum dog_move dog_move(enum dog_state state, enum dog_event event);

/* Is this how a worker ends that was meant to end? 1 is --fail: it has done its work. */
bool dog_is_orderly(int wait_status);

/* ---- how often, and when ---- */

struct dog_rules {
    int max_restarts;    /* within within_ms; the next one is too many */
    int64_t within_ms;   /* 10 min */
    int64_t stale_ms;    /* 30 s: so long may the beat stand still */
    int64_t starting_ms; /* 60 s: so long may the first one take */
    int64_t grace_ms;    /* 8 s: between TERM and KILL; a worker ends within 5 s */
};

struct dog_restart {
    int64_t mono_ms, wall_ms;
    char *reason;
};

/* The newest restarts: within the time, and never more than are allowed. Zero-initialise. */
struct dog_history {
    struct dog_restart *items;
    size_t count;
    int in_a_row; /* without a good run between them */
};

/* A worker has died after run_ms. How long to wait, in ms, 1 s doubling to 60 s, and 1 s again
 * after a good run; below 0: too many, it is over. Notes the restart either way. */
int64_t dog_again(struct dog_history *history, const struct dog_rules *rules, int64_t run_ms,
                  int64_t mono_ms, int64_t wall_ms, const char *reason);
void dog_history_release(struct dog_history *history);

/* ---- does it beat? ---- */

/* What a look at the spool said. */
struct dog_look {
    bool answered;  /* the spool can be read and written */
    bool found;     /* a heartbeat of this worker */
    uint64_t print; /* differs with each beat */
};

struct dog_pulse {
    uint64_t print;
    bool found;
    int64_t since_ms; /* monotonic: not stopped before that, for all we know */
};

void dog_pulse_begin(struct dog_pulse *pulse, int64_t mono_ms);
/* We cannot tell: whatever was seen, the time begins anew. */
void dog_pulse_hold(struct dog_pulse *pulse, int64_t mono_ms);
/* True: the beat has stopped, although the spool answers. */
bool dog_pulse_stopped(struct dog_pulse *pulse, const struct dog_rules *rules,
                       const struct dog_look *look, int64_t mono_ms);

#endif
