/* Jobs by the hundred thousand: fill SPOOL COUNT KIND. KIND pending: files in pending/ that ask for
 * pipeline `noop`; deferred: directories in deferred/ that are due in a year. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char job[] = "{\"input_path\": \"media/any\", \"pipeline_id\": \"noop\"}\n";

static void write_job(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, job, sizeof(job) - 1) != (ssize_t)sizeof(job) - 1 || close(fd) < 0) {
        perror(path);
        exit(1);
    }
}

int main(int argc, char **argv)
{
    long count = argc == 4 ? atol(argv[2]) : 0;
    char path[4096];
    if (count < 1 || chdir(argv[1]) < 0)
        return 2;
    long long due_s = (long long)time(NULL) + 365LL * 86400;
    for (long i = 0; i < count; i++) {
        long shuffled = (i * 7919) % count; /* no directory is filled in order */
        if (strcmp(argv[3], "pending") == 0) {
            (void)snprintf(path, sizeof(path), "pending/20260131T140310.042Z-holiday-%07ld.json",
                           shuffled);
            write_job(path);
            continue;
        }
        (void)snprintf(path, sizeof(path), "deferred/holiday-%07ld@%lld@%016lx", shuffled,
                       due_s + shuffled % 1000, i);
        if (mkdir(path, 0777) < 0) {
            perror(path);
            return 1;
        }
        (void)snprintf(path + strlen(path), sizeof(path) - strlen(path), "/holiday-%07ld.job",
                       shuffled);
        write_job(path);
    }
    return 0;
}
