#include "worker/watch.h"

#include "base/fs.h"
#include "base/mem.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <unistd.h>

static const enum spool_place places[] = { PLACE_PENDING, PLACE_PENDING_HIGH, PLACE_PENDING_LOW,
                                           PLACE_DEFERRED, PLACE_CANCEL };

struct watch {
    struct loop *loop;
    struct loop_watch *loop_watch;
    int fd;
    int wds[COUNT(places)]; /* what inotify calls each of them */
    watch_fn *fn;
    void *arg;
};

/* What happened does not matter, only where; after an overflow it may have been anywhere. What is
 * none of places is a folder of the inbox. */
static void note_event(const struct watch *watch, const struct inotify_event *event,
                       bool hinted[PLACE_COUNT])
{
    bool is_known = false;
    for (size_t i = 0; i < COUNT(places); i++) {
        bool here = event->wd == watch->wds[i];
        is_known = is_known || here;
        hinted[places[i]] = hinted[places[i]] || here || (event->mask & IN_Q_OVERFLOW);
    }
    hinted[PLACE_INBOX] = hinted[PLACE_INBOX] || !is_known;
}

/* The name of a file that came by rename, or was written to its end; else NULL. */
static const char *whole_file(const struct inotify_event *event)
{
    bool is_whole = event->mask & (IN_MOVED_TO | IN_CLOSE_WRITE) && !(event->mask & IN_ISDIR);
    return is_whole && event->len > 0 ? event->name : NULL;
}

static void on_event(void *arg, uint32_t events)
{
    (void)events;
    struct watch *watch = arg;
    char buffer[16 * 1024] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool hinted[PLACE_COUNT] = { false };
    const char *only = NULL;
    ssize_t got = read(watch->fd, buffer, sizeof(buffer)); /* what is left shows again */
    for (char *at = buffer; at < buffer + got;) {
        const struct inotify_event *event = (const struct inotify_event *)(const void *)at;
        note_event(watch, event, hinted);
        at += sizeof(*event) + event->len;
        only = at == buffer + got && event == (const void *)buffer ? whole_file(event) : NULL;
    }
    for (int i = 0; i < PLACE_COUNT; i++)
        if (hinted[i])
            watch->fn(watch->arg, (enum spool_place)i, only);
}

/* What inotify calls it, or negative. */
static int add(const struct watch *watch, const struct spool *spool, enum spool_place place,
               const char *below, struct err *err)
{
    CLEANUP(mem_free_text)
    char *path = mem_printf("%s/%s/%s", spool_path(spool), spool_place_name(place), below);
    const uint32_t mask =
        IN_CREATE | IN_MOVED_TO | IN_CLOSE_WRITE | IN_ONLYDIR | (below[0] ? IN_DONT_FOLLOW : 0);
    int wd = inotify_add_watch(watch->fd, path, mask);
    return wd < 0 ? err_set(err, ERR_IO, errno, "watch '%s'", path) : wd;
}

void watch_inbox(struct watch *watch, const struct spool *spool, const char *path)
{
    (void)add(watch, spool, PLACE_INBOX, path, NULL);
}

int watch_new(struct loop *loop, const struct spool *spool, watch_fn *fn, void *arg,
              struct watch **ret_watch, struct err *err)
{
    int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (fd < 0) {
        int r = err_set(err, ERR_IO, errno, "inotify");
        err_hint(err,
                 "raise fs.inotify.max_user_instances; until then the worker looks every 10 s");
        return r;
    }
    struct watch *watch = MEM_NEW(struct watch);
    *watch = (struct watch){ .loop = loop, .fd = fd, .fn = fn, .arg = arg };
    int r = 0;
    for (size_t i = 0; i < COUNT(places) && r >= 0; i++)
        r = watch->wds[i] = add(watch, spool, places[i], "", err);
    if (r >= 0)
        r = loop_add(loop, fd, EPOLLIN, on_event, watch, &watch->loop_watch, err);
    if (r < 0) {
        watch_free(&watch);
        return r;
    }
    *ret_watch = watch;
    return 0;
}

void watch_free(struct watch **watch)
{
    if (!*watch)
        return;
    struct watch *old = TAKE(*watch);
    loop_remove(old->loop, &old->loop_watch);
    fs_close(&old->fd);
    free(old);
}
