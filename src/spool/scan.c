#include "spool/scan.h"

#include "base/fs.h"
#include "spool/listing.h"
#include "spool/name.h"

#include <string.h>

const enum spool_place scan_places[SCAN_PLACES] = { PLACE_PENDING_HIGH, PLACE_PENDING,
                                                    PLACE_PENDING_LOW, PLACE_DEFERRED };

struct scanning {
    enum spool_place place;
    struct scan *scan;
};

/* Why a name in pending cannot be taken, as far as its name and kind tell; NULL: it can. */
static const char *pending_reason(const char *file_name, unsigned char type)
{
    char name[NAME_SIZE];
    switch (type) {
    case DT_REG:
    case DT_UNKNOWN: /* it went away, or nobody can tell: the claim will see */
        break;
    case DT_DIR:
        return "is a directory; a job is a .json file";
    case DT_LNK:
        return "is a symbolic link, which is not followed; put the job file itself here";
    case DT_FIFO:
        return "is a FIFO; a job is a regular file";
    default:
        return "is not a regular file";
    }
    if (name_of_job_file(file_name, name))
        return NULL;
    return "is not a job: a job is a .json file; media go to media/ and are named by a job "
           "(takeup submit writes one), or to inbox/PIPELINE/";
}

bool scan_is_job_file(const char *file_name)
{
    return !name_is_ignored(file_name) && !pending_reason(file_name, DT_UNKNOWN);
}

static void add_pending(void *arg, const char *name, unsigned char type)
{
    const struct scanning *scanning = arg;
    bool is_lane = scanning->place == PLACE_PENDING && type == DT_DIR &&
                   (strcmp(name, "high") == 0 || strcmp(name, "low") == 0);
    if (is_lane || name_is_ignored(name))
        return;
    const char *reason = pending_reason(name, type);
    if (reason)
        problems_add_at(&scanning->scan->problems, scanning->place, name, reason);
    else
        names_add(&scanning->scan->names, name, 0);
}

static void add_deferred(void *arg, const char *dir_name, unsigned char type)
{
    const struct scanning *scanning = arg;
    char name[NAME_SIZE], token[TOKEN_SIZE];
    int64_t due_s;
    if (name_is_ignored(dir_name))
        return;
    if (!name_deferred_parse(dir_name, name, &due_s, token) ||
        (type != DT_DIR && type != DT_UNKNOWN))
        problems_add_at(&scanning->scan->problems, PLACE_DEFERRED, dir_name,
                        "is not a deferred job: these are directories NAME@DUE@TOKEN");
    else
        names_add(&scanning->scan->names, dir_name, due_s < 0 ? 0 : (uint64_t)due_s);
}

int scan_place(const struct spool *spool, enum spool_place place, struct scan *ret_scan,
               struct err *err)
{
    *ret_scan = (struct scan){ 0 };
    struct scanning scanning = { place, ret_scan };
    bool is_deferred = place == PLACE_DEFERRED;
    /* By its name on a share: only an open by name asks an NFS server how the directory is by now.
     */
    bool by_name = fs_is_remote(spool_root(spool));
    int r = listing_each(by_name ? spool_root(spool) : spool_dir(spool, place),
                         by_name ? spool_place_name(place) : ".",
                         is_deferred ? add_deferred : add_pending, &scanning, err);
    if (r < 0) {
        err_context(err, "'%s/%s'", spool_path(spool), spool_place_name(place));
        scan_release(ret_scan);
        return r;
    }
    if (is_deferred)
        names_sort(&ret_scan->names);
    else
        names_sort_by_name(&ret_scan->names);
    return 0;
}

void scan_release(struct scan *scan)
{
    names_release(&scan->names);
    problems_release(&scan->problems);
}
