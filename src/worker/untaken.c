#include "worker/untaken.h"

#include "base/log.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static void forget(struct untaken *untaken, size_t i)
{
    mem_free_text(&untaken->problems[i].path);
    mem_free_text(&untaken->problems[i].reason);
    untaken->count--;
    untaken->problems[i] = untaken->problems[untaken->count];
    untaken->is_fresh[i] = untaken->is_fresh[untaken->count];
}

void untaken_scan_begins(struct untaken *untaken)
{
    memset(untaken->is_fresh, 0, sizeof(untaken->is_fresh));
}

/* untaken->count: it is not there. */
static size_t find(const struct untaken *untaken, const char *path)
{
    size_t i = 0;
    while (i < untaken->count && strcmp(untaken->problems[i].path, path) != 0)
        i++;
    return i;
}

void untaken_note(struct untaken *untaken, enum spool_place place, const char *name,
                  const char *reason)
{
    CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", spool_place_name(place), name);
    size_t i = find(untaken, path);
    if (i == UNTAKEN_MAX)
        return;
    if (i == untaken->count) {
        log_info(LOG_FIELDS("file", path), "not taken yet: %s", reason);
        untaken->problems[untaken->count++] = (struct heartbeat_problem){ TAKE(path), NULL };
    }
    untaken->is_fresh[i] = true;
    mem_free_text(&untaken->problems[i].reason);
    untaken->problems[i].reason = mem_strdup(reason);
}

void untaken_gone(struct untaken *untaken, enum spool_place place, const char *name)
{
    if (untaken->count == 0)
        return;
    CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", spool_place_name(place), name);
    size_t i = find(untaken, path);
    if (i < untaken->count)
        forget(untaken, i);
}

void untaken_list_spent(struct untaken *untaken)
{
    for (size_t i = untaken->count; i > 0; i--)
        if (!untaken->is_fresh[i - 1])
            forget(untaken, i - 1);
}

void untaken_release(struct untaken *untaken)
{
    while (untaken->count > 0)
        forget(untaken, untaken->count - 1);
}
