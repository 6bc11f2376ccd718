/* inotify and fork, in few lines: what the time from a drop to a runner is measured against.
 *
 *     drop DIR STAMPS        forks for each file that comes into DIR, until it is killed
 *
 * The child's first instruction is to ask for the time, which it appends to STAMPS. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <time.h>
#include <unistd.h>

static void child(const char *path)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    char line[64];
    int len =
        snprintf(line, sizeof(line), "%lld\n", (long long)now.tv_sec * 1000000000 + now.tv_nsec);
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);
    _exit(fd < 0 || write(fd, line, (size_t)len) != len ? 1 : 0);
}

int main(int argc, char **argv)
{
    _Alignas(struct inotify_event) char events[4096];
    int fd = inotify_init1(IN_CLOEXEC);
    (void)signal(SIGCHLD, SIG_IGN);
    if (argc != 3 || inotify_add_watch(fd, argv[1], IN_MOVED_TO | IN_CLOSE_WRITE) < 0)
        return 1;
    for (;;) {
        ssize_t got = read(fd, events, sizeof(events));
        const struct inotify_event *event;
        for (char *at = events; at < events + got; at += sizeof(*event) + event->len) {
            event = (const struct inotify_event *)at;
            if (fork() == 0)
                child(argv[2]);
        }
    }
}
