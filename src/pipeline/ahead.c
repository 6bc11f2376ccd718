/* ahead.c - a source that works ahead, in a thread of its own.
 *
 * A decoder has threads, but they work only while somebody asks for frames: without this they rest
 * whenever the main thread is busy with one. What the source emits waits here, a few items, and the
 * main thread takes it in turns, pull by pull, as if it had called the source itself. */
#include "pipeline/schedule_private.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>

/* Four pictures. */
enum { WEIGHT_AHEAD = 4 * FRAME_WEIGHT };

/* An item, or the end of a pull. */
struct yield {
    struct yield *next;
    struct takeup_item *item; /* NULL: pull answered r */
    int r;
};

struct ahead {
    struct stage *stage;
    pthread_t thread;
    pthread_cond_t has_room;
    /* Guarded by the schedule's lock. */
    struct yield *first, *last;
    size_t weight;
    bool is_ending;
};

/* ---- in its thread ---- */

static int put(struct ahead *ahead, struct takeup_item *item, int answer)
{
    struct schedule *schedule = ahead->stage->schedule;
    struct yield *yield = MEM_NEW(struct yield);
    *yield = (struct yield){ .item = item, .r = answer };
    (void)pthread_mutex_lock(&schedule->lock);
    while (item && ahead->weight >= WEIGHT_AHEAD && !ahead->is_ending)
        (void)pthread_cond_wait(&ahead->has_room, &schedule->lock);
    *(ahead->first ? &ahead->last->next : &ahead->first) = yield;
    ahead->last = yield;
    ahead->weight += item ? item_weight(item) : 0;
    int r = ahead->is_ending ? -EINVAL : 0;
    (void)pthread_cond_signal(&schedule->has_news);
    (void)pthread_mutex_unlock(&schedule->lock);
    return r;
}

int ahead_put(struct ahead *ahead, struct takeup_item *item)
{
    return put(ahead, item, 0);
}

static void *ahead_main(void *arg)
{
    struct ahead *ahead = arg;
    int r;
    do
        r = instance_pull(&ahead->stage->instance);
    while (put(ahead, NULL, r) >= 0 && r > 0);
    return NULL;
}

/* ---- in the main thread ---- */

struct ahead *ahead_new(struct stage *stage)
{
    struct ahead *ahead = MEM_NEW(struct ahead);
    ahead->stage = stage;
    (void)pthread_cond_init(&ahead->has_room, NULL);
    stage->ahead = ahead; /* its thread looks there */
    if (pthread_create(&ahead->thread, NULL, ahead_main, ahead) == 0)
        return ahead;
    stage->ahead = NULL;
    (void)pthread_cond_destroy(&ahead->has_room);
    free(ahead);
    return NULL;
}

/* NULL: the run has failed. */
static struct yield *take(struct ahead *ahead)
{
    struct schedule *schedule = ahead->stage->schedule;
    struct yield *yield = NULL;
    (void)pthread_mutex_lock(&schedule->lock);
    while (!ahead->first && !schedule_has_failed(schedule))
        schedule_wait(schedule);
    if (ahead->first && !schedule_has_failed(schedule)) {
        yield = ahead->first;
        ahead->first = yield->next;
        ahead->weight -= yield->item ? item_weight(yield->item) : 0;
        (void)pthread_cond_signal(&ahead->has_room);
    }
    (void)pthread_mutex_unlock(&schedule->lock);
    return yield;
}

int ahead_pull(struct ahead *ahead)
{
    for (;;) {
        struct yield *yield = take(ahead);
        if (!yield)
            return -EINVAL;
        struct takeup_item *item = yield->item;
        int r = item ? stage_hand_on(ahead->stage, item) : yield->r;
        takeup_item_unref(item);
        free(yield);
        if (r < 0 || !item)
            return r;
    }
}

void ahead_free(struct ahead **ahead)
{
    struct ahead *old = *ahead;
    if (!old)
        return;
    struct schedule *schedule = old->stage->schedule;
    (void)pthread_mutex_lock(&schedule->lock);
    old->is_ending = true;
    (void)pthread_cond_signal(&old->has_room);
    (void)pthread_mutex_unlock(&schedule->lock);
    (void)pthread_join(old->thread, NULL);
    *ahead = NULL; /* not before: its thread looks there */
    for (struct yield *yield = old->first, *next; yield; yield = next) {
        next = yield->next;
        takeup_item_unref(yield->item);
        free(yield);
    }
    (void)pthread_cond_destroy(&old->has_room);
    free(old);
}
