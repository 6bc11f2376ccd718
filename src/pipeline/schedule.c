/* The scheduler, on one thread.
 *
 * An item goes depth first: emit hands it to each step behind, one after the other, and comes back
 * when all have fed on it. So nothing ever waits in a queue, order is kept by itself, and memory
 * does not grow with the input. Sources take turns, an item or a few at a time. When all have
 * ended, finish is called in the order of the DAG: whoever is finished has had all its input,
 * including what those before it held back.
 *
 * Threads for TAKEUP_PARALLEL steps come in at one place, `deliver`: instead of feeding, it puts
 * the item into a bounded queue of that node, and what the node's instances emit is handed on in
 * the order of the items that they were fed with, by this thread. Steps see no difference: they
 * are called by one thread at a time for each instance, and emit where they are told to.
 *
 * Failure. The first host->fail counts; it is kept here, since what travels up through emit and
 * feed is only a negative number. A step that failed without a word is a bug, and is named. From
 * the first failure on nothing is delivered any more, and all instances are closed. */
#include "pipeline/schedule.h"

#include "base/mem.h"
#include "base/str.h"
#include "pipeline/in_hand.h"
#include "pipeline/plan.h"
#include "pipeline/sink.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct schedule;

/* A node while it runs: what its instance is given. */
struct stage {
    struct takeup_output output;
    struct takeup_host host;
    struct schedule *schedule;
    struct plan_node *node;
    uint64_t emitted;
    bool to_sink; /* what it emits is a part of the result */
    bool ended;   /* a source that has nothing more */
};

struct schedule {
    struct plan *plan;
    struct run *run;
    struct sink *sink;
    struct in_hand *in_hand;
    struct stage *stages; /* one for each node */
    bool failed;
    struct err err; /* why, once failed */
};

static struct stage *stage_of_host(struct takeup_host *host)
{
    return (struct stage *)((char *)host - offsetof(struct stage, host));
}

/* ---- failure ---- */

static int fail_run(struct schedule *schedule, const char *step)
{
    schedule->failed = true;
    (void)snprintf(schedule->run->failed_step, RUN_STEP_SIZE, "%s", step);
    return -EINVAL;
}

static int fail_bug(struct stage *stage, const char *what)
{
    if (stage->schedule->failed)
        return -EINVAL;
    (void)err_set(&stage->schedule->err, ERR_BUG, 0, "step '%s' (%s) %s", stage->node->id,
                  stage->node->step->name, what);
    return fail_run(stage->schedule, stage->node->id);
}

/* What a step's function answered, made whole: below 0 whenever the run has failed. */
static int settle(struct stage *stage, int r, const char *function)
{
    if (stage->schedule->failed)
        return r < 0 ? r : -EINVAL;
    if (r >= 0)
        return r;
    CLEANUP(mem_free_text) char *what = mem_printf("failed in %s and did not say why", function);
    return fail_bug(stage, what);
}

/* ---- the host ---- */

static int host_fail(struct takeup_host *host, enum takeup_failure failure, const char *what_to_do,
                     const char *format, ...) PRINTF_LIKE(4, 5);
static void host_warn(struct takeup_host *host, const char *format, ...) PRINTF_LIKE(2, 3);
static void host_info(struct takeup_host *host, const char *format, ...) PRINTF_LIKE(2, 3);

static int host_fail(struct takeup_host *host, enum takeup_failure failure, const char *what_to_do,
                     const char *format, ...)
{
    struct stage *stage = stage_of_host(host);
    if (stage->schedule->failed)
        return -EINVAL;
    va_list args;
    va_start(args, format);
    CLEANUP(mem_free_text) char *text = mem_vprintf(format, args);
    va_end(args);
    (void)err_set(&stage->schedule->err, failure_kind(failure), 0, "%s", text);
    if (what_to_do)
        err_hint(&stage->schedule->err, "%s", what_to_do);
    return fail_run(stage->schedule, stage->node->id);
}

