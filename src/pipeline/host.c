/* host.c - what an instance of a step is given: a host, an output; and what its answers mean.
 *
 * All of this may be called by any thread. Warnings of a thread of a crew wait in the slot that it
 * works at, so that those of a step come into the result in the order of a serial run. */
#include "pipeline/schedule_private.h"

#include "base/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

static struct instance *instance_of(struct takeup_host *host)
{
    return (struct instance *)((char *)host - offsetof(struct instance, host));
}

/* ---- failure ---- */

static int fail_bug(const struct instance *instance, const char *what)
{
    const struct plan_node *node = instance->stage->node;
    struct err err = { 0 };
    (void)err_set(&err, ERR_BUG, 0, "step '%s' (%s) %s", node->id, node->step->name, what);
    return schedule_fail(instance->stage->schedule, node->id, &err);
}

int instance_settle(struct instance *instance, int r, const char *function)
{
    if (schedule_has_failed(instance->stage->schedule))
        return r < 0 ? r : -EINVAL;
    if (r >= 0)
        return r;
    CLEANUP(mem_free_text) char *what = mem_printf("failed in %s and did not say why", function);
    return fail_bug(instance, what);
}

static int host_fail(struct takeup_host *host, enum takeup_failure failure, const char *what_to_do,
                     const char *format, ...) PRINTF_LIKE(4, 5);
static void host_warn(struct takeup_host *host, const char *format, ...) PRINTF_LIKE(2, 3);
static void host_info(struct takeup_host *host, const char *format, ...) PRINTF_LIKE(2, 3);

static int host_fail(struct takeup_host *host, enum takeup_failure failure, const char *what_to_do,
                     const char *format, ...)
{
    const struct stage *stage = instance_of(host)->stage;
    struct err err = { 0 };
    va_list args;
    va_start(args, format);
    CLEANUP(mem_free_text) char *text = mem_vprintf(format, args);
    va_end(args);
    (void)err_set(&err, failure_kind(failure), 0, "%s", text);
    if (what_to_do)
        err_hint(&err, "%s", what_to_do);
    return schedule_fail(stage->schedule, stage->node->id, &err);
}

/* ---- what is told ---- */

/* `tell` is held. */
static void tell_log(const struct stage *stage, enum log_level level, const char *text)
{
    const struct run *run = stage->schedule->run;
    if (run->log)
        run->log(run->arg, level, stage->node->id, text);
}

static void slot_warn(struct slot *slot, const char *text)
{
    slot->warnings = mem_resize(slot->warnings, slot->warning_count + 1, sizeof(*slot->warnings));
    slot->warnings[slot->warning_count++] = mem_strdup(text);
}

static void host_warn(struct takeup_host *host, const char *format, ...)
{
    const struct instance *instance = instance_of(host);
    struct schedule *schedule = instance->stage->schedule;
    va_list args;
    va_start(args, format);
    CLEANUP(mem_free_text) char *text = mem_vprintf(format, args);
    va_end(args);
    (void)pthread_mutex_lock(&schedule->tell);
    if (instance->slot)
        slot_warn(instance->slot, text);
    else
        sink_warn(schedule->sink, text);
    tell_log(instance->stage, LOG_LEVEL_WARN, text);
    (void)pthread_mutex_unlock(&schedule->tell);
}

static void host_info(struct takeup_host *host, const char *format, ...)
{
    const struct stage *stage = instance_of(host)->stage;
    va_list args;
    va_start(args, format);
    CLEANUP(mem_free_text) char *text = mem_vprintf(format, args);
    va_end(args);
    (void)pthread_mutex_lock(&stage->schedule->tell);
    tell_log(stage, LOG_LEVEL_INFO, text);
    (void)pthread_mutex_unlock(&stage->schedule->tell);
}

static void host_progress(struct takeup_host *host, int64_t done_us, int64_t total_us)
{
    const struct stage *stage = instance_of(host)->stage;
    const struct run *run = stage->schedule->run;
    if (!run->progress)
        return;
    (void)pthread_mutex_lock(&stage->schedule->tell);
    run->progress(run->arg, stage->node->id, done_us, total_us);
    (void)pthread_mutex_unlock(&stage->schedule->tell);
}

static void host_count(struct takeup_host *host, enum takeup_counter counter, uint64_t more)
{
    struct schedule *schedule = instance_of(host)->stage->schedule;
    (void)pthread_mutex_lock(&schedule->tell);
    sink_count(schedule->sink, counter, more);
    (void)pthread_mutex_unlock(&schedule->tell);
}

