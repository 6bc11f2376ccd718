/* inbox_tree.c - the folders below inbox/, and what lies in each.
 *
 * Folders are opened anew at each visit, one component after the other and never through a link:
 * who may drop files must not be able to make the worker rename files that lie elsewhere. A new
 * listing is merged with what is known, name by name, so that looks are not forgotten. */
#include "spool/inbox_private.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"
#include "spool/name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    DEPTH_MAX = 9,   /* inbox/PIPELINE/ and eight more */
    YOUNG_MS = 2000, /* times of files can be as coarse as that */
    LIST_ANYWAY_MS = 5 * 60 * 1000,
    LIST_FULL_MS = 60 * 1000, /* while names enough are known, */
    NAMES_ENOUGH = 1000,
    COST_FACTOR = 10, /* lists for no more than a tenth of the time */
    KEEP_EMPTY_MS = 24 * 60 * 60 * 1000,
};

int inbox_make(const struct spool *spool, const char *id, struct err *err)
{
    int inbox = spool_dir(spool, PLACE_INBOX);
    if (mkdirat(inbox, id, 0775) == 0)
        fs_share_dir(inbox, id); /* where there are no modes, the filesystem's hold */
    else if (errno != EEXIST)
        return err_set(err, ERR_IO, errno, "make directory '%s/inbox/%s'", spool_path(spool), id);
    return 0;
}

