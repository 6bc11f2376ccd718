/* The run of a plan, and the way of an item.
 *
 * An item goes depth first: emit hands it to each step behind, one after the other, and comes back
 * when all have fed on it. So nothing ever waits in a queue, order is kept by itself, and memory
 * does not grow with the input. Sources take turns, an item or a few at a time. When all have
 * ended, finish is called in the order of the DAG: whoever is finished has had all its input,
 * including what those before it held back.
 *
 * With several threads each source works ahead of those behind it (ahead.c), each parallel step has
 * a crew (crew.c) that works at items beside all this, and the order (order.c) sees to it that what
 * comes behind is done as if they had not. All other steps are called by this thread as ever. With
 * one thread there is none of all that.
 *
 * Failure. The first reason counts; it is kept here, since what travels up through emit and feed is
 * only a negative number. A step that failed without a word is a bug, and is named. From the first
 * failure on nothing is delivered any more, and all instances are closed. */
#include "pipeline/schedule_private.h"

#include "base/mem.h"
#include "base/time.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Items that may be under way, for each thread: enough that a burst of lines keeps none waiting. */
enum { WEIGHT_A_THREAD = 16 };

/* ---- failure ---- */

bool schedule_has_failed(const struct schedule *schedule)
{
    return __atomic_load_n(&schedule->failed, __ATOMIC_ACQUIRE);
}

int schedule_fail(struct schedule *schedule, const char *step, const struct err *err)
{
    (void)pthread_mutex_lock(&schedule->lock);
    if (!schedule->failed) {
        schedule->err = *err;
        (void)snprintf(schedule->run->failed_step, RUN_STEP_SIZE, "%s", step);
        __atomic_store_n(&schedule->failed, true, __ATOMIC_RELEASE);
    }
    (void)pthread_cond_signal(&schedule->has_news);
    (void)pthread_mutex_unlock(&schedule->lock);
    return -EINVAL;
}

/* ---- items ---- */

int stage_feed_now(struct stage *stage, const struct takeup_item *item)
{
    return instance_feed(&stage->instance, item);
}

int stage_feed(struct stage *stage, struct takeup_item *item)
{
    if (stage->crew)
        return order_add(stage, SLOT_TASK, item);
    if (order_blocks(stage->schedule, stage->number))
        return order_add(stage, SLOT_FEED, item);
    return stage_feed_now(stage, item);
}

int stage_sink_now(struct stage *stage, const struct takeup_item *item)
{
    struct schedule *schedule = stage->schedule;
    struct err err = { 0 };
    if (item->port == TAKEUP_PORT_SEGMENTS)
        sink_segment(schedule->sink, (const struct takeup_segment *)item);
    else if (sink_boxes(schedule->sink, (const struct takeup_boxes *)item, &err) < 0)
        return schedule_fail(schedule, "", &err);
    return 0;
}

static int stage_sink(struct stage *stage, struct takeup_item *item)
{
    if (stage->node->step->pull)
        sink_source(stage->schedule->sink, item);
    if (!stage->to_sink)
        return 0;
    if (order_blocks(stage->schedule, SINK_NUMBER))
        return order_add(stage, SLOT_SINK, item);
    return stage_sink_now(stage, item);
}

int stage_hand_on(struct stage *stage, struct takeup_item *item)
{
    struct schedule *schedule = stage->schedule;
    if (schedule_has_failed(schedule))
        return -EINVAL;
    item->number = stage->emitted++;
    int r = stage_sink(stage, item);
    for (size_t i = 0; r >= 0 && i < stage->node->next_count; i++)
        r = stage_feed(&schedule->stages[stage->node->next[i]], item);
    return r < 0 ? r : 0;
}

/* ---- a run ---- */

/* What names the key in its table gives it, unless a step behind it does so too; where nobody does,
 * all who give such items do. */
static bool gives_to_result(const struct plan *plan, const struct plan_node *node,
                            enum takeup_port port, const char *key)
{
    if (node->step->gives != port)
        return false;
    for (size_t i = 0; i < plan->count; i++)
        if (plan->nodes[i].step->gives == port && node_writes(&plan->nodes[i], key))
            return node_writes(node, key) &&
                   !plan_is_edited(plan, (size_t)(node - plan->nodes), key);
    return true;
}

static void stage_init(struct schedule *schedule, size_t number)
{
    const struct plan *plan = schedule->plan;
    struct stage *stage = &schedule->stages[number];
    stage->schedule = schedule;
    stage->node = &plan->nodes[number];
    stage->number = number;
    stage->to_sink = gives_to_result(plan, stage->node, TAKEUP_PORT_SEGMENTS, "segments") ||
                     gives_to_result(plan, stage->node, TAKEUP_PORT_BOXES, "boxes");
    instance_init(&stage->instance, stage);
    stage->instance.self = stage->node->self;
}

/* Each stands behind all that it needs, so those behind are known before it. */
static void find_behind(const struct schedule *schedule)
{
    for (size_t i = schedule->plan->count; i-- > 0;) {
        struct stage *stage = &schedule->stages[i];
        stage->behind = stage->to_sink ? STAGE_BIT(SINK_NUMBER) : 0;
        for (size_t j = 0; j < stage->node->next_count; j++) {
            size_t next = stage->node->next[j];
            stage->behind |= STAGE_BIT(next) | schedule->stages[next].behind;
        }
    }
}

/* A source with nobody behind it has nothing to be ahead of. */
static bool works_ahead(const struct plan_node *node)
{
    return node->step->pull && node->next_count > 0;
}

