/* fsck_ended.c - done/ and error/: is each job whole, and is it nowhere else?
 *
 * Nothing changes in there but by whole directories: a retry or a prune takes them away. So what is
 * found is true if the name still leads to the directory that was read. */
#include "spool/fsck_private.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "spool/listing.h"
#include "spool/name.h"
#include "spool/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { RECORD_MAX_BYTES = 64 << 20 };

struct ended {
    struct fsck *fsck;
    enum spool_place place;
    const char *id, *path;
    int fd;
    const json_t *record;
    struct listing listing;
    char job[NAME_SIZE]; /* X of X.job; "" when there is none */
};

/* What JSON can hold of a name, as the record has it. */
static bool is_same(const char *told, const char *name)
{
    CLEANUP(mem_free_text) char *clean = str_utf8_clean(name, strlen(name));
    return strcmp(told, clean) == 0;
}

/* ---- artifacts ---- */

/* By the listing, since a name that is no UTF-8 is not in the record as it is. */
static const char *artifact_file(const struct ended *ended, const char *name)
{
    for (size_t i = 0; i < ended->listing.count; i++)
        if (is_same(name, ended->listing.entries[i].name))
            return ended->listing.entries[i].name;
    return NULL;
}

static void look_artifacts(const struct ended *ended)
{
    size_t i;
    const json_t *artifact;
    json_array_foreach(json_object_get(ended->record, "artifacts"), i, artifact)
    {
        const char *name = json_get_text(artifact, "name", "");
        const char *file = artifact_file(ended, name);
        long long size = (long long)json_get_int(artifact, "size_bytes", -1);
        struct stat st;
        if (!file || fstatat(ended->fd, file, &st, AT_SYMLINK_NOFOLLOW) < 0)
            fsck_add(ended->fsck, FSCK_ARTIFACT_MISSING, ended->path, "'%s'", name);
        else if (!S_ISREG(st.st_mode) || (long long)st.st_size != size)
            fsck_add(ended->fsck, FSCK_ARTIFACT_SIZE, ended->path,
                     "'%s' has %lld bytes, the record says %lld", name, (long long)st.st_size,
                     size);
    }
}

/* ---- elsewhere too? ---- */

static void tell_twice(const struct ended *ended, uint64_t key)
{
    const char *other = fsck_keys_find(ended->fsck, key);
    if (other)
        fsck_add(ended->fsck, FSCK_TWICE, other, "it is also '%s'", ended->path);
}

/* A job that failed is submitted again, often with the file that lies in error/, so only one that
 * is done is compared by its submission. */
