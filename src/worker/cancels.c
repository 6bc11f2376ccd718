/* Each look reads cancel/ and finds the jobs anew; what is remembered is only since when a request
 * has found none. It is removed when that has been so for a while: a job that was on its way from
 * one place to another may be missed by one look, and by a share whose listings are stale by more.
 *
 * A look that takes long is broken off: the beat must not wait for a thousand jobs to be published.
 * What it did not come to is seen by the next one. */
#include "worker/cancels.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"
#include "spool/cancel.h"
#include "worker/settle.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
    LOOK_FOR_MS = 200,
    NONE_LOCAL_MS = 1000,
    NONE_REMOTE_MS = 25 * 1000,   /* sshfs shows a listing that is 21 s old (measured) */
    MTIME_SLACK_MS = 2000,        /* a directory that changed so lately may change unseen */
    FULL_LOOK_MS = 5 * 60 * 1000, /* should its time not tell */
};

/* What is known of one request. */
struct asked {
    struct cancel_request request;
    int64_t none_ms; /* monotonic: since when there is no such job; 0: there is one */
    bool served;     /* there was one */
    bool told;       /* that it cannot be */
};

struct cancels {
    const struct hand_context *context;
    cancels_stop_fn *stop;
    struct asked *asked; /* in the order of the newest look's requests */
    size_t count;
    bool wanted;
    int64_t mtime_ms, changed_ms, look_ms; /* of cancel/; monotonic: seen to change; last look */
};

struct cancels *cancels_new(const struct hand_context *context, cancels_stop_fn *stop)
{
    struct cancels *cancels = MEM_NEW(struct cancels);
    cancels->context = context;
    cancels->stop = stop;
    cancels->wanted = true;
    return cancels;
}

void cancels_free(struct cancels **cancels)
{
    if (!*cancels)
        return;
    free((*cancels)->asked);
    free(*cancels);
    *cancels = NULL;
}

void cancels_hint(struct cancels *cancels)
{
    cancels->wanted = true;
}

void cancels_hint_deferred(struct cancels *cancels)
{
    cancels->wanted = cancels->wanted || cancels->count > 0;
}

bool cancels_is_wanted(const struct cancels *cancels)
{
    return cancels->wanted;
}

bool cancels_is_open(const struct cancels *cancels)
{
    return cancels->wanted || cancels->count > 0;
}

/* ---- what is asked ---- */

static bool may_have_changed(struct cancels *cancels)
{
    int64_t now_ms = time_mono_ms();
    struct stat st;
    if (fstat(spool_dir(cancels->context->spool, PLACE_CANCEL), &st) < 0)
        return true;
    if (fs_mtime_ms(&st) != cancels->mtime_ms)
        cancels->changed_ms = now_ms;
    cancels->mtime_ms = fs_mtime_ms(&st);
    return now_ms - cancels->changed_ms < MTIME_SLACK_MS ||
           now_ms - cancels->look_ms > FULL_LOOK_MS;
}

static bool is_same(const struct cancel_request *a, const struct cancel_request *b)
{
    return strcmp(a->name, b->name) == 0 && a->asked_ms == b->asked_ms;
}

/* Carries over what is known of those that are there still. Both lists are sorted alike. */
static void remember(struct cancels *cancels, const struct cancel_requests *requests)
{
    struct asked *all = mem_zero(requests->count + 1, sizeof(*all));
    size_t old = 0;
    for (size_t i = 0; i < requests->count; i++) {
        const struct cancel_request *request = &requests->all[i];
        while (old < cancels->count &&
               strcmp(cancels->asked[old].request.dir_name, request->dir_name) < 0)
            old++;
        if (old < cancels->count && is_same(&cancels->asked[old].request, request))
            all[i] = cancels->asked[old];
        all[i].request = *request;
    }
    free(cancels->asked);
    cancels->asked = all;
    cancels->count = requests->count;
}

/* ---- what is there ---- */

struct look {
    struct cancels *cancels;
    const struct cancel_requests *requests;
    bool may_claim, broken_off;
    bool *found; /* for each request */
    int64_t ends_ms;
};

