/* fsck_keys.c - is one job in two places?
 *
 * Told by the inode of its file (btrfs keeps the old name of a file whose directory was synced too
 * early), by the `submission` that submit writes into each job, together with its name, or by the
 * TOKEN of its directory. Kept are those of jobs that have not ended; the ended ones are compared
 * as they are read. */
#include "spool/fsck_private.h"

#include "base/fs.h"
#include "base/mem.h"
#include "spool/job.h"
#include "spool/name.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

/* FNV-1a of 64 bits; kind keeps an inode from looking like a token. */
static uint64_t hash_of(char kind, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    uint64_t hash = (14695981039346656037ULL ^ (unsigned char)kind) * 1099511628211ULL;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ at[i]) * 1099511628211ULL;
    return hash;
}

uint64_t fsck_key_of_inode(const struct stat *st)
{
    return hash_of('i', &st->st_ino, sizeof(st->st_ino));
}

uint64_t fsck_key_of_submission(const char *submission, const char *name)
{
    CLEANUP(mem_free_text) char *text = mem_printf("%s/%s", submission, name);
    return hash_of('s', text, strlen(text));
}

uint64_t fsck_key_of_token(const char *token)
{
    return hash_of('t', token, strlen(token));
}

void fsck_keys_add(struct fsck_keys *keys, uint64_t hash, const char *path)
{
    if (keys->count == keys->size) {
        keys->size = keys->size ? keys->size * 2 : 16;
        keys->keys = mem_resize(keys->keys, keys->size, sizeof(keys->keys[0]));
    }
    keys->keys[keys->count++] = (struct fsck_key){ hash, mem_strdup(path) };
    keys->sorted = false;
}

void fsck_keys_release(struct fsck_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++)
        free(keys->keys[i].path);
    free(keys->keys);
    *keys = (struct fsck_keys){ 0 };
}

void fsck_keys_add_job(struct fsck *fsck, int dir_fd, const char *file, const char *token,
                       const char *path)
{
    CLEANUP(fs_close) int fd = -1;
    CLEANUP(mem_free_text) char *text = NULL;
    CLEANUP(job_free) struct job *job = NULL;
    struct stat st;
    size_t len;
    char name[NAME_SIZE];
    if (token)
        fsck_keys_add(&fsck->keys, fsck_key_of_token(token), path);
    if (fs_open_file(dir_fd, file, &fd, &st, NULL) < 0)
        return;
    if (st.st_nlink > 1) /* else there is no second name */
        fsck_keys_add(&fsck->keys, fsck_key_of_inode(&st), path);
    if (fs_read_open_file(fd, &st, file, JOB_FILE_MAX_BYTES, &text, &len, NULL) == 0 &&
        job_parse(text, len, &job, NULL) == 1 && job->submission &&
        (name_of_job_file(file, name) || name_of_claimed_file(file, name)))
        fsck_keys_add(&fsck->keys, fsck_key_of_submission(job->submission, name), path);
}

static int by_hash(const void *a, const void *b)
{
    const struct fsck_key *left = a, *right = b;
    return left->hash < right->hash ? -1 : left->hash > right->hash;
}

static void sort(struct fsck_keys *keys)
{
    if (!keys->sorted && keys->count)
        qsort(keys->keys, keys->count, sizeof(keys->keys[0]), by_hash);
    keys->sorted = true;
}

static bool is_there(const struct fsck *fsck, const char *path)
{
    struct stat st;
    return fstatat(spool_root(fsck->spool), path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

const char *fsck_keys_find(struct fsck *fsck, uint64_t hash)
{
    sort(&fsck->keys);
    struct fsck_key wanted = { hash, NULL };
    const struct fsck_key *found =
        fsck->keys.count
            ? bsearch(&wanted, fsck->keys.keys, fsck->keys.count, sizeof(wanted), by_hash)
            : NULL;
    return found && is_there(fsck, found->path) ? found->path : NULL;
}

/* Of two places the one that is rather to be given up: pending, else deferred, else running. */
static bool is_rather(const char *path, const char *other)
{
    static const char order[] = "pdr";
    return strchr(order, path[0]) <= strchr(order, other[0]);
}

/* A job goes from pending/ on, and from running/ back to deferred/: of two paths the one that was
 * read later may be the same job. So both must be there still, the first one asked last. */
void fsck_keys_tell_twice(struct fsck *fsck)
{
    sort(&fsck->keys);
    for (size_t i = 1; i < fsck->keys.count; i++) {
        const struct fsck_key *one = &fsck->keys.keys[i - 1], *two = &fsck->keys.keys[i];
        if (one->hash == two->hash && strcmp(one->path, two->path) != 0 &&
            is_there(fsck, one->path) && is_there(fsck, two->path) && is_there(fsck, one->path)) {
            bool first = is_rather(one->path, two->path);
            fsck_add(fsck, FSCK_TWICE, first ? one->path : two->path, "it is also '%s'",
                     first ? two->path : one->path);
        }
    }
}
