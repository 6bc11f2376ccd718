#include "spool/seat.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "spool/listing.h"
#include "spool/token.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct seat {
    struct spool *spool;
    struct proc_id who;
    char name[NAME_SIZE];
    int dir_fd;             /* running/NAME */
    char spare[TOKEN_SIZE]; /* an empty directory in it; "": none */
    int64_t started_ms, beat_count;
    int64_t pending, done, error, claims, missed; /* as last told, for the last beat */
    struct doubt {
        char token[TOKEN_SIZE], whose[NAME_SIZE];
    } * doubts;
    size_t doubt_count;
    struct seat_link *links;
    bool one_journal;
};

/* host.pid.random: of the host only what is plain in a file's name everywhere. */
static void name_worker(struct seat *seat)
{
    char host[41] = "", random[9];
    for (size_t i = 0; i < sizeof(host) - 1 && seat->who.host[i]; i++) {
        char c = seat->who.host[i];
        host[i] = isascii(c) && (isalnum((unsigned char)c) || c == '-') ? c : '-';
    }
    str_random_hex(random, 4);
    (void)snprintf(seat->name, sizeof(seat->name), "%s.%d.%s", host[0] ? host : "host",
                   (int)seat->who.pid, random);
}

static int make_running(struct seat *seat, struct err *err)
{
    int running = spool_dir(seat->spool, PLACE_RUNNING);
    /* The name is ours: if it is there, we made it, and the reply to that got lost. */
    if (mkdirat(running, seat->name, 0775) < 0 && errno != EEXIST)
        return err_set(err, ERR_IO, errno, "make directory '%s/running/%s'",
                       spool_path(seat->spool), seat->name);
    fs_share_dir(running, seat->name);
    seat->dir_fd = openat(running, seat->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (seat->dir_fd < 0) {
        int r = err_set(err, ERR_IO, errno, "open '%s/running/%s'", spool_path(seat->spool),
                        seat->name);
        (void)unlinkat(running, seat->name, AT_REMOVEDIR);
        return r;
    }
    seat_make_token(seat);
    return 0;
}

int seat_take(struct spool *spool, struct seat **ret_seat, struct err *err)
{
    CLEANUP(seat_free) struct seat *seat = MEM_NEW(struct seat);
    seat->spool = spool;
    seat->dir_fd = -1;
    seat->started_ms = time_wall_ms();
    seat->one_journal = fs_has_one_journal(spool_root(spool));
    proc_id_self(&seat->who);
    name_worker(seat);
    /* The beat first: a directory without one would look like a dead worker's. */
    struct heartbeat first = { .state = BEAT_IDLE };
    int r = seat_beat(seat, &first, err);
    if (r < 0)
        return r;
    r = make_running(seat, err);
    if (r < 0) {
        char file[NAME_SIZE];
        (void)snprintf(file, sizeof(file), "%.240s.json", seat->name);
        (void)unlinkat(spool_dir(spool, PLACE_HEARTBEAT), file, 0);
        return r;
    }
    *ret_seat = TAKE(seat);
    return 0;
}

void seat_free(struct seat **seat)
{
    if (!*seat)
        return;
    while ((*seat)->links)
        seat_unlink((*seat)->links);
    fs_close(&(*seat)->dir_fd);
    free((*seat)->doubts);
    free(*seat);
    *seat = NULL;
}

static int remove_running(struct seat *seat, struct err *err)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    int r = listing_read(seat->dir_fd, ".", &listing, err);
    for (size_t i = 0; r == 0 && i < listing.count; i++)
        (void)unlinkat(seat->dir_fd, listing.entries[i].name, AT_REMOVEDIR); /* the empty ones */
    fs_close(&seat->dir_fd);
    if (unlinkat(spool_dir(seat->spool, PLACE_RUNNING), seat->name, AT_REMOVEDIR) < 0 &&
        errno != ENOTEMPTY && errno != EEXIST && errno != ENOENT)
        return err_set(err, ERR_IO, errno, "remove '%s/running/%s'", spool_path(seat->spool),
                       seat->name);
    return r;
}

int seat_leave(struct seat **seat, struct err *err)
{
    struct seat *own = *seat;
    if (!own)
        return 0;
    struct heartbeat last = { .state = BEAT_STOPPED,
                              .pending = own->pending,
                              .done = own->done,
                              .error = own->error,
                              .claims = own->claims,
                              .missed = own->missed };
    int beat = seat_beat(own, &last, err);
    int removed = remove_running(own, beat < 0 ? NULL : err);
    seat_free(seat);
    return beat < 0 ? beat : removed;
}

