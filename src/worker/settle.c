#include "worker/settle.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SYNC_WITHIN_MS = 100 };

struct unsettled {
    struct claim *claim;
    json_t *record; /* NULL: it is to be deferred */
    enum spool_place place;
    int64_t delay_ms;
    char *why;     /* of a deferral */
    char *trouble; /* what the spool said; NULL: nothing yet */
    bool is_moved; /* to place, as id; that has still to be synced */
    int64_t moved_ms;
    char id[NAME_SIZE];
    struct unsettled *next;
};

static void unsettled_end(struct unsettled **one)
{
    struct unsettled *old = TAKE(*one);
    claim_free(&old->claim);
    json_drop(&old->record);
    free(old->why);
    free(old->trouble);
    free(old);
}

void unsettled_free(struct unsettled **unsettled)
{
    while (*unsettled) {
        struct unsettled *first = *unsettled;
        *unsettled = first->next;
        unsettled_end(&first);
    }
}

bool settle_problem(const struct unsettled *unsettled, size_t index, const char **ret_name,
                    const char **ret_reason)
{
    while (unsettled && (!unsettled->trouble || index-- > 0))
        unsettled = unsettled->next;
    if (!unsettled)
        return false;
    *ret_name = claim_name(unsettled->claim);
    *ret_reason = unsettled->trouble;
    return true;
}

/* ---- one try ---- */

static void log_done(const struct claim *claim, const json_t *record, const char *id)
{
    const json_t *usage = json_object_get(record, "usage");
    char cpu[32], decoded[32], read[32];
    (void)snprintf(cpu, sizeof(cpu), "%.2f", json_get_real(usage, "cpu_s", 0));
    (void)snprintf(decoded, sizeof(decoded), "%lld",
                   (long long)json_get_int(usage, "frames_decoded", 0));
    (void)snprintf(read, sizeof(read), "%lld", (long long)json_get_int(usage, "frames_read", 0));
    log_info(LOG_FIELDS("job", claim_name(claim), "frames_decoded", decoded, "frames_read", read,
                        "cpu_s", cpu),
             "finished: done/%s", id);
}

static void log_failed(const struct claim *claim, const json_t *record, const char *id)
{
    const json_t *error = json_object_get(record, "error");
    log_error(LOG_FIELDS("job", claim_name(claim), "step", json_get_text(error, "step", NULL),
                         "class", json_get_text(error, "class", NULL), "hint",
                         json_get_text(error, "hint", NULL)),
              "failed: %s; see error/%s", json_get_text(error, "message", "-"), id);
}

/* Told once, and again when the reason changes. */
static enum hand_fate refused(struct unsettled *one, const struct err *err)
{
    if (!one->trouble || strcmp(one->trouble, err->text) != 0)
        log_error(LOG_FIELDS("job", claim_name(one->claim), "token", claim_token(one->claim)),
                  "cannot %s yet, tried again: %s", one->record ? "publish" : "defer", err->text);
    free(one->trouble);
    one->trouble = mem_strdup(err->text);
    return FATE_STUCK;
}

static bool is_cancelled(const json_t *record)
{
    return strcmp(json_get_text(record, "status", ""), "cancelled") == 0;
}

static enum hand_fate try_publish(struct unsettled *one)
{
    struct err err = { 0 };
    int r = claim_move(one->claim, one->place, one->record, one->id, &err);
    if (r < 0)
        return refused(one, &err);
    if (r == 0) {
        log_warn(LOG_FIELDS("job", claim_name(one->claim)),
                 "withdrawn: its .job file was taken away by hand; nothing is published");
        return FATE_WITHDRAWN;
    }
    one->is_moved = true;
    one->moved_ms = time_mono_ms();
    return FATE_MOVED;
}

static enum hand_fate published(const struct unsettled *one)
{
    if (is_cancelled(one->record))
        log_info(LOG_FIELDS("job", claim_name(one->claim)), "cancelled: error/%s", one->id);
    else if (one->place == PLACE_DONE)
        log_done(one->claim, one->record, one->id);
    else
        log_failed(one->claim, one->record, one->id);
    return one->place == PLACE_DONE ? FATE_DONE : FATE_ERROR;
}

/* A full disk makes no file to read it from, and keeps no job from going back. */
int64_t settle_now_ms(const struct hand_context *context)
{
    int64_t now_ms;
    return spool_now_ms(context->spool, seat_name(context->seat), &now_ms, NULL) < 0
               ? time_wall_ms()
               : now_ms;
}

static enum hand_fate try_defer(const struct hand_context *context, struct unsettled *one)
{
    struct err err = { 0 };
    if (claim_defer(one->claim, (settle_now_ms(context) + one->delay_ms) / 1000, &err) < 0)
        return refused(one, &err);
    char due[TIME_TEXT_SIZE];
    log_info(LOG_FIELDS("job", claim_name(one->claim), "due",
                        one->delay_ms ? time_format(time_wall_ms() + one->delay_ms, due) : "now"),
             "deferred: %s", one->why);
    return FATE_DEFERRED;
}

