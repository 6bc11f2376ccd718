#include "spool/watchdogs.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "spool/listing.h"
#include "spool/name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX ".watchdog."

enum { NOTE_MAX_BYTES = 1 << 18 };

static void note_name(const struct proc_id *who, char out[NAME_SIZE])
{
    (void)snprintf(out, NAME_SIZE, PREFIX "%.63s.%d", who->host, (int)who->pid);
    for (char *at = out; (at = strchr(at, '/'));)
        *at = '_';
}

static json_t *restarts_json(const struct watchdog_note *note)
{
    char time[TIME_TEXT_SIZE];
    json_t *restarts = json_array();
    for (size_t i = 0; i < note->restart_count; i++) {
        json_t *one = json_object();
        json_set_text(one, "at", time_format(note->restarts[i].wall_ms, time));
        json_set_text(one, "reason", note->restarts[i].reason);
        (void)json_array_append_new(restarts, one);
    }
    return restarts;
}

static json_t *note_json(const struct watchdog_note *note)
{
    const struct proc_id *who = &note->who;
    char time[TIME_TEXT_SIZE];
    json_t *json = json_object();
    json_set_text(json, "state", note->state);
    json_set_text(json, "at", time_format(time_wall_ms(), time));
    json_set_text(json, "host", who->host);
    json_set_int(json, "pid", who->pid);
    json_set_int(json, "start_ticks", (json_int_t)who->start_ticks);
    json_set_text(json, "boot_id", who->boot_id);
    json_set_text(json, "pid_ns", who->pid_ns);
    json_set_text(json, "time_ns", who->time_ns);
    json_set_int(json, "worker_pid", note->worker_pid);
    json_set_int(json, "within_s", note->within_ms / 1000);
    json_set(json, "restarts", restarts_json(note));
    return json;
}

static enum proc_life life_of(const json_t *note)
{
    struct proc_id who = { .pid = (pid_t)json_get_int(note, "pid", 0),
                           .start_ticks = (uint64_t)json_get_int(note, "start_ticks", 0) };
    (void)snprintf(who.boot_id, sizeof(who.boot_id), "%s", json_get_text(note, "boot_id", ""));
    (void)snprintf(who.pid_ns, sizeof(who.pid_ns), "%s", json_get_text(note, "pid_ns", ""));
    (void)snprintf(who.time_ns, sizeof(who.time_ns), "%s", json_get_text(note, "time_ns", ""));
    return proc_life(&who);
}

/* NULL when it is gone or cannot be read. */
static json_t *read_note(int dir_fd, const char *name)
{
    CLEANUP(mem_free_text) char *text = NULL;
    CLEANUP(json_drop) json_t *note = NULL;
    struct json_mark mark;
    size_t len;
    if (fs_read_file(dir_fd, name, NOTE_MAX_BYTES, &text, &len, NULL) < 0 ||
        json_parse(text, len, &note, &mark, NULL) != 1 || !json_is_object(note))
        return NULL;
    return TAKE(note);
}

static void remove_gone(int dir_fd)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    (void)listing_read(dir_fd, ".", &listing, NULL);
    for (size_t i = 0; i < listing.count; i++) {
        const char *name = listing.entries[i].name;
        if (!str_has_prefix(name, PREFIX))
            continue;
        CLEANUP(json_drop) json_t *note = read_note(dir_fd, name);
        if (note && life_of(note) == PROC_GONE)
            (void)unlinkat(dir_fd, name, 0);
    }
}

int watchdog_note_write(const struct spool *spool, const struct watchdog_note *note,
                        struct err *err)
{
    int tmp = spool_dir(spool, PLACE_TMP), beats = spool_dir(spool, PLACE_HEARTBEAT);
    char name[NAME_SIZE];
    note_name(&note->who, name);
    if (strcmp(note->state, "stopped") == 0)
        return unlinkat(beats, name, 0) == 0 || errno == ENOENT
                   ? 0
                   : err_set(err, ERR_IO, errno, "remove 'heartbeat/%s'", name);
    remove_gone(beats);
    CLEANUP(json_drop) json_t *json = note_json(note);
    CLEANUP(mem_free_text) char *text = json_pretty(json);
    int r = fs_write_file(tmp, name, text, strlen(text), 0, err);
    if (r == 0 && renameat(tmp, name, beats, name) < 0)
        r = err_set(err, ERR_IO, errno, "rename 'tmp/%s' to 'heartbeat/%s'", name, name);
    if (r < 0)
        (void)unlinkat(tmp, name, 0);
    return r;
}

bool watchdog_has_given_up(const json_t *note)
{
    return strcmp(json_get_text(note, "state", ""), "gave up") == 0;
}

json_t *watchdog_notes_read(const struct spool *spool)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    int beats = spool_dir(spool, PLACE_HEARTBEAT);
    json_t *notes = json_array();
    (void)listing_read(beats, ".", &listing, NULL);
    for (size_t i = 0; i < listing.count; i++) {
        CLEANUP(json_drop) json_t *note = NULL;
        if (str_has_prefix(listing.entries[i].name, PREFIX))
            note = read_note(beats, listing.entries[i].name);
        if (note && (watchdog_has_given_up(note) || life_of(note) != PROC_GONE))
            (void)json_array_append(notes, note);
    }
    return notes;
}

char *watchdog_note_text(const json_t *note, int64_t now_ms)
{
    const json_t *restarts = json_object_get(note, "restarts");
    int64_t within_s = json_get_int(note, "within_s", 0), at_ms;
    struct str text = { 0 };
    size_t i, recent = 0;
    const json_t *one, *last = NULL;
    json_array_foreach(restarts, i, one)
    {
        if (!time_parse(json_get_text(one, "at", ""), &at_ms))
            continue;
        recent += now_ms - at_ms <= within_s * 1000;
        last = one;
    }
    if (watchdog_has_given_up(note))
        str_addf(&text, "gave up at %s", json_get_text(note, "at", "?"));
    else if (recent == 0)
        str_addf(&text, "%s", json_get_text(note, "state", "?"));
    else
        str_addf(&text, "restarted its worker %zu time%s in the last %lld min", recent,
                 recent == 1 ? "" : "s", (long long)((within_s + 59) / 60));
    if (last && (recent > 0 || watchdog_has_given_up(note)))
        str_addf(&text, ", last because %s", json_get_text(last, "reason", "?"));
    return str_take(&text);
}
