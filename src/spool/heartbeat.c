#include "spool/heartbeat.h"

#include "base/fs.h"
#include "base/mem.h"
#include "spool/listing.h"
#include "spool/name.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEARTBEAT_MAX_BYTES = 1 << 18 };

const char *heartbeat_state_name(enum heartbeat_state state)
{
    static const char *const names[] = {
        [BEAT_IDLE] = "idle",         [BEAT_BUSY] = "busy",       [BEAT_PAUSED] = "paused",
        [BEAT_STOPPING] = "stopping", [BEAT_STOPPED] = "stopped",
    };
    return names[state];
}

static void take_word(char out[PROC_ID_SIZE], const json_t *whole, const char *key)
{
    (void)snprintf(out, PROC_ID_SIZE, "%s", json_get_text(whole, key, ""));
}

static void take_who(struct proc_id *who, const json_t *whole)
{
    json_int_t pid = json_get_int(whole, "pid", 0);
    who->pid = pid > 0 && pid <= INT32_MAX ? (pid_t)pid : 0;
    who->start_ticks = (uint64_t)json_get_int(whole, "start_ticks", 0);
    take_word(who->boot_id, whole, "boot_id");
    take_word(who->pid_ns, whole, "pid_ns");
    take_word(who->time_ns, whole, "time_ns");
    take_word(who->host, whole, "host");
}

/* Opened afresh, and time and content from the one descriptor: on NFS only an open asks the server
 * what the file is by now. Leaves whole NULL when there is no heartbeat in it. */
static json_t *read_whole(int dir_fd, const char *file_name, int64_t *ret_mtime_ms)
{
    CLEANUP(fs_close) int fd = -1;
    CLEANUP(mem_free_text) char *text = NULL;
    CLEANUP(json_drop) json_t *whole = NULL;
    struct stat st;
    struct json_mark mark;
    size_t len;
    if (fs_open_file(dir_fd, file_name, &fd, &st, NULL) < 0)
        return NULL;
    *ret_mtime_ms = fs_mtime_ms(&st);
    if (fs_read_open_file(fd, &st, file_name, HEARTBEAT_MAX_BYTES, &text, &len, NULL) < 0 ||
        json_parse(text, len, &whole, &mark, NULL) != 1 || !json_is_object(whole))
        return NULL;
    return TAKE(whole);
}

static void seen_read(int dir_fd, const char *file_name, const char *worker,
                      struct heartbeat_seen *seen)
{
    json_t *whole = read_whole(dir_fd, file_name, &seen->mtime_ms);
    seen->worker = mem_strdup(worker);
    seen->whole = whole;
    take_who(&seen->who, whole);
    seen->spool = mem_strdup(json_get_text(whole, "spool", ""));
    seen->state = mem_strdup(json_get_text(whole, "state", ""));
    seen->reason = mem_strdup(json_get_text(whole, "reason", ""));
    seen->beat = mem_strdup(json_get_text(whole, "beat", ""));
    seen->started = mem_strdup(json_get_text(whole, "started", ""));
    seen->beat_count = json_get_int(whole, "beat_count", 0);
    seen->pending = json_get_int(whole, "pending", 0);
}

int heartbeats_read(const struct spool *spool, struct heartbeat_seen **ret_seen, size_t *ret_count,
                    struct err *err)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    int dir_fd = spool_dir(spool, PLACE_HEARTBEAT);
    int r = listing_read(dir_fd, ".", &listing, err);
    if (r < 0) {
        err_context(err, "'%s/heartbeat'", spool_path(spool));
        return r;
    }
    struct heartbeat_seen *seen = mem_zero(listing.count, sizeof(*seen));
    size_t count = 0;
    for (size_t i = 0; i < listing.count; i++) {
        char worker[NAME_SIZE];
        if (name_of_job_file(listing.entries[i].name, worker)) /* WORKER.json */
            seen_read(dir_fd, listing.entries[i].name, worker, &seen[count++]);
    }
    *ret_seen = seen;
    *ret_count = count;
    return 0;
}

void heartbeats_free(struct heartbeat_seen **seen, size_t count)
{
    for (size_t i = 0; *seen && i < count; i++) {
        struct heartbeat_seen *one = &(*seen)[i];
        free(one->worker);
        free(one->spool);
        free(one->state);
        free(one->reason);
        free(one->beat);
        free(one->started);
        json_decref(one->whole);
    }
    free(*seen);
    *seen = NULL;
}

bool heartbeat_has_stopped(const struct heartbeat_seen *beat)
{
    return strcmp(beat->state, heartbeat_state_name(BEAT_STOPPED)) == 0;
}