int inbox_open_folder(const struct spool *spool, const char *path, int *ret_fd, struct err *err)
{
    CLEANUP(mem_free_text) char *rest = mem_strdup(path);
    char *at = NULL, *name = strtok_r(rest, "/", &at);
    int dir_fd = spool_dir(spool, PLACE_INBOX);
    CLEANUP(fs_close) int fd = -1;
    do {
        int next = openat(dir_fd, name ? name : ".",
                          O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (next < 0)
            return err_set(err, ERR_IO, errno, "open 'inbox/%s'", path);
        fs_close(&fd);
        fd = dir_fd = next;
    } while (name && (name = strtok_r(NULL, "/", &at)));
    *ret_fd = fd;
    fd = -1;
    return 0;
}

/* ---- folders ---- */

struct folder *folder_new(struct inbox *inbox, struct drop *drop)
{
    struct folder *folder = MEM_NEW(struct folder), *parent = drop ? drop->folder : NULL;
    folder->drop = drop;
    folder->parent = parent;
    folder->depth = parent ? parent->depth + 1 : 0;
    folder->top = folder->depth == 1 ? folder : parent ? parent->top : NULL;
    folder->path = folder->depth > 1 ? mem_printf("%s/%s", parent->path, drop->name)
                                     : mem_strdup(drop ? drop->name : "");
    folder->listed_ms = -1;
    if (inbox->folder_count == inbox->folder_size) {
        inbox->folder_size = inbox->folder_size ? inbox->folder_size * 2 : 16;
        inbox->folders = mem_resize(inbox->folders, inbox->folder_size, sizeof(inbox->folders[0]));
    }
    inbox->folders[inbox->folder_count++] = folder;
    if (inbox->rules.on_folder)
        inbox->rules.on_folder(inbox->rules.arg, folder->path);
    return folder;
}

void folder_free(struct folder **folder)
{
    if (!*folder)
        return;
    free((*folder)->drops);
    free((*folder)->path);
    free(*folder);
    *folder = NULL;
}

static void folder_empty(struct inbox *inbox, struct folder *folder);

/* Freed at the end of the round, by folders_compact. */
static void folder_gone(struct folder *folder)
{
    folder->gone = true;
    if (folder->drop)
        folder->drop->child = NULL;
    folder->drop = NULL;
}

/* A queue may still hold it; then it is freed there. */
static void drop_remove(struct inbox *inbox, struct drop *drop)
{
    if (drop->child) {
        folder_empty(inbox, drop->child);
        folder_gone(drop->child);
    }
    drop_set(drop, DROP_GONE, WHY_NONE);
    if (inbox->picked == drop)
        inbox->picked = NULL;
    if (!drop->queued)
        free(drop);
}

static void folder_empty(struct inbox *inbox, struct folder *folder)
{
    for (size_t i = 0; i < folder->count; i++)
        drop_remove(inbox, folder->drops[i]);
    free(folder->drops);
    folder->drops = NULL;
    folder->count = folder->next_own = folder->rest = folder->unknown_count = 0;
    folder->listed_ms = -1;
}

void folders_compact(struct inbox *inbox)
{
    size_t kept = 0;
    for (size_t i = 0; i < inbox->folder_count; i++) {
        if (inbox->folders[i]->gone)
            folder_free(&inbox->folders[i]);
        else
            inbox->folders[kept++] = inbox->folders[i];
    }
    inbox->folder_count = kept;
}

/* ---- what a listing says ---- */

/* Can it never be taken, as far as its kind and place tell? */
static enum drop_why never(const struct folder *folder, unsigned char type)
{
    if (type == DT_LNK)
        return WHY_LINK;
    if (type == DT_DIR)
        return folder->depth >= DEPTH_MAX ? WHY_DEEP : WHY_NONE;
    if (type != DT_REG && type != DT_UNKNOWN)
        return WHY_KIND;
    return folder->depth == 0 ? WHY_TOP : WHY_NONE;
}

static struct drop *drop_new(struct inbox *inbox, struct folder *folder,
                             const struct listing_entry *entry)
{
    size_t len = strlen(entry->name);
    struct drop *drop = mem_zero(1, sizeof(*drop) + len + 1);
    memcpy(drop->name, entry->name, len + 1);
    drop->folder = folder;
    drop->state = DROP_GONE; /* not counted yet */
    enum drop_why why = never(folder, entry->type);
    if (why == WHY_NONE && entry->type == DT_DIR)
        drop->child = folder_new(inbox, drop);
    else
        drop_set(drop, why == WHY_NONE ? DROP_NEW : DROP_NEVER, why);
    return drop;
}

/* Is what is known under this name still what the listing shows? */
static bool is_same_kind(const struct drop *drop, const struct listing_entry *entry)
{
    enum drop_why why = never(drop->folder, entry->type);
    bool is_folder = why == WHY_NONE && entry->type == DT_DIR;
    if (drop->child || is_folder)
        return drop->child && is_folder;
    return drop->state == DROP_NEVER ? drop->why == why : why == WHY_NONE;
}

static void merge(struct inbox *inbox, struct folder *folder, const struct listing *listing)
{
    struct drop **merged = listing->count ? mem_zero(listing->count, sizeof(struct drop *)) : NULL;
    size_t count = 0, old = 0;
    for (size_t i = 0; i < listing->count; i++) {
        const struct listing_entry *entry = &listing->entries[i];
        if (name_is_ignored(entry->name))
            continue;
        while (old < folder->count && strcmp(folder->drops[old]->name, entry->name) < 0)
            drop_remove(inbox, folder->drops[old++]);
        struct drop *known = NULL;
        if (old < folder->count && strcmp(folder->drops[old]->name, entry->name) == 0)
            known = folder->drops[old++];
        if (known && !is_same_kind(known, entry)) {
            drop_remove(inbox, known);
            known = NULL;
        }
        if (known && known->state == DROP_GONE && !known->child) /* it came again */
            drop_set(known, DROP_NEW, WHY_NONE);
        merged[count++] = known ? known : drop_new(inbox, folder, entry);
    }
    while (old < folder->count)
        drop_remove(inbox, folder->drops[old++]);
    free(folder->drops);
    folder->drops = merged;
    folder->count = count;
    folder->next_own = 0;
    folder->rest = count;
}

static void count_unknown(struct folder *folder, const struct listing *listing)
{
    folder->unknown_count = 0;
    for (size_t i = 0; i < listing->count; i++)
        folder->unknown_count += !name_is_ignored(listing->entries[i].name);
}

/* ---- a visit ---- */

/* An unchanged time tells nothing while it is so young that a change may have had the same one. How
 * young is told by our own clock: the filesystem's may be another machine's. */
static bool needs_list(const struct folder *folder, int64_t now_ms)
{
    if (folder->listed_ms < 0)
        return true;
    if (now_ms < folder->again_ms)
        return false;
    size_t left = folder->count - folder->next_own;
    int64_t age_ms = now_ms - folder->listed_ms;
    if (left > NAMES_ENOUGH)
        return age_ms >= LIST_FULL_MS;
    return folder->listed_ms < folder->mtime_since_ms + YOUNG_MS || age_ms >= LIST_ANYWAY_MS;
}

static int list(struct inbox *inbox, struct folder *folder, int fd, int64_t now_ms, struct err *err)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    int64_t begun_ms = time_mono_ms();
    int r = listing_read(fd, ".", &listing, err);
    if (r < 0)
        return r;
    if (folder->unknown)
        count_unknown(folder, &listing);
    else
        merge(inbox, folder, &listing);
    folder->listed_ms = now_ms;
    folder->again_ms = now_ms + COST_FACTOR * (time_mono_ms() - begun_ms);
    return 0;
}

