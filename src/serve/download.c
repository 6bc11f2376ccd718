/* While the pipe is empty the connection is suspended: a share that stopped in the middle of a file
 * keeps nobody else waiting. Its caller's deadline runs on, and so does the pipe's own. */
#include "serve/download.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { BLOCK_BYTES = 32 << 10 };

struct download {
    struct loop *loop;
    struct MHD_Connection *connection;
    struct caller *caller;
    int fd;
    struct loop_watch *watch, *timer; /* while it is suspended */
    bool is_late;
    struct downloads *downloads;
    struct download *next;
};

static void resume(struct download *download)
{
    loop_remove(download->loop, &download->watch);
    loop_remove(download->loop, &download->timer);
    caller_has_until(download->caller, time_mono_ms(), CALLER_TAKES_MS);
    MHD_resume_connection(download->connection);
}

static void on_readable(void *arg, uint32_t events)
{
    (void)events;
    resume(arg);
}

static void on_late(void *arg, uint32_t events)
{
    struct download *download = arg;
    (void)events;
    download->is_late = true;
    resume(download);
}

static bool suspend(struct download *download)
{
    if (loop_add(download->loop, download->fd, EPOLLIN, on_readable, download, &download->watch,
                 NULL) < 0)
        return false;
    if (loop_add_timer(download->loop, CALLER_TAKES_MS, CALLER_TAKES_MS, on_late, download,
                       &download->timer, NULL) < 0) {
        loop_remove(download->loop, &download->watch);
        return false;
    }
    caller_may_wait(download->caller);
    MHD_suspend_connection(download->connection);
    return true;
}

static ssize_t read_more(void *arg, uint64_t at, char *out, size_t size)
{
    struct download *download = arg;
    (void)at;
    caller_has_until(download->caller, time_mono_ms(), CALLER_TAKES_MS);
    if (download->is_late)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    ssize_t got = read(download->fd, out, size);
    if (got > 0)
        return got;
    if (got < 0 && (errno == EAGAIN || errno == EINTR) && suspend(download))
        return 0;
    return MHD_CONTENT_READER_END_WITH_ERROR; /* it was to be longer */
}

static void end(void *arg)
{
    struct download *download = arg;
    loop_remove(download->loop, &download->watch);
    loop_remove(download->loop, &download->timer);
    fs_close(&download->fd);
    struct download **place = &download->downloads->first;
    while (*place != download)
        place = &(*place)->next;
    *place = download->next;
    download->downloads->count--;
    free(download);
}

struct MHD_Response *download_new(struct downloads *downloads, struct loop *loop,
                                  struct MHD_Connection *connection, struct caller *caller,
                                  struct answer *answer)
{
    struct download *download = MEM_NEW(struct download);
    download->loop = loop;
    download->connection = connection;
    download->caller = caller;
    download->fd = answer->pipe_fd;
    download->downloads = downloads;
    download->next = downloads->first;
    downloads->first = download;
    downloads->count++;
    answer->pipe_fd = -1;
    (void)fcntl(download->fd, F_SETFL, O_NONBLOCK);
    struct MHD_Response *response = MHD_create_response_from_callback(
        (uint64_t)answer->pipe_bytes, BLOCK_BYTES, read_more, download, end);
    if (!response)
        end(download);
    return response;
}

void downloads_stop(struct downloads *downloads)
{
    for (struct download *at = downloads->first; at; at = at->next)
        if (at->watch)
            on_late(at, 0);
}
