#include "pipeline/jsonl.h"

#include "base/fs.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

enum { WAITING_BYTES_MAX = 64 * 1024 };

int jsonl_open(struct jsonl *lines, int dir_fd, const char *name, struct err *err)
{
    int how = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC;
    int fd = openat(dir_fd, name, how, 0664);
    if (fd < 0)
        return err_set(err, ERR_IO, errno, "create '%s'", name);
    *lines = (struct jsonl){ .name = name, .fd = fd };
    return 0;
}

int jsonl_flush(struct jsonl *lines, struct err *err)
{
    int r = fs_write_all(lines->fd, str_text(&lines->waiting), lines->waiting.len);
    str_release(&lines->waiting);
    return r < 0 ? err_set(err, ERR_IO, -r, "write '%s'", lines->name) : 0;
}

int jsonl_add(struct jsonl *lines, const json_t *value, struct err *err)
{
    CLEANUP(mem_free_text) char *line = json_line(value);
    str_add(&lines->waiting, line);
    str_add(&lines->waiting, "\n");
    lines->size_bytes += (int64_t)strlen(line) + 1;
    return lines->waiting.len < WAITING_BYTES_MAX ? 0 : jsonl_flush(lines, err);
}

int jsonl_finish(struct jsonl *lines, struct err *err)
{
    int r = jsonl_flush(lines, err);
    int fd = lines->fd;
    lines->fd = -1;
    if (close(fd) < 0 && errno != EINTR && r == 0)
        r = err_set(err, ERR_IO, errno, "close '%s'", lines->name);
    return r;
}

void jsonl_close(struct jsonl *lines)
{
    fs_close(&lines->fd);
    str_release(&lines->waiting);
}