static void stage_log(struct stage *stage, enum log_level level, const char *text)
{
    const struct run *run = stage->schedule->run;
    if (run->log)
        run->log(run->arg, level, stage->node->id, text);
}

static void host_warn(struct takeup_host *host, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    CLEANUP(mem_free_text) char *text = mem_vprintf(format, args);
    va_end(args);
    sink_warn(stage_of_host(host)->schedule->sink, text);
    stage_log(stage_of_host(host), LOG_LEVEL_WARN, text);
}

static void host_info(struct takeup_host *host, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    CLEANUP(mem_free_text) char *text = mem_vprintf(format, args);
    va_end(args);
    stage_log(stage_of_host(host), LOG_LEVEL_INFO, text);
}

static void host_progress(struct takeup_host *host, int64_t done_us, int64_t total_us)
{
    const struct stage *stage = stage_of_host(host);
    const struct run *run = stage->schedule->run;
    if (run->progress)
        run->progress(run->arg, stage->node->id, done_us, total_us);
}

static void host_count(struct takeup_host *host, enum takeup_counter counter, uint64_t more)
{
    sink_count(stage_of_host(host)->schedule->sink, counter, more);
}

static void host_drop(struct takeup_host *host, const struct takeup_segment *segment,
                      const char *why)
{
    const struct stage *stage = stage_of_host(host);
    if (stage->schedule->run->notes_dropped)
        sink_drop(stage->schedule->sink, segment, stage->node->id, why);
}

/* ---- items ---- */

static int feed(struct stage *stage, const struct takeup_item *item)
{
    return settle(stage, stage->node->step->feed(stage->node->self, item, &stage->output), "feed");
}

static void tell_skipped(struct stage *stage, const struct takeup_crop *crop)
{
    const struct takeup_box *box = &crop->box;
    host_warn(&stage->host,
              "left out what is shown from %.3f s to %.3f s at %d,%d (%dx%d): an earlier attempt "
              "ended while step '%s' (%s) was at work on it",
              (double)crop->item.start_us / 1e6, (double)crop->item.end_us / 1e6, box->x, box->y,
              box->width, box->height, stage->node->id, stage->node->step->name);
}

/* Who is fed with images may crash or hang over one: of that the next attempt has to know. */
static int feed_crop(struct stage *stage, const struct takeup_crop *crop)
{
    struct in_hand *in_hand = stage->schedule->in_hand;
    if (in_hand_skips(in_hand, stage->node->id, crop)) {
        tell_skipped(stage, crop);
        return 0;
    }
    int slot = in_hand_take(in_hand, stage->node->id, crop);
    int r = feed(stage, &crop->item);
    in_hand_drop(in_hand, slot);
    return r;
}

static int deliver(struct schedule *schedule, size_t to, const struct takeup_item *item)
{
    struct stage *stage = &schedule->stages[to];
    return item->port == TAKEUP_PORT_CROP ? feed_crop(stage, (const struct takeup_crop *)item)
                                          : feed(stage, item);
}

static int sink_take(struct stage *stage, const struct takeup_item *item)
{
    struct schedule *schedule = stage->schedule;
    if (stage->node->step->pull)
        sink_source(schedule->sink, item);
    if (!stage->to_sink)
        return 0;
    if (item->port == TAKEUP_PORT_SEGMENTS)
        sink_segment(schedule->sink, (const struct takeup_segment *)item);
    else if (sink_boxes(schedule->sink, (const struct takeup_boxes *)item, &schedule->err) < 0)
        return fail_run(schedule, "");
    return 0;
}

static int hand_on(struct stage *stage, struct takeup_item *item)
{
    if (stage->schedule->failed)
        return -EINVAL;
    if (item->port != stage->node->step->gives)
        return fail_bug(stage, "emitted what it does not give");
    item->number = stage->emitted++;
    int r = sink_take(stage, item);
    for (size_t i = 0; r >= 0 && i < stage->node->next_count; i++)
        r = deliver(stage->schedule, stage->node->next[i], item);
    return r < 0 ? r : 0;
}

