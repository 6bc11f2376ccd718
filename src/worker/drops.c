#include "worker/drops.h"

#include "base/fs.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/time.h"
#include "spool/inbox.h"

#include <stdlib.h>

enum { RESCAN_LOCAL_MS = 10 * 1000, RESCAN_REMOTE_MS = 1000, TELL_MS = 1000 };

struct drops {
    struct spool *spool;
    struct limits *limits;
    struct inbox_rules rules;
    struct inbox *inbox;
    struct watch *watch;
    struct backlog_share share;
    struct queue_counts counts;
    bool taken;  /* since the last look at all */
    bool untold; /* something was looked at since the last telling */
    int64_t told_ms;
    struct untaken untaken;
};

static bool is_pipeline(void *arg, const char *id)
{
    const struct drops *drops = arg;
    const struct pipeline *pipeline = pipelines_find(drops->limits->pipelines, id);
    return pipeline && !pipeline->broken;
}

static bool is_full(void *arg, const char *id)
{
    const struct drops *drops = arg;
    return limits_is_full(drops->limits, id);
}

static void on_folder(void *arg, const char *path)
{
    const struct drops *drops = arg;
    if (drops->watch)
        watch_inbox(drops->watch, drops->spool, path);
}

static void make_folders(const struct drops *drops)
{
    const struct pipeline *pipeline;
    for (size_t i = 0; (pipeline = pipelines_at(drops->limits->pipelines, i)); i++) {
        struct err err = { 0 };
        if (!pipeline->broken && inbox_make(drops->spool, pipeline->id, &err) < 0)
            log_warn(LOG_FIELDS("pipeline", pipeline->id), "%s", err.text);
    }
}

struct drops *drops_new(struct spool *spool)
{
    struct drops *drops = MEM_NEW(struct drops);
    drops->spool = spool;
    return drops;
}

void drops_set(struct drops *drops, const struct claim_rules *rules, int64_t rescan_ms,
               struct limits *limits)
{
    int64_t usual_ms = fs_is_remote(spool_root(drops->spool)) ? RESCAN_REMOTE_MS : RESCAN_LOCAL_MS;
    drops->limits = limits;
    drops->rules = (struct inbox_rules){ .settle_ms = rules->settle_ms,
                                         .input_wait_ms = rules->input_wait_ms,
                                         .rescan_ms = rescan_ms ? rescan_ms : usual_ms,
                                         .is_pipeline = is_pipeline,
                                         .is_full = is_full,
                                         .on_folder = on_folder,
                                         .arg = drops };
    make_folders(drops);
    drops_begin(drops, drops->watch);
}

void drops_free(struct drops **drops)
{
    if (!*drops)
        return;
    inbox_free(&(*drops)->inbox);
    untaken_release(&(*drops)->untaken);
    free(*drops);
    *drops = NULL;
}

void drops_begin(struct drops *drops, struct watch *watch)
{
    drops->watch = watch;
    inbox_free(&drops->inbox);
    drops->inbox = inbox_new(drops->spool, &drops->rules);
    inbox_set_share(drops->inbox, &drops->share);
}

void drops_set_share(struct drops *drops, const struct backlog_share *share)
{
    drops->share = *share;
    inbox_set_share(drops->inbox, share);
}

void drops_hint(struct drops *drops)
{
    inbox_hint(drops->inbox);
}

static bool note(void *arg, const char *path, const char *reason, bool waits)
{
    (void)waits; /* drops_is_drained asks the inbox itself */
    struct untaken *untaken = arg;
    untaken_note(untaken, PLACE_INBOX, path, reason);
    return untaken->count < UNTAKEN_MAX;
}

/* Not at each turn: it goes over all names. */
static void tell(struct drops *drops, int64_t now_ms)
{
    drops->told_ms = now_ms;
    drops->untold = false;
    untaken_scan_begins(&drops->untaken);
    inbox_tell(drops->inbox, note, &drops->untaken);
    untaken_list_spent(&drops->untaken);
}

int drops_look(struct drops *drops, struct err *err)
{
    int64_t now_ms = time_mono_ms();
    int r = 0;
    if (now_ms >= inbox_due_ms(drops->inbox)) {
        r = inbox_turn(drops->inbox, now_ms, err);
        drops->untold = true;
    }
    if (r == 0 && drops->untold && now_ms >= drops->told_ms + TELL_MS)
        tell(drops, now_ms);
    return r < 0 ? r : 0;
}

int drops_next(struct drops *drops, struct seat *seat, struct claim **ret_claim, struct err *err)
{
    *ret_claim = NULL;
    const char *path = inbox_next(drops->inbox, time_mono_ms());
    if (!path)
        return 0;
    int r = claim_inbox(seat, path, ret_claim, err);
    inbox_answer(drops->inbox, time_mono_ms(), r > 0 ? NULL : err);
    drops->untold = true;
    if (r < 0)
        return r;
    drops->counts.claims += r > 0;
    drops->counts.missed += r == 0 && err->kind == ERR_NONE;
    drops->taken = true;
    return 1;
}

int64_t drops_due_ms(const struct drops *drops)
{
    if (inbox_ready(drops->inbox) > 0)
        return 0;
    int64_t due_ms = inbox_due_ms(drops->inbox), tell_ms = drops->told_ms + TELL_MS;
    return drops->untold && tell_ms < due_ms ? tell_ms : due_ms;
}

bool drops_is_drained(const struct drops *drops)
{
    return !drops->taken && inbox_is_known(drops->inbox) && inbox_coming(drops->inbox) == 0;
}

void drops_drain(struct drops *drops)
{
    if (drops->taken)
        inbox_hint(drops->inbox);
    drops->taken = false;
}

struct queue_counts drops_counts(const struct drops *drops)
{
    return drops->counts;
}

const struct untaken *drops_untaken(const struct drops *drops)
{
    return &drops->untaken;
}
