/* order.c - what waits for its turn behind parallel steps.
 *
 * In a run on one thread an item goes depth first, so what has been done at any moment is a list of
 * calls. With crews some of these calls have not been made yet: a crew still works at an item, so
 * what that gives has not been handed on, and so on. The order is the list of what is still to be
 * done, a slot each, as the serial run would have done it by now. Whoever is to be fed while a slot
 * before it may still lead to the same stage becomes a slot itself. So every stage, and the sink,
 * gets exactly the items of a serial run in the same order, whatever the graph; stages that have
 * nothing to do with each other do not wait for each other.
 *
 * `blocked` are the stages to which something before the cursor may still lead. When a slot is
 * opened, what becomes of it (the items go on, and some become slots) belongs where it stood, so
 * the cursor is put there meanwhile. A step may be in the middle of a feed when its emit has to
 * wait for room: then only slots before the cursor are opened. None of them leads to a step that is
 * at work: had one done so, that step would not have been fed. And the first of them is always one
 * that a crew works at, since nothing else becomes a slot that nothing blocks; so a wait has an
 * end. */
#include "pipeline/schedule_private.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* What must not be done before this is. */
static stage_set blocked_by(const struct slot *slot)
{
    if (slot->kind == SLOT_SINK)
        return STAGE_BIT(SINK_NUMBER);
    return STAGE_BIT(slot->stage->number) | slot->stage->behind;
}

static void insert(struct order *order, struct slot *slot)
{
    slot->after = order->cursor;
    slot->before = order->cursor ? order->cursor->before : order->last;
    *(slot->before ? &slot->before->after : &order->first) = slot;
    *(slot->after ? &slot->after->before : &order->last) = slot;
    order->weight += item_weight(slot->item);
    order->blocked |= blocked_by(slot);
}

static void take_out(struct order *order, struct slot *slot)
{
    *(slot->before ? &slot->before->after : &order->first) = slot->after;
    *(slot->after ? &slot->after->before : &order->last) = slot->before;
    order->weight -= item_weight(slot->item);
}

static void slot_free(struct slot *slot)
{
    for (size_t i = 0; i < slot->emitted_count; i++)
        takeup_item_unref(slot->emitted[i]);
    for (size_t i = 0; i < slot->warning_count; i++)
        free(slot->warnings[i]);
    free(slot->emitted);
    free(slot->warnings);
    takeup_item_unref(slot->item);
    free(slot);
}

/* ---- opening ---- */

/* What has to be free for it to be done. */
static size_t number_of(const struct stage *stage, enum slot_kind kind)
{
    return kind == SLOT_SINK ? SINK_NUMBER : stage->number;
}

static bool can_open(const struct order *order, const struct slot *slot)
{
    if (order->blocked & STAGE_BIT(number_of(slot->stage, slot->kind)))
        return false;
    return slot->kind != SLOT_TASK || __atomic_load_n(&slot->is_worked, __ATOMIC_ACQUIRE);
}

/* What a crew made of an item goes on. */
static int open_task(struct slot *slot)
{
    struct schedule *schedule = slot->stage->schedule;
    int r = 0;
    (void)pthread_mutex_lock(&schedule->tell);
    for (size_t i = 0; i < slot->warning_count; i++)
        sink_warn(schedule->sink, slot->warnings[i]);
    (void)pthread_mutex_unlock(&schedule->tell);
    for (size_t i = 0; i < slot->emitted_count && r >= 0; i++)
        r = stage_hand_on(slot->stage, slot->emitted[i]);
    return r;
}

static int open_slot(struct slot *slot)
{
    switch (slot->kind) {
    case SLOT_TASK:
        return open_task(slot);
    case SLOT_FEED:
        return stage_feed_now(slot->stage, slot->item);
    case SLOT_SINK:
        return stage_sink_now(slot->stage, slot->item);
    }
    return -EINVAL;
}

/* One pass over what is before the cursor. */
static int pass(struct order *order)
{
    struct slot *const end = order->cursor, *next;
    int r = 0;
    order->blocked = 0;
    for (struct slot *slot = order->first; r >= 0 && slot != end; slot = next) {
        next = slot->after;
        if (!can_open(order, slot)) {
            order->blocked |= blocked_by(slot);
            continue;
        }
        take_out(order, slot);
        order->cursor = next;
        r = open_slot(slot);
        slot_free(slot);
    }
    order->cursor = end;
    return r;
}

/* ---- waiting ---- */

/* Crews are looked at now and then: how long a task takes is not known before it has taken long. */
void schedule_wait(struct schedule *schedule)
{
    enum { LOOK_NS = 20000000 };
    struct timespec until;
    for (size_t i = 0; i < schedule->plan->count; i++)
        if (schedule->stages[i].crew)
            crew_grow(schedule->stages[i].crew);
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    (void)pthread_cond_timedwait(&schedule->has_news, &schedule->lock, &until);
}

/* For anything new since the last pass. */
static int wait_for_news(struct schedule *schedule)
{
    (void)pthread_mutex_lock(&schedule->lock);
    while (schedule->news == schedule->order.news_seen && !schedule_has_failed(schedule))
        schedule_wait(schedule);
    (void)pthread_mutex_unlock(&schedule->lock);
    return schedule_has_failed(schedule) ? -EINVAL : 0;
}

static bool see_news(struct schedule *schedule)
{
    uint64_t before = schedule->order.news_seen;
    (void)pthread_mutex_lock(&schedule->lock);
    schedule->order.news_seen = schedule->news;
    (void)pthread_mutex_unlock(&schedule->lock);
    return schedule->order.news_seen != before;
}

int order_advance(struct schedule *schedule)
{
    if (!schedule->order.first || !see_news(schedule))
        return 0;
    return pass(&schedule->order);
}

int order_await(struct schedule *schedule, stage_set stages)
{
    for (;;) {
        (void)see_news(schedule);
        int r = pass(&schedule->order);
        if (r < 0 || !(schedule->order.blocked & stages))
            return r;
        r = wait_for_news(schedule);
        if (r < 0)
            return r;
    }
}

static bool is_full(const struct order *order)
{
    size_t weight = 0;
    if (order->weight < order->weight_max)
        return false;
    for (const struct slot *slot = order->first; slot != order->cursor; slot = slot->after)
        weight += item_weight(slot->item);
    return weight >= order->weight_max;
}

static int make_room(struct schedule *schedule)
{
    int r = order_advance(schedule);
    while (r >= 0 && is_full(&schedule->order)) {
        r = wait_for_news(schedule);
        if (r >= 0)
            r = order_advance(schedule);
    }
    return r;
}

/* ---- the interface ---- */

int order_add(struct stage *stage, enum slot_kind kind, struct takeup_item *item)
{
    struct schedule *schedule = stage->schedule;
    int r = make_room(schedule);
    if (r < 0)
        return r;
    if (kind != SLOT_TASK && !order_blocks(schedule, number_of(stage, kind)))
        return kind == SLOT_FEED ? stage_feed_now(stage, item) : stage_sink_now(stage, item);
    struct slot *slot = MEM_NEW(struct slot);
    slot->kind = kind;
    slot->stage = stage;
    slot->item = takeup_item_ref(item);
    insert(&schedule->order, slot);
    if (kind == SLOT_TASK)
        crew_add(stage->crew, slot);
    return 0;
}

void order_drop(struct order *order)
{
    struct slot *next;
    for (struct slot *slot = order->first; slot; slot = next) {
        next = slot->after;
        slot_free(slot);
    }
    order->first = order->last = NULL;
}
