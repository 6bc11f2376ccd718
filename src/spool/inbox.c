/* inbox.c - looks at what was dropped, until it has settled.
 *
 * Work comes in pieces, so that a hundred thousand files on a slow share do not hold up a
 * heartbeat: a turn visits some folders and looks at some files. New files are looked at only while
 * few are ready or settling: enough to keep any worker busy, and one that is busy need not know
 * more. Files that wait (growing, empty, refused) do not count there, so that they hold up nobody;
 * they are looked at again when their time has come, which a heap tells.
 *
 * A file that was ready is looked at once more just before it is handed out, since that may be
 * hours later. What happens after that is seen by the runner, which compares its start and end. */
#include "spool/inbox_private.h"

#include "base/mem.h"
#include "base/time.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
    TURN_BUDGET = 64, /* folders and files a turn */
    SUPPLY = 256,     /* ready and settling: then no new ones are looked at */
    FROM_ONE_FOLDER = 8,
};

/* ---- queues ---- */

/* Out of its queue: NULL when it is gone meanwhile. */
static struct drop *popped(struct drop *drop)
{
    drop->queued = false;
    if (drop->state != DROP_GONE)
        return drop;
    free(drop);
    return NULL;
}

/* Into the queue of its state. */
static void put(struct inbox *inbox, struct drop *drop)
{
    if (drop->state == DROP_GONE || drop->state == DROP_NEVER)
        return;
    drop->queued = true;
    if (drop->state == DROP_READY)
        ready_push(&inbox->ready, drop);
    else
        due_push(&inbox->due, drop);
}

/* ---- a turn ---- */

struct inbox *inbox_new(const struct spool *spool, const struct inbox_rules *rules)
{
    struct inbox *inbox = MEM_NEW(struct inbox);
    inbox->spool = spool;
    inbox->rules = *rules;
    inbox->remote = fs_is_remote(spool_dir(spool, PLACE_INBOX));
    inbox->opened_fd = -1;
    inbox->hinted = true;
    (void)folder_new(inbox, NULL);
    inbox->round_at = inbox->folder_count;
    return inbox;
}

static void queue_release(struct drop_queue *queue)
{
    for (size_t i = queue->at; i < queue->count; i++)
        (void)popped(queue->drops[i]);
    free(queue->drops);
}

void inbox_free(struct inbox **inbox)
{
    if (!*inbox)
        return;
    struct inbox *old = TAKE(*inbox);
    inbox_close_folder(old);
    queue_release(&old->ready); /* those that are gone; the others are still in their folders */
    queue_release(&old->due);
    for (size_t i = 0; i < old->folder_count; i++) {
        for (size_t j = 0; j < old->folders[i]->count; j++)
            free(old->folders[i]->drops[j]);
        folder_free(&old->folders[i]);
    }
    free(old->folders);
    free(old->path);
    free(old);
}

void inbox_set_share(struct inbox *inbox, const struct backlog_share *share)
{
    inbox->share = *share;
}

void inbox_hint(struct inbox *inbox)
{
    inbox->hinted = true;
}

static bool round_is_over(const struct inbox *inbox)
{
    return inbox->round_at >= inbox->folder_count;
}

static int visit_folders(struct inbox *inbox, int64_t now_ms, int *budget, struct err *err)
{
    if (round_is_over(inbox) && (inbox->hinted || now_ms >= inbox->round_ms)) {
        inbox->hinted = false;
        inbox->round_ms = now_ms + inbox->rules.rescan_ms;
        inbox->round_at = 0;
    }
    if (round_is_over(inbox))
        return 0;
    for (; !round_is_over(inbox) && *budget > 0; inbox->round_at++, --*budget) {
        int r = folder_visit(inbox, inbox->folders[inbox->round_at], now_ms, err);
        if (r < 0 && inbox->round_at == 0) {
            inbox->round_at = inbox->folder_count;
            return r;
        }
    }
    if (round_is_over(inbox)) {
        folders_compact(inbox);
        inbox->round_at = inbox->folder_count;
        inbox->known = true;
    }
    return 0;
}