int seat_vanish(struct seat **seat, struct err *err)
{
    struct spool *spool = (*seat)->spool;
    char name[NAME_SIZE], file[NAME_SIZE];
    struct stat st;
    (void)snprintf(name, sizeof(name), "%.240s", (*seat)->name);
    (void)snprintf(file, sizeof(file), "%.240s.json", name);
    int r = seat_leave(seat, err);
    if (fstatat(spool_dir(spool, PLACE_RUNNING), name, &st, AT_SYMLINK_NOFOLLOW) < 0 &&
        errno == ENOENT)
        (void)unlinkat(spool_dir(spool, PLACE_HEARTBEAT), file, 0);
    return r;
}

const char *seat_name(const struct seat *seat)
{
    return seat->name;
}

struct spool *seat_spool(const struct seat *seat)
{
    return seat->spool;
}

int seat_dir(const struct seat *seat)
{
    return seat->dir_fd;
}

int seat_is_there(const struct seat *seat, struct err *err)
{
    /* By the filesystem itself: of a FUSE mount whose process has died, what was asked within the
     * last second is still answered from memory. */
    struct statx st;
    if (statx(spool_dir(seat->spool, PLACE_RUNNING), seat->name,
              AT_SYMLINK_NOFOLLOW | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &st) == 0)
        return 1;
    if (errno == ENOENT)
        return 0;
    return err_set(err, ERR_IO, errno, "stat 'running/%s'", seat->name);
}

bool seat_has_one_journal(const struct seat *seat)
{
    return seat->one_journal;
}

int seat_reopen(struct seat *seat, struct err *err)
{
    seat->one_journal = fs_has_one_journal(spool_root(seat->spool));
    CLEANUP(fs_close)
    int fd = openat(spool_dir(seat->spool, PLACE_RUNNING), seat->name,
                    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT)
        return 0;
    if (fd < 0 || dup3(fd, seat->dir_fd, O_CLOEXEC) < 0)
        return err_set(err, ERR_IO, errno, "open 'running/%s' anew", seat->name);
    return 1;
}

/* ---- the beat ---- */

static json_t *beat_problems(const struct heartbeat *beat)
{
    json_t *problems = json_array();
    for (size_t i = 0; i < beat->problem_count; i++) {
        json_t *problem = json_object();
        json_set_text(problem, "path", beat->problems[i].path);
        json_set_text(problem, "reason", beat->problems[i].reason);
        (void)json_array_append_new(problems, problem);
    }
    return problems;
}

static json_t *beat_jobs(const struct heartbeat *beat)
{
    json_t *jobs = json_array();
    for (size_t i = 0; i < beat->job_count; i++) {
        const struct heartbeat_job *from = &beat->jobs[i];
        json_t *job = json_object();
        json_set_text(job, "name", from->name);
        json_set_text(job, "pipeline", from->pipeline);
        json_set_text(job, "step", from->step);
        json_set(job, "progress", from->progress < 0 ? NULL : json_real(from->progress));
        json_set(job, "eta_s", from->eta_s < 0 ? NULL : json_real(from->eta_s));
        (void)json_array_append_new(jobs, job);
    }
    return jobs;
}

static json_t *beat_json(const struct seat *seat, const struct heartbeat *beat)
{
    char time[TIME_TEXT_SIZE];
    json_t *whole = json_object();
    json_set_text(whole, "worker", seat->name);
    json_set_text(whole, "host", seat->who.host);
    json_set_int(whole, "pid", seat->who.pid);
    json_set_int(whole, "start_ticks", (json_int_t)seat->who.start_ticks);
    json_set_text(whole, "boot_id", seat->who.boot_id);
    json_set_text(whole, "pid_ns", seat->who.pid_ns);
    json_set_text(whole, "time_ns", seat->who.time_ns);
    json_set_text(whole, "spool", spool_path(seat->spool));
    json_set_text(whole, "state", heartbeat_state_name(beat->state));
    json_set_text(whole, "beat", time_format(time_wall_ms(), time));
    json_set_int(whole, "beat_count", seat->beat_count);
    json_set_text(whole, "started", time_format(seat->started_ms, time));
    json_set(whole, "jobs", beat_jobs(beat));
    json_set(whole, "problems", beat_problems(beat));
    json_set_int(whole, "pending", beat->pending);
    json_set_int(whole, "done", beat->done);
    json_set_int(whole, "error", beat->error);
    json_set_int(whole, "claims", beat->claims);
    json_set_int(whole, "missed", beat->missed);
    json_set_int(whole, "free", beat->free);
    json_set_text(whole, "reason", beat->reason);
    return whole;
}

