/* attempts.jsonl: it lies in a spool that others can write to, and a crash may have torn it. */
#include "fuzz.h"

#include "base/fs.h"
#include "base/mem.h"
#include "spool/attempts.h"

#include <fcntl.h>
#include <unistd.h>

static void ignore_in_hand(json_t *arg, const json_t *in_hand)
{
    (void)arg;
    MUST(json_is_array(in_hand));
}

static void check_counts(const struct attempts *attempts)
{
    MUST(attempts->started >= attempts->charged && attempts->charged >= 0);
    MUST(!attempts->open || attempts->started > 0);
    attempts_each_in_hand(attempts, ignore_in_hand, NULL);
}

/* Whatever stands there, a line that is added counts, torn end or not. */
static void check_append(int dir_fd)
{
    struct err err = { 0 };
    struct attempts attempts = { 0 };
    MUST(attempts_append(dir_fd, attempts_retried_line(), &err) == 0);
    MUST(attempts_read(dir_fd, &attempts, &err) == 0);
    MUST(attempts.charged == 0 && !attempts.open && attempts.waiting_since_ms == 0);
    attempts_release(&attempts);
}

static void check_file(int dir_fd, const uint8_t *data, size_t size)
{
    struct err err = { 0 };
    struct attempts attempts = { 0 };
    CLEANUP(fs_close)
    int fd = openat(dir_fd, ATTEMPTS_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    MUST(fd >= 0 && fs_write_all(fd, (const char *)data, size) == 0);
    MUST(attempts_read(dir_fd, &attempts, &err) == 0);
    check_counts(&attempts);
    attempts_release(&attempts);
    check_append(dir_fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *tmp = getenv("TMPDIR");
    CLEANUP(mem_free_text) char *dir = mem_printf("%s/takeup-fuzz-XXXXXX", tmp ? tmp : "/tmp");
    MUST(mkdtemp(dir));
    CLEANUP(fs_close) int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    MUST(dir_fd >= 0);
    check_file(dir_fd, data, size);
    MUST(unlinkat(dir_fd, ATTEMPTS_FILE, 0) == 0 && rmdir(dir) == 0);
    return 0;
}
