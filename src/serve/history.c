/* history.c - the times of what ended, kept between two looks.
 *
 * A place with a hundred thousand jobs takes 50 ms to list and as much to stat when it is cached,
 * and minutes when each stat asks a server. So the stats stop at a deadline and go on at the next
 * look, those names first that sort last: the names that `submit` makes sort by time.
 *
 * A directory's mtime tells whether it is to be listed again; what was listed within 2 s of its
 * last change may have missed another one with the same time, and is listed once more.
 *
 * A job that is tried again may end anew under its name between two lists, and its directory is the
 * same: only its time tells. So after each list all times are asked for again, a part of them at
 * each look; until its turn comes a job has the time that was known. */
#include "serve/history.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"
#include "spool/listing.h"
#include "spool/names.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { LIST_FACTOR = 20, STATS_BETWEEN_CLOCKS = 64, ASKED_AGAIN_MAX = 500 };
enum { GONE_MS = -1, UNKNOWN_MS = 0 };
static const int64_t grain_us = 2000000; /* mtimes may be as coarse as that */
static const int64_t hour_ms = INT64_C(3600) * 1000;

struct stamp {
    struct timespec mtime;
    ino_t inode;
};

struct history {
    const struct spool *spool;
    enum spool_place place;
    struct names names; /* sorted by name */
    int64_t *ended_ms;  /* of each; or GONE_MS, UNKNOWN_MS */
    size_t unknown;
    size_t again, again_before; /* how many are to be asked again; the next is before that one */
    struct stamp seen, listed;  /* the directory: at the last look, when listed */
    int64_t seen_us;            /* since when it has been seen so */
    int64_t listed_us, cost_us; /* listed_us 0: never */
};

struct history *history_new(const struct spool *spool, enum spool_place place)
{
    struct history *history = MEM_NEW(struct history);
    history->spool = spool;
    history->place = place;
    return history;
}

void history_free(struct history **history)
{
    if (!*history)
        return;
    names_release(&(*history)->names);
    free((*history)->ended_ms);
    free(*history);
    *history = NULL;
}

/* ---- list ---- */

static void add_directory(void *arg, const char *name, unsigned char type)
{
    if (name[0] != '.' && (type == DT_DIR || type == DT_UNKNOWN))
        names_add(arg, name, 0);
}

/* What is known of a name stays known. Both are sorted. */
static int64_t *carry_times(const struct history *history, const struct names *names,
                            size_t *ret_unknown)
{
    int64_t *ended_ms = mem_zero(names->count + 1, sizeof(*ended_ms));
    size_t at = 0;
    *ret_unknown = names->count;
    for (size_t i = 0; i < names->count; i++) {
        int order = 1;
        while (at < history->names.count &&
               (order = strcmp(names_get(&history->names, at), names_get(names, i))) < 0)
            at++;
        if (at == history->names.count)
            break;
        if (order == 0 && history->ended_ms[at] > 0) {
            ended_ms[i] = history->ended_ms[at];
            --*ret_unknown;
        }
    }
    return ended_ms;
}

static int list(struct history *history, int64_t now_us, struct err *err)
{
    CLEANUP(names_release) struct names names = { 0 };
    int r =
        listing_each(spool_dir(history->spool, history->place), ".", add_directory, &names, err);
    if (r < 0) {
        err_context(err, "'%s/%s'", spool_path(history->spool), spool_place_name(history->place));
        return r;
    }
    names_sort_by_name(&names);
    int64_t *ended_ms = carry_times(history, &names, &history->unknown);
    free(history->ended_ms);
    history->ended_ms = ended_ms;
    names_release(&history->names);
    history->names = names;
    names = (struct names){ 0 };
    history->again = history->unknown < history->names.count ? history->names.count : 0;
    history->listed = history->seen;
    history->listed_us = now_us;
    history->cost_us = time_mono_us() - now_us;
    return 0;
}

/* ---- when ---- */

static bool is_same(const struct stamp *a, const struct stamp *b)
{
    return a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec &&
           a->inode == b->inode;
}

