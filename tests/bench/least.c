/* The least that a queue of files can do: what takeup's rate is measured against.
 *
 *     least DIR MEGABYTES sync|nosync        DIR/pending holds the jobs; prints jobs/s
 *
 * For each job: a rename takes it, a child that was forked ahead is woken through a pipe, writes a
 * result and exits; the next child is forked meanwhile; result and job are renamed into done/. With
 * `sync` two syncs: of the result and of done/. The parent holds MEGABYTES, as a worker does. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int pending, running, done;
static int wake_fd; /* of the spare */
static pid_t spare;

static void must(int ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    exit(1);
}

static int open_dir(const char *dir, const char *name)
{
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/%s", dir, name);
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    must(fd >= 0, path);
    return fd;
}

__attribute__((noreturn)) static void child(int fd)
{
    static const char text[] = "{\"status\": \"done\"}\n";
    char name[256], path[300];
    ssize_t len = read(fd, name, sizeof(name) - 1);
    if (len <= 0)
        _exit(0);
    (void)snprintf(path, sizeof(path), "%.*s.result", (int)len, name);
    int out = openat(running, path, O_WRONLY | O_CREAT | O_EXCL, 0666);
    _exit(out < 0 || write(out, text, sizeof(text) - 1) < 0 ? 1 : 0);
}

static void fork_spare(void)
{
    int ends[2];
    must(pipe2(ends, O_CLOEXEC) == 0, "pipe");
    spare = fork();
    must(spare >= 0, "fork");
    if (spare == 0) {
        (void)close(ends[1]);
        child(ends[0]);
    }
    (void)close(ends[0]);
    wake_fd = ends[1];
}

static void run(const char *name, int syncs)
{
    char result[300];
    int status;
    (void)snprintf(result, sizeof(result), "%s.result", name);
    must(renameat(pending, name, running, name) == 0, "claim");
    pid_t pid = spare;
    int fd = wake_fd;
    must(write(fd, name, strlen(name)) > 0, "wake");
    fork_spare();
    must(waitpid(pid, &status, 0) == pid && status == 0, "wait");
    (void)close(fd);
    if (syncs) {
        int out = openat(running, result, O_RDONLY | O_CLOEXEC);
        must(out >= 0 && fsync(out) == 0, "sync the result");
        (void)close(out);
    }
    must(renameat(running, result, done, result) == 0, "publish");
    must(renameat(running, name, done, name) == 0, "publish the job");
    must(!syncs || fsync(done) == 0, "sync done");
}

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    must(argc == 4, "usage: least DIR MEGABYTES sync|nosync");
    pending = open_dir(argv[1], "pending");
    running = open_dir(argv[1], "running");
    done = open_dir(argv[1], "done");
    size_t size = strtoul(argv[2], NULL, 10) << 20;
    char *held = malloc(size + 1);
    must(held != NULL, "malloc");
    memset(held, 1, size);
    struct dirent **names;
    char path[4096];
    (void)snprintf(path, sizeof(path), "%s/pending", argv[1]);
    int count = scandir(path, &names, NULL, alphasort);
    must(count >= 0, path);
    fork_spare();
    double begin = now_s();
    int jobs = 0;
    for (int i = 0; i < count; i++)
        if (names[i]->d_type == DT_REG) {
            run(names[i]->d_name, strcmp(argv[3], "sync") == 0);
            jobs++;
        }
    (void)printf("%.1f\n", jobs / (now_s() - begin));
    (void)close(wake_fd); /* the spare reads the end */
    (void)waitpid(spare, NULL, 0);
    int status = held[0] == 1 ? 0 : 1; /* so that it is held until here */
    free(held);
    return status;
}
