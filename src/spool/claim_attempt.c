/* claim_attempt.c - the lines and the directory of one attempt. */
#include "spool/claim_private.h"

#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ATTEMPTS_ROOM_BYTES = 16384 };

void claim_out_name(const struct claim *claim, char out[OUT_NAME_SIZE])
{
    (void)snprintf(out, OUT_NAME_SIZE, "out.%d", claim->attempts.started);
}

static json_t *start_line(const struct claim *claim, int number)
{
    char time[TIME_TEXT_SIZE];
    json_t *line = json_object();
    json_set_text(line, "event", "start");
    json_set_int(line, "attempt", number);
    json_set_text(line, "at", time_format(time_wall_ms(), time));
    json_set_text(line, "worker", seat_name(claim->seat));
    return line;
}

/* X.job first, before any other sync here: see publish.c. */
int claim_sync_start(struct claim *claim, struct err *err)
{
    claim_sync_jobs(claim->seat);
    int r = claim_sync_job(claim, err);
    return r < 0 ? r : fs_sync_file(claim->dir_fd, ATTEMPTS_FILE, err);
}

static int make_out(const struct claim *claim, const char *out, int *ret_fd, struct err *err)
{
    int r = mkdirat(claim->dir_fd, out, 0775);
    if (r < 0 && errno == EEXIST) {
        r = fs_remove_tree(claim->dir_fd, out, err);
        if (r < 0)
            return r;
        r = mkdirat(claim->dir_fd, out, 0775);
    }
    if (r < 0)
        return err_set(err, ERR_IO, errno, "make '%s' of job '%s'", out, claim->name);
    *ret_fd = openat(claim->dir_fd, out, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *ret_fd < 0 ? err_set(err, ERR_IO, errno, "open '%s' of job '%s'", out, claim->name) : 0;
}

int claim_start(struct claim *claim, int *ret_number, int *ret_out_fd, struct err *err)
{
    int number = claim->attempts.started + 1;
    char out[OUT_NAME_SIZE];
    (void)snprintf(out, sizeof(out), "out.%d", number);
    CLEANUP(fs_close) int fd = -1;
    json_t *line = start_line(claim, number);
    int r = make_out(claim, out, &fd, err);
    if (r == 0)
        r = attempts_append(claim->dir_fd, json_incref(line), err);
    if (r < 0) {
        json_decref(line);
        (void)fs_remove_tree(claim->dir_fd, out, NULL);
        return r;
    }
    attempts_note(&claim->attempts, line);
    *ret_number = number;
    *ret_out_fd = fd;
    fd = -1;
    return 0;
}

void claim_started(struct claim *claim)
{
    if (claim->attempts.started != 1)
        return;
    CLEANUP(fs_close)
    int fd = openat(claim->dir_fd, ATTEMPTS_FILE, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd >= 0)
        (void)fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, ATTEMPTS_ROOM_BYTES);
}

int claim_ended(struct claim *claim, const struct attempt_end *end, struct err *err)
{
    json_t *line = attempts_end_line(claim->attempts.started, end);
    attempts_note(&claim->attempts, json_incref(line)); /* known even if it cannot be written */
    int r = attempts_append(claim->dir_fd, json_incref(line), err);
    if (r < 0)
        claim->unwritten = line; /* once more before the claim ends: publish.c */
    else
        json_decref(line);
    return r;
}
