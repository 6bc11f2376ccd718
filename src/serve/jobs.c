/* A job moves while it is looked at: what a list names may be gone when its file is opened, and
 * then it is left out. It shows up in its next state, on this page or a later one. */
#include "serve/jobs.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "spool/ended.h"
#include "spool/job.h"
#include "spool/name.h"
#include "spool/record.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Of records that are read for one page: each may hold the whole text of a film. */
enum { BYTES_MAX = 16 << 20 };

struct jobs {
    const struct spool *spool;
    struct shelf shelves[SHELF_COUNT];
};

struct jobs *jobs_new(const struct spool *spool)
{
    struct jobs *jobs = MEM_NEW(struct jobs);
    jobs->spool = spool;
    for (enum shelf_kind kind = 0; kind < SHELF_COUNT; kind++)
        shelf_init(&jobs->shelves[kind], spool, kind);
    return jobs;
}

void jobs_free(struct jobs **jobs)
{
    if (!*jobs)
        return;
    for (enum shelf_kind kind = 0; kind < SHELF_COUNT; kind++)
        shelf_release(&(*jobs)->shelves[kind]);
    free(*jobs);
    *jobs = NULL;
}

/* One page as it grows. */
struct page {
    const struct jobs *jobs;
    const struct jobs_query *query;
    json_t *items;
    int read;
    int64_t bytes;
    const char *last;     /* the entry that was gone through last, borrowed */
    enum shelf_kind kind; /* and of which shelf */
};

/* ---- one job ---- */

static json_t *read_json(struct page *page, enum spool_place place, const char *path)
{
    CLEANUP(mem_free_text) char *text = NULL;
    CLEANUP(json_drop) json_t *json = NULL;
    struct json_mark mark;
    size_t len = 0;
    if (fs_read_file(spool_dir(page->jobs->spool, place), path, BYTES_MAX, &text, &len, NULL) == 0)
        (void)json_parse(text, len, &json, &mark, NULL);
    page->read++;
    page->bytes += (int64_t)len;
    return TAKE(json);
}

static void add_record(json_t *item, const json_t *record)
{
    const json_t *error = json_object_get(record, "error");
    json_t *shown = json_object();
    json_set_text(item, "name", json_get_text(record, "name", json_get_text(item, "name", "")));
    json_set_text(item, "status", json_get_text(record, "status", NULL));
    json_set_text(item, "pipeline", json_get_text(json_object_get(record, "pipeline"), "id", NULL));
    json_set_text(item, "finished", record ? ended_at(record) : NULL);
    json_set_int(item, "attempts", json_get_int(record, "attempts", 0));
    static const char *const keys[] = { "class", "step", "message", "hint" };
    for (size_t i = 0; i < COUNT(keys); i++)
        json_set_text(shown, keys[i], json_get_text(error, keys[i], NULL));
    if (!json_is_object(error))
        json_drop(&shown);
    json_set(item, "error", shown);
}

static void add_job(json_t *item, const json_t *job)
{
    json_set_text(item, "pipeline", json_get_text(job, "pipeline_id", NULL));
}

/* "X.job" of a directory, whose name may be a shortened X. The caller frees it. */
static char *job_file_in(const struct page *page, enum spool_place place, const char *dir)
{
    CLEANUP(fs_close_dir) DIR *stream = NULL;
    const struct dirent *entry;
    char name[NAME_SIZE];
    if (fs_open_dir(spool_dir(page->jobs->spool, place), dir, &stream, NULL) < 0)
        return NULL;
    while ((entry = readdir(stream)))
        if (name_of_claimed_file(entry->d_name, name))
            return mem_printf("%s/%s", dir, entry->d_name);
    return NULL;
}

static bool add_claimed(struct page *page, json_t *item, enum spool_place place, const char *dir)
{
    char name[NAME_SIZE];
    CLEANUP(mem_free_text) char *file = job_file_in(page, place, dir);
    if (!file)
        return false;
    CLEANUP(json_drop) json_t *job = read_json(page, place, file);
    if (name_of_claimed_file(strrchr(file, '/') + 1, name))
        json_set_text(item, "name", name);
    add_job(item, job);
    return true;
}

static void add_due(json_t *item, const char *entry)
{
    char name[NAME_SIZE], token[TOKEN_SIZE], due[TIME_TEXT_SIZE];
    int64_t due_s;
    if (name_deferred_parse(entry, name, &due_s, token))
        json_set_text(item, "due", time_format(due_s * 1000, due));
}

