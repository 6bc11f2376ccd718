/* waiting.c - the queue as people ask for it.
 *
 * A job file is read once: its pipeline is kept while its name is among the first that wait. Were
 * it rewritten meanwhile, the old pipeline would be shown until it is taken, which is soon. */
#include "serve/waiting.h"

#include "base/mem.h"
#include "base/time.h"
#include "spool/backlog.h"
#include "spool/dropped.h"
#include "spool/job.h"
#include "spool/name.h"
#include "spool/pending.h"

#include <stdlib.h>
#include <string.h>

struct waiting {
    const struct spool *spool;
    struct backlog backlogs[SCAN_PLACES];
    const struct scan *scans[SCAN_PLACES];
    json_t *known; /* of each that was read, by its path: its pipeline, or null */
};

struct waiting *waiting_new(const struct spool *spool)
{
    struct waiting *waiting = MEM_NEW(struct waiting);
    waiting->spool = spool;
    waiting->known = json_object();
    for (size_t i = 0; i < SCAN_PLACES; i++) {
        backlog_init(&waiting->backlogs[i], spool, scan_places[i]);
        waiting->scans[i] = &waiting->backlogs[i].scan;
    }
    return waiting;
}

void waiting_free(struct waiting **waiting)
{
    if (!*waiting)
        return;
    for (size_t i = 0; i < SCAN_PLACES; i++)
        backlog_release(&(*waiting)->backlogs[i]);
    json_drop(&(*waiting)->known);
    free(*waiting);
    *waiting = NULL;
}

int waiting_look(struct waiting *waiting, struct err *err)
{
    int r = 0;
    for (size_t i = 0; i < SCAN_PLACES && r >= 0; i++)
        r = backlog_look(&waiting->backlogs[i], BACKLOG_RESCAN, time_mono_us(), err);
    return r < 0 ? r : 0;
}

const struct scan *const *waiting_scans(const struct waiting *waiting)
{
    return waiting->scans;
}

/* ---- by pipeline ---- */

struct tally {
    char *id; /* NULL: the default one */
    int64_t pending, deferred, inbox;
};

struct tallies {
    struct tally *items;
    size_t count, room;
};

static struct tally *tally_of(struct tallies *tallies, const char *id)
{
    for (size_t i = 0; i < tallies->count; i++) {
        const char *one = tallies->items[i].id;
        if (!one == !id && (!id || strcmp(one, id) == 0))
            return &tallies->items[i];
    }
    if (tallies->count == tallies->room) {
        tallies->room = tallies->room ? tallies->room * 2 : 16;
        tallies->items = mem_resize(tallies->items, tallies->room, sizeof(tallies->items[0]));
    }
    tallies->items[tallies->count] = (struct tally){ .id = id ? mem_strdup(id) : NULL };
    return &tallies->items[tallies->count++];
}

static void tallies_release(struct tallies *tallies)
{
    for (size_t i = 0; i < tallies->count; i++)
        free(tallies->items[i].id);
    free(tallies->items);
    *tallies = (struct tallies){ 0 };
}

static void count_inbox(void *arg, const char *path)
{
    CLEANUP(mem_free_text) char *pipeline = mem_strndup(path, strcspn(path, "/"));
    tally_of(arg, pipeline)->inbox++;
}

static int most_first(const void *a, const void *b)
{
    const struct tally *left = a, *right = b;
    int64_t more = right->pending + right->deferred + right->inbox - left->pending -
                   left->deferred - left->inbox;
    if (more != 0)
        return more > 0 ? 1 : -1;
    return strcmp(left->id ? left->id : "", right->id ? right->id : "");
}

static json_t *tallies_json(struct tallies *tallies)
{
    json_t *json = json_array();
    if (tallies->count > 1)
        qsort(tallies->items, tallies->count, sizeof(tallies->items[0]), most_first);
    for (size_t i = 0; i < tallies->count && i < WAITING_PIPELINES; i++) {
        const struct tally *tally = &tallies->items[i];
        json_t *one = json_object();
        json_set_text(one, "id", tally->id);
        json_set_int(one, "pending", tally->pending);
        json_set_int(one, "deferred", tally->deferred);
        json_set_int(one, "inbox", tally->inbox);
        (void)json_array_append_new(json, one);
    }
    return json;
}

/* ---- the first that wait ---- */

