#include "spool/dropped.h"

#include "base/fs.h"
#include "base/mem.h"
#include "spool/listing.h"
#include "spool/name.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { NAMES_MAX = 100000, FILES_LOOKED_AT = 100, DEPTH_MAX = 9 };

/* ---- how many ---- */

struct walk {
    struct dropped *dropped;
    dropped_fn *fn; /* or NULL */
    void *arg;
    int64_t now_ms;
    int names, looked, depth;
};

/* By the time of the last change, since scp -p sets the other one. */
static void note_age(struct walk *walk, int dir_fd, const char *name)
{
    struct stat st;
    if (walk->looked++ >= FILES_LOOKED_AT || fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return;
    int64_t age_ms =
        walk->now_ms - (st.st_ctim.tv_sec * INT64_C(1000) + st.st_ctim.tv_nsec / 1000000);
    if (age_ms > walk->dropped->oldest_ms)
        walk->dropped->oldest_ms = age_ms;
}

static unsigned char type_of(int dir_fd, const struct dirent *entry)
{
    struct stat st;
    if (entry->d_type != DT_UNKNOWN)
        return entry->d_type;
    return fstatat(dir_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ? DT_UNKNOWN
                                                                        : IFTODT(st.st_mode);
}

/* path: of the folder, from inbox/; "" for itself. */
static void count_below(struct walk *walk, int dir_fd, const char *name, const char *path)
{
    CLEANUP(fs_close_dir) DIR *dir = NULL;
    const struct dirent *entry;
    if (fs_open_dir(dir_fd, name, &dir, NULL) < 0)
        return;
    while ((entry = readdir(dir))) {
        if (name_is_ignored(entry->d_name))
            continue;
        if (walk->names++ >= NAMES_MAX) {
            walk->dropped->more = true;
            return;
        }
        unsigned char type = type_of(dirfd(dir), entry);
        CLEANUP(mem_free_text)
        char *own = walk->fn ? mem_printf("%s%s%s", path, *path ? "/" : "", entry->d_name) : NULL;
        if (type == DT_REG && walk->depth > 0) {
            walk->dropped->count++;
            if (walk->fn)
                walk->fn(walk->arg, own);
            else
                note_age(walk, dirfd(dir), entry->d_name);
        } else if (type == DT_DIR && walk->depth < DEPTH_MAX) {
            walk->depth++;
            count_below(walk, dirfd(dir), entry->d_name, own ? own : "");
            walk->depth--;
        }
    }
}

void dropped_count(const struct spool *spool, int64_t now_ms, struct dropped *ret_dropped)
{
    *ret_dropped = (struct dropped){ 0 };
    struct walk walk = { .dropped = ret_dropped, .now_ms = now_ms };
    count_below(&walk, spool_dir(spool, PLACE_INBOX), ".", "");
}

void dropped_each(const struct spool *spool, dropped_fn *fn, void *arg)
{
    struct dropped counted = { 0 };
    struct walk walk = { .dropped = &counted, .fn = fn, .arg = arg };
    count_below(&walk, spool_dir(spool, PLACE_INBOX), ".", "");
}

/* ---- which one ---- */

/* "a--b.mp4" is that file, or "b.mp4" in the folder a. The path from dir_fd; NULL: neither. */
static char *find_below(int dir_fd, const char *name, int depth)
{
    struct stat st;
    if (!name_is_ignored(name) && fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
        S_ISREG(st.st_mode))
        return mem_strdup(name);
    for (const char *dashes = name; depth < DEPTH_MAX && (dashes = strstr(dashes, "--"));
         dashes++) {
        CLEANUP(mem_free_text) char *folder = mem_strndup(name, (size_t)(dashes - name));
        if (!folder[0] || name_is_ignored(folder))
            continue;
        CLEANUP(fs_close)
        int fd = openat(dir_fd, folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        CLEANUP(mem_free_text) char *found = NULL;
        if (fd >= 0 && dashes[2])
            found = find_below(fd, dashes + 2, depth + 1);
        if (found)
            return mem_printf("%s/%s", folder, found);
    }
    return NULL;
}

char *dropped_find(const struct spool *spool, const char *name)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    int inbox = spool_dir(spool, PLACE_INBOX);
    (void)listing_read(inbox, ".", &listing, NULL);
    for (size_t i = 0; i < listing.count; i++) {
        const char *pipeline = listing.entries[i].name;
        if (listing.entries[i].type != DT_DIR || name_is_ignored(pipeline))
            continue;
        CLEANUP(fs_close)
        int fd = openat(inbox, pipeline, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        CLEANUP(mem_free_text) char *found = fd < 0 ? NULL : find_below(fd, name, 1);
        if (found)
            return mem_printf("inbox/%s/%s", pipeline, found);
    }
    return NULL;
}
