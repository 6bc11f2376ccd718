/* publish.c - how a claim ends: done, error, or back for later.
 *
 * The order is the point. X.job is synced first, before anything else here and before TOKEN itself:
 * btrfs, told to sync a directory after a file was moved into it, keeps the file's old name as
 * well, and the job comes back in pending after a power cut (24 of 25 cuts, measured; 0 with the
 * sync). Then result.json and the artifacts, then TOKEN, and only then the rename, so that whoever
 * sees done/X sees all of it, now and after a power cut; at last done/, so that it stays there.
 * Where one journal has the changes of all names in order (ext4, xfs) nothing comes back, and
 * result.json, as the newest, goes first: one commit of the journal a job instead of two.
 *
 * All descriptors are closed before the rename: SMB refuses to rename a directory in which its own
 * client has a file open.
 *
 * An fsync that failed with EIO may have dropped the pages it could not write and call the next one
 * a success. So a file is written again, once, from what can be read; never just synced again.
 *
 * After an error of the rename, the errno says little (a lost reply gives ENOENT, sshfs says EPERM
 * for a name that is taken), so we look: done/NAME is ours if its record has our token. No flags of
 * renameat2: EINVAL on NFS and FUSE. A plain rename replaces no directory that holds something. */
#include "spool/claim_private.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"
#include "spool/listing.h"
#include "spool/record.h"
#include "spool/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CRASH_FILE "crash.txt"
#define AGAIN_FILE ".again"

enum { LAST_NUMBER = 9, RECORD_MAX_BYTES = 64 << 20 };

/* ---- syncs ---- */

static int copy_bytes(int from, int to)
{
    char block[65536];
    for (;;) {
        ssize_t got = read(from, block, sizeof(block));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got < 0 ? -errno : 0;
        int r = fs_write_all(to, block, (size_t)got);
        if (r < 0)
            return r;
    }
}

static int write_again(int dir_fd, const char *name, struct err *err)
{
    struct stat st;
    CLEANUP(fs_close) int from = -1;
    int r = fs_open_file(dir_fd, name, &from, &st, err);
    if (r < 0)
        return r;
    (void)unlinkat(dir_fd, AGAIN_FILE, 0);
    CLEANUP(fs_close)
    int to = openat(dir_fd, AGAIN_FILE, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0664);
    if (to < 0)
        return err_set(err, ERR_IO, errno, "write '%s' again", name);
    r = copy_bytes(from, to);
    if (r == 0 && fsync(to) < 0) /* only where the first sync was wanted and failed */
        r = -errno;
    if (r == 0 && renameat(dir_fd, AGAIN_FILE, dir_fd, name) < 0)
        r = -errno;
    if (r < 0)
        (void)unlinkat(dir_fd, AGAIN_FILE, 0);
    return r < 0 ? err_set(err, ERR_IO, -r, "write '%s' again", name) : 0;
}

typedef int sync_fn(int dir_fd, const char *name, struct err *err);

static int begin_file(int dir_fd, const char *name, struct err *err)
{
    (void)err;
    fs_begin_sync(dir_fd, name);
    return 0;
}

static int sync_file(int dir_fd, const char *name, struct err *err)
{
    int r = fs_sync_file(dir_fd, name, err);
    return r == -EIO ? write_again(dir_fd, name, err) : r;
}

static bool is_file_with_bytes(int dir_fd, const char *name)
{
    struct stat st;
    return fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
           st.st_size > 0;
}

/* All but X.job, the record first. Not an empty file, of which there is but the name, and that is
 * in TOKEN. Of a job that is done attempts.jsonl is a story only, and the record has the number:
 * not worth a wait for the disk. In error/ it is what `retry` goes on from. */
