/* How long from a drop to the first instruction of what it starts.
 *
 *     dropper FROM TO STAMPS COUNT      prints median, 99th percentile and longest, in us
 *
 * Renames job files from directory FROM into TO, one after the other, and reads from STAMPS, where
 * whoever is started leaves the monotonic time in ns, a line each. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static const char job[] = "{\"input_path\": \"media/in\", \"pipeline_id\": \"noop\"}\n";

static long long now_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (long long)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The line at *offset, once it is there; 0 after 10 s without it. */
static long long next_stamp(const char *path, off_t *offset)
{
    char line[64];
    for (int i = 0; i < 5000; i++) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        ssize_t got = fd < 0 ? 0 : pread(fd, line, sizeof(line) - 1, *offset);
        if (fd >= 0)
            (void)close(fd);
        if (got > 0 && line[got - 1] == '\n') {
            line[got] = '\0';
            *offset += got;
            return strtoll(line, NULL, 10);
        }
        (void)usleep(2000);
    }
    return 0;
}

static double drop(const char *from, const char *to, const char *stamps, int number, off_t *offset)
{
    char source[4096], target[4096];
    (void)snprintf(source, sizeof(source), "%s/drop%06d.json", from, number);
    (void)snprintf(target, sizeof(target), "%s/drop%06d.json", to, number);
    int fd = open(source, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, job, sizeof(job) - 1) < 0 || close(fd) < 0)
        return -1;
    long long start_ns = now_ns();
    if (rename(source, target) < 0)
        return -1;
    long long stamp_ns = next_stamp(stamps, offset);
    return stamp_ns ? (double)(stamp_ns - start_ns) / 1000 : -1;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    int count = argc == 5 ? atoi(argv[4]) : 0;
    static double took_us[10000];
    off_t offset = 0;
    if (count <= 0 || (size_t)count > sizeof(took_us) / sizeof(took_us[0]))
        return 2;
    for (int i = -3; i < count; i++) { /* the first ones warm it up */
        double us = drop(argv[1], argv[2], argv[3], i + 3, &offset);
        if (us < 0) {
            (void)fprintf(stderr, "dropper: drop %d started nothing\n", i);
            return 1;
        }
        took_us[i < 0 ? 0 : i] = us;
        (void)usleep(20000);
    }
    qsort(took_us, (size_t)count, sizeof(*took_us), compare);
    (void)printf("%.0f %.0f %.0f\n", took_us[count / 2], took_us[(count * 99) / 100],
                 took_us[count - 1]);
    return 0;
}