struct telling {
    struct waiting *waiting;
    int64_t deadline_us;
    struct tallies tallies;
    json_t *list, *known; /* known: what waiting->known will be */
    int64_t read;
};

/* 1: *ret_job is the caller's. 0: there is none that can be read (yet). */
static int read_job(const struct spool *spool, enum spool_place place, const char *name,
                    struct job **ret_job)
{
    struct pending_look look;
    if (place == PLACE_DEFERRED)
        return pending_deferred_job(spool_dir(spool, place), name, ret_job);
    pending_look(spool_dir(spool, place), name, ret_job, &look);
    return *ret_job != NULL;
}

/* The pipeline of what lies there: a string, or null; NULL: nobody can tell. The caller's. */
static json_t *pipeline_of(const struct telling *telling, enum spool_place place, const char *name)
{
    CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", spool_place_name(place), name);
    CLEANUP(json_drop)
    json_t *pipeline = json_incref(json_object_get(telling->waiting->known, path));
    CLEANUP(job_free) struct job *job = NULL;
    if (!pipeline && time_mono_us() < telling->deadline_us &&
        read_job(telling->waiting->spool, place, name, &job) == 1)
        pipeline = job->pipeline_id ? json_string(job->pipeline_id) : json_null();
    if (pipeline)
        (void)json_object_set(telling->known, path, pipeline);
    return TAKE(pipeline);
}

static json_t *waiting_json(enum spool_place place, const char *entry, const json_t *pipeline)
{
    static const char *const lanes[] = { "high", "normal", "low" };
    char name[NAME_SIZE], token[TOKEN_SIZE];
    int64_t due_s;
    json_t *json = json_object();
    if (place == PLACE_DEFERRED && name_deferred_parse(entry, name, &due_s, token))
        json_set_int(json, "due_s", due_s);
    else if (place == PLACE_DEFERRED || !name_of_job_file(entry, name))
        name[0] = '\0';
    json_set_text(json, "name", name);
    json_set_text(json, "state", place == PLACE_DEFERRED ? "deferred" : "pending");
    for (size_t i = 0; i < SCAN_LANES; i++)
        if (scan_places[i] == place)
            json_set_text(json, "lane", lanes[i]);
    json_set_text(json, "pipeline", json_string_value(pipeline));
    return json;
}

static void tell_place(struct telling *telling, size_t place_index, size_t *room)
{
    enum spool_place place = scan_places[place_index];
    const struct names *names = &telling->waiting->scans[place_index]->names;
    for (size_t i = 0; i<names->count && * room> 0; i++) {
        if (names->entries[i].mark == NAMES_SPENT)
            continue;
        const char *name = names_get(names, i);
        CLEANUP(json_drop) json_t *pipeline = pipeline_of(telling, place, name);
        --*room;
        (void)json_array_append_new(telling->list, waiting_json(place, name, pipeline));
        if (!pipeline)
            continue;
        struct tally *tally = tally_of(&telling->tallies, json_string_value(pipeline));
        *(place == PLACE_DEFERRED ? &tally->deferred : &tally->pending) += 1;
        telling->read++;
    }
}

static json_t *lanes_json(const struct waiting *waiting)
{
    json_t *json = json_object();
    json_set_int(json, "high", (json_int_t)names_left(&waiting->scans[0]->names));
    json_set_int(json, "normal", (json_int_t)names_left(&waiting->scans[1]->names));
    json_set_int(json, "low", (json_int_t)names_left(&waiting->scans[2]->names));
    return json;
}

void waiting_tell(struct waiting *waiting, int64_t deadline_us, json_t *state)
{
    struct telling telling = { .waiting = waiting, .deadline_us = deadline_us };
    size_t lanes_room = WAITING_SAMPLE, deferred_room = WAITING_SAMPLE;
    telling.list = json_array();
    telling.known = json_object();
    for (size_t i = 0; i < SCAN_LANES; i++)
        tell_place(&telling, i, &lanes_room);
    tell_place(&telling, SCAN_DEFERRED, &deferred_room);
    dropped_each(waiting->spool, count_inbox, &telling.tallies);
    json_set(state, "lanes", lanes_json(waiting));
    json_set(state, "pipelines", tallies_json(&telling.tallies));
    json_set_int(state, "sampled", telling.read);
    json_set(state, "waiting", telling.list);
    tallies_release(&telling.tallies);
    json_drop(&waiting->known);
    waiting->known = telling.known;
}