static void publish(const struct cancels *cancels, struct claim *claim)
{
    struct verdict verdict = { .outcome = OUTCOME_CANCELLED };
    struct ending ending = { .failure = FAILURE_CANCELLED,
                             .message = "the job was cancelled while it waited" };
    const struct hand_context *context = cancels->context;
    enum hand_fate fate = settle(context, &claim, NULL, &verdict, &ending);
    if (fate != FATE_MOVED) /* else settle_sync does */
        context->on_fate(context->arg, fate);
}

static void take(const struct cancels *cancels, struct asked *asked, enum spool_place place,
                 const char *path)
{
    struct claim *claim = NULL;
    struct err err = { 0 };
    int r = cancel_claim(cancels->context->seat, place, path, &claim, &err);
    if (r > 0) {
        asked->served = true;
        publish(cancels, claim);
    } else if (err.kind != ERR_NONE && !asked->told) {
        asked->told = true;
        log_warn(LOG_FIELDS("job", asked->request.name), "cannot be cancelled yet: %s", err.text);
    }
}

static bool on_found(void *arg, const struct cancel_request *request, enum spool_place place,
                     const char *path)
{
    struct look *look = arg;
    size_t index = (size_t)(request - look->requests->all);
    struct asked *asked = &look->cancels->asked[index];
    look->found[index] = true;
    if (place == PLACE_RUNNING) {
        asked->served = true;
        look->cancels->stop(look->cancels->context->arg, path);
    } else if (look->may_claim) {
        take(look->cancels, asked, place, path);
    }
    look->broken_off = time_mono_ms() >= look->ends_ms;
    return look->broken_off;
}

static void drop(struct asked *asked, const struct spool *spool)
{
    const char *name = asked->request.name;
    struct err err = { 0 };
    if (cancel_remove(spool, &asked->request, &err) < 0) {
        if (!asked->told)
            log_warn(LOG_FIELDS("job", name), "%s", err.text);
        asked->told = true;
    } else if (asked->served) {
        log_info(LOG_FIELDS("job", name), "cancel/%s is served, and removed", name);
    } else {
        log_warn(LOG_FIELDS("job", name),
                 "nothing to cancel: no job '%s' waits or runs that was there before the request "
                 "cancel/%s, which is removed",
                 name, name);
    }
}

/* What has found none for long enough. */
static void drop_served(const struct look *look)
{
    struct cancels *cancels = look->cancels;
    const struct spool *spool = cancels->context->spool;
    int64_t now_ms = time_mono_ms();
    int64_t none_ms = fs_is_remote(spool_root(spool)) ? NONE_REMOTE_MS : NONE_LOCAL_MS;
    for (size_t i = 0; i < cancels->count; i++) {
        struct asked *asked = &cancels->asked[i];
        if (look->found[i])
            asked->none_ms = 0;
        else if (asked->none_ms == 0)
            asked->none_ms = now_ms;
        else if (now_ms - asked->none_ms >= none_ms)
            drop(asked, spool);
    }
}

void cancels_look(struct cancels *cancels, bool may_claim)
{
    CLEANUP(cancel_release) struct cancel_requests requests = { 0 };
    const struct spool *spool = cancels->context->spool;
    struct err err = { 0 };
    bool changed = may_have_changed(cancels);
    if (!cancels->wanted && cancels->count == 0 && !changed)
        return;
    cancels->wanted = false;
    cancels->look_ms = time_mono_ms();
    int r = cancel_read(spool, &requests, &err);
    if (r == 0)
        remember(cancels, &requests);
    if (r == 0 && requests.count > 0) {
        struct look look = { .cancels = cancels,
                             .requests = &requests,
                             .may_claim = may_claim,
                             .found = mem_zero(requests.count, sizeof(bool)),
                             .ends_ms = cancels->look_ms + LOOK_FOR_MS };
        r = cancel_find(spool, &requests, on_found, &look, &err);
        if (r == 0 && !look.broken_off)
            drop_served(&look);
        cancels->wanted = look.broken_off;
        free(look.found);
    }
    if (r < 0)
        log_warn(LOG_NO_FIELDS, "look for what is to be cancelled: %s", err.text);
}
