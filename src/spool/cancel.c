/* cancel.c - requests, and the jobs that they are for.
 *
 * A request stays until nobody has such a job any more, and that may take as long as another worker
 * takes to die. A job of the same name that comes meanwhile must not go with it, so what is newer
 * than the request is left alone. Both times are those of the spool's own files: of the request the
 * later of its two (a client may set the one by its own clock), of a job when it was written. A
 * half-written one is always growing, and is what was meant.
 *
 * A job moves while we look, so it may be missed once: whoever finds none looks again before the
 * request is removed. */
#include "spool/cancel.h"

#include "base/fs.h"
#include "base/mem.h"
#include "spool/listing.h"
#include "spool/pending.h"
#include "spool/running.h"
#include "spool/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- requests ---- */

int cancel_ask(const struct spool *spool, const char *name, struct err *err)
{
    int cancel = spool_dir(spool, PLACE_CANCEL);
    int r = name_check(name, err);
    if (r < 0)
        return r;
    /* Made anew rather than touched: then its time is by the spool's clock, and not ours. */
    (void)unlinkat(cancel, name, 0);
    r = fs_write_file(cancel, name, "", 0, 0, err);
    if (r < 0) {
        err_context(err, "ask in '%s/cancel'", spool_path(spool));
        return r;
    }
    return fs_sync_dir(cancel, "cancel", err);
}

static int by_dir_name(const void *a, const void *b)
{
    const struct cancel_request *left = a, *right = b;
    return strcmp(left->dir_name, right->dir_name);
}

int cancel_read(const struct spool *spool, struct cancel_requests *ret_requests, struct err *err)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    int cancel = spool_dir(spool, PLACE_CANCEL);
    *ret_requests = (struct cancel_requests){ 0 };
    int r = listing_read(cancel, ".", &listing, err);
    if (r < 0 || listing.count == 0)
        return r;
    struct cancel_requests requests = { .all = mem_zero(listing.count,
                                                        sizeof(struct cancel_request)) };
    for (size_t i = 0; i < listing.count; i++) {
        const char *name = listing.entries[i].name;
        struct cancel_request *request = &requests.all[requests.count];
        struct stat st;
        if (name_check(name, NULL) < 0 || listing.entries[i].type == DT_DIR ||
            fstatat(cancel, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        (void)snprintf(request->name, NAME_SIZE, "%s", name);
        name_for_directory(name, request->dir_name);
        int64_t mtime_ms = fs_mtime_ms(&st), ctime_ms = fs_ctime_ms(&st);
        request->asked_ms = mtime_ms > ctime_ms ? mtime_ms : ctime_ms;
        requests.count++;
    }
    if (requests.count > 0)
        qsort(requests.all, requests.count, sizeof(requests.all[0]), by_dir_name);
    *ret_requests = requests;
    return 0;
}

void cancel_release(struct cancel_requests *requests)
{
    free(requests->all);
    *requests = (struct cancel_requests){ 0 };
}

int cancel_remove(const struct spool *spool, const struct cancel_request *request, struct err *err)
{
    if (unlinkat(spool_dir(spool, PLACE_CANCEL), request->name, 0) == 0 || errno == ENOENT)
        return 0;
    return err_set(err, ERR_IO, errno, "remove the request 'cancel/%s'", request->name);
}

/* ---- the jobs ---- */

struct finding {
    const struct spool *spool;
    const struct cancel_requests *requests;
    cancel_fn *fn;
    void *arg;
    bool ended;
};

/* A request may have been taken back since it was read. */
static bool is_asked(const struct finding *finding, const struct cancel_request *request)
{
    struct stat st;
    return fstatat(spool_dir(finding->spool, PLACE_CANCEL), request->name, &st,
                   AT_SYMLINK_NOFOLLOW) == 0;
}

static void found(struct finding *finding, const struct cancel_request *request,
                  enum spool_place place, const char *path)
{
    if (!finding->ended && is_asked(finding, request))
        finding->ended = finding->fn(finding->arg, request, place, path);
}

static void find_pending(struct finding *finding, const struct cancel_request *request)
{
    CLEANUP(mem_free_text) char *file = mem_printf("%s.json", request->name);
    for (size_t i = 0; i < SCAN_LANES && !finding->ended; i++) {
        int lane_fd = spool_dir(finding->spool, scan_places[i]);
        struct stat st;
        if (fstatat(lane_fd, file, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
            continue;
        struct pending_look look;
        pending_look(lane_fd, file, NULL, &look);
        if (look.state != PENDING_WHOLE || look.changed_ms <= request->asked_ms)
            found(finding, request, scan_places[i], file);
    }
}

static const struct cancel_request *request_for(const struct finding *finding, const char *dir_name)
{
    struct cancel_request wanted = { 0 };
    (void)snprintf(wanted.dir_name, NAME_SIZE, "%s", dir_name);
    return bsearch(&wanted, finding->requests->all, finding->requests->count, sizeof(wanted),
                   by_dir_name);
}

/* Is X.job in that directory, and no newer than the request? */
static bool is_meant(int dir_fd, const char *path, const struct cancel_request *request)
{
    CLEANUP(mem_free_text) char *file = mem_printf("%s/%s.job", path, request->name);
    struct stat st;
    return fstatat(dir_fd, file, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           pending_changed_ms(&st) <= request->asked_ms;
}

static int find_deferred(struct finding *finding, struct err *err)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    int deferred = spool_dir(finding->spool, PLACE_DEFERRED);
    int r = listing_read(deferred, ".", &listing, err);
    for (size_t i = 0; i < listing.count && !finding->ended; i++) {
        char name[NAME_SIZE], token[TOKEN_SIZE];
        int64_t due_s;
        const char *dir = listing.entries[i].name;
        const struct cancel_request *request = NULL;
        if (name_deferred_parse(dir, name, &due_s, token))
            request = request_for(finding, name);
        if (request && is_meant(deferred, dir, request))
            found(finding, request, PLACE_DEFERRED, dir);
    }
    return r;
}

static bool find_running(void *arg, const char *worker, const char *path, const char *name)
{
    (void)worker;
    struct finding *finding = arg;
    char dir_name[NAME_SIZE];
    name_for_directory(name, dir_name);
    const struct cancel_request *request = request_for(finding, dir_name);
    if (request && is_meant(spool_dir(finding->spool, PLACE_RUNNING), path, request))
        found(finding, request, PLACE_RUNNING, path);
    return finding->ended;
}

int cancel_find(const struct spool *spool, const struct cancel_requests *requests, cancel_fn *fn,
                void *arg, struct err *err)
{
    struct finding finding = { .spool = spool, .requests = requests, .fn = fn, .arg = arg };
    for (size_t i = 0; i < requests->count && !finding.ended; i++)
        find_pending(&finding, &requests->all[i]);
    int r = finding.ended ? 0 : find_deferred(&finding, err);
    if (r == 0 && !finding.ended)
        running_each(spool, find_running, &finding);
    return r;
}

int cancel_claim(struct seat *seat, enum spool_place place, const char *path,
                 struct claim **ret_claim, struct err *err)
{
    return place == PLACE_DEFERRED ? claim_deferred(seat, path, ret_claim, err)
                                   : claim_pending(seat, place, path, NULL, ret_claim, err);
}