static void look_at_due(struct inbox *inbox, int64_t now_ms, int *budget)
{
    while (*budget > 0 && inbox->due.count > 0 && inbox->due.drops[0]->next_ms <= now_ms) {
        struct drop *drop = popped(due_pop(&inbox->due));
        if (!drop)
            continue;
        drop_look(inbox, drop, now_ms);
        put(inbox, drop);
        --*budget;
    }
}

/* Of a pipeline: so that one that may not go on for now holds up no other. */
static bool is_hungry(const struct folder *top)
{
    return top && top->counts[DROP_NEW] > 0 &&
           top->counts[DROP_READY] + top->counts[DROP_SETTLING] < SUPPLY;
}

/* The next folder of a pipeline, from *at on; NULL: no more. */
static const struct folder *next_top(const struct inbox *inbox, size_t *at)
{
    const struct folder *root = inbox->folders[0];
    while (*at < root->count) {
        const struct folder *top = root->drops[(*at)++]->child;
        if (top)
            return top;
    }
    return NULL;
}

static bool wants_new(const struct inbox *inbox)
{
    const struct folder *top;
    for (size_t at = 0; (top = next_top(inbox, &at));)
        if (is_hungry(top))
            return true;
    return false;
}

static struct drop *next_new(const struct inbox *inbox, struct folder *folder, bool own)
{
    while (own && folder->next_own < folder->count) {
        struct drop *drop = folder->drops[folder->next_own++];
        if (drop->state == DROP_NEW && backlog_share_has(&inbox->share, drop->name))
            return drop;
    }
    while (!own && folder->rest > 0) {
        struct drop *drop = folder->drops[--folder->rest];
        if (drop->state == DROP_NEW)
            return drop;
    }
    return NULL;
}

/* Some of each folder in turn, so that no folder and no pipeline waits for a longer one. False:
 * there is none. */
static bool look_at_some(struct inbox *inbox, int64_t now_ms, bool own, int *budget)
{
    int before = *budget;
    for (size_t left = inbox->folder_count; left > 0 && *budget > 0; left--) {
        struct drop *drop;
        if (inbox->new_at >= inbox->folder_count)
            inbox->new_at = 0;
        struct folder *folder = inbox->folders[inbox->new_at++];
        for (int i = 0;
             i < FROM_ONE_FOLDER && is_hungry(folder->top) && (drop = next_new(inbox, folder, own));
             i++, --*budget) {
            drop_look(inbox, drop, now_ms);
            put(inbox, drop);
        }
    }
    return *budget < before;
}

static void look_at_new(struct inbox *inbox, int64_t now_ms, int *budget)
{
    while (
        *budget > 0 && wants_new(inbox) &&
        (look_at_some(inbox, now_ms, true, budget) || look_at_some(inbox, now_ms, false, budget)))
        ;
}

int inbox_turn(struct inbox *inbox, int64_t now_ms, struct err *err)
{
    int budget = TURN_BUDGET;
    int r = visit_folders(inbox, now_ms, &budget, err);
    if (r == 0) {
        look_at_due(inbox, now_ms, &budget);
        look_at_new(inbox, now_ms, &budget);
    }
    inbox_close_folder(inbox);
    return r < 0 ? r : inbox_due_ms(inbox) <= now_ms;
}

int64_t inbox_due_ms(const struct inbox *inbox)
{
    if (inbox->hinted || !round_is_over(inbox) || wants_new(inbox))
        return INT64_MIN;
    int64_t due_ms = inbox->round_ms;
    if (inbox->due.count > 0 && inbox->due.drops[0]->next_ms < due_ms)
        due_ms = inbox->due.drops[0]->next_ms;
    return due_ms;
}

/* ---- what is ready ---- */

static bool is_full(const struct inbox *inbox, const struct folder *top)
{
    return inbox->rules.is_full && inbox->rules.is_full(inbox->rules.arg, top->path);
}

const char *inbox_next(struct inbox *inbox, int64_t now_ms)
{
    mem_free_text(&inbox->path);
    inbox->picked = NULL;
    for (size_t left = inbox->ready.count - inbox->ready.at; left > 0 && !inbox->picked; left--) {
        struct drop *drop = popped(ready_pop(&inbox->ready));
        if (!drop)
            continue;
        bool held = is_full(inbox, drop->folder->top);
        if (!held)
            drop_look(inbox, drop, now_ms);
        if (!held && drop->state == DROP_READY)
            inbox->picked = drop;
        else
            put(inbox, drop);
    }
    inbox_close_folder(inbox);
    if (inbox->picked)
        inbox->path = mem_printf("%s/%s", inbox->picked->folder->path, inbox->picked->name);
    return inbox->path;
}

