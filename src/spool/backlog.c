/* backlog.c - a list that is kept, and when it is made anew.
 *
 * A directory's mtime tells whether it may have changed, with two catches. A change soon after a
 * listing may leave the same mtime behind (its grain is up to 2 s), so a list is only relied upon
 * when the mtime had stood still for 2 s before it was made. And on a share the mtime itself comes
 * from a cache (20 s old on sshfs, measured), so there a list that costs next to nothing is made at
 * each rescan whatever the mtime says.
 *
 * A claim changes the mtime too. Were that, or each of many drops, a reason to list, a million
 * names would be listed for every claim; so while names are left listing has to wait until it is a
 * small part of the time. */
#include "spool/backlog.h"

#include "base/fs.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum {
    GRAIN_US = 2 * 1000 * 1000,         /* mtimes may be as coarse as that */
    REMOTE_GRAIN_US = 30 * 1000 * 1000, /* a new mtime may come with a list from an older cache */
    FULL_US = 300 * 1000 * 1000,        /* a list, and what is marked in it, is not kept longer */
    REMOTE_CHEAP_US = 20 * 1000,        /* 2 % of a second, the rescan interval there */
    LEFT_FACTOR = 32,                   /* listing takes one part in 33 while names are left, */
    SPENT_FACTOR = 2,                   /* one in 3 when they are spent or worth nothing */
};

void backlog_init(struct backlog *backlog, const struct spool *spool, enum spool_place place)
{
    *backlog = (struct backlog){ .spool = spool, .place = place };
}

void backlog_release(struct backlog *backlog)
{
    scan_release(&backlog->scan);
}

/* ---- marks ---- */

static size_t waiting_count(const struct backlog *backlog)
{
    return names_left(&backlog->scan.names) - backlog->left - backlog->refused -
           backlog->held_count;
}

static void count_mark(struct backlog *backlog, unsigned mark, int by)
{
    backlog->left += (size_t)(mark == BACKLOG_LEFT ? by : 0);
    backlog->refused += (size_t)(mark == BACKLOG_REFUSED ? by : 0);
    if (mark < BACKLOG_HELD)
        return;
    backlog->held_count += (size_t)by;
    backlog->held[mark - BACKLOG_HELD] += (uint32_t)by;
}

static void lower(size_t *at, size_t i)
{
    if (i < *at)
        *at = i;
}

void backlog_mark(struct backlog *backlog, size_t i, unsigned mark)
{
    count_mark(backlog, backlog->scan.names.entries[i].mark, -1);
    count_mark(backlog, mark, 1);
    names_mark(&backlog->scan.names, i, mark);
    if (mark >= BACKLOG_HELD)
        lower(&backlog->held_at[mark - BACKLOG_HELD], i);
    if (mark != NAMES_WAITING)
        return;
    lower(&backlog->own_at, i);
    lower(&backlog->rest_at, i);
}

void backlog_retry(struct backlog *backlog)
{
    const struct names *names = &backlog->scan.names;
    for (size_t i = 0; backlog->left + backlog->refused > 0 && i < names->count; i++)
        if (names->entries[i].mark == BACKLOG_LEFT || names->entries[i].mark == BACKLOG_REFUSED)
            backlog_mark(backlog, i, NAMES_WAITING);
}

void backlog_let_go(struct backlog *backlog)
{
    const struct names *names = &backlog->scan.names;
    for (size_t i = 0; backlog->held_count > 0 && i < names->count; i++)
        if (names->entries[i].mark >= BACKLOG_HELD)
            backlog_mark(backlog, i, NAMES_WAITING);
}

/* ---- list ---- */

static int compare(const struct names *a, size_t i, const struct names *b, size_t j, bool by_key)
{
    uint64_t left = a->entries[i].key, right = b->entries[j].key;
    if (by_key && left != right)
        return left < right ? -1 : 1;
    return strcmp(names_get(a, i), names_get(b, j));
}

