#include "spool/scan.h"

#include "base/mem.h"
#include "base/str.h"
#include "spool/listing.h"
#include "spool/name.h"

#include <stdlib.h>
#include <string.h>

const enum spool_place scan_lanes[3] = { PLACE_PENDING_HIGH, PLACE_PENDING, PLACE_PENDING_LOW };

static void names_add(struct scan_names *names, const char *name)
{
    if (names->count == names->size) {
        names->size = names->size ? names->size * 2 : 16;
        names->names = mem_resize(names->names, names->size, sizeof(names->names[0]));
    }
    names->names[names->count++] = mem_strdup(name);
}

static void names_release(struct scan_names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->names[i]);
    free(names->names);
    *names = (struct scan_names){ 0 };
}

void scan_problem_add(struct scan *scan, enum spool_place place, const char *name,
                      const char *reason)
{
    CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", spool_place_name(place), name);
    scan_problem_add_path(scan, path, reason);
}

void scan_problem_add_path(struct scan *scan, const char *path, const char *reason)
{
    scan->problems = mem_resize(scan->problems, scan->problem_count + 1, sizeof(scan->problems[0]));
    scan->problems[scan->problem_count++] =
        (struct scan_problem){ mem_strdup(path), mem_strdup(reason) };
}

/* Why a name in pending cannot be taken, as far as its name and kind tell; NULL: it can. */
static const char *pending_reason(const struct listing_entry *entry)
{
    char name[NAME_SIZE];
    switch (entry->type) {
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
    if (name_of_job_file(entry->name, name))
        return NULL;
    return "is not a job: a job is a .json file; media go to media/ and are named by a job "
           "(takeup submit writes one)";
}

static int scan_lane(const struct spool *spool, enum spool_place place, struct scan *scan,
                     struct scan_names *names, struct err *err)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    int r = listing_read(spool_dir(spool, place), ".", &listing, err);
    if (r < 0) {
        err_context(err, "'%s/%s'", spool_path(spool), spool_place_name(place));
        return r;
    }
    for (size_t i = 0; i < listing.count; i++) {
        const struct listing_entry *entry = &listing.entries[i];
        bool is_lane = place == PLACE_PENDING && entry->type == DT_DIR &&
                       (strcmp(entry->name, "high") == 0 || strcmp(entry->name, "low") == 0);
        if (is_lane || name_is_ignored(entry->name))
            continue;
        const char *reason = pending_reason(entry);
        if (reason)
            scan_problem_add(scan, place, entry->name, reason);
        else
            names_add(names, entry->name);
    }
    return 0;
}

static int scan_deferred(const struct spool *spool, int64_t now_s, struct scan *scan,
                         struct err *err)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    int r = listing_read(spool_dir(spool, PLACE_DEFERRED), ".", &listing, err);
    if (r < 0) {
        err_context(err, "'%s/deferred'", spool_path(spool));
        return r;
    }
    for (size_t i = 0; i < listing.count; i++) {
        const struct listing_entry *entry = &listing.entries[i];
        char name[NAME_SIZE], token[TOKEN_SIZE];
        int64_t due_s;
        if (name_is_ignored(entry->name))
            continue;
        if (!name_deferred_parse(entry->name, name, &due_s, token) ||
            (entry->type != DT_DIR && entry->type != DT_UNKNOWN)) {
            scan_problem_add(scan, PLACE_DEFERRED, entry->name,
                             "is not a deferred job: these are directories NAME@DUE@TOKEN");
            continue;
        }
        scan->deferred_count++;
        if (due_s <= now_s)
            names_add(&scan->due, entry->name);
        else if (due_s < scan->next_due_s)
            scan->next_due_s = due_s;
    }
    return 0;
}

int scan_spool(const struct spool *spool, int64_t now_s, struct scan *ret_scan, struct err *err)
{
    CLEANUP(scan_release) struct scan scan = { .next_due_s = INT64_MAX };
    for (size_t i = 0; i < COUNT(scan_lanes); i++) {
        int r = scan_lane(spool, scan_lanes[i], &scan, &scan.lane[i], err);
        if (r < 0)
            return r;
    }
    int r = scan_deferred(spool, now_s, &scan, err);
    if (r < 0)
        return r;
    *ret_scan = scan;
    scan = (struct scan){ 0 };
    return 0;
}

void scan_release(struct scan *scan)
{
    for (size_t i = 0; i < COUNT(scan->lane); i++)
        names_release(&scan->lane[i]);
    names_release(&scan->due);
    for (size_t i = 0; i < scan->problem_count; i++) {
        free(scan->problems[i].path);
        free(scan->problems[i].reason);
    }
    free(scan->problems);
    *scan = (struct scan){ 0 };
}