void inbox_answer(struct inbox *inbox, int64_t now_ms, const struct err *why)
{
    struct drop *drop = TAKE(inbox->picked);
    if (!drop)
        return;
    if (why && why->kind != ERR_NONE) {
        drop_refuse(drop, now_ms, why->errnum ? why->errnum : EIO);
        drop->untaken = true;
        put(inbox, drop);
        return;
    }
    drop->folder->taken = true;
    drop_set(drop, DROP_GONE, WHY_NONE);
}

size_t inbox_ready(const struct inbox *inbox)
{
    size_t ready = 0;
    const struct folder *top;
    for (size_t at = 0; (top = next_top(inbox, &at));)
        if (top->counts[DROP_READY] > 0 && !is_full(inbox, top))
            ready += top->counts[DROP_READY];
    return ready;
}

size_t inbox_coming(const struct inbox *inbox)
{
    size_t coming = 0;
    const struct folder *top;
    for (size_t at = 0; (top = next_top(inbox, &at));)
        coming += top->counts[DROP_NEW] + top->counts[DROP_SETTLING] + top->counts[DROP_WAITING] +
                  top->counts[DROP_READY];
    return coming;
}

bool inbox_is_known(const struct inbox *inbox)
{
    return inbox->known && !inbox->hinted && round_is_over(inbox);
}

/* ---- what is not ---- */

static char *reason_of(const struct drop *drop)
{
    switch ((enum drop_why)drop->why) {
    case WHY_NONE:
        break;
    case WHY_CHANGING:
        return mem_strdup("still changing");
    case WHY_WRITTEN:
        return mem_strdup("still being written: somebody has it open");
    case WHY_EMPTY:
        return mem_strdup("empty, waiting for its content");
    case WHY_ERRNO:
        if (drop->errnum == EXDEV)
            return mem_strdup("is on another filesystem than running/, so no rename can take it; "
                              "no mount may lie below inbox/");
        return mem_printf("cannot be taken: %s", strerror(drop->errnum));
    case WHY_TOP:
        return mem_strdup("lies in inbox/ itself; put it into the folder of a pipeline");
    case WHY_LINK:
        return mem_strdup("is a symbolic link, which is not followed; put the file itself here");
    case WHY_KIND:
        return mem_strdup("is not a regular file");
    case WHY_DEEP:
        return mem_strdup("is a folder too deep: eight below that of a pipeline are looked at");
    }
    return NULL;
}

static bool tell_drops(const struct folder *folder, inbox_tell_fn *fn, void *arg)
{
    for (size_t i = 0; i < folder->count; i++) {
        const struct drop *drop = folder->drops[i];
        if (drop->why == WHY_NONE)
            continue;
        CLEANUP(mem_free_text) char *reason = reason_of(drop);
        CLEANUP(mem_free_text)
        char *path = mem_printf("%s%s%s", folder->path, folder->path[0] ? "/" : "", drop->name);
        if (!fn(arg, path, reason, drop->state == DROP_WAITING))
            return false;
    }
    return true;
}

void inbox_tell(const struct inbox *inbox, inbox_tell_fn *fn, void *arg)
{
    for (size_t i = 0; i < inbox->folder_count; i++) {
        const struct folder *folder = inbox->folders[i];
        CLEANUP(mem_free_text) char *reason = NULL;
        if (folder->errnum)
            reason = mem_printf("cannot be read: %s", strerror(folder->errnum));
        else if (folder->unknown && folder->unknown_count > 0)
            reason = mem_printf("there is no pipeline of this name that can be used, and %zu %s "
                                "here (takeup pipelines)",
                                folder->unknown_count,
                                folder->unknown_count == 1 ? "name waits" : "names wait");
        if ((reason && !fn(arg, folder->path, reason, false)) || !tell_drops(folder, fn, arg))
            return;
    }
}