static int visit(struct inbox *inbox, struct folder *folder, int64_t now_ms, struct err *err)
{
    CLEANUP(fs_close) int fd = -1;
    struct stat st;
    int r = inbox_open_folder(inbox->spool, folder->path, &fd, err);
    if (r < 0)
        return r;
    if (fstat(fd, &st) < 0)
        return err_set(err, ERR_IO, errno, "stat 'inbox/%s'", folder->path);
    int64_t mtime_ns = fs_print_of(&st).mtime_ns;
    if (folder->listed_ms < 0 || mtime_ns != folder->mtime_ns)
        folder->mtime_since_ms = now_ms;
    folder->mtime_ns = mtime_ns;
    return needs_list(folder, now_ms) ? list(inbox, folder, fd, now_ms, err) : 0;
}

/* A subfolder that we emptied goes after a day without a change: until then somebody may still be
 * copying into it. One that somebody made to drop files into stays if it holds a hidden file. */
static void remove_emptied(struct folder *folder, const struct spool *spool, int64_t now_ms)
{
    CLEANUP(fs_close) int fd = -1;
    if (folder->depth < 2 || !folder->taken || folder->count > 0 ||
        now_ms - folder->mtime_since_ms < KEEP_EMPTY_MS ||
        inbox_open_folder(spool, folder->parent->path, &fd, NULL) < 0 ||
        unlinkat(fd, strrchr(folder->path, '/') + 1, AT_REMOVEDIR) < 0)
        return;
    folder_gone(folder);
    folder->parent->taken = true;
    folder->parent->listed_ms = -1;
}

/* Of a pipeline that came or went with the settings. */
static void know(struct inbox *inbox, struct folder *folder)
{
    bool unknown = !inbox->rules.is_pipeline(inbox->rules.arg, folder->path);
    if (unknown != folder->unknown)
        folder_empty(inbox, folder);
    folder->unknown = unknown;
}

int folder_visit(struct inbox *inbox, struct folder *folder, int64_t now_ms, struct err *err)
{
    if (folder->gone)
        return 0;
    if (folder->depth == 1)
        know(inbox, folder);
    int r = visit(inbox, folder, now_ms, err);
    if (r < 0) {
        folder_empty(inbox, folder); /* nothing in it can be taken now, nor is it still known */
        folder->errnum = -r;
        if (folder->depth > 0 && (r == -ENOENT || r == -ENOTDIR || r == -ELOOP)) {
            folder_gone(folder);
            return 0;
        }
        return r;
    }
    folder->errnum = 0;
    remove_emptied(folder, inbox->spool, now_ms);
    return 0;
}
