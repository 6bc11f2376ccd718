#include "serve/endings.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "spool/record.h"

#include <stdlib.h>
#include <string.h>

enum { RECORD_READ_MAX = 1 << 20, TEXT_MAX = 2000 };

struct endings {
    const struct spool *spool;
    enum spool_place place;
    json_t *known; /* what was told at the last look, by id and time */
};

struct endings *endings_new(const struct spool *spool, enum spool_place place)
{
    struct endings *endings = MEM_NEW(struct endings);
    endings->spool = spool;
    endings->place = place;
    endings->known = json_object();
    return endings;
}

void endings_free(struct endings **endings)
{
    if (!*endings)
        return;
    json_drop(&(*endings)->known);
    free(*endings);
    *endings = NULL;
}

static json_t *read_record(const struct endings *endings, const char *id)
{
    CLEANUP(mem_free_text) char *path = mem_printf("%s/" RECORD_FILE, id), *text = NULL;
    CLEANUP(json_drop) json_t *record = NULL;
    struct json_mark mark;
    size_t len;
    if (fs_read_file(spool_dir(endings->spool, endings->place), path, RECORD_READ_MAX, &text, &len,
                     NULL) < 0 ||
        json_parse(text, len, &record, &mark, NULL) != 1 || !json_is_object(record))
        return NULL;
    return TAKE(record);
}

/* A record may have been written by anybody who may write to the share: no text makes the page
 * endless. */
static void set_cut(json_t *json, const char *key, const json_t *from, const char *from_key)
{
    const char *text = json_get_text(from, from_key, NULL);
    CLEANUP(mem_free_text)
    char *cut = text ? mem_strndup(text, str_utf8_cut(text, TEXT_MAX)) : NULL;
    json_set_text(json, key, cut);
}

static double took_s(const json_t *times)
{
    int64_t started_ms, finished_ms;
    if (!time_parse(json_get_text(times, "started", ""), &started_ms) ||
        !time_parse(json_get_text(times, "finished", ""), &finished_ms) || finished_ms < started_ms)
        return -1;
    return (double)(finished_ms - started_ms) / 1000;
}

static json_t *describe(const struct endings *endings, const struct history_job *job)
{
    CLEANUP(json_drop) json_t *record = read_record(endings, job->id);
    const json_t *error = json_object_get(record, "error");
    const json_t *times = json_object_get(record, "times");
    char at[TIME_TEXT_SIZE];
    json_t *json = json_object();
    json_set_text(json, "id", job->id);
    set_cut(json, "name", record, "name");
    if (!json_is_string(json_object_get(json, "name")))
        json_set_text(json, "name", job->id);
    json_set_text(json, "at", time_format(job->ended_ms, at));
    set_cut(json, "pipeline", json_object_get(record, "pipeline"), "id");
    json_set_real(json, "took_s", took_s(times));
    json_set_int(json, "attempts", json_get_int(record, "attempts", 0));
    set_cut(json, "class", error, "class");
    set_cut(json, "step", error, "step");
    set_cut(json, "message", error, "message");
    set_cut(json, "hint", error, "hint");
    return json;
}

json_t *endings_tell(struct endings *endings, const struct history *history)
{
    struct history_job jobs[ENDINGS_SHOWN];
    size_t count = history_newest(history, jobs, ENDINGS_SHOWN);
    json_t *list = json_array(), *known = json_object();
    for (size_t i = 0; i < count; i++) {
        CLEANUP(mem_free_text)
        char *key = mem_printf("%lld %s", (long long)jobs[i].ended_ms, jobs[i].id);
        json_t *told = json_incref(json_object_get(endings->known, key));
        if (!told)
            told = describe(endings, &jobs[i]);
        (void)json_object_set(known, key, told);
        (void)json_array_append_new(list, told);
    }
    json_drop(&endings->known);
    endings->known = known;
    return list;
}
