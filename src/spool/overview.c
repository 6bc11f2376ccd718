/* overview.c - the jobs that an overview names: which are deferred, and why; which failed last. */
#include "spool/overview.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"
#include "spool/attempts.h"
#include "spool/ended.h"
#include "spool/listing.h"
#include "spool/name.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* What the newest failed attempt said; the caller frees it. */
static char *last_message(const struct spool *spool, const char *dir)
{
    struct attempts attempts = { 0 };
    CLEANUP(fs_close)
    int fd = openat(spool_dir(spool, PLACE_DEFERRED), dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0)
        (void)attempts_read(fd, &attempts, NULL);
    char *message = NULL;
    for (size_t i = json_array_size(attempts.lines); i-- > 0 && !message;) {
        const char *told = json_get_text(json_array_get(attempts.lines, i), "message", NULL);
        message = told ? mem_strdup(told) : NULL;
    }
    attempts_release(&attempts);
    return message ? message : mem_strdup("between two attempts");
}

static void take_deferred(const struct spool *spool, struct overview *overview)
{
    CLEANUP(scan_release) struct scan scan = { 0 };
    char name[NAME_SIZE], token[TOKEN_SIZE];
    int64_t due_s;
    if (scan_place(spool, PLACE_DEFERRED, &scan, NULL) < 0)
        return;
    for (size_t i = 0; i < scan.names.count && overview->deferred_count < OVERVIEW_JOBS; i++) {
        const char *dir = names_get(&scan.names, i);
        if (!name_deferred_parse(dir, name, &due_s, token))
            continue;
        overview->deferred[overview->deferred_count++] =
            (struct overview_job){ mem_strdup(name), last_message(spool, dir), due_s * 1000 };
    }
}

/* ---- the newest errors ---- */

struct newest {
    const struct spool *spool;
    struct overview *overview;
};

static void insert(struct overview *overview, const char *name, int64_t at_ms)
{
    size_t at = overview->error_count;
    while (at > 0 && overview->errors[at - 1].at_ms < at_ms)
        at--;
    if (at == OVERVIEW_JOBS)
        return;
    if (overview->error_count == OVERVIEW_JOBS)
        free(overview->errors[--overview->error_count].name);
    memmove(&overview->errors[at + 1], &overview->errors[at],
            (overview->error_count - at) * sizeof(overview->errors[0]));
    overview->errors[at] = (struct overview_job){ mem_strdup(name), NULL, at_ms };
    overview->error_count++;
}

/* By the directory's own time, which its move into error/ set; a record is read of five. */
static void look_at_error(void *arg, const char *name, unsigned char type)
{
    const struct newest *newest = arg;
    struct stat st;
    if (type == DT_DIR && name[0] != '.' &&
        fstatat(spool_dir(newest->spool, PLACE_ERROR), name, &st, AT_SYMLINK_NOFOLLOW) == 0)
        insert(newest->overview, name, fs_ctime_ms(&st));
}

static void explain(const struct spool *spool, struct overview_job *job)
{
    CLEANUP(json_drop) json_t *record = ended_record(spool, PLACE_ERROR, job->name);
    const json_t *error = json_object_get(record, "error");
    int64_t ended_ms;
    if (time_parse(ended_at(record), &ended_ms))
        job->at_ms = ended_ms;
    job->why = mem_printf("%s: %s", json_get_text(error, "class", "?"),
                          json_get_text(error, "message", "it has no record that can be read"));
}

static void take_errors(const struct spool *spool, struct overview *overview)
{
    struct newest newest = { spool, overview };
    int64_t count = fs_count_subdirs(spool_dir(spool, PLACE_ERROR));
    if (count > OVERVIEW_ERRORS_LOOKED_AT)
        return;
    (void)listing_each(spool_dir(spool, PLACE_ERROR), ".", look_at_error, &newest, NULL);
    for (size_t i = 0; i < overview->error_count; i++)
        explain(spool, &overview->errors[i]);
}

void overview_take(const struct spool *spool, struct overview *ret_overview)
{
    take_deferred(spool, ret_overview);
    take_errors(spool, ret_overview);
}

static void jobs_release(struct overview_job *jobs, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(jobs[i].name);
        free(jobs[i].why);
    }
}

void overview_release(struct overview *overview)
{
    jobs_release(overview->deferred, overview->deferred_count);
    jobs_release(overview->errors, overview->error_count);
    *overview = (struct overview){ 0 };
}