static bool is_there(const struct page *page, enum spool_place place, const char *path)
{
    struct stat st;
    return fstatat(spool_dir(page->jobs->spool, place), path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* What is to be read of it. False: it is gone. */
static bool add_details(struct page *page, json_t *item, enum shelf_kind kind, const char *entry)
{
    enum spool_place place = shelf_place(kind);
    CLEANUP(json_drop) json_t *json = NULL;
    CLEANUP(mem_free_text) char *path = NULL;
    switch (kind) {
    case SHELF_RUNNING:
        path = mem_strndup(strchr(entry, '/') + 1, strcspn(strchr(entry, '/') + 1, "/"));
        json_set_text(item, "worker", path);
        return add_claimed(page, item, place, strchr(entry, '/') + 1);
    case SHELF_DEFERRED:
        add_due(item, entry);
        return add_claimed(page, item, place, entry);
    case SHELF_INBOX:
        path = mem_strndup(entry, strcspn(entry, "/"));
        json_set_text(item, "pipeline", path);
        return is_there(page, place, entry);
    case SHELF_DONE:
    case SHELF_ERROR:
        path = mem_printf("%s/%s", entry, RECORD_FILE);
        json = read_json(page, place, path);
        add_record(item, json);
        return json || is_there(page, place, entry);
    default:
        json = read_json(page, place, entry);
        add_job(item, json);
        return json || is_there(page, place, entry);
    }
}

static json_t *item_new(enum shelf_kind kind, const char *entry, const char *name)
{
    json_t *item = json_object();
    bool is_id = kind == SHELF_DONE || kind == SHELF_ERROR;
    const char *below = kind == SHELF_RUNNING ? strchr(entry, '/') + 1 : entry;
    CLEANUP(mem_free_text)
    char *path = mem_printf("%s/%s", spool_place_name(shelf_place(kind)), below);
    json_set_text(item, "id", is_id ? entry : name);
    json_set_text(item, "name", name);
    json_set_text(item, "state", shelf_state(kind));
    json_set_text(item, "lane", shelf_lane(kind));
    json_set_text(item, "path", path);
    json_set(item, "pipeline", NULL);
    return item;
}

static void add_entry(struct page *page, enum shelf_kind kind, const char *entry, const char *name)
{
    CLEANUP(json_drop) json_t *item = item_new(kind, entry, name);
    if (!add_details(page, item, kind, entry))
        return;
    if (page->query->pipeline &&
        strcmp(json_get_text(item, "pipeline", ""), page->query->pipeline) != 0)
        return;
    (void)json_array_append(page->items, item);
}

/* ---- a page ---- */

static bool is_full(const struct page *page)
{
    return json_array_size(page->items) >= (size_t)page->query->limit ||
           page->read >= JOBS_READ_MAX || page->bytes >= BYTES_MAX;
}

/* Where to begin in a list: the index of the first, or, backwards, one more than that. */
static size_t begin_at(const struct page *page, const struct shelf *shelf)
{
    const struct jobs_query *query = page->query;
    bool is_cut = query->goes_on && query->after_kind == shelf->kind;
    if (!is_cut)
        return query->backwards ? shelf->names.count : 0;
    size_t at = shelf_find(shelf, query->after);
    if (!query->backwards && at < shelf->names.count &&
        strcmp(names_get(&shelf->names, at), query->after) == 0)
        at++;
    return at;
}

/* False: the page is full, and there is more that may belong to it. */
static bool add_shelf(struct page *page, const struct shelf *shelf)
{
    const struct jobs_query *query = page->query;
    char name[NAME_SIZE];
    for (size_t at = begin_at(page, shelf); query->backwards ? at > 0 : at < shelf->names.count;
         at += query->backwards ? (size_t)-1 : 1) {
        const char *entry = names_get(&shelf->names, query->backwards ? at - 1 : at);
        if (!shelf_job_name(shelf->kind, entry, name) ||
            (query->part && !strcasestr(name, query->part)))
            continue;
        if (is_full(page))
            return false;
        add_entry(page, shelf->kind, entry, name);
        page->last = entry;
        page->kind = shelf->kind;
    }
    return true;
}

static bool is_behind(const struct jobs_query *query, enum shelf_kind kind)
{
    return !query->goes_on ||
           (query->backwards ? kind <= query->after_kind : kind >= query->after_kind);
}

static json_t *cursor_json(const struct page *page)
{
    CLEANUP(str_release) struct str text = { 0 };
    str_addf(&text, "%d", (int)page->kind);
    for (const char *at = page->last; *at; at++)
        str_addf(&text, "%02x", (unsigned char)*at);
    return json_string(str_text(&text));
}

/* Backwards the shelves are gone through from the last. */
static int add_shelves(struct page *page, struct jobs *jobs, bool *ret_more, int64_t *ret_total,
                       struct err *err)
{
    const struct jobs_query *query = page->query;
    int64_t now_us = time_mono_us();
    int r = 0;
    *ret_more = false;
    for (int i = 0; r == 0 && i < SHELF_COUNT; i++) {
        enum shelf_kind kind = (enum shelf_kind)(query->backwards ? SHELF_COUNT - 1 - i : i);
        if (!query->shelves[kind])
            continue;
        r = shelf_look(&jobs->shelves[kind], now_us, err);
        *ret_total += (int64_t)jobs->shelves[kind].names.count;
        if (r == 0 && !*ret_more && is_behind(query, kind))
            *ret_more = !add_shelf(page, &jobs->shelves[kind]);
    }
    return r;
}

int jobs_page(struct jobs *jobs, const struct jobs_query *query, json_t **ret_page, struct err *err)
{
    CLEANUP(json_drop) json_t *items = json_array();
    struct page page = { .jobs = jobs, .query = query, .items = items };
    bool more;
    int64_t total = 0;
    int r = add_shelves(&page, jobs, &more, &total, err);
    if (r == 0) {
        json_t *json = json_object();
        json_set(json, "jobs", json_incref(items));
        json_set(json, "next", more ? cursor_json(&page) : NULL);
        json_set_int(json, "total", total);
        *ret_page = json;
    }
    return r;
}
