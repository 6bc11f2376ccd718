/* A directory's mtime tells whether it changed, but for a change that came so soon after the last
 * one that both have the same time (its grain is up to 2 s): a list that was made then is made
 * again. On a share the time comes from a cache, so there a list gets old. running/ and inbox/ are
 * trees, with a time in each of their folders: they are listed each time. */
#include "serve/shelf.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"
#include "spool/dropped.h"
#include "spool/listing.h"
#include "spool/name.h"
#include "spool/running.h"
#include "spool/scan.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum {
    GRAIN_US = 2 * 1000 * 1000,
    REMOTE_OLD_US = 10 * 1000 * 1000,
    COST_FACTOR = 9, /* listing takes at most a tenth of the time */
};

static const struct {
    enum spool_place place;
    const char *state, *lane;
} kinds[] = {
    [SHELF_RUNNING] = { PLACE_RUNNING, "running", NULL },
    [SHELF_HIGH] = { PLACE_PENDING_HIGH, "pending", "high" },
    [SHELF_NORMAL] = { PLACE_PENDING, "pending", "normal" },
    [SHELF_LOW] = { PLACE_PENDING_LOW, "pending", "low" },
    [SHELF_DEFERRED] = { PLACE_DEFERRED, "deferred", NULL },
    [SHELF_INBOX] = { PLACE_INBOX, "inbox", NULL },
    [SHELF_DONE] = { PLACE_DONE, "done", NULL },
    [SHELF_ERROR] = { PLACE_ERROR, "error", NULL },
};

const char *shelf_state(enum shelf_kind kind)
{
    return kinds[kind].state;
}

const char *shelf_lane(enum shelf_kind kind)
{
    return kinds[kind].lane;
}

enum spool_place shelf_place(enum shelf_kind kind)
{
    return kinds[kind].place;
}

void shelf_init(struct shelf *shelf, const struct spool *spool, enum shelf_kind kind)
{
    *shelf = (struct shelf){ .kind = kind, .spool = spool };
}

void shelf_release(struct shelf *shelf)
{
    names_release(&shelf->names);
    shelf->listed_us = 0;
}

bool shelf_job_name(enum shelf_kind kind, const char *entry, char *ret_name)
{
    char token[TOKEN_SIZE];
    int64_t due_s;
    const char *slash;
    switch (kind) {
    case SHELF_HIGH:
    case SHELF_NORMAL:
    case SHELF_LOW:
        return scan_is_job_file(entry) && name_of_job_file(entry, ret_name);
    case SHELF_DEFERRED:
        return name_deferred_parse(entry, ret_name, &due_s, token);
    case SHELF_RUNNING:
        (void)snprintf(ret_name, NAME_SIZE, "%.*s", (int)strcspn(entry, "/"), entry);
        return true;
    case SHELF_INBOX:
        slash = strchr(entry, '/');
        if (slash)
            name_for_inbox(slash + 1, ret_name);
        return slash != NULL;
    default:
        (void)snprintf(ret_name, NAME_SIZE, "%s", entry);
        return entry[0] != '.';
    }
}

static void take_entry(void *arg, const char *entry, unsigned char type)
{
    struct shelf *shelf = arg;
    char name[NAME_SIZE];
    bool is_dir = shelf->kind >= SHELF_DEFERRED;
    if ((type == DT_DIR) == is_dir && shelf_job_name(shelf->kind, entry, name))
        names_add(&shelf->names, entry, 0);
}

static bool take_running(void *arg, const char *worker, const char *path, const char *name)
{
    struct shelf *shelf = arg;
    (void)worker;
    CLEANUP(mem_free_text) char *entry = mem_printf("%s/%s", name, path);
    names_add(&shelf->names, entry, 0);
    return false;
}

static void take_dropped(void *arg, const char *path)
{
    struct shelf *shelf = arg;
    names_add(&shelf->names, path, 0);
}

static int list(struct shelf *shelf, struct err *err)
{
    int r = 0;
    names_clear(&shelf->names);
    if (shelf->kind == SHELF_RUNNING)
        running_each(shelf->spool, take_running, shelf);
    else if (shelf->kind == SHELF_INBOX)
        dropped_each(shelf->spool, take_dropped, shelf);
    else
        r = listing_each(spool_dir(shelf->spool, shelf_place(shelf->kind)), ".", take_entry, shelf,
                         err);
    names_sort_by_name(&shelf->names);
    return r;
}

static void see(struct shelf *shelf, const struct timespec *mtime, int64_t now_us)
{
    if (shelf->same_us > 0 && mtime->tv_sec == shelf->mtime.tv_sec &&
        mtime->tv_nsec == shelf->mtime.tv_nsec)
        return;
    shelf->mtime = *mtime;
    shelf->same_us = now_us;
    shelf->is_stale = true;
}

static bool is_to_be_listed(const struct shelf *shelf, int64_t now_us)
{
    int64_t age_us = now_us - shelf->listed_us;
    if (shelf->listed_us == 0)
        return true;
    if (age_us < shelf->cost_us * COST_FACTOR)
        return false;
    return shelf->is_stale || !shelf->is_sure || shelf->kind == SHELF_RUNNING ||
           shelf->kind == SHELF_INBOX ||
           (age_us > REMOTE_OLD_US && fs_is_remote(spool_root(shelf->spool)));
}

int shelf_look(struct shelf *shelf, int64_t now_us, struct err *err)
{
    struct stat st;
    enum spool_place place = shelf_place(shelf->kind);
    if (fstat(spool_dir(shelf->spool, place), &st) < 0)
        return err_set(err, ERR_IO, errno, "look at '%s/%s'", spool_path(shelf->spool),
                       spool_place_name(place));
    see(shelf, &st.st_mtim, now_us);
    if (!is_to_be_listed(shelf, now_us))
        return 0;
    int64_t began_us = time_mono_us();
    int r = list(shelf, err);
    if (r < 0) {
        shelf_release(shelf);
        return r;
    }
    shelf->is_stale = false;
    shelf->is_sure = now_us - shelf->same_us >= GRAIN_US;
    shelf->cost_us = time_mono_us() - began_us;
    shelf->listed_us = now_us;
    return 0;
}

size_t shelf_find(const struct shelf *shelf, const char *name)
{
    size_t low = 0, high = shelf->names.count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(names_get(&shelf->names, middle), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
