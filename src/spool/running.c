#include "spool/running.h"

#include "base/fs.h"
#include "base/mem.h"
#include "spool/job.h"
#include "spool/listing.h"
#include "spool/token.h"

#include <fcntl.h>

/* One from inbox/ is called a draft for a moment when its input is there already. */
static bool has_job(int fd, char ret_name[NAME_SIZE])
{
    CLEANUP(listing_release) struct listing input = { 0 };
    return token_job(fd, ret_name, NULL) == 1 ||
           (token_draft(fd, ret_name, NULL) == 1 &&
            listing_read(fd, JOB_INPUT_DIR, &input, NULL) == 0 && input.count > 0);
}

/* One that is being adopted has its job in TOKEN_NEXT for a moment. */
static bool find_job(int running, char **path, char ret_name[NAME_SIZE])
{
    for (int look = 0; look < 2; look++) {
        CLEANUP(fs_close)
        int fd = openat(running, *path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (fd >= 0 && has_job(fd, ret_name))
            return true;
        if (look > 0 || fd < 0)
            break;
        char *next = mem_printf("%s/" TOKEN_NEXT, *path);
        mem_free_text(path);
        *path = next;
    }
    return false;
}

void running_each(const struct spool *spool, running_fn *fn, void *arg)
{
    CLEANUP(listing_release) struct listing workers = { 0 };
    int running = spool_dir(spool, PLACE_RUNNING);
    (void)listing_read(running, ".", &workers, NULL);
    for (size_t i = 0; i < workers.count; i++) {
        CLEANUP(listing_release) struct listing tokens = { 0 };
        const char *worker = workers.entries[i].name;
        if (workers.entries[i].type == DT_DIR)
            (void)listing_read(running, worker, &tokens, NULL);
        for (size_t j = 0; j < tokens.count; j++) {
            CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", worker, tokens.entries[j].name);
            char name[NAME_SIZE];
            if (find_job(running, &path, name) && fn(arg, worker, path, name))
                return;
        }
    }
}
