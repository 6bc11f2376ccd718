#include "spool/token.h"

#include "base/fs.h"
#include "base/str.h"
#include "spool/attempts.h"
#include "spool/listing.h"
#include "spool/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define EARLIER_DIR "earlier"

int token_make(int dir_fd, char ret_token[TOKEN_SIZE], struct err *err)
{
    char token[TOKEN_SIZE];
    name_token(token);
    /* The name is random: if it is there, we made it, and the reply to that got lost. */
    if (mkdirat(dir_fd, token, 0775) < 0 && errno != EEXIST)
        return err_set(err, ERR_IO, errno, "make directory '%s' for a job", token);
    /* It will be done/X: the group must be able to move it, whatever our umask. Where there are no
     * modes, the filesystem's own hold. */
    fs_share_dir(dir_fd, token);
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

bool token_is_draft(const char *name)
{
    return name[0] == '.' && str_has_suffix(name, ".new") && strlen(name) > strlen("..new");
}

int token_draft(int dir_fd, char ret_name[NAME_SIZE], struct err *err)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    int r = listing_read(dir_fd, ".", &listing, err);
    for (size_t i = 0; r == 0 && i < listing.count; i++) {
        const char *name = listing.entries[i].name;
        if (!token_is_draft(name))
            continue;
        (void)snprintf(ret_name, NAME_SIZE, "%.*s", (int)(strlen(name) - strlen("..new")),
                       name + 1);
        r = 1;
    }
    return r;
}

bool token_is_out(const char *name)
{
    if (!str_has_prefix(name, "out."))
        return false;
    const char *number = name + strlen("out.");
    return *number && number[strspn(number, "0123456789")] == '\0';
}

int token_remove_outs(int dir_fd, struct err *err)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    int r = listing_read(dir_fd, ".", &listing, err);
    for (size_t i = 0; r == 0 && i < listing.count; i++) {
        const struct listing_entry *entry = &listing.entries[i];
        if (entry->type == DT_DIR && token_is_out(entry->name))
            r = fs_remove_tree(dir_fd, entry->name, err);
    }
    return r;
}

static bool is_kept(const char *name, const char *const *keep)
{
    if (str_has_suffix(name, ".job") || token_is_draft(name))
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

int token_discard(int dir_fd, struct err *err)
{
    static const char *const nothing[] = { NULL };
    (void)fs_remove_tree(dir_fd, EARLIER_DIR, NULL); /* no job is ever in it */
    return token_clear(dir_fd, nothing, err);
}

/* ---- what an earlier end left ---- */

static bool exists_at(int dir_fd, const char *path)
{
    struct stat st;
    return fstatat(dir_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Of the group as well, like TOKEN itself: whoever prunes it may be another user. */
static int make_dir(int dir_fd, const char *path, struct err *err)
{
    if (mkdirat(dir_fd, path, 0775) == 0)
        fs_share_dir(dir_fd, path);
    else if (errno != EEXIST)
        return err_set(err, ERR_IO, errno, "make directory '%s' of a job", path);
    return 0;
}

/* "earlier/N", the first one without a record. */
static int make_earlier(int dir_fd, char path[32], struct err *err)
{
    char record[64];
    int r = make_dir(dir_fd, EARLIER_DIR, err);
    for (int number = 1; r == 0; number++) {
        (void)snprintf(path, 32, EARLIER_DIR "/%d", number);
        (void)snprintf(record, sizeof(record), "%s/" RECORD_FILE, path);
        if (!exists_at(dir_fd, record))
            return make_dir(dir_fd, path, err);
    }
    return r;
}

static int move_into(int dir_fd, const char *path, const char *name, struct err *err)
{
    char target[32 + NAME_SIZE];
    (void)snprintf(target, sizeof(target), "%s/%.255s", path, name);
    if (renameat(dir_fd, name, dir_fd, target) == 0)
        return 0;
    int errnum = errno;
    bool is_moved = exists_at(dir_fd, target) && !exists_at(dir_fd, name);
    return is_moved ? 0 : err_set(err, ERR_IO, errnum, "move '%s'", target);
}

int token_set_aside(int dir_fd, struct err *err)
{
    static const char *const stays[] = { ATTEMPTS_FILE, "input", EARLIER_DIR, RECORD_FILE, NULL };
    CLEANUP(listing_release) struct listing listing = { 0 };
    char path[32];
    struct stat st;
    if (fstatat(dir_fd, RECORD_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT ? 0 : err_set(err, ERR_IO, errno, "stat '" RECORD_FILE "'");
    int r = make_earlier(dir_fd, path, err);
    if (r == 0)
        r = listing_read(dir_fd, ".", &listing, err);
    for (size_t i = 0; r == 0 && i < listing.count; i++)
        if (!is_kept(listing.entries[i].name, stays))
            r = move_into(dir_fd, path, listing.entries[i].name, err);
    return r < 0 ? r : move_into(dir_fd, path, RECORD_FILE, err);
}
