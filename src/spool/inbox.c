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
    AGAIN_FIRST_MS = 1000,
    AGAIN_MAX_MS = 60 * 1000,
    AGAIN_EMPTY_MS = 5 * 1000,
};

void drop_set(struct drop *drop, enum drop_state state, enum drop_why why)
{
    struct folder *top = drop->folder->top;
    if (top && drop->state != DROP_GONE)
        top->counts[drop->state]--;
    if (top && state != DROP_GONE)
        top->counts[state]++;
    drop->state = (uint8_t)state;
    drop->why = (uint8_t)why;
}

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

/* ---- one look ---- */

static int open_folder(struct inbox *inbox, struct folder *folder, struct err *err)
{
    if (inbox->opened == folder)
        return 0;
    fs_close(&inbox->opened_fd);
    inbox->opened = NULL;
    int r = inbox_open_folder(inbox->spool, folder->path, &inbox->opened_fd, err);
    if (r == 0)
        inbox->opened = folder;
    return r;
}

/* Nothing stays open between turns: SMB renames no directory in which we hold something. */
static void close_folder(struct inbox *inbox)
{
    fs_close(&inbox->opened_fd);
    inbox->opened = NULL;
}

static void refuse(struct drop *drop, int64_t now_ms, int errnum)
{
    int64_t again_ms = (int64_t)AGAIN_FIRST_MS << (drop->tries < 10 ? drop->tries++ : 10);
    drop->next_ms = now_ms + (again_ms < AGAIN_MAX_MS ? again_ms : AGAIN_MAX_MS);
    drop->errnum = errnum;
    drop_set(drop, DROP_REFUSED, WHY_ERRNO);
}

static void look_failed(struct drop *drop, int64_t now_ms, const struct err *err)
{
    int errnum = err->errnum;
    if (errnum == ENOENT || errnum == ENOTDIR || errnum == ESTALE)
        drop_set(drop, DROP_GONE, WHY_NONE); /* if it is there, the next listing has it */
    else if (errnum == ELOOP || err->kind == ERR_INPUT)
        drop_set(drop, DROP_NEVER, errnum == ELOOP ? WHY_LINK : WHY_KIND);
    else
        refuse(drop, now_ms, errnum);
}

/* For how long it has yet to look the same; 0: it has settled. The time of the last change counts
 * on a local disk, where our clock made it, and only if it is not from the future. */
static int64_t unsettled_ms(const struct inbox *inbox, const struct drop *drop, int64_t now_ms)
{
    int64_t left_ms = inbox->rules.settle_ms - (now_ms - drop->since_ms);
    int64_t age_ms = time_wall_ms() - drop->ctime_ns / 1000000;
    if (!inbox->remote && age_ms >= 0 && inbox->rules.settle_ms - age_ms < left_ms)
        left_ms = inbox->rules.settle_ms - age_ms;
    return left_ms < 0 ? 0 : left_ms;
}

/* May content still come? A file of 0 bytes is how many an upload begins. */
static bool is_empty_yet(const struct inbox *inbox, const struct drop *drop, int64_t now_ms)
{
    int64_t age_ms = time_wall_ms() - drop->ctime_ns / 1000000;
    return drop->print.size_bytes == 0 && now_ms - drop->since_ms < inbox->rules.input_wait_ms &&
           (inbox->remote || age_ms < inbox->rules.input_wait_ms);
}

static void wait_for(struct drop *drop, enum drop_why why, int64_t next_ms)
{
    drop->next_ms = next_ms;
    drop_set(drop, why == WHY_NONE ? DROP_SETTLING : DROP_WAITING, why);
}

static void judge(struct inbox *inbox, struct drop *drop, bool is_written, bool changed,
                  int64_t now_ms)
{
    const struct inbox_rules *rules = &inbox->rules;
    int64_t left_ms = unsettled_ms(inbox, drop, now_ms);
    if (is_written)
        wait_for(drop, WHY_WRITTEN,
                 now_ms + (rules->settle_ms < AGAIN_FIRST_MS ? AGAIN_FIRST_MS : rules->settle_ms));
    else if (left_ms > 0)
        wait_for(drop, changed || drop->why == WHY_CHANGING ? WHY_CHANGING : WHY_NONE,
                 now_ms + left_ms);
    else if (is_empty_yet(inbox, drop, now_ms))
        wait_for(drop, WHY_EMPTY,
                 now_ms + (rules->input_wait_ms < AGAIN_EMPTY_MS ? rules->input_wait_ms
                                                                 : AGAIN_EMPTY_MS));
    else
        drop_set(drop, DROP_READY, WHY_NONE);
}

/* Open and fstat: plain stat has been seen to show a growing file unchanged for 20 s on sshfs. */
static void look(struct inbox *inbox, struct drop *drop, int64_t now_ms)
{
    struct err err = { 0 };
    struct stat st;
    CLEANUP(fs_close) int fd = -1;
    int r = open_folder(inbox, drop->folder, &err);
    if (r == 0)
        r = fs_open_file(inbox->opened_fd, drop->name, &fd, &st, &err);
    if (r < 0) {
        look_failed(drop, now_ms, &err);
        return;
    }
    struct fs_print print = fs_print_of(&st);
    int64_t ctime_ns = st.st_ctim.tv_sec * INT64_C(1000000000) + st.st_ctim.tv_nsec;
    bool first = drop->state == DROP_NEW;
    bool same = !first && fs_print_equal(&print, &drop->print) &&
                (inbox->remote || ctime_ns == drop->ctime_ns);
    if (!same) {
        drop->since_ms = now_ms;
        drop->tries = 0;
    }
    drop->print = print;
    drop->ctime_ns = ctime_ns;
    judge(inbox, drop, !inbox->remote && fs_is_being_written(fd), !first && !same, now_ms);
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
    close_folder(old);
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
        look(inbox, drop, now_ms);
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

/* Some of each folder in turn, so that no folder and no pipeline waits for a longer one. */
static void look_at_new(struct inbox *inbox, int64_t now_ms, int *budget)
{
    while (*budget > 0 && wants_new(inbox)) {
        if (inbox->new_at >= inbox->folder_count)
            inbox->new_at = 0;
        struct folder *folder = inbox->folders[inbox->new_at++];
        for (int i = 0;
             i < FROM_ONE_FOLDER && is_hungry(folder->top) && folder->next_new < folder->count;) {
            struct drop *drop = folder->drops[folder->next_new++];
            if (drop->state != DROP_NEW)
                continue;
            look(inbox, drop, now_ms);
            put(inbox, drop);
            --*budget;
            i++;
        }
    }
}

int inbox_turn(struct inbox *inbox, int64_t now_ms, struct err *err)
{
    int budget = TURN_BUDGET;
    int r = visit_folders(inbox, now_ms, &budget, err);
    if (r == 0) {
        look_at_due(inbox, now_ms, &budget);
        look_at_new(inbox, now_ms, &budget);
    }
    close_folder(inbox);
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
            look(inbox, drop, now_ms);
        if (!held && drop->state == DROP_READY)
            inbox->picked = drop;
        else
            put(inbox, drop);
    }
    close_folder(inbox);
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
        refuse(drop, now_ms, why->errnum ? why->errnum : EIO);
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