int stage_make(struct stage *stage)
{
    struct schedule *schedule = stage->schedule;
    struct plan_node *node = stage->node;
    struct err err = { 0 };
    void *self = NULL;
    int64_t begun_us = time_mono_us();
    if (node_warm(node, &self, &err) < 0)
        return schedule_fail(schedule, node->id, &err);
    int64_t warm_us = time_mono_us() - begun_us;
    (void)pthread_mutex_lock(&schedule->lock);
    node->warm_us = warm_us > node->warm_us ? warm_us : node->warm_us;
    node->self = stage->instance.self = self;
    (void)pthread_mutex_unlock(&schedule->lock);
    return instance_open(&stage->instance);
}

static int open_all(struct schedule *schedule)
{
    int threads = schedule->run->threads;
    for (size_t i = 0; i < schedule->plan->count; i++) {
        struct stage *stage = &schedule->stages[i];
        bool is_parallel = (stage->node->step->flags & TAKEUP_PARALLEL) && stage->node->step->feed;
        int r = stage->instance.self ? instance_open(&stage->instance) : 0;
        if (r < 0)
            return r;
        if (threads > 1 && is_parallel)
            stage->crew = crew_new(stage, threads);
        if (!stage->crew && !stage->instance.self && (r = stage_make(stage)) < 0)
            return r;
    }
    for (size_t i = 0; threads > 1 && i < schedule->plan->count; i++)
        if (works_ahead(schedule->stages[i].node))
            (void)ahead_new(&schedule->stages[i]);
    return 0;
}

/* One turn of every source. 1: go on; 0: all have ended. */
static int pull_round(struct schedule *schedule)
{
    int more = 0;
    for (size_t i = 0; i < schedule->plan->count; i++) {
        struct stage *stage = &schedule->stages[i];
        if (!stage->node->step->pull || stage->ended)
            continue;
        int r = stage->ahead ? ahead_pull(stage->ahead) : instance_pull(&stage->instance);
        if (r >= 0) {
            stage->ended = r == 0;
            more |= r > 0;
            r = order_advance(schedule);
        }
        if (r < 0)
            return r;
    }
    return more;
}

static int finish_stage(struct stage *stage)
{
    struct crew *crew = stage->crew;
    ahead_free(&stage->ahead); /* all that it gave has been taken */
    int r = order_await(stage->schedule, STAGE_BIT(stage->number));
    if (r < 0 || !crew)
        return r < 0 ? r : instance_finish(&stage->instance);
    crew_end(crew);
    return crew_finish(crew);
}

static int run_all(struct schedule *schedule)
{
    int r = open_all(schedule);
    if (r < 0)
        return r;
    do
        r = pull_round(schedule);
    while (r > 0);
    for (size_t i = 0; r >= 0 && i < schedule->plan->count; i++)
        r = finish_stage(&schedule->stages[i]);
    return r < 0 ? r : order_await(schedule, ~(stage_set)0);
}

/* Before any instance is closed there are no threads any more. */
static void close_all(struct schedule *schedule)
{
    for (size_t i = 0; i < schedule->plan->count; i++)
        if (schedule->stages[i].crew)
            crew_end(schedule->stages[i].crew);
    for (size_t i = 0; i < schedule->plan->count; i++)
        ahead_free(&schedule->stages[i].ahead);
    order_drop(&schedule->order);
    for (size_t i = schedule->plan->count; i-- > 0;)
        crew_free(&schedule->stages[i].crew);
    plan_close(schedule->plan);
}

static bool gives_boxes(const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->nodes[i].step->gives == TAKEUP_PORT_BOXES)
            return true;
    return false;
}

static bool takes_crops(const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->nodes[i].step->takes == TAKEUP_PORT_CROP)
            return true;
    return false;
}

static void schedule_init(struct schedule *schedule, struct plan *plan, struct run *run)
{
    *schedule = (struct schedule){ .plan = plan, .run = run };
    (void)pthread_mutex_init(&schedule->lock, NULL);
    (void)pthread_mutex_init(&schedule->tell, NULL);
    pthread_condattr_t monotonic;
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&schedule->has_news, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    schedule->order.weight_max = (size_t)(run->threads > 1 ? run->threads : 1) * WEIGHT_A_THREAD;
    schedule->sink = sink_new(run->output_dir, gives_boxes(plan));
    if (takes_crops(plan))
        schedule->in_hand = in_hand_new(run->output_dir, run->skip);
    schedule->stages = mem_zero(plan->count, sizeof(*schedule->stages));
    for (size_t i = 0; i < plan->count; i++)
        stage_init(schedule, i);
    find_behind(schedule);
}

static void schedule_release(struct schedule *schedule)
{
    sink_free(&schedule->sink);
    in_hand_end(&schedule->in_hand);
    free(schedule->stages);
    (void)pthread_mutex_destroy(&schedule->lock);
    (void)pthread_mutex_destroy(&schedule->tell);
    (void)pthread_cond_destroy(&schedule->has_news);
}

int plan_run(struct plan *plan, struct run *run, struct err *err)
{
    run->failed_step[0] = '\0';
    int r = plan_warm(plan, run->threads <= 1, err); /* a second run of a plan finds it cold */
    if (r < 0)
        return r;
    (void)lseek(run->input_fd, 0, SEEK_SET);
    struct schedule schedule;
    schedule_init(&schedule, plan, run);

    r = run_all(&schedule);
    close_all(&schedule); /* before the sink writes: a step may still warn while it closes */
    if (schedule.failed && err)
        *err = schedule.err;
    r = schedule.failed ? -EINVAL : r;
    if (r >= 0)
        r = sink_write(schedule.sink, err);
    schedule_release(&schedule);
    return r < 0 ? r : 0;
}