static int each_file(const struct claim *claim, enum spool_place place, sync_fn *fn,
                     struct err *err)
{
    static const char *const kept_in_error[] = { ATTEMPTS_FILE, CRASH_FILE, PARTIAL_FILE };
    int r = fn(claim->dir_fd, RECORD_FILE, err);
    for (size_t i = 0; r == 0 && i < json_array_size(claim->artifacts); i++) {
        const json_t *artifact = json_array_get(claim->artifacts, i);
        if (json_get_int(artifact, "size_bytes", 0) > 0)
            r = fn(claim->dir_fd, json_get_text(artifact, "name", ""), err);
    }
    for (size_t i = 0; r == 0 && place == PLACE_ERROR && i < COUNT(kept_in_error); i++)
        if (is_file_with_bytes(claim->dir_fd, kept_in_error[i]))
            r = fn(claim->dir_fd, kept_in_error[i], err);
    return r;
}

/* With one journal the first sync that has to write it does for all that were to do so: that is the
 * record's, which is the newest. */
static int sync_all(struct claim *claim, enum spool_place place, struct err *err)
{
    int r;
    (void)each_file(claim, place, begin_file, NULL);
    if (!claim->job_is_synced)
        fs_begin_sync(claim->dir_fd, claim->file);
    claim_sync_jobs(claim->seat);
    if (seat_has_one_journal(claim->seat)) {
        r = each_file(claim, place, sync_file, err);
        r = r < 0 ? r : claim_sync_job(claim, err);
    } else {
        r = claim_sync_job(claim, err);
        r = r < 0 ? r : each_file(claim, place, sync_file, err);
    }
    return r < 0 ? r : fs_sync_dir(claim->dir_fd, claim->token, err);
}

/* Where it was moved to. */
static int sync_place(const struct claim *claim, struct err *err)
{
    claim_sync_jobs(claim->seat);
    return fs_sync_dir(spool_dir(seat_spool(claim->seat), claim->place),
                       spool_place_name(claim->place), err);
}

/* ---- artifacts ---- */

static void warn(struct claim *claim, const char *name, const char *reason)
{
    CLEANUP(mem_free_text) char *text = mem_printf("artifact '%s' was left out: %s", name, reason);
    CLEANUP(mem_free_text) char *clean = str_utf8_clean(text, strlen(text));
    (void)json_array_append_new(claim->warnings, json_string(clean));
}

/* Names that mean something in a job's directory. Any *.job, since X is read from it. */
static bool is_reserved(const char *name)
{
    static const char *const names[] = { RECORD_FILE,  ATTEMPTS_FILE, CRASH_FILE,
                                         PARTIAL_FILE, "input",       "earlier" };
    for (size_t i = 0; i < COUNT(names); i++)
        if (strcmp(name, names[i]) == 0)
            return true;
    return str_has_suffix(name, ".job") || token_is_draft(name) || token_is_out(name);
}

/* Why an entry of out.N is no artifact; NULL: it is one. The runner may be hostile: no links (to a
 * second name of somebody's file neither), nothing that would run as somebody else. */
static const char *refusal_of_file(const struct stat *st)
{
    if (!S_ISREG(st->st_mode))
        return "it is not a regular file";
    if (st->st_nlink != 1)
        return "it has several names";
    if (!(st->st_mode & S_IRUSR) || (st->st_mode & (S_ISUID | S_ISGID)))
        return "it has a strange mode";
    return NULL;
}

static const char *refusal(const char *name, const struct stat *st)
{
    if (S_ISREG(st->st_mode) && is_reserved(name))
        return "the name is taken by a file of the job itself";
    if (S_ISREG(st->st_mode) && name_is_ignored(name))
        return "files named like this are ignored";
    return refusal_of_file(st);
}

