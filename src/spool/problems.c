#include "spool/problems.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void problems_add(struct problems *problems, const char *path, const char *reason)
{
    problems->count++;
    if (problems->kept == PROBLEMS_KEPT)
        return;
    if (problems->kept == problems->room) {
        problems->room = problems->room ? problems->room * 2 : 8;
        problems->items = mem_resize(problems->items, problems->room, sizeof(problems->items[0]));
    }
    problems->items[problems->kept++] = (struct problem){ mem_strdup(path), mem_strdup(reason) };
}

void problems_add_at(struct problems *problems, enum spool_place place, const char *name,
                     const char *reason)
{
    CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", spool_place_name(place), name);
    problems_add(problems, path, reason);
}

void problems_add_all(struct problems *problems, const struct problems *from)
{
    for (size_t i = 0; i < from->kept; i++)
        problems_add(problems, from->items[i].path, from->items[i].reason);
    problems->count += from->count - from->kept;
}

bool problems_has(const struct problems *problems, const char *path)
{
    for (size_t i = 0; i < problems->kept; i++)
        if (strcmp(problems->items[i].path, path) == 0)
            return true;
    return false;
}

void problems_release(struct problems *problems)
{
    for (size_t i = 0; i < problems->kept; i++) {
        free(problems->items[i].path);
        free(problems->items[i].reason);
    }
    free(problems->items);
    *problems = (struct problems){ 0 };
}