/* What is known of a name stays known. */
static void carry_marks(struct backlog *backlog, const struct names *old)
{
    const struct names *names = &backlog->scan.names;
    bool by_key = backlog->place == PLACE_DEFERRED;
    size_t at = 0;
    for (size_t i = 0; i < old->count; i++) {
        int order = 1;
        if (old->entries[i].mark <= NAMES_SPENT)
            continue;
        while (at < names->count && (order = compare(names, at, old, i, by_key)) < 0)
            at++;
        if (at == names->count)
            return;
        if (order == 0)
            backlog_mark(backlog, at, old->entries[i].mark);
    }
}

static int list(struct backlog *backlog, enum backlog_cause cause, int64_t now_us, struct err *err)
{
    CLEANUP(scan_release) struct scan old = { 0 };
    struct scan scan;
    int64_t began_us = time_mono_us();
    int r = scan_place(backlog->spool, backlog->place, &scan, err);
    if (r < 0)
        return r;
    old = backlog->scan;
    backlog->scan = scan;
    backlog->own_at = backlog->rest_at = 0;
    backlog->left = backlog->refused = backlog->held_count = 0;
    memset(backlog->held, 0, sizeof(backlog->held));
    memset(backlog->held_at, 0, sizeof(backlog->held_at));
    if (now_us - backlog->fresh_us < FULL_US)
        carry_marks(backlog, &old.names);
    else
        backlog->fresh_us = now_us;
    backlog->cost_us = time_mono_us() - began_us;
    backlog->listed_us = now_us + backlog->cost_us;
    backlog->listed = backlog->seen;
    backlog->stale = false;
    backlog->rest_listed = cause == BACKLOG_SPENT;
    return 1;
}

/* ---- when ---- */

static bool is_same(const struct backlog_stamp *a, const struct backlog_stamp *b)
{
    return a->mtime.tv_sec == b->mtime.tv_sec && a->mtime.tv_nsec == b->mtime.tv_nsec &&
           a->inode == b->inode;
}