static int move_artifact(struct claim *claim, int out_fd, const char *name, struct err *err)
{
    struct stat st;
    if (fstatat(out_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return err_set(err, ERR_IO, errno, "stat artifact '%s'", name);
    const char *reason = refusal(name, &st);
    if (reason) {
        warn(claim, name, reason);
        return 0;
    }
    if (renameat(out_fd, name, claim->dir_fd, name) < 0)
        return err_set(err, ERR_IO, errno, "move artifact '%s' up", name);
    json_t *artifact = json_object();
    json_set_text(artifact, "name", name);
    json_set_int(artifact, "size_bytes", st.st_size);
    (void)json_array_append_new(claim->artifacts, artifact);
    return 0;
}

/* Up from out.N, which then goes. May be called again after a failure: what was moved is
 * remembered.
 */
static int move_artifacts(struct claim *claim, const char *out, struct err *err)
{
    CLEANUP(fs_close)
    int out_fd = openat(claim->dir_fd, out, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (out_fd < 0)
        return errno == ENOENT ? 0 : err_set(err, ERR_IO, errno, "open '%s'", out);
    CLEANUP(listing_release) struct listing listing = { 0 };
    int r = listing_read(out_fd, ".", &listing, err);
    for (size_t i = 0; r == 0 && i < listing.count; i++)
        if (strcmp(listing.entries[i].name, RECORD_FILE) != 0)
            r = move_artifact(claim, out_fd, listing.entries[i].name, err);
    if (r < 0)
        return r;
    (void)unlinkat(out_fd, RECORD_FILE, 0); /* the body: in the record by now */
    fs_close(&out_fd);
    if (unlinkat(claim->dir_fd, out, AT_REMOVEDIR) == 0)
        return 0;
    return fs_remove_tree(claim->dir_fd, out, err); /* what is no artifact is still in it */
}

/* Of an attempt that did not end well, what it had read. A help to people: that it cannot be kept
 * changes nothing. */
static void keep_partial(const struct claim *claim, const char *out)
{
    CLEANUP(fs_close)
    int out_fd = openat(claim->dir_fd, out, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    struct stat st;
    if (out_fd >= 0 && fstatat(out_fd, PARTIAL_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        st.st_size > 0 && !refusal_of_file(&st))
        (void)renameat(out_fd, PARTIAL_FILE, claim->dir_fd, PARTIAL_FILE);
}

/* Leaves in TOKEN what belongs to the outcome. */
static int gather(struct claim *claim, enum spool_place place, struct err *err)
{
    char out[OUT_NAME_SIZE];
    claim_out_name(claim, out);
    const char *const keep_done[] = { ATTEMPTS_FILE, out, NULL };
    const char *const keep_error[] = { ATTEMPTS_FILE, CRASH_FILE, PARTIAL_FILE, NULL };
    bool begun = claim->artifacts != NULL;
    if (place == PLACE_ERROR)
        keep_partial(claim, out);
    if (place == PLACE_ERROR || !begun) {
        int r = token_clear(claim->dir_fd, place == PLACE_DONE ? keep_done : keep_error, err);
        if (r < 0)
            return r;
        json_decref(claim->artifacts);
        json_decref(claim->warnings);
        claim->artifacts = json_array();
        claim->warnings = json_array();
    }
    if (place == PLACE_ERROR)
        return 0;
    return move_artifacts(claim, out, err);
}

/* ---- the record ---- */

static bool job_changed(const struct claim *claim)
{
    CLEANUP(mem_free_text) char *text = NULL;
    size_t len;
    if (!claim->text)
        return false;
    return fs_read_file(claim->dir_fd, claim->file, JOB_FILE_MAX_BYTES, &text, &len, NULL) < 0 ||
           len != claim->len || memcmp(text, claim->text, len) != 0;
}

static void complete_record(const struct claim *claim, json_t *record)
{
    json_set_text(record, "name", claim->name);
    json_set_text(record, "token", claim->token);
    json_set_text(record, "worker", seat_name(claim->seat));
    json_set_int(record, "attempts", claim->attempts.charged);
    json_set(record, "artifacts", json_deep_copy(claim->artifacts));
    json_t *warnings = json_object_get(record, "warnings");
    if (!json_is_array(warnings)) {
        json_set(record, "warnings", json_array());
        warnings = json_object_get(record, "warnings");
    }
    for (size_t i = 0; i < json_array_size(claim->warnings); i++) {
        json_t *text = json_array_get(claim->warnings, i);
        size_t at = 0;
        while (at < json_array_size(warnings) && !json_equal(json_array_get(warnings, at), text))
            at++;
        if (at == json_array_size(warnings)) /* not yet told by an earlier try */
            (void)json_array_append(warnings, text);
    }
    if (job_changed(claim))
        json_set_bool(record, "job_changed", true);
    if (is_file_with_bytes(claim->dir_fd, PARTIAL_FILE)) /* only of what ended in error/ */
        json_set_text(record, "partial_file", PARTIAL_FILE);
}

static int write_record(const struct claim *claim, json_t *record, const char *id, struct err *err)
{
    json_set_text(record, "id", id);
    CLEANUP(mem_free_text) char *text = json_pretty(record);
    return fs_write_file(claim->dir_fd, RECORD_FILE, text, strlen(text), 0, err);
}

/* ---- the rename ---- */

static void candidate(const struct claim *claim, int number, char id[NAME_SIZE])
{
    char base[NAME_SIZE];
    name_for_directory(claim->name, base);
    if (number == 1)
        (void)snprintf(id, NAME_SIZE, "%s", base);
    else if (number <= LAST_NUMBER)
        (void)snprintf(id, NAME_SIZE, "%.200s.%d", base, number);
    else
        (void)snprintf(id, NAME_SIZE, "%.200s.%s", base, claim->token);
}

static bool is_taken(int place_fd, const char *id)
{
    struct stat st;
    return fstatat(place_fd, id, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Has the record of place/id our token? */
static bool is_ours(const struct claim *claim, int place_fd, const char *id)
{
    char path[NAME_SIZE + sizeof(RECORD_FILE) + 1];
    CLEANUP(mem_free_text) char *text = NULL;
    CLEANUP(json_drop) json_t *record = NULL;
    struct json_mark mark;
    size_t len;
    (void)snprintf(path, sizeof(path), "%s/" RECORD_FILE, id);
    return fs_read_file(place_fd, path, RECORD_MAX_BYTES, &text, &len, NULL) == 0 &&
           json_parse(text, len, &record, &mark, NULL) == 1 &&
           strcmp(json_get_text(record, "token", ""), claim->token) == 0;
}

/* 1: it is place/id. 0: that name is taken. */
static int rename_to(struct claim *claim, enum spool_place place, const char *id, struct err *err)
{
    int place_fd = spool_dir(seat_spool(claim->seat), place);
    fs_close(&claim->dir_fd);
    if (renameat(seat_dir(claim->seat), claim->token, place_fd, id) < 0) {
        int errnum = errno;
        fs_ask_anew(place_fd, ".");
        bool taken = is_taken(place_fd, id);
        if (taken && !is_ours(claim, place_fd, id))
            return 0;
        if (!taken)
            return err_set(err, ERR_IO, errnum, "rename 'running/%s/%s' to '%s/%s'",
                           seat_name(claim->seat), claim->token, spool_place_name(place), id);
    }
    claim->moved = true;
    claim->place = place;
    (void)snprintf(claim->id, sizeof(claim->id), "%s", id);
    return 1;
}

static int try_names(struct claim *claim, enum spool_place place, json_t *record, struct err *err)
{
    int place_fd = spool_dir(seat_spool(claim->seat), place);
    for (int number = 1; number <= LAST_NUMBER + 1; number++) {
        char id[NAME_SIZE];
        candidate(claim, number, id);
        if (is_taken(place_fd, id) && !is_ours(claim, place_fd, id))
            continue;
        int r = claim_reopen(claim, err);
        if (r == 0)
            r = write_record(claim, record, id, err);
        if (r == 0)
            r = sync_all(claim, place, err);
        if (r == 0)
            r = rename_to(claim, place, id, err);
        if (r != 0)
            return r;
    }
    return err_set(err, ERR_IO, EEXIST, "every name for job '%s' in '%s'", claim->name,
                   spool_place_name(place));
}

/* Is X.job here, so that the claim can end? 1, or 0: withdrawn. -ENOENT also when TOKEN is no
 * longer ours: then X.job was not withdrawn but adopted. */
static int may_end(struct claim *claim, struct err *err)
{
    int r = claim_has_job(claim, err);
    if (r == 0 && claim_is_lost(claim, NULL) == 1)
        return err_set(err, ERR_IO, ENOENT, "job '%s' in 'running/%s/%s'", claim->name,
                       seat_name(claim->seat), claim->token);
    if (r == 1 && claim->unwritten &&
        attempts_append(claim->dir_fd, json_incref(claim->unwritten), NULL) == 0)
        json_drop(&claim->unwritten);
    return claim->withdrawn && r > 0 ? 0 : r; /* once begun it is not gone back on */
}

static json_t *withdrawn_record(const struct claim *claim, const char *input)
{
    const char *pipeline = claim->job ? claim->job->pipeline_id : NULL;
    CLEANUP(mem_free_text)
    char *message = mem_printf("the job was withdrawn: %s was taken away by hand", claim->file);
    CLEANUP(mem_free_text)
    char *hint = mem_printf("its video is kept: '" JOB_INPUT_DIR "/%s' beside this record; move "
                            "it to inbox/%s/ to have it done after all",
                            input, pipeline ? pipeline : "PIPELINE");
    CLEANUP(mem_free_text) char *clean = str_utf8_clean(hint, strlen(hint));
    struct record_facts facts = { .status = "cancelled",
                                  .failure = FAILURE_CANCELLED,
                                  .message = message,
                                  .hint = clean,
                                  .pipeline_id = pipeline,
                                  .submitted_ms = claim->submitted_ms,
                                  .claimed_ms = claim->claimed_ms,
                                  .finished_ms = time_wall_ms(),
                                  .job = claim->job ? claim->job->whole : NULL };
    json_t *record = record_new(&facts, NULL);
    json_set_bool(record, "withdrawn", true);
    return record;
}

/* X.job was taken out by hand. What is left is ours to remove, but for a video of the inbox, which
 * is nowhere else: with it TOKEN goes to error/. X.job is not written anew: whoever takes over what
 * we leave should we die before the rename finds what we found, and does the same. */
static int withdraw(struct claim *claim, struct err *err)
{
    CLEANUP(listing_release) struct listing input = { 0 };
    int r = claim_is_lost(claim, err); /* may_end asked already, but perhaps got no answer */
    if (r != 0)
        return r < 0 ? r : err_set(err, ERR_IO, ENOENT, "'%s'", claim->token);
    r = listing_read(claim->dir_fd, JOB_INPUT_DIR, &input, NULL);
    if (r < 0 && r != -ENOENT && r != -ENOTDIR)
        return err_set(err, ERR_IO, -r, "read '%s/" JOB_INPUT_DIR "'", claim->token);
    if (input.count == 0) {
        (void)token_discard(claim->dir_fd, NULL);
        fs_close(&claim->dir_fd);
        (void)unlinkat(seat_dir(claim->seat), claim->token, AT_REMOVEDIR);
        return 0;
    }
    CLEANUP(json_drop) json_t *record = withdrawn_record(claim, input.entries[0].name);
    claim->withdrawn = true;
    r = gather(claim, PLACE_ERROR, err);
    if (r < 0)
        return r;
    complete_record(claim, record);
    r = try_names(claim, PLACE_ERROR, record, err);
    if (r == 1)
        r = sync_place(claim, err);
    return r < 0 ? r : 0;
}

/* TOKEN has gone. Was it an earlier try that moved it, whose answer was lost with the mount? */
static bool was_published(struct claim *claim, enum spool_place place)
{
    if (claim->withdrawn)
        place = PLACE_ERROR;
    int place_fd = spool_dir(seat_spool(claim->seat), place);
    fs_ask_anew(place_fd, ".");
    for (int number = 1; number <= LAST_NUMBER + 1 && !claim->moved; number++) {
        candidate(claim, number, claim->id);
        claim->moved = is_ours(claim, place_fd, claim->id);
    }
    claim->place = place;
    return claim->moved;
}

static int publish(struct claim *claim, enum spool_place place, json_t *record, struct err *err)
{
    int r = claim_reopen(claim, err);
    if (r == -ENOENT && was_published(claim, place))
        return !claim->withdrawn;
    if (r == 0)
        r = may_end(claim, err);
    if (r == 0)
        return withdraw(claim, err);
    if (r == 1)
        r = gather(claim, place, err);
    if (r < 0)
        return r;
    complete_record(claim, record);
    return try_names(claim, place, record, err);
}

int claim_move(struct claim *claim, enum spool_place place, json_t *record, char ret_id[NAME_SIZE],
               struct err *err)
{
    if (place != PLACE_DONE && place != PLACE_ERROR)
        return err_set(err, ERR_BUG, 0, "no job ends in '%s'", spool_place_name(place));
    if (!claim->moved) {
        int r = publish(claim, place, record, err);
        if (r != 1) {
            if (r < 0)
                (void)claim_reopen(claim, NULL);
            return r;
        }
    }
    memcpy(ret_id, claim->id, NAME_SIZE);
    return 1;
}

int claim_sync(const struct claim *claim, struct err *err)
{
    return sync_place(claim, err);
}

int claim_publish(struct claim *claim, enum spool_place place, json_t *record,
                  char ret_id[NAME_SIZE], struct err *err)
{
    int r = claim_move(claim, place, record, ret_id, err);
    if (r != 1)
        return r;
    r = claim_sync(claim, err);
    return r < 0 ? r : 1;
}

/* ---- back for later ---- */

/* TOKEN has gone: was it an earlier try that moved it? */
static bool was_deferred(struct claim *claim)
{
    if (claim->withdrawn)
        return was_published(claim, PLACE_ERROR);
    claim->moved =
        claim->id[0] && is_taken(spool_dir(seat_spool(claim->seat), PLACE_DEFERRED), claim->id);
    claim->place = PLACE_DEFERRED;
    return claim->moved;
}

static int rename_to_deferred(struct claim *claim, int64_t due_s, struct err *err)
{
    int deferred = spool_dir(seat_spool(claim->seat), PLACE_DEFERRED);
    char *target = claim->id;
    name_deferred_format(claim->name, due_s < 0 ? 0 : due_s, claim->token, target);
    fs_close(&claim->dir_fd);
    if (renameat(seat_dir(claim->seat), claim->token, deferred, target) < 0) {
        int errnum = errno;
        fs_ask_anew(deferred, ".");
        if (!is_taken(deferred, target)) { /* else it was done: TOKEN is in the name */
            (void)claim_reopen(claim, NULL);
            return err_set(err, ERR_IO, errnum, "rename 'running/%s/%s' to 'deferred/%s'",
                           seat_name(claim->seat), claim->token, target);
        }
    }
    claim->moved = true;
    claim->place = PLACE_DEFERRED;
    return 0;
}

static int defer(struct claim *claim, int64_t due_s, struct err *err)
{
    static const char *const keep[] = { ATTEMPTS_FILE, CRASH_FILE, NULL };
    int r = claim_reopen(claim, err);
    if (r == -ENOENT && was_deferred(claim))
        return 0;
    if (r == 0)
        r = may_end(claim, err);
    if (r == 0)
        return withdraw(claim, err);
    if (r < 0)
        return r;
    /* What cannot be removed, and lines that cannot be written, keep no job from going on. */
    (void)token_clear(claim->dir_fd, keep, NULL);
    claim_sync_jobs(claim->seat);
    r = claim_sync_job(claim, err);
    if (r < 0)
        return r;
    (void)fs_sync_file(claim->dir_fd, ATTEMPTS_FILE, NULL);
    (void)fs_sync_dir(claim->dir_fd, claim->token, NULL);
    return rename_to_deferred(claim, due_s, err);
}

int claim_defer(struct claim *claim, int64_t due_s, struct err *err)
{
    int r = claim->moved ? 0 : defer(claim, due_s, err);
    if (r < 0 || !claim->moved)
        return r;
    return sync_place(claim, err);
}