/* Without truncating first: should the disk be full, what was there stays readable. */
static int overwrite(int dir_fd, const char *file, const char *text, size_t len)
{
    CLEANUP(fs_close) int fd = openat(dir_fd, file, O_WRONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    int r = fs_write_all(fd, text, len);
    if (r == 0 && ftruncate(fd, (off_t)len) < 0)
        r = -errno;
    return r;
}

int seat_beat(struct seat *seat, const struct heartbeat *beat, struct err *err)
{
    int tmp = spool_dir(seat->spool, PLACE_TMP);
    int beats = spool_dir(seat->spool, PLACE_HEARTBEAT);
    char file[NAME_SIZE];
    (void)snprintf(file, sizeof(file), "%.240s.json", seat->name);
    seat->beat_count++;
    seat->pending = beat->pending;
    seat->done = beat->done;
    seat->error = beat->error;
    seat->claims = beat->claims;
    seat->missed = beat->missed;
    CLEANUP(json_drop) json_t *whole = beat_json(seat, beat);
    CLEANUP(mem_free_text) char *text = json_pretty(whole);

    int r = fs_write_file(tmp, file, text, strlen(text), 0, err);
    if (r == 0 && renameat(tmp, file, beats, file) == 0)
        return 0;
    if (r == 0)
        r = err_set(err, ERR_IO, errno, "rename 'tmp/%s' to 'heartbeat/%s'", file, file);
    err_context(err, "'%s'", spool_path(seat->spool));
    (void)unlinkat(tmp, file, 0);
    /* A full disk must not look like a dead worker. On a full btrfs nothing but the time of a file
     * can be changed, and that counts as a beat too. */
    if (overwrite(beats, file, text, strlen(text)) == 0 || utimensat(beats, file, NULL, 0) == 0)
        return 0;
    return r;
}

/* ---- empty directories for claims ---- */

void seat_make_token(struct seat *seat)
{
    if (!seat->spare[0])
        (void)token_make(seat->dir_fd, seat->spare,
                         NULL); /* else the claim makes it, or says why */
}

int seat_take_token(struct seat *seat, char ret_token[TOKEN_SIZE], struct err *err)
{
    if (!seat->spare[0]) {
        int r = token_make(seat->dir_fd, seat->spare, err);
        if (r < 0)
            return r;
    }
    memcpy(ret_token, seat->spare, TOKEN_SIZE);
    seat->spare[0] = '\0';
    return 0;
}

void seat_keep_token(struct seat *seat, const char *token)
{
    if (seat->spare[0])
        (void)unlinkat(seat->dir_fd, token, AT_REMOVEDIR);
    else
        memcpy(seat->spare, token, TOKEN_SIZE);
}

/* ---- what is in hand ---- */

void seat_link(struct seat *seat, struct seat_link *link, struct claim *claim)
{
    *link = (struct seat_link){ seat->links, &seat->links, claim };
    if (link->next)
        link->next->back = &link->next;
    seat->links = link;
}

void seat_unlink(struct seat_link *link)
{
    if (!link->back)
        return;
    *link->back = link->next;
    if (link->next)
        link->next->back = link->back;
    link->back = NULL;
}

struct seat_link *seat_links(const struct seat *seat)
{
    return seat->links;
}

/* ---- what must be looked at again ---- */

void seat_doubt(struct seat *seat, const char *token, const char *whose)
{
    seat->doubts = mem_resize(seat->doubts, seat->doubt_count + 1, sizeof(seat->doubts[0]));
    struct doubt *one = &seat->doubts[seat->doubt_count++];
    (void)snprintf(one->token, sizeof(one->token), "%s", token);
    (void)snprintf(one->whose, sizeof(one->whose), "%s", whose);
}

size_t seat_doubt_count(const struct seat *seat)
{
    return seat->doubt_count;
}

void seat_take_doubt(struct seat *seat, char ret_token[TOKEN_SIZE], char ret_whose[NAME_SIZE])
{
    memcpy(ret_token, seat->doubts[0].token, TOKEN_SIZE);
    memcpy(ret_whose, seat->doubts[0].whose, NAME_SIZE);
    memmove(seat->doubts, seat->doubts + 1, --seat->doubt_count * sizeof(seat->doubts[0]));
}
