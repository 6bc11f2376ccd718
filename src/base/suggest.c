#include "base/suggest.h"

#include "base/macros.h"
#include "base/str.h"

#include <string.h>

enum {
    WORD_MIN = 3,  /* shorter ones begin too many names */
    WORD_MAX = 64, /* longer words are nobody's slip */
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Edits from a to b; two neighbours swapped count as one (optimal string alignment). */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1];
    size_t a_len = strlen(a), b_len = strlen(b);
    size_t *before = rows[0], *last = rows[1], *row = rows[2];
    for (size_t j = 0; j <= b_len; j++)
        last[j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            row[j] = least(last[j] + 1, row[j - 1] + 1);
            row[j] = least(row[j], last[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = last;
        last = row;
        row = spare;
    }
    return last[b_len];
}

/* The one name that begins with the word: "lease" for "lease_s". */
static const char *only_longer(const char *word, const char *const *names, size_t count)
{
    const char *found = NULL;
    size_t len = strlen(word);
    for (size_t i = 0; i < count; i++) {
        if (len < WORD_MIN || strncmp(names[i], word, len) != 0)
            continue;
        if (found)
            return NULL;
        found = names[i];
    }
    return found;
}

const char *suggest_nearest(const char *word, const char *const *names, size_t count)
{
    size_t len = strlen(word);
    if (len == 0 || len > WORD_MAX)
        return NULL;
    size_t allowed = len / 3 < 1 ? 1 : least(len / 3, 3);
    const char *nearest = NULL;
    for (size_t i = 0; i < count; i++) {
        size_t name_len = strlen(names[i]);
        if (name_len > WORD_MAX)
            continue;
        size_t edits = distance(word, names[i]);
        /* Nothing in common is no slip, however short: "x" is not "y". */
        if (edits > allowed || edits >= name_len || edits >= len)
            continue;
        nearest = names[i];
        allowed = edits - (edits > 0);
    }
    return nearest ? nearest : only_longer(word, names, count);
}

char *suggest_list(const char *const *names, size_t count, size_t max_bytes)
{
    struct str list = { 0 };
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && list.len + strlen(names[i]) + 2 > max_bytes) {
            str_addf(&list, " … and %zu more", count - i);
            break;
        }
        str_addf(&list, "%s%s", i ? ", " : "", names[i]);
    }
    if (count == 0)
        str_add(&list, "none");
    return str_take(&list);
}
