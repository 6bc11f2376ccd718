#include "spool/names.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

void names_add(struct names *names, const char *name, uint64_t key)
{
    size_t len = strlen(name) + 1;
    if (names->used + len > names->size) {
        names->size = names->size ? names->size * 2 : 4096;
        names->bytes = mem_resize(names->bytes, names->size, 1);
    }
    if (names->count == names->room) {
        names->room = names->room ? names->room * 2 : 64;
        names->entries = mem_resize(names->entries, names->room, sizeof(names->entries[0]));
    }
    memcpy(names->bytes + names->used, name, len);
    names->entries[names->count++] = (struct names_entry){ .key = key, .at = names->used };
    names->used += len;
}

static int by_key(const void *a, const void *b, void *bytes)
{
    const struct names_entry *left = a, *right = b;
    if (left->key != right->key)
        return left->key < right->key ? -1 : 1;
    return strcmp((char *)bytes + left->at, (char *)bytes + right->at);
}

void names_sort(struct names *names)
{
    if (names->count > 1)
        qsort_r(names->entries, names->count, sizeof(names->entries[0]), by_key, names->bytes);
}

static size_t common_start(const struct names *names)
{
    const char *first = names_get(names, 0);
    size_t len = strlen(first);
    for (size_t i = 1; i < names->count && len > 0; i++) {
        const char *name = names_get(names, i);
        size_t same = 0;
        while (same < len && name[same] == first[same])
            same++;
        len = same;
    }
    return len;
}

void names_sort_by_name(struct names *names)
{
    if (names->count == 0)
        return;
    /* Most names of a queue begin alike (a date), so the first bytes would tell nothing. */
    size_t start = common_start(names);
    for (size_t i = 0; i < names->count; i++) {
        const unsigned char *rest = (const unsigned char *)names_get(names, i) + start;
        uint64_t key = 0;
        for (int byte = 0; byte < 8; byte++) {
            key = key << 8 | *rest;
            rest += *rest != '\0';
        }
        names->entries[i].key = key;
    }
    names_sort(names);
}

const char *names_get(const struct names *names, size_t i)
{
    return names->bytes + names->entries[i].at;
}

void names_mark(struct names *names, size_t i, unsigned mark)
{
    names->spent -= names->entries[i].mark == NAMES_SPENT;
    names->spent += mark == NAMES_SPENT;
    names->entries[i].mark = mark & NAMES_MARK_MAX;
}

size_t names_left(const struct names *names)
{
    return names->count - names->spent;
}

void names_clear(struct names *names)
{
    names->used = names->count = names->spent = 0;
}

void names_release(struct names *names)
{
    free(names->bytes);
    free(names->entries);
    *names = (struct names){ 0 };
}
