#include "worker/hand.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "pipeline/in_hand.h"
#include "spool/attempts.h"
#include "spool/record.h"
#include "worker/attempt_wire.h"
#include "worker/crash.h"
#include "worker/crash_report.h"
#include "worker/output.h"
#include "worker/settle.h"
#include "worker/verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum {
    BODY_MAX_BYTES = 8 << 20, /* docs/spool.md: what a runner may say inline */
    CPU_GRACE_S = 60,
    LAST_LINES = 20,      /* of a runner's log, for crash.txt */
    SYNC_START_MS = 1000, /* a shorter attempt is not worth a wait for the disk */
    /* Of the time after which it is stopped, for which a runner may be at work on one crop: a line
     * takes some 10 ms. */
    IN_HAND_PART = 4,
    IN_HAND_LONG_MS = 10 * 1000,
};

struct hand {
    const struct hand_context *context;
    struct claim *claim;
    const struct pipelines *pipelines;
    const struct pipeline *pipeline;
    struct runner *runner;
    int number; /* of the attempt: out.NUMBER */
    int out_fd;
    bool spool_failed; /* during the attempt */
    int64_t started_ms, started_mono_ms;
    bool start_synced;
    struct runner_limits limits;
    struct runner_end end;
    struct heartbeat_job beat;
    char step[WIRE_STEP_SIZE];
    int64_t frame_us; /* of the video, as far as it has told; -1: nothing yet */
    char *last_lines[LAST_LINES];
    size_t line_count;
};

/* ---- the runner's side ---- */