static void look_elsewhere(const struct ended *ended)
{
    CLEANUP(mem_free_text) char *file = mem_printf("%s.job", ended->job);
    const char *token = json_get_text(ended->record, "token", "");
    const char *submission = json_get_text(json_object_get(ended->record, "job"), "submission", "");
    struct stat st;
    if (token[0])
        tell_twice(ended, fsck_key_of_token(token));
    if (ended->job[0] && fstatat(ended->fd, file, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(st.st_mode) && st.st_nlink > 1)
        tell_twice(ended, fsck_key_of_inode(&st));
    else if (ended->place == PLACE_DONE && submission[0] && ended->job[0])
        tell_twice(ended, fsck_key_of_submission(submission, ended->job));
}

/* ---- the record ---- */

static void look_status(const struct ended *ended)
{
    const char *status = json_get_text(ended->record, "status", "");
    bool fits = ended->place == PLACE_DONE
                    ? strcmp(status, "done") == 0
                    : strcmp(status, "error") == 0 || strcmp(status, "cancelled") == 0;
    if (!fits)
        fsck_add(ended->fsck, FSCK_RECORD_STATUS, ended->path, "status '%s'", status);
}

static void remember_token(struct fsck_tokens *tokens, const char *token)
{
    if (tokens->count == tokens->size) {
        tokens->size = tokens->size ? tokens->size * 2 : 64;
        tokens->list = mem_resize(tokens->list, tokens->size, sizeof(tokens->list[0]));
    }
    tokens->list[tokens->count++] = fsck_key_of_token(token);
}

static void look_record(const struct ended *ended)
{
    struct fsck *fsck = ended->fsck;
    const char *id = json_get_text(ended->record, "id", "");
    const char *name = json_get_text(ended->record, "name", "");
    const char *token = json_get_text(ended->record, "token", "");
    look_status(ended);
    if (!is_same(id, ended->id))
        fsck_add(fsck, FSCK_RECORD_ID, ended->path, "id '%s'", id);
    if (token[0])
        remember_token(&fsck->ended, token);
    else
        fsck_add(fsck, FSCK_RECORD_TOKEN, ended->path, "%s", "");
    if (json_object_get(ended->record, "fsck"))
        return; /* moved here as it was: its record says what is wrong with it */
    if (ended->job[0] && !is_same(name, ended->job))
        fsck_add(fsck, FSCK_RECORD_NAME, ended->path, "name '%s', file '%s.job'", name, ended->job);
    if (!ended->job[0] && !json_is_true(json_object_get(ended->record, "withdrawn")))
        fsck_add(fsck, FSCK_ENDED_NO_JOB, ended->path, "%s", "");
    look_artifacts(ended);
    look_elsewhere(ended);
}

static json_t *read_record(int fd, struct err *err)
{
    CLEANUP(mem_free_text) char *text = NULL;
    CLEANUP(json_drop) json_t *record = NULL;
    struct json_mark mark;
    size_t len;
    if (fs_read_file(fd, RECORD_FILE, RECORD_MAX_BYTES, &text, &len, err) < 0)
        return NULL;
    int r = json_parse(text, len, &record, &mark, err);
    if (r == 1 && json_is_object(record))
        return TAKE(record);
    if (r >= 0)
        (void)err_set(err, ERR_INPUT, 0, len ? "it is no whole object" : "it is empty");
    return NULL;
}

static void look_job(struct ended *ended)
{
    int jobs = 0;
    char name[NAME_SIZE];
    for (size_t i = 0; i < ended->listing.count; i++)
        if (name_of_claimed_file(ended->listing.entries[i].name, name)) {
            jobs++;
            memcpy(ended->job, name, sizeof(name));
        }
    if (jobs > 1)
        fsck_add(ended->fsck, FSCK_TWO_JOBS, ended->path, "%d of them", jobs);
}

static void look_into(struct ended *ended)
{
    struct err err = { 0 };
    if (listing_read(ended->fd, ".", &ended->listing, NULL) < 0)
        return;
    look_job(ended);
    CLEANUP(json_drop) json_t *record = read_record(ended->fd, &err);
    ended->record = record;
    if (record)
        look_record(ended);
    else
        fsck_add(ended->fsck, err.kind == ERR_MISSING ? FSCK_RECORD_MISSING : FSCK_RECORD_DAMAGED,
                 ended->path, "%s", err.text);
    listing_release(&ended->listing);
}

/* ---- all of them ---- */

static bool is_still(int dir_fd, const char *name, int fd)
{
    struct stat now, read;
    return fstatat(dir_fd, name, &now, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &read) == 0 &&
           now.st_ino == read.st_ino && now.st_dev == read.st_dev;
}

static void look_entry(struct fsck *fsck, enum spool_place place, int dir_fd, const char *name,
                       const struct stat *st)
{
    size_t before = fsck->findings->count;
    CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", spool_place_name(place), name);
    if (!S_ISDIR(st->st_mode)) {
        fsck_add(fsck, FSCK_STRANGE, path, "jobs that have ended are directories");
        return;
    }
    CLEANUP(fs_close)
    int fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        if (errno != ENOENT)
            fsck_add(fsck, FSCK_STRANGE, path, "cannot be opened: %s", strerror(errno));
        return;
    }
    struct ended ended = { .fsck = fsck, .place = place, .id = name, .path = path, .fd = fd };
    look_into(&ended);
    if (fsck->findings->count > before && !is_still(dir_fd, name, fd))
        fsck_forget(fsck->findings, before);
}

static int by_value(const void *a, const void *b)
{
    const uint64_t *left = a, *right = b;
    return *left < *right ? -1 : *left > *right;
}

/* Leaves in tokens only what is in it more than once. */
static void keep_repeated(struct fsck_tokens *tokens)
{
    size_t kept = 0;
    if (tokens->count)
        qsort(tokens->list, tokens->count, sizeof(tokens->list[0]), by_value);
    for (size_t i = 1; i < tokens->count; i++)
        if (tokens->list[i] == tokens->list[i - 1])
            tokens->list[kept++] = tokens->list[i];
    tokens->count = kept;
}

static void tell_repeated(struct fsck *fsck, enum spool_place place, int dir_fd, const char *name,
                          const struct stat *st)
{
    CLEANUP(fs_close)
    int fd = S_ISDIR(st->st_mode)
                 ? openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                 : -1;
    CLEANUP(json_drop) json_t *record = fd >= 0 ? read_record(fd, NULL) : NULL;
    uint64_t key = fsck_key_of_token(json_get_text(record, "token", ""));
    if (record && bsearch(&key, fsck->ended.list, fsck->ended.count, sizeof(key), by_value))
        fsck_add_at(fsck, FSCK_RECORD_TOKEN, place, name, "another ended job has the same");
}

int fsck_look_ended(struct fsck *fsck, struct err *err)
{
    fsck_keys_tell_twice(fsck);
    int r = fsck_each(fsck, PLACE_DONE, look_entry, err);
    if (r == 0)
        r = fsck_each(fsck, PLACE_ERROR, look_entry, err);
    keep_repeated(&fsck->ended);
    if (r == 0 && fsck->ended.count)
        r = fsck_each(fsck, PLACE_DONE, tell_repeated, err);
    if (r == 0 && fsck->ended.count)
        r = fsck_each(fsck, PLACE_ERROR, tell_repeated, err);
    free(fsck->ended.list);
    fsck->ended = (struct fsck_tokens){ 0 };
    return r;
}
