#include "spool/ended.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "spool/listing.h"
#include "spool/name.h"
#include "spool/record.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>

enum { RECORD_MAX_BYTES = 64 << 20, LAST_NUMBER = 9 };

json_t *ended_record(const struct spool *spool, enum spool_place place, const char *id)
{
    CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", id, RECORD_FILE), *text = NULL;
    CLEANUP(json_drop) json_t *record = NULL;
    struct json_mark mark;
    size_t len;
    if (fs_read_file(spool_dir(spool, place), path, RECORD_MAX_BYTES, &text, &len, NULL) < 0 ||
        json_parse(text, len, &record, &mark, NULL) != 1)
        return NULL;
    return TAKE(record);
}

const char *ended_at(const json_t *record)
{
    return json_get_text(json_object_get(record, "times"), "finished", "");
}

struct looking {
    const struct spool *spool;
    enum spool_place place;
    const char *name;
    ended_fn *fn;
    void *arg;
};

static void consider(const struct looking *looking, const char *id)
{
    CLEANUP(json_drop) json_t *record = ended_record(looking->spool, looking->place, id);
    if (record && (strcmp(id, looking->name) == 0 ||
                   strcmp(json_get_text(record, "name", ""), looking->name) == 0))
        looking->fn(looking->arg, looking->place, id, record);
}

static bool is_there(const struct looking *looking, const char *id)
{
    struct stat st;
    return fstatat(spool_dir(looking->spool, looking->place), id, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* X.TOKEN … of which there may be any number. */
static void consider_listed(const struct looking *looking, const char *base)
{
    CLEANUP(listing_release) struct listing listing = { 0 };
    CLEANUP(mem_free_text) char *start = mem_printf("%s.", base);
    size_t numbered = strlen(start) + 1;
    (void)listing_read(spool_dir(looking->spool, looking->place), ".", &listing, NULL);
    for (size_t i = 0; i < listing.count; i++)
        if (str_has_prefix(listing.entries[i].name, start) &&
            strlen(listing.entries[i].name) > numbered)
            consider(looking, listing.entries[i].name);
}

void ended_each(const struct spool *spool, enum spool_place place, const char *name, ended_fn *fn,
                void *arg)
{
    struct looking looking = { spool, place, name, fn, arg };
    char base[NAME_SIZE];
    bool all_taken = true;
    name_for_directory(name, base);
    consider(&looking, base);
    for (int number = 2; number <= LAST_NUMBER; number++) {
        CLEANUP(mem_free_text) char *id = mem_printf("%s.%d", base, number);
        all_taken = all_taken && is_there(&looking, id);
        consider(&looking, id);
    }
    if (all_taken)
        consider_listed(&looking, base);
}
