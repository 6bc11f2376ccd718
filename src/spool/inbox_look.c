/* inbox_look.c - one look at a dropped file, and what it says together with those before it. */
#include "spool/inbox_private.h"

#include "base/time.h"

#include <errno.h>

enum { AGAIN_FIRST_MS = 1000, AGAIN_MAX_MS = 60 * 1000, AGAIN_EMPTY_MS = 5 * 1000 };

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

void inbox_close_folder(struct inbox *inbox)
{
    fs_close(&inbox->opened_fd);
    inbox->opened = NULL;
}

void drop_refuse(struct drop *drop, int64_t now_ms, int errnum)
{
    int64_t again_ms = (int64_t)AGAIN_FIRST_MS << (drop->tries < 10 ? drop->tries++ : 10);
    drop->next_ms = now_ms + (again_ms < AGAIN_MAX_MS ? again_ms : AGAIN_MAX_MS);
    drop->errnum = errnum;
    drop_set(drop, DROP_REFUSED, WHY_ERRNO);
}

static void look_failed(struct drop *drop, int64_t now_ms, const struct err *err)
{
    int errnum = err->errnum;
    drop->untaken = false;
    if (errnum == ENOENT || errnum == ENOTDIR || errnum == ESTALE)
        drop_set(drop, DROP_GONE, WHY_NONE); /* if it is there, the next listing has it */
    else if (errnum == ELOOP || err->kind == ERR_INPUT)
        drop_set(drop, DROP_NEVER, errnum == ELOOP ? WHY_LINK : WHY_KIND);
    else
        drop_refuse(drop, now_ms, errnum);
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
        /* That it may be tried again does not mean that it can be taken: it is told of till then.
         */
        drop_set(drop, DROP_READY, drop->untaken ? WHY_ERRNO : WHY_NONE);
}

/* Open and fstat: plain stat has been seen to show a growing file unchanged for 20 s on sshfs. */
void drop_look(struct inbox *inbox, struct drop *drop, int64_t now_ms)
{
    struct err err = { 0 };
    struct stat st;
    CLEANUP(fs_close) int fd = -1;
    int r = open_folder(inbox, drop->folder, &err);
    if (r == 0)
        r = fs_open_file(inbox->opened_fd, drop->name, &fd, &st, &err);
    if (r != 0) {
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
        drop->untaken = false;
    }
    drop->print = print;
    drop->ctime_ns = ctime_ns;
    judge(inbox, drop, !inbox->remote && fs_is_being_written(fd), !first && !same, now_ms);
}