static void host_drop(struct takeup_host *host, const struct takeup_segment *segment,
                      const char *why)
{
    const struct stage *stage = instance_of(host)->stage;
    struct schedule *schedule = stage->schedule;
    if (!schedule->run->notes_dropped)
        return;
    (void)pthread_mutex_lock(&schedule->tell);
    sink_drop(schedule->sink, segment, stage->node->id, why);
    (void)pthread_mutex_unlock(&schedule->tell);
}

/* ---- what is emitted ---- */

/* Takes the item over. */
static void slot_keep(struct slot *slot, struct takeup_item *item)
{
    if (slot->emitted_count == slot->emitted_size) {
        slot->emitted_size = slot->emitted_size ? 2 * slot->emitted_size : 4;
        slot->emitted = mem_resize(slot->emitted, slot->emitted_size, sizeof(*slot->emitted));
    }
    slot->emitted[slot->emitted_count++] = item;
}

static int instance_emit(struct takeup_output *output, struct takeup_item *item)
{
    const struct instance *instance = (const struct instance *)output;
    struct stage *stage = instance->stage;
    int r = 0;
    if (schedule_has_failed(stage->schedule))
        r = -EINVAL;
    else if (item->port != stage->node->step->gives)
        r = fail_bug(instance, "emitted what it does not give");
    if (r == 0 && instance->slot) {
        slot_keep(instance->slot, item);
        return 0;
    }
    if (r == 0 && stage->ahead)
        return ahead_put(stage->ahead, item);
    if (r == 0)
        r = stage_hand_on(stage, item);
    takeup_item_unref(item);
    return r;
}

/* ---- the step's functions ---- */

void instance_init(struct instance *instance, struct stage *stage)
{
    const struct run *run = stage->schedule->run;
    *instance = (struct instance){
        .output = { instance_emit },
        .host = {
            .input_fd = run->input_fd,
            .input_name = run->input_name,
            .output_dir = run->output_dir,
            .threads = run->threads > 1 ? run->threads : 1,
            .fail = host_fail,
            .warn = host_warn,
            .info = host_info,
            .progress = host_progress,
            .count = host_count,
            .drop = host_drop,
            .inputs = (int)stage->node->needs_count,
        },
        .stage = stage,
    };
}

int instance_open(struct instance *instance)
{
    const struct plan_node *node = instance->stage->node;
    if (!node->step->open)
        return 0;
    int r = node->step->open(instance->self, node->params.data, &instance->host);
    return instance_settle(instance, r, "open");
}

int instance_pull(struct instance *instance)
{
    int r = instance->stage->node->step->pull(instance->self, &instance->output);
    return instance_settle(instance, r, "pull");
}

static int feed(struct instance *instance, const struct takeup_item *item)
{
    int r = instance->stage->node->step->feed(instance->self, item, &instance->output);
    return instance_settle(instance, r, "feed");
}

static void tell_skipped(struct instance *instance, const struct takeup_crop *crop)
{
    const struct plan_node *node = instance->stage->node;
    const struct takeup_box *box = &crop->box;
    host_warn(&instance->host,
              "left out what is shown from %.3f s to %.3f s at %d,%d (%dx%d): an earlier attempt "
              "ended while step '%s' (%s) was at work on it",
              (double)crop->item.start_us / 1e6, (double)crop->item.end_us / 1e6, box->x, box->y,
              box->width, box->height, node->id, node->step->name);
}

/* Who is fed with images may crash or hang over one: of that the next attempt has to know. */
static int feed_crop(struct instance *instance, const struct takeup_crop *crop)
{
    struct in_hand *in_hand = instance->stage->schedule->in_hand;
    const char *step = instance->stage->node->id;
    if (in_hand_skips(in_hand, step, crop)) {
        tell_skipped(instance, crop);
        return 0;
    }
    int slot = in_hand_take(in_hand, step, crop);
    int r = feed(instance, &crop->item);
    in_hand_drop(in_hand, slot);
    return r;
}

int instance_feed(struct instance *instance, const struct takeup_item *item)
{
    return item->port == TAKEUP_PORT_CROP ? feed_crop(instance, (const struct takeup_crop *)item)
                                          : feed(instance, item);
}

int instance_finish(struct instance *instance)
{
    const struct takeup_step *step = instance->stage->node->step;
    if (!step->finish)
        return 0;
    return instance_settle(instance, step->finish(instance->self, &instance->output), "finish");
}
