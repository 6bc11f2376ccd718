/* Who reads the file can be caught in a share that went away, and who takes the bytes may be slow:
 * so neither the server reads it, nor the child that looks. */
#include "serve/files.h"

#include "base/fs.h"
#include "base/mem.h"
#include "serve/content.h"
#include "spool/survey.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { PIECE_BYTES = 64 << 10 };

static bool record_names(const json_t *record, const char *file)
{
    size_t i;
    const json_t *artifact;
    json_array_foreach(json_object_get(record, "artifacts"), i, artifact)
    {
        if (strcmp(json_get_text(artifact, "name", ""), file) == 0)
            return true;
    }
    return strcmp(json_get_text(record, "partial_file", ""), file) == 0;
}

/* By two names, neither of which holds a slash, and no link is followed at either. */
static int open_file(const struct spool *spool, const char *dir, const char *file, int *ret_fd,
                     struct stat *ret_st, struct err *err)
{
    CLEANUP(fs_close)
    int dir_fd = openat(spool_root(spool), dir, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (dir_fd < 0)
        return err_set(err, ERR_IO, errno, "open '%s'", dir);
    return fs_open_file(dir_fd, file, ret_fd, ret_st, err);
}

_Noreturn static void pour(int file_fd, int pipe_fd, int64_t size)
{
    static char piece[PIECE_BYTES];
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)dup2(file_fd, STDIN_FILENO);
    (void)dup2(pipe_fd, STDOUT_FILENO);
    (void)close_range(STDERR_FILENO + 1, ~0U, 0);
    /* No more than was promised: an ended job's files do not grow, but who knows. */
    while (size > 0) {
        size_t wanted = size < PIECE_BYTES ? (size_t)size : PIECE_BYTES;
        ssize_t got = read(STDIN_FILENO, piece, wanted);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || fs_write_all(STDOUT_FILENO, piece, (size_t)got) < 0)
            _exit(1);
        size -= got;
    }
    _exit(0);
}

static int begin_to_pour(int file_fd, int64_t size, int *ret_fd, struct err *err)
{
    int pair[2];
    if (pipe2(pair, O_CLOEXEC) < 0)
        return err_set(err, ERR_IO, errno, "pipe for a file");
    pid_t pid = fork();
    if (pid == 0)
        pour(file_fd, pair[1], size);
    fs_close(&pair[1]);
    if (pid < 0) {
        int r = err_set(err, ERR_IO, errno, "fork a child that hands out a file");
        fs_close(&pair[0]);
        return r;
    }
    *ret_fd = pair[0];
    return 0;
}

static struct answer *hand_out(const struct spool *spool, const char *dir, const char *file,
                               bool without_bytes)
{
    CLEANUP(fs_close) int fd = -1;
    CLEANUP(answer_drop) struct answer *answer = answer_new(200);
    struct err err = { 0 };
    struct stat st = { 0 };
    bool is_inline;
    int r = open_file(spool, dir, file, &fd, &st, &err);
    if (r < 0)
        return answer_error(r == -EIO || r == -ESTALE ? 503 : 404, err.text,
                            "the record names the file, but it is not there to be read");
    if (!without_bytes && st.st_size > 0)
        r = begin_to_pour(fd, st.st_size, &answer->pipe_fd, &err);
    if (r < 0)
        return answer_err(&err);
    struct fs_print print = fs_print_of(&st);
    answer->pipe_bytes = st.st_size;
    answer->type = mem_strdup(content_type(file, &is_inline));
    answer->disposition = content_disposition(file, is_inline);
    answer->etag =
        mem_printf("\"%llx-%llx-%llx\"", (unsigned long long)print.inode,
                   (unsigned long long)print.mtime_ns, (unsigned long long)print.size_bytes);
    return TAKE(answer);
}

struct answer *files_answer(const struct spool *spool, const char *job, const char *file,
                            bool without_bytes)
{
    struct survey_job found = { 0 };
    struct err err = { 0 };
    struct answer *answer;
    if (survey_job(spool, job, NULL, &found, &err) < 0)
        return answer_err(&err);
    if (!found.record)
        answer = answer_error(404, "there is no job of that name that has ended",
                              "only what has ended has files; see /v1/jobs");
    else if (!record_names(found.record, file))
        answer = answer_error(404, "the job's record names no such file",
                              "see \"artifacts\" in the record");
    else
        answer = hand_out(spool, found.path, file, without_bytes);
    survey_job_release(&found);
    return answer;
}