/* Opened by name: only that asks an NFS server what the directory is by now. */
static int see(struct history *history, int64_t now_us, struct err *err)
{
    struct stat st;
    const char *name = spool_place_name(history->place);
    CLEANUP(fs_close)
    int fd = openat(spool_root(history->spool), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_set(err, ERR_IO, errno, "look at '%s/%s'", spool_path(history->spool), name);
    struct stamp now = { st.st_mtim, st.st_ino };
    if (history->seen_us == 0 || !is_same(&now, &history->seen))
        history->seen_us = now_us;
    history->seen = now;
    return 0;
}

static bool may_have_changed(const struct history *history)
{
    if (history->listed_us == 0)
        return true;
    bool is_sure = history->listed_us - history->seen_us >= grain_us;
    return !is_sure || !is_same(&history->seen, &history->listed);
}

/* ---- stat ---- */

static bool is_late(size_t asked, int64_t deadline_us)
{
    return asked % STATS_BETWEEN_CLOCKS == 0 && time_mono_us() >= deadline_us;
}

static void ask(struct history *history, size_t i)
{
    struct stat st;
    int dir_fd = spool_dir(history->spool, history->place);
    bool is_there = fstatat(dir_fd, names_get(&history->names, i), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                    S_ISDIR(st.st_mode) && fs_mtime_ms(&st) > 0;
    history->ended_ms[i] = is_there ? fs_mtime_ms(&st) : GONE_MS;
}

static void ask_unknown(struct history *history, int64_t deadline_us)
{
    size_t asked = 0;
    for (size_t i = history->names.count; i > 0 && history->unknown > 0; i--) {
        if (history->ended_ms[i - 1] != UNKNOWN_MS)
            continue;
        if (asked > 0 && is_late(asked, deadline_us))
            return;
        asked++;
        ask(history, i - 1);
        history->unknown--;
    }
}

/* Round and round, also from one list to the next: where jobs end all the time, each has its turn.
 */
static void ask_again(struct history *history, int64_t deadline_us)
{
    for (size_t asked = 0; history->again > 0 && asked < ASKED_AGAIN_MAX; asked++) {
        if (is_late(asked, deadline_us))
            return;
        if (history->again_before == 0 || history->again_before > history->names.count)
            history->again_before = history->names.count;
        ask(history, --history->again_before);
        history->again--;
    }
}

int history_look(struct history *history, int64_t deadline_us, struct err *err)
{
    int64_t now_us = time_mono_us();
    int r = see(history, now_us, err);
    bool is_due =
        history->listed_us == 0 || now_us >= history->listed_us + history->cost_us * LIST_FACTOR;
    if (r == 0 && is_due && may_have_changed(history))
        r = list(history, now_us, err);
    if (r == 0)
        ask_unknown(history, deadline_us);
    if (r == 0 && history->unknown == 0)
        ask_again(history, deadline_us);
    return r;
}

/* ---- what is known ---- */

size_t history_count(const struct history *history)
{
    return history->names.count;
}

size_t history_known(const struct history *history)
{
    return history->names.count - history->unknown;
}

size_t history_newest(const struct history *history, struct history_job *out, size_t room)
{
    size_t count = 0;
    for (size_t i = 0; i < history->names.count && room > 0; i++) {
        int64_t ended_ms = history->ended_ms[i];
        if (ended_ms <= 0 || (count == room && ended_ms <= out[count - 1].ended_ms))
            continue;
        size_t at = count < room ? count++ : count - 1;
        for (; at > 0 && out[at - 1].ended_ms < ended_ms; at--)
            out[at] = out[at - 1];
        out[at] = (struct history_job){ names_get(&history->names, i), ended_ms };
    }
    return count;
}

void history_hours(const struct history *history, int64_t now_ms, int64_t *out, size_t count)
{
    int64_t first_ms = (now_ms / hour_ms - (int64_t)count + 1) * hour_ms;
    for (size_t i = 0; i < history->names.count; i++) {
        if (history->ended_ms[i] < first_ms)
            continue;
        size_t hour = (size_t)((history->ended_ms[i] - first_ms) / hour_ms);
        out[hour < count ? hour : count - 1]++;
    }
}

int64_t history_since(const struct history *history, int64_t since_ms)
{
    int64_t count = 0;
    for (size_t i = 0; i < history->names.count; i++)
        count += history->ended_ms[i] > 0 && history->ended_ms[i] >= since_ms;
    return count;
}
