/* worker_settings.c - what a worker goes by, and SIGHUP. */
#include "worker/worker_private.h"

#include "base/fs.h"
#include "base/mem.h"

void worker_make_hands(struct worker *worker)
{
    int count = worker->options->jobs;
    if (count <= worker->hand_count)
        return;
    worker->hands = mem_resize(worker->hands, (size_t)count, sizeof(struct hand *));
    worker->ended = mem_resize(worker->ended, (size_t)count, sizeof(struct hand *));
    for (int i = worker->hand_count; i < count; i++)
        worker->hands[i] = NULL;
    worker->hand_count = count;
}

int worker_set_sandbox(struct worker *worker, struct err *err)
{
    const struct worker_options *options = worker->options;
    const char *lacks = sandbox_lacks(worker->sandbox);
    int r = sandbox_demand(worker->sandbox, options->sandbox, options->require_sandbox, err);
    worker->context.sandbox = options->sandbox ? worker->sandbox : NULL;
    if (r < 0)
        return r;
    if (!options->sandbox) {
        log_warn(LOG_FIELDS("setting", "sandbox: none"),
                 "no sandbox: who can take a decoder over can do what this user can");
        return 0;
    }
    if (lacks)
        log_warn(LOG_FIELDS("holds", sandbox_holds(worker->sandbox)),
                 "the sandbox is weaker here: the kernel lacks %s", lacks);
    else
        log_info(LOG_FIELDS("holds", sandbox_holds(worker->sandbox)), "sandbox");
    return 0;
}

struct queue_rules worker_queue_rules(const struct worker_options *options)
{
    return (struct queue_rules){ .claim = { .settle_ms = options->rules.settle_ms,
                                            .input_wait_ms = options->rules.input_wait_ms },
                                 .rescan_ms = options->rescan_ms };
}

void worker_set_limits(struct worker *worker)
{
    worker->limits =
        (struct limits){ worker->reload.pipelines, worker->options->rules.default_pipeline,
                         worker->hands, worker->hand_count };
    struct queue_limits limits = limits_of(&worker->limits);
    queue_set_limits(worker->queue, &limits);
    struct queue_rules rules = worker_queue_rules(worker->options);
    drops_set(worker->drops, &rules.claim, rules.rescan_ms, &worker->limits);
}

void worker_reload(struct worker *worker)
{
    struct err err = { 0 };
    if (reload_try(&worker->reload, &err) < 0) {
        log_error(LOG_FIELDS("hint", err.hint[0] ? err.hint : NULL),
                  "settings and pipelines stay as they were: %s", err.text);
        return;
    }
    struct queue_rules rules = worker_queue_rules(worker->options);
    worker_make_hands(worker);
    if (worker_set_sandbox(worker, &err) < 0)
        log_error(LOG_FIELDS("hint", err.hint), "%s: this worker goes on with what holds",
                  err.text);
    fs_set_durable(worker->options->durable);
    notify_set(worker->notify, &worker->options->notify);
    worker->context.pipelines = worker->reload.pipelines;
    runners_drop_spares(worker->runners); /* they know the old ones only */
    queue_set_rules(worker->queue, &rules);
    worker_set_limits(worker);
    adopter_set_lease(worker->adopter, worker->options->lease_ms);
    lease_set(worker->lease, worker->options->lease_ms);
    log_info(LOG_NO_FIELDS, "settings and pipelines were read anew");
}