/* The directory of this attempt; -1 when it is gone, and then all that is written there fails. */
static int open_out(const struct hand_context *context, const struct wire_order *order)
{
    char path[TOKEN_SIZE + 32];
    (void)snprintf(path, sizeof(path), "%s/out.%d", order->token, order->attempt);
    return openat(seat_dir(context->seat), path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The job's directory, in which a job from the inbox has its input; -1 as above. */
static int open_token(const struct hand_context *context, const struct wire_order *order)
{
    return openat(seat_dir(context->seat), order->token,
                  O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

void hand_nursery(void *arg)
{
    const struct hand_context *context = arg;
    pipelines_warm_all(context->pipelines);
    json_rehearse();
    crash_watch(-1);
    if (context->sandbox)
        sandbox_clear_environment();
}

/* What came through the inbox lies in its job's directory, what a job names relatively in the
 * spool. */
static struct input_bounds bounds_of(const struct hand_context *context,
                                     const struct wire_order *order)
{
    if (order->from_inbox)
        return (struct input_bounds){ .root_fd = open_token(context, order) };
    return (struct input_bounds){
        .root_fd = spool_root(context->spool),
        .root_path = spool_path(context->spool),
        .roots = context->rules->input_roots,
        .root_count = context->rules->input_root_count,
    };
}

/* Should the worker's clock not end it: no more than all of its threads can use until then. */
static int64_t cpu_limit_s(const struct wire_order *order)
{
    return order->timeout_s > 0 ? (int64_t)(order->timeout_s + CPU_GRACE_S) * order->threads : 0;
}

void hand_body(void *arg, const struct wire_order *order, int wire_fd)
{
    const struct hand_context *context = arg;
    struct attempt attempt = {
        .job = order->job,
        .bounds = bounds_of(context, order),
        .input_path = order->input,
        .settle_ms = order->from_inbox ? 0 : context->rules->settle_ms,
        .from_inbox = order->from_inbox,
        .output_dir = open_out(context, order),
        .pipelines = context->pipelines,
        .pipeline = pipelines_find(context->pipelines, order->pipeline),
        .params = order->params,
        .skip = order->skip,
        .threads = order->threads,
        .cage = { .sandbox = context->sandbox,
                  .memory_bytes = context->rules->memory_bytes,
                  .file_bytes = context->rules->output_bytes,
                  .cpu_s = cpu_limit_s(order) },
    };
    attempt_tell(&attempt, context->attempt, wire_fd);
}

/* ---- the end of a job ---- */

static void tell(const struct hand_context *context, enum hand_fate fate)
{
    if (fate != FATE_MOVED) /* else settle_sync does */
        context->on_fate(context->arg, fate);
}

static struct verdict judge(const struct hand_context *context, const struct claim *claim,
                            enum failure failure)
{
    const struct hand_rules *rules = context->rules;
    const struct job *job = claim_job(claim, NULL);
    const struct attempts *attempts = claim_attempts(claim);
    char random_hex[9];
    str_random_hex(random_hex, 4);
    struct verdict_facts facts = {
        .charged = attempts->charged,
        .max_attempts = job && job->max_attempts ? (int)job->max_attempts : rules->max_attempts,
        .backoff_ms = rules->backoff_ms,
        .waiting_ms =
            attempts->waiting_since_ms ? settle_now_ms(context) - attempts->waiting_since_ms : 0,
        .input_wait_ms = rules->input_wait_ms,
        .chance = (uint32_t)strtoul(random_hex, NULL, 16),
    };
    return verdict_of(failure, &facts);
}

/* ---- crash.txt ---- */

static void keep_line(struct hand *hand, const struct wire_message *message)
{
    char **slot = &hand->last_lines[hand->line_count++ % LAST_LINES];
    free(*slot);
    *slot = mem_printf("%s%s%s", message->step, message->step[0] ? ": " : "", message->text);
}

static void write_crash(const struct hand *hand, const struct runner_end *end,
                        const struct crash_notes *notes, const json_t *in_hand)
{
    char *lines[LAST_LINES];
    size_t first = hand->line_count > LAST_LINES ? hand->line_count - LAST_LINES : 0;
    for (size_t i = first; i < hand->line_count; i++)
        lines[i - first] = hand->last_lines[i % LAST_LINES];
    const struct hand_rules *rules = hand->context->rules;
    const struct sandbox *sandbox = hand->context->sandbox;
    const struct crash_facts facts = {
        .attempt = hand->number,
        .ran_ms = time_mono_ms() - hand->started_mono_ms,
        .frame_us = hand->frame_us,
        .end = end,
        .notes = notes,
        .sandbox = sandbox ? sandbox_holds(sandbox) : NULL,
        .memory_bytes = rules->memory_bytes,
        .output_bytes = rules->output_bytes,
        .timeout_ms = hand->limits.timeout_ms,
        .stall_ms = hand->limits.stall_ms,
        .in_hand = in_hand,
        .lines = lines,
        .line_count = hand->line_count - first,
    };
    CLEANUP(mem_free_text) char *text = crash_report(&facts);
    /* A help to people, not part of the protocol: that it cannot be written changes nothing. */
    (void)fs_write_file(claim_dir(hand->claim), "crash.txt", text, strlen(text), FS_APPEND, NULL);
}

static bool ended_against_its_will(enum failure failure)
{
    return failure == FAILURE_CRASH || failure == FAILURE_STALL || failure == FAILURE_TIMEOUT;
}

/* ---- while the runner runs ---- */

static void on_message(void *arg, const struct wire_message *message)
{
    struct hand *hand = arg;
    if (message->step[0])
        (void)snprintf(hand->step, sizeof(hand->step), "%s", message->step);
    if (message->kind == WIRE_LOG) {
        keep_line(hand, message);
        log_write(message->level,
                  LOG_FIELDS("job", claim_name(hand->claim), "step",
                             message->step[0] ? message->step : NULL),
                  "%s", message->text);
        return;
    }
    hand->frame_us = message->done_us;
    if (message->total_us <= 0)
        return;
    double part = (double)message->done_us / (double)message->total_us;
    part = part < 0 ? 0 : part > 1 ? 1 : part;
    double spent_s = (double)(time_mono_ms() - hand->started_mono_ms) / 1000;
    hand->beat.progress = part;
    hand->beat.eta_s = part > 0.01 ? spent_s * (1 - part) / part : -1;
}

/* The body of the result, as data from a process that may be hostile. */
static int read_body(const struct hand *hand, json_t **ret_body, struct err *err)
{
    CLEANUP(mem_free_text) char *text = NULL;
    size_t len;
    struct json_mark mark;
    struct err why = { 0 };
    int r = fs_read_file(hand->out_fd, RECORD_FILE, BODY_MAX_BYTES, &text, &len, &why);
    if (r == 0 && json_parse_within(text, len, JSON_DEPTH_PART, ret_body, &mark, &why) != 1)
        r = err_set(&why, ERR_INPUT, 0, "it is no JSON");
    if (r == 0 && !json_is_object(*ret_body)) {
        json_drop(ret_body);
        r = err_set(&why, ERR_INPUT, 0, "it is no JSON object");
    }
    if (r < 0)
        (void)err_set(err, ERR_INPUT, 0, "the runner left no proper " RECORD_FILE ": %s", why.text);
    return r;
}

static const char *counted(int n, char out[32])
{
    (void)snprintf(out, 32, "%d", n);
    return out;
}

/* Nothing that fails while the spool is gone is the job's fault, whatever it looks like: not even
 * an input that is missing, or that ends too soon. */
static void excuse(struct hand *hand, struct runner_end *end)
{
    if (end->failure == FAILURE_NONE || end->failure == FAILURE_SHUTDOWN ||
        end->failure == FAILURE_CANCELLED)
        return;
    if (!hand->spool_failed && seat_is_there(hand->context->seat, NULL) >= 0)
        return;
    CLEANUP(mem_free_text) char *was = mem_strdup(end->text);
    end->failure = FAILURE_SHUTDOWN;
    end->waiting = false;
    (void)snprintf(end->text, sizeof(end->text), "the spool went away during the attempt: %s", was);
}

/* What the runner was at work on when it ended against its will, and is to blame for it; NULL:
 * nothing. One that was stopped for its time is at work on something in any case, so only what had
 * been in hand for long counts. */
static json_t *find_in_hand(const struct hand *hand, enum failure failure)
{
    int64_t least_ms = 0;
    if (failure == FAILURE_STALL)
        least_ms = hand->limits.stall_ms / IN_HAND_PART;
    else if (failure == FAILURE_TIMEOUT)
        least_ms = hand->limits.timeout_ms / IN_HAND_PART;
    else if (failure != FAILURE_CRASH)
        return NULL;
    return in_hand_read(hand->out_fd, least_ms < IN_HAND_LONG_MS ? least_ms : IN_HAND_LONG_MS);
}

/* After the runner is reaped: what became of this attempt, and of the job. */
static enum hand_fate conclude(struct hand *hand)
{
    struct runner_end *end = &hand->end;
    CLEANUP(json_drop) json_t *body = NULL;
    struct err err = { 0 };
    if (end->failure == FAILURE_NONE && read_body(hand, &body, &err) < 0) {
        end->failure = FAILURE_CRASH;
        (void)snprintf(end->text, sizeof(end->text), "%s", err.text);
    }
    if (output_amend(end, hand->out_fd, hand->context->rules->output_bytes))
        json_drop(&body);
    excuse(hand, end);
    CLEANUP(json_drop) json_t *in_hand = find_in_hand(hand, end->failure);
    if (in_hand) /* better than the step that was last heard of */
        (void)snprintf(end->step, sizeof(end->step), "%s",
                       json_get_text(json_array_get(in_hand, 0), "step", ""));
    if (ended_against_its_will(end->failure)) {
        CLEANUP(crash_notes_release) struct crash_notes notes;
        crash_read(hand->out_fd, &notes);
        crash_amend(end, &notes, hand->context->rules->memory_bytes);
        write_crash(hand, end, &notes, in_hand);
    }
    fs_close(&hand->out_fd); /* SMB renames no directory in which we have a file open */

    struct attempt_end line = {
        .failure = end->failure == FAILURE_NONE ? NULL : failure_name(end->failure),
        .message = end->failure == FAILURE_NONE ? NULL : end->text,
        .charged = verdict_charges(end->failure),
        .waiting = end->waiting ? &end->print : NULL,
        .waiting_at_ms = end->waiting ? settle_now_ms(hand->context) : 0,
        .in_hand = in_hand,
    };
    if (claim_ended(hand->claim, &line, &err) < 0)
        log_warn(LOG_FIELDS("job", claim_name(hand->claim)), "%s", err.text);

    struct verdict verdict = judge(hand->context, hand->claim, end->failure);
    char n[32];
    /* A wait for the input is told once, by the line that defers it. */
    if (end->failure != FAILURE_NONE && verdict.outcome == OUTCOME_DEFER && !end->waiting)
        log_warn(LOG_FIELDS("job", claim_name(hand->claim), "step", end->step[0] ? end->step : NULL,
                            "class", failure_name(end->failure), "attempt",
                            counted(hand->number, n), "charged", line.charged ? "yes" : "no"),
                 "attempt ended: %s", end->text);
    struct ending ending = {
        .failure = end->failure,
        .step = end->step,
        .message = end->text,
        .hint = end->hint,
        .started_ms = hand->started_ms,
        .cpu_s = end->cpu_s,
        .max_rss_bytes = end->max_rss_bytes,
        .body = body,
    };
    return settle(hand->context, &hand->claim, hand->pipeline, &verdict, &ending);
}

void hand_conclude(struct hand *hand)
{
    const struct hand_context *context = hand->context;
    tell(context, conclude(hand));
}

static void on_end(void *arg, const struct runner_end *end)
{
    struct hand *hand = arg;
    hand->end = *end;
    runner_free(&hand->runner);
    hand->context->on_end(hand->context->arg, hand);
}

/* ---- the beginning ---- */

/* Which pipeline, and can it run? */
static int find_pipeline(const struct hand_context *context, const struct job *job,
                         const struct pipeline **ret_pipeline, struct err *err)
{
    const char *id = job->pipeline_id ? job->pipeline_id : context->rules->default_pipeline;
    const struct pipeline *pipeline = pipelines_find(context->pipelines, id);
    if (!pipeline) {
        CLEANUP(mem_free_text) char *list = pipelines_list(context->pipelines);
        int r = err_set(err, ERR_CONFIG, 0, "there is no pipeline '%s'; there are: %s", id, list);
        err_hint(err, "name one of these as pipeline_id, or add the pipeline's file to the "
                      "pipelines directory and send the worker SIGHUP (takeup pipelines)");
        return r;
    }
    *ret_pipeline = pipeline;
    if (pipeline->broken) {
        *err = *pipeline->broken;
        return -EINVAL;
    }
    return 0;
}

/* A job that ends without a runner. */
static enum hand_fate refuse(const struct hand_context *context, struct claim **claim,
                             const struct pipeline *pipeline, enum failure failure,
                             const struct err *err)
{
    struct verdict verdict = { .outcome = OUTCOME_ERROR };
    struct ending ending = { .failure = failure, .message = err->text, .hint = err->hint };
    return settle(context, claim, pipeline, &verdict, &ending);
}

static int whole_seconds(int64_t ms)
{
    int64_t s = ms / 1000 + (ms % 1000 != 0);
    return s < INT_MAX / 2 ? (int)s : 0;
}

static int start(struct hand *hand, struct err *err)
{
    const struct hand_rules *rules = hand->context->rules;
    const struct job *job = claim_job(hand->claim, NULL);
    int r = claim_start(hand->claim, &hand->number, &hand->out_fd, err);
    if (r < 0)
        return r;
    CLEANUP(json_drop) json_t *skip = json_array();
    attempts_each_in_hand(claim_attempts(hand->claim), in_hand_copy, skip);
    hand->limits = (struct runner_limits){
        .stall_ms = rules->stall_ms,
        .timeout_ms = job->timeout_s ? job->timeout_s * 1000 : rules->timeout_ms,
        .grace_ms = rules->grace_ms,
    };
    struct runner_calls calls = { .on_message = on_message, .on_end = on_end, .arg = hand };
    struct wire_order order = {
        .token = claim_token(hand->claim),
        .attempt = hand->number,
        .threads = hand->context->threads,
        .timeout_s = whole_seconds(hand->limits.timeout_ms),
        .job = claim_name(hand->claim),
        .pipeline = hand->pipeline->id,
        .input = job->input_path,
        .from_inbox = job->from_inbox,
        .params = job->params,
        .skip = json_array_size(skip) > 0 ? skip : NULL,
    };
    hand->started_ms = time_wall_ms();
    hand->started_mono_ms = time_mono_ms();
    r = runner_start(hand->context->runners, &order, &hand->limits, &calls, &hand->runner, err);
    claim_started(hand->claim);
    return r;
}

static void log_start(const struct hand *hand)
{
    char number[32], pid[32], threads[32];
    log_info(LOG_FIELDS("job", claim_name(hand->claim), "attempt", counted(hand->number, number),
                        "pipeline", hand->pipeline->id, "input",
                        claim_job(hand->claim, NULL)->input_path, "runner",
                        counted((int)runner_pid(hand->runner), pid), "threads",
                        counted(hand->context->threads, threads)),
             "taken up");
}

/* The job cannot be started here and now: back it goes, so that another worker may try. */
static enum hand_fate give_back(const struct hand_context *context, struct claim **claim,
                                const struct err *err)
{
    struct attempt_end line = { .failure = failure_name(FAILURE_IO),
                                .message = err->text,
                                .charged = false };
    if (claim_attempts(*claim)->open)
        (void)claim_ended(*claim, &line, NULL);
    struct verdict verdict = { .outcome = OUTCOME_DEFER, .delay_ms = context->rules->backoff_ms };
    struct ending ending = { .failure = FAILURE_IO, .message = err->text };
    return settle(context, claim, NULL, &verdict, &ending);
}

static struct hand *hand_new(const struct hand_context *context, struct claim *claim,
                             const struct pipeline *pipeline)
{
    struct hand *hand = MEM_NEW(struct hand);
    hand->context = context;
    hand->claim = claim;
    hand->pipelines = context->pipelines;
    hand->pipeline = pipeline;
    hand->out_fd = -1;
    hand->frame_us = -1;
    hand->beat = (struct heartbeat_job){ .name = claim_name(claim),
                                         .pipeline = pipeline->id,
                                         .step = hand->step,
                                         .progress = -1,
                                         .eta_s = -1 };
    return hand;
}

/* Is there a job to run, and a pipeline to run it? Else its fate is sealed, and true. */
static bool decide_unstarted(const struct hand_context *context, struct claim **claim,
                             const struct pipeline **ret_pipeline, enum hand_fate *ret_fate)
{
    struct err err = { 0 };
    const struct job *job = claim_job(*claim, &err);
    if (job && find_pipeline(context, job, ret_pipeline, &err) == 0)
        return false;
    *ret_fate =
        refuse(context, claim, *ret_pipeline, job ? verdict_failure(&err) : FAILURE_JOB, &err);
    return true;
}

int hand_take(const struct hand_context *context, struct claim *claim, struct hand **ret_hand)
{
    const struct pipeline *pipeline = NULL;
    enum hand_fate fate;
    if (decide_unstarted(context, &claim, &pipeline, &fate)) {
        tell(context, fate);
        return 0;
    }
    struct hand *hand = hand_new(context, claim, pipeline);
    struct err err = { 0 };
    if (start(hand, &err) < 0) {
        log_error(LOG_FIELDS("job", claim_name(claim)), "cannot start a runner: %s", err.text);
        fs_close(&hand->out_fd);
        tell(context, give_back(context, &hand->claim, &err));
        hand_free(&hand);
        return 0;
    }
    log_start(hand);
    *ret_hand = hand;
    return 1;
}

void hand_stop(struct hand *hand, enum failure reason)
{
    runner_stop(hand->runner, reason);
}

const struct claim *hand_claim(const struct hand *hand)
{
    return hand->claim;
}

void hand_refresh(struct hand *hand)
{
    char out[32];
    claim_refresh(hand->claim);
    fs_close(&hand->out_fd);
    (void)snprintf(out, sizeof(out), "out.%d", hand->number);
    hand->out_fd =
        openat(claim_dir(hand->claim), out, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    hand->spool_failed = true; /* its runner still holds what was opened before */
}

void hand_free(struct hand **hand)
{
    if (!*hand)
        return;
    struct hand *old = TAKE(*hand);
    runner_free(&old->runner);
    fs_close(&old->out_fd);
    claim_free(&old->claim);
    for (size_t i = 0; i < LAST_LINES; i++)
        free(old->last_lines[i]);
    free(old);
}

const struct pipelines *hand_pipelines(const struct hand *hand)
{
    return hand->pipelines;
}

void hand_sync_start(struct hand *hand)
{
    if (hand->start_synced || time_mono_ms() - hand->started_mono_ms < SYNC_START_MS)
        return;
    hand->start_synced = true; /* or it cannot be: once is enough */
    (void)claim_sync_start(hand->claim, NULL);
}

void hand_check_output(struct hand *hand)
{
    if (output_is_too_large(hand->out_fd, hand->context->rules->output_bytes))
        hand_stop(hand, FAILURE_OUTPUT);
}

struct heartbeat_job hand_beat(const struct hand *hand)
{
    return hand->beat;
}

void hand_adopted(const struct hand_context *context, struct claim *claim, const char *dead_worker)
{
    bool own = strcmp(dead_worker, seat_name(context->seat)) == 0; /* we had lost sight of it */
    log_warn(LOG_FIELDS("job", claim_name(claim), "from", own ? NULL : dead_worker),
             own ? "found again after an error of the spool; nothing had been started"
                 : "taken over from a worker that died");
    CLEANUP(mem_free_text)
    char *message = own ? mem_strdup("an error of the spool came between")
                        : mem_printf("the worker %s died while it had this job", dead_worker);
    enum failure failure = own ? FAILURE_SHUTDOWN : FAILURE_LOST;
    struct verdict verdict = judge(context, claim, failure);
    struct ending ending = { .failure = failure, .message = message };
    const struct job *job = claim_job(claim, NULL);
    const struct pipeline *pipeline = NULL;
    if (job)
        (void)find_pipeline(context, job, &pipeline, &(struct err){ 0 });
    tell(context, settle(context, &claim, pipeline, &verdict, &ending));
}
