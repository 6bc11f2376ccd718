/* schedule_private.h - a run, as its files share it: schedule.c (the run and the way of an item),
 * host.c (what an instance is given), ahead.c (the thread of a source), crew.c (those of a parallel
 * step), order.c (what waits for its turn behind one).
 *
 * The thread of plan_run is called the main thread here. Only it touches stages, the order and the
 * segments and boxes of the sink; the others have an instance of their own, and the slot that they
 * work at. `lock` guards what they hand each other, `tell` what all tell the outside. */
#ifndef TAKEUP_PIPELINE_SCHEDULE_PRIVATE_H
#define TAKEUP_PIPELINE_SCHEDULE_PRIVATE_H

#include "pipeline/in_hand.h"
#include "pipeline/plan.h"
#include "pipeline/schedule.h"
#include "pipeline/sink.h"

#include <assert.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct schedule;
struct stage;
struct crew;
struct ahead;

/* Stages by their number in the plan, and the sink. */
typedef unsigned __int128 stage_set;
enum { SINK_NUMBER = 127 };
static_assert((int)PLAN_STEPS_MAX <= (int)SINK_NUMBER, "a stage_set has a bit for each step");
#define STAGE_BIT(number) ((stage_set)1 << (number))

/* An instance of a step, and what it is given. */
struct instance {
    struct takeup_output output; /* first, so that the instance is found from it */
    struct takeup_host host;
    struct stage *stage;
    void *self;
    struct slot *slot; /* what it works at in a thread of a crew; NULL: it emits straight on */
};

/* A node while it runs. */
struct stage {
    struct schedule *schedule;
    struct plan_node *node;
    size_t number;
    struct instance instance; /* the first, or only one */
    struct crew *crew;        /* NULL: it is fed by the main thread */
    struct ahead *ahead;      /* NULL: it is pulled by the main thread, or is no source */
    stage_set behind;         /* all that its items may come to, the sink among them */
    uint64_t emitted;
    bool to_sink; /* what it emits is a part of the result */
    bool ended;   /* a source that has nothing more */
};

/* How much memory one holds, roughly: a picture is heavy. */
enum { ITEM_WEIGHT = 1, FRAME_WEIGHT = 8 };
static inline size_t item_weight(const struct takeup_item *item)
{
    return item->port == TAKEUP_PORT_FRAME ? FRAME_WEIGHT : ITEM_WEIGHT;
}

/* See order.c. */
enum slot_kind {
    SLOT_TASK, /* `stage` has a crew and is fed with `item`: what it emits belongs here */
    SLOT_FEED, /* `stage` is to be fed with `item` */
    SLOT_SINK, /* `item` of `stage` is to go to the sink */
};

struct slot {
    struct slot *before, *after; /* in the order */
    enum slot_kind kind;
    struct stage *stage;
    struct takeup_item *item; /* a reference of its own */

    struct slot *next_task; /* in the crew's queue */
    bool is_worked;         /* atomic; only then the main thread looks at what follows */
    struct takeup_item **emitted;
    size_t emitted_count, emitted_size;
    char **warnings; /* guarded by `tell` */
    size_t warning_count;
};

struct order {
    struct slot *first, *last;
    struct slot *cursor; /* new ones come before it; NULL: at the end */
    stage_set blocked;   /* by all that is before the cursor */
    size_t weight, weight_max;
    uint64_t news_seen;
};

struct schedule {
    struct plan *plan;
    struct run *run;
    struct sink *sink;
    struct in_hand *in_hand; /* NULL: no step takes crops */
    struct stage *stages;    /* one for each node */
    struct order order;

    pthread_mutex_t lock;
    pthread_cond_t has_news; /* a task is worked, or the run has failed */
    uint64_t news;           /* guarded by lock */
    bool failed;             /* atomic */
    struct err err;          /* why, once failed */

    pthread_mutex_t tell;
};

/* ---- schedule.c ---- */

bool schedule_has_failed(const struct schedule *schedule);
/* Ends the run if it has not ended yet: the first reason counts. By any thread; below 0. */
int schedule_fail(struct schedule *schedule, const char *step, const struct err *err);
/* Warms and opens the instance of a stage that is cold. By any thread, the first to touch it. */
int stage_make(struct stage *stage);
/* Feeds it, by its crew or here and now. */
int stage_feed(struct stage *stage, struct takeup_item *item);
/* Here and now; only what nothing in the order blocks. */
int stage_feed_now(struct stage *stage, const struct takeup_item *item);
int stage_sink_now(struct stage *stage, const struct takeup_item *item);
/* An item that the stage emitted, on to all behind. */
int stage_hand_on(struct stage *stage, struct takeup_item *item);

/* ---- host.c ---- */

/* Everything but self. */
void instance_init(struct instance *instance, struct stage *stage);
/* What a function of the step answered, made whole: below 0 whenever the run has failed. */
int instance_settle(struct instance *instance, int r, const char *function);
int instance_open(struct instance *instance);
int instance_pull(struct instance *instance);
int instance_feed(struct instance *instance, const struct takeup_item *item);
int instance_finish(struct instance *instance);

/* ---- order.c ---- */

/* Puts something at the cursor, and keeps what is before it bounded: waits if it has to. */
int order_add(struct stage *stage, enum slot_kind kind, struct takeup_item *item);
static inline bool order_blocks(const struct schedule *schedule, size_t number)
{
    return (schedule->order.blocked & STAGE_BIT(number)) != 0;
}
/* For news, with `lock` held; may return without any. */
void schedule_wait(struct schedule *schedule);
/* Does what can be done by now, if anything is new. */
int order_advance(struct schedule *schedule);
/* Until nothing that is still to be done can come to these; not from within a step. */
int order_await(struct schedule *schedule, stage_set stages);
/* After all crews were ended. */
void order_drop(struct order *order);

/* ---- ahead.c ---- */

/* For an open source, which has it by then; NULL: no thread can be made. */
struct ahead *ahead_new(struct stage *stage);
/* In its thread: takes the item over, and waits for room. Below 0: it is to end. */
int ahead_put(struct ahead *ahead, struct takeup_item *item);
/* In the main thread: hands on what the next pull emits, and answers what it answers. */
int ahead_pull(struct ahead *ahead);
/* Ends it, as soon as it is out of its pull. NULL afterwards; accepts NULL. */
void ahead_free(struct ahead **ahead);

/* ---- crew.c ---- */

/* For an open stage of a parallel step; NULL: no thread can be made. */
struct crew *crew_new(struct stage *stage, int threads_max);
/* The slot stays the order's. */
void crew_add(struct crew *crew, struct slot *task);
/* More threads, if what waits is worth it; lock is held. */
void crew_grow(struct crew *crew);
/* Joins the threads, as soon as what each works at is done; what waits is left. */
void crew_end(struct crew *crew);
/* After crew_end: `finish` of each instance. */
int crew_finish(struct crew *crew);
/* Ends it, and closes all instances but the stage's own. NULL afterwards; accepts NULL. */
void crew_free(struct crew **crew);

#endif