static int stage_emit(struct takeup_output *output, struct takeup_item *item)
{
    int r = hand_on((struct stage *)output, item); /* output is a stage's first member */
    takeup_item_unref(item);
    return r;
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

static struct stage stage_make(struct schedule *schedule, struct plan_node *node)
{
    const struct plan *plan = schedule->plan;
    return (struct stage){
        .output = { stage_emit },
        .host = {
            .input_fd = schedule->run->input_fd,
            .input_name = schedule->run->input_name,
            .output_dir = schedule->run->output_dir,
            .fail = host_fail,
            .warn = host_warn,
            .info = host_info,
            .progress = host_progress,
            .count = host_count,
            .drop = host_drop,
        },
        .schedule = schedule,
        .node = node,
        .to_sink = gives_to_result(plan, node, TAKEUP_PORT_SEGMENTS, "segments") ||
                   gives_to_result(plan, node, TAKEUP_PORT_BOXES, "boxes"),
    };
}

static int open_all(struct schedule *schedule)
{
    for (size_t i = 0; i < schedule->plan->count; i++) {
        struct stage *stage = &schedule->stages[i];
        const struct plan_node *node = stage->node;
        if (!node->step->open)
            continue;
        int r =
            settle(stage, node->step->open(node->self, node->params.data, &stage->host), "open");
        if (r < 0)
            return r;
    }
    return 0;
}

/* One turn of every source. 1: go on; 0: all have ended. */
static int pull_round(struct schedule *schedule)
{
    int more = 0;
    for (size_t i = 0; i < schedule->plan->count; i++) {
        struct stage *stage = &schedule->stages[i];
        const struct plan_node *node = stage->node;
        if (!node->step->pull || stage->ended)
            continue;
        int r = settle(stage, node->step->pull(node->self, &stage->output), "pull");
        if (r < 0)
            return r;
        stage->ended = r == 0;
        more |= r > 0;
    }
    return more;
}

static int finish_all(struct schedule *schedule)
{
    for (size_t i = 0; i < schedule->plan->count; i++) {
        struct stage *stage = &schedule->stages[i];
        const struct plan_node *node = stage->node;
        if (!node->step->finish)
            continue;
        int r = settle(stage, node->step->finish(node->self, &stage->output), "finish");
        if (r < 0)
            return r;
    }
    return 0;
}

static int run_all(struct schedule *schedule)
{
    int r = open_all(schedule);
    if (r < 0)
        return r;
    do
        r = pull_round(schedule);
    while (r > 0);
    return r < 0 ? r : finish_all(schedule);
}

static bool gives_boxes(const struct plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (plan->nodes[i].step->gives == TAKEUP_PORT_BOXES)
            return true;
    return false;
}

int plan_run(struct plan *plan, struct run *run, struct err *err)
{
    run->failed_step[0] = '\0';
    int r = plan_warm(plan, err); /* a second run of a plan finds it cold */
    if (r < 0)
        return r;
    (void)lseek(run->input_fd, 0, SEEK_SET);
    struct schedule schedule = { .plan = plan, .run = run };
    schedule.sink = sink_new(run->output_dir, gives_boxes(plan));
    schedule.in_hand = in_hand_new(run->output_dir, run->skip);
    schedule.stages = mem_zero(plan->count, sizeof(*schedule.stages));
    for (size_t i = 0; i < plan->count; i++)
        schedule.stages[i] = stage_make(&schedule, &plan->nodes[i]);

    r = run_all(&schedule);
    plan_close(plan); /* before the sink writes: a step may still warn while it closes */
    in_hand_end(&schedule.in_hand);
    if (schedule.failed && err)
        *err = schedule.err;
    r = schedule.failed ? -EINVAL : r;
    if (r >= 0)
        r = sink_write(schedule.sink, err);
    sink_free(&schedule.sink);
    free(schedule.stages);
    return r < 0 ? r : 0;
}