static enum hand_fate try_one(const struct hand_context *context, struct unsettled *one)
{
    return one->record ? try_publish(one) : try_defer(context, one);
}

/* ---- a verdict ---- */

static const char *or_null(const char *text)
{
    return text && text[0] ? text : NULL;
}

static const char *status_of(enum outcome outcome)
{
    return outcome == OUTCOME_DONE ? "done" : outcome == OUTCOME_CANCELLED ? "cancelled" : "error";
}

static json_t *make_record(const struct hand_context *context, const struct claim *claim,
                           const struct pipeline *pipeline, enum outcome outcome,
                           const struct ending *ending)
{
    const struct job *job = claim_job(claim, NULL);
    struct record_facts facts = {
        .status = status_of(outcome),
        .failure = ending->failure,
        .step = or_null(ending->step),
        .message = ending->message,
        .hint = or_null(ending->hint),
        .pipeline_id = pipeline                  ? pipeline->id
                       : job && job->pipeline_id ? job->pipeline_id
                                                 : context->rules->default_pipeline,
        .pipeline_hash = pipeline ? pipeline->hash : NULL,
        .submitted_ms = claim_submitted_ms(claim),
        .claimed_ms = claim_claimed_ms(claim),
        .started_ms = ending->started_ms,
        .finished_ms = time_wall_ms(),
        .cpu_s = ending->cpu_s,
        .max_rss_bytes = ending->max_rss_bytes,
        .job = job ? job->whole : NULL,
    };
    return record_new(&facts, ending->body);
}

enum hand_fate settle(const struct hand_context *context, struct claim **claim,
                      const struct pipeline *pipeline, const struct verdict *verdict,
                      const struct ending *ending)
{
    struct unsettled *one = MEM_NEW(struct unsettled);
    one->claim = TAKE(*claim);
    if (verdict->outcome == OUTCOME_DEFER) {
        one->delay_ms = verdict->delay_ms;
        one->why = mem_strdup(ending->message);
    } else {
        one->place = verdict->outcome == OUTCOME_DONE ? PLACE_DONE : PLACE_ERROR;
        one->record = make_record(context, one->claim, pipeline, verdict->outcome, ending);
    }
    enum hand_fate fate = try_one(context, one);
    if (fate == FATE_STUCK || fate == FATE_MOVED) {
        struct unsettled **last = context->unsettled;
        while (*last)
            last = &(*last)->next;
        *last = one;
    } else {
        unsettled_end(&one);
    }
    return fate;
}

/* ---- the last sync ---- */

int64_t settle_sync_due_ms(const struct unsettled *unsettled)
{
    for (; unsettled; unsettled = unsettled->next)
        if (unsettled->is_moved) /* the first is the oldest */
            return unsettled->moved_ms + SYNC_WITHIN_MS;
    return INT64_MAX;
}

static void sync_place(const struct hand_context *context, enum spool_place place)
{
    struct err err = { 0 };
    int r = 1;
    for (struct unsettled **at = context->unsettled; *at;) {
        struct unsettled *one = *at;
        if (!one->is_moved || one->place != place) {
            at = &one->next;
            continue;
        }
        if (r == 1)
            r = claim_sync(one->claim, &err);
        if (r < 0) {
            one->moved_ms = time_mono_ms();
            (void)refused(one, &err);
            at = &one->next;
            continue;
        }
        *at = one->next;
        context->on_fate(context->arg, published(one));
        if (context->on_record)
            context->on_record(context->arg, one->place, claim_name(one->claim), one->id,
                               one->record);
        unsettled_end(&one);
    }
}

void settle_sync(const struct hand_context *context)
{
    sync_place(context, PLACE_DONE);
    sync_place(context, PLACE_ERROR);
}

/* ---- another try ---- */

void settle_refresh(const struct hand_context *context)
{
    for (struct unsettled *one = *context->unsettled; one; one = one->next)
        claim_refresh(one->claim);
}

/* Not at the first try, whose error may have been any; now the spool is known to answer. */
static enum hand_fate drop_if_lost(const struct unsettled *one)
{
    if (claim_is_lost(one->claim, NULL) != 1)
        return FATE_STUCK;
    log_warn(LOG_FIELDS("job", claim_name(one->claim), "token", claim_token(one->claim)),
             "taken over by another worker while the spool was out of reach; what was made of it "
             "here is dropped");
    return FATE_WITHDRAWN;
}

void settle_again(const struct hand_context *context)
{
    for (struct unsettled **at = context->unsettled; *at;) {
        struct unsettled *one = *at;
        enum hand_fate fate = one->is_moved ? FATE_MOVED : try_one(context, one);
        if (fate == FATE_STUCK)
            fate = drop_if_lost(one);
        if (fate == FATE_STUCK || fate == FATE_MOVED) {
            at = &one->next;
            continue;
        }
        *at = one->next;
        unsettled_end(&one);
        context->on_fate(context->arg, fate);
    }
    settle_sync(context);
}