static int see(struct backlog *backlog, int64_t now_us, struct err *err)
{
    struct stat st;
    int dir_fd = spool_dir(backlog->spool, backlog->place);
    CLEANUP(fs_close) int fd = -1;
    if (backlog->remote) { /* only an open by name asks an NFS server */
        fd = openat(spool_root(backlog->spool), spool_place_name(backlog->place),
                    O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        dir_fd = fd;
    }
    if (dir_fd < 0 || fstat(dir_fd, &st) < 0)
        return err_set(err, ERR_IO, errno, "look at '%s/%s'", spool_path(backlog->spool),
                       spool_place_name(backlog->place));
    struct backlog_stamp now = { st.st_mtim, st.st_ino };
    if (backlog->seen_us == 0 || !is_same(&now, &backlog->seen))
        backlog->seen_us = now_us;
    backlog->seen = now;
    return 0;
}

static bool may_have_changed(const struct backlog *backlog, enum backlog_cause cause,
                             int64_t now_us)
{
    if (backlog->listed_us == 0 || !is_same(&backlog->seen, &backlog->listed))
        return true;
    if (cause == BACKLOG_CLAIM)
        return false;
    int64_t grain_us = backlog->remote ? REMOTE_GRAIN_US : GRAIN_US;
    bool is_sure = backlog->listed_us - backlog->cost_us - backlog->seen_us >= grain_us;
    bool is_old = now_us - backlog->listed_us >= FULL_US;
    bool is_cheap = backlog->remote && backlog->cost_us <= REMOTE_CHEAP_US;
    return !is_sure || is_old || is_cheap || cause == BACKLOG_SPENT;
}

static int64_t may_list_us(const struct backlog *backlog, bool spent)
{
    if (backlog->listed_us == 0)
        return 0;
    int factor = waiting_count(backlog) > 0 && !spent ? LEFT_FACTOR : SPENT_FACTOR;
    return backlog->listed_us + backlog->cost_us * factor;
}

int64_t backlog_due_us(const struct backlog *backlog)
{
    return backlog->stale ? may_list_us(backlog, false) : INT64_MAX;
}

int backlog_look(struct backlog *backlog, enum backlog_cause cause, int64_t now_us, struct err *err)
{
    if (backlog->listed_us == 0) {
        backlog->remote = fs_is_remote(spool_root(backlog->spool));
        backlog->fresh_us = now_us;
    }
    int r = see(backlog, now_us, err);
    if (r < 0)
        return r;
    if (may_have_changed(backlog, cause, now_us))
        backlog->stale = true;
    if (!backlog->stale || now_us < may_list_us(backlog, cause == BACKLOG_SPENT))
        return 0;
    return list(backlog, cause, now_us, err);
}

bool backlog_offer(struct backlog *backlog, const char *file_name)
{
    if (backlog->listed_us == 0 || backlog->remote || backlog->stale ||
        names_left(&backlog->scan.names) > 0 || !scan_is_job_file(file_name))
        return false;
    names_clear(&backlog->scan.names);
    names_add(&backlog->scan.names, file_name, 0);
    backlog->own_at = backlog->rest_at = 0;
    backlog->rest_listed = false;
    backlog->stale = true;
    return true;
}

/* ---- which ---- */

bool backlog_share_has(const struct backlog_share *share, const char *name)
{
    uint32_t hash = 2166136261U; /* FNV-1a: the same on every host */
    if (share->workers < 2)
        return true;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619U;
    /* The lowest bits of such a hash depend on few of the name's. */
    return (hash ^ hash >> 16) % share->workers == share->rank;
}

static bool is_own(const struct backlog *backlog, size_t i)
{
    return backlog_share_has(&backlog->share, names_get(&backlog->scan.names, i));
}

bool backlog_is_of_rest(const struct backlog *backlog, size_t i)
{
    return !is_own(backlog, i);
}

/* From *at on, which is left at the answer, or at the first whose key is too high. */
static bool walk(const struct backlog *backlog, size_t *at, bool own, uint64_t max_key)
{
    const struct names *names = &backlog->scan.names;
    for (; *at < names->count && names->entries[*at].key <= max_key; ++*at)
        if (names->entries[*at].mark == NAMES_WAITING && is_own(backlog, *at) == own)
            return true;
    return false;
}

ssize_t backlog_peek(struct backlog *backlog, const struct backlog_share *share, uint64_t max_key)
{
    if (share->rank != backlog->share.rank || share->workers != backlog->share.workers) {
        backlog->share = *share;
        backlog->own_at = backlog->rest_at = 0;
    }
    if (waiting_count(backlog) == 0)
        return -1;
    if (walk(backlog, &backlog->own_at, true, max_key))
        return (ssize_t)backlog->own_at;
    return walk(backlog, &backlog->rest_at, false, max_key) ? (ssize_t)backlog->rest_at : -1;
}

ssize_t backlog_peek_held(struct backlog *backlog, size_t group)
{
    const struct names *names = &backlog->scan.names;
    if (backlog->held[group] == 0)
        return -1;
    size_t *at = &backlog->held_at[group];
    while (names->entries[*at].mark != BACKLOG_HELD + group)
        ++*at;
    return (ssize_t)*at;
}

uint64_t backlog_first_key(struct backlog *backlog)
{
    const struct names_entry *entries = backlog->scan.names.entries;
    uint64_t key = UINT64_MAX;
    if (waiting_count(backlog) == 0)
        return key;
    if (walk(backlog, &backlog->own_at, true, UINT64_MAX))
        key = entries[backlog->own_at].key;
    if (walk(backlog, &backlog->rest_at, false, UINT64_MAX) && entries[backlog->rest_at].key < key)
        key = entries[backlog->rest_at].key;
    return key;
}

const char *backlog_name(const struct backlog *backlog, size_t i)
{
    return names_get(&backlog->scan.names, i);
}
