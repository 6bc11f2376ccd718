#include "spool/token.h"

#include "base/fs.h"
#include "base/str.h"
#include "spool/listing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int token_make(int dir_fd, char ret_token[TOKEN_SIZE], struct err *err)
{
    char token[TOKEN_SIZE];
    name_token(token);
    if (mkdirat(dir_fd, token, 0775) < 0)
        return err_set(err, ERR_IO, errno, "make directory '%s' for a job", token);
    /* It will be done/X: the group must be able to move it, whatever our umask. Where there are no
     * modes, the filesystem's own hold. */
    (void)fchmodat(dir_fd, token, 02775, 0);
    memcpy(ret_token, token, TOKEN_SIZE);
    return 0;
}

int token_job(int dir_fd, char ret_name[NAME_SIZE], struct err *err)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    int r = listing_read(dir_fd, ".", &listing, err);
    for (size_t i = 0; r == 0 && i < listing.count; i++)
        if (name_of_claimed_file(listing.entries[i].name, ret_name))
            r = 1;
    return r;
}

bool token_is_out(const char *name)
{
    if (!str_has_prefix(name, "out."))
        return false;
    const char *number = name + strlen("out.");
    return *number && number[strspn(number, "0123456789")] == '\0';
}

int token_remove_outs(int dir_fd, const char *keep, struct err *err)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    int r = listing_read(dir_fd, ".", &listing, err);
    for (size_t i = 0; r == 0 && i < listing.count; i++) {
        const struct listing_entry *entry = &listing.entries[i];
        if (entry->type == DT_DIR && token_is_out(entry->name) &&
            !(keep && strcmp(entry->name, keep) == 0))
            r = fs_remove_tree(dir_fd, entry->name, err);
    }
    return r;
}

static bool is_kept(const char *name, const char *const *keep)
{
    if (str_has_suffix(name, ".job"))
        return true;
    for (; *keep; keep++)
        if (strcmp(name, *keep) == 0)
            return true;
    return false;
}

int token_clear(int dir_fd, const char *const *keep, struct err *err)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    int r = listing_read(dir_fd, ".", &listing, err);
    for (size_t i = 0; r == 0 && i < listing.count; i++) {
        const struct listing_entry *entry = &listing.entries[i];
        if (is_kept(entry->name, keep))
            continue;
        if (entry->type == DT_DIR && token_is_out(entry->name))
            r = fs_remove_tree(dir_fd, entry->name, err);
        else if (entry->type == DT_DIR)
            (void)unlinkat(dir_fd, entry->name, AT_REMOVEDIR); /* one that holds something stays */
        else if (unlinkat(dir_fd, entry->name, 0) < 0 && errno != ENOENT)
            r = err_set(err, ERR_IO, errno, "remove '%s'", entry->name);
    }
    return r;
}
