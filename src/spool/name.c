#include "spool/name.h"

#include "base/str.h"
#include "base/time.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIR_NAME_BYTES = 180, STEM_BYTES = 60, LONGEST_ENDING = sizeof(".json") - 1 };

static const char *const ignored_endings[] = { "~", ".part", ".filepart", ".tmp", ".crdownload" };
static const char *const ignored_names[] = { "Thumbs.db", "desktop.ini", "@eaDir" };

bool name_is_ignored(const char *file_name)
{
    if (file_name[0] == '.')
        return true;
    for (size_t i = 0; i < COUNT(ignored_endings); i++)
        if (str_has_suffix(file_name, ignored_endings[i]))
            return true;
    for (size_t i = 0; i < COUNT(ignored_names); i++)
        if (strcmp(file_name, ignored_names[i]) == 0)
            return true;
    return false;
}

/* The name before `ending`. Hidden ones are none: "..job" would be the directory ".". */
static bool name_before(const char *file_name, const char *ending, char out[NAME_SIZE])
{
    size_t len = strlen(file_name), ending_len = strlen(ending);
    if (len <= ending_len || len >= NAME_SIZE || file_name[0] == '.' || strchr(file_name, '/') ||
        !str_has_suffix(file_name, ending))
        return false;
    memcpy(out, file_name, len - ending_len);
    out[len - ending_len] = '\0';
    return true;
}

bool name_of_job_file(const char *file_name, char out[NAME_SIZE])
{
    return name_before(file_name, ".json", out);
}

bool name_of_claimed_file(const char *file_name, char out[NAME_SIZE])
{
    return name_before(file_name, ".job", out);
}

int name_check(const char *name, struct err *err)
{
    if (!name[0])
        return err_set(err, ERR_USAGE, 0, "a job's name cannot be empty");
    if (strchr(name, '/'))
        return err_set(err, ERR_USAGE, 0, "a job's name cannot hold a '/': '%s'", name);
    if (name_is_ignored(name))
        return err_set(err, ERR_USAGE, 0,
                       "'%s' cannot be a job's name: files named like this are ignored", name);
    if (strlen(name) + LONGEST_ENDING >= NAME_SIZE)
        return err_set(err, ERR_USAGE, ENAMETOOLONG, "a job's name has at most %d bytes: '%s'",
                       NAME_SIZE - 1 - LONGEST_ENDING, name);
    return 0;
}

/* FNV-1a: names only have to be told apart, and anybody can compute it. */
static uint32_t name_hash(const char *name)
{
    uint32_t hash = 2166136261U;
    for (; *name; name++)
        hash = (hash ^ (unsigned char)*name) * 16777619U;
    return hash;
}

void name_for_directory(const char *name, char out[NAME_SIZE])
{
    size_t len = str_utf8_cut(name, DIR_NAME_BYTES);
    if (name[len])
        (void)snprintf(out, NAME_SIZE, "%.*s-%08" PRIx32, (int)len, name, name_hash(name));
    else
        (void)snprintf(out, NAME_SIZE, "%s", name);
}

void name_for_inbox(const char *path, char out[NAME_SIZE])
{
    CLEANUP(str_release) struct str name = { 0 };
    for (const char *slash; (slash = strchr(path, '/')); path = slash + 1) {
        str_add_bytes(&name, path, (size_t)(slash - path));
        str_add(&name, "--");
    }
    str_add(&name, path);
    if (name.len + LONGEST_ENDING < NAME_SIZE)
        (void)snprintf(out, NAME_SIZE, "%s", str_text(&name));
    else
        name_for_directory(str_text(&name), out);
}

void name_deferred_format(const char *name, int64_t due_s, const char *token, char out[NAME_SIZE])
{
    char dir_name[NAME_SIZE];
    name_for_directory(name, dir_name);
    (void)snprintf(out, NAME_SIZE, "%.*s@%" PRId64 "@%.16s", DIR_NAME_BYTES + 9, dir_name, due_s,
                   token);
}

static bool due_parse(const char *text, size_t len, int64_t *ret_due_s)
{
    if (len == 0 || len > 15)
        return false;
    int64_t due_s = 0;
    for (size_t i = 0; i < len; i++) {
        if (!isdigit((unsigned char)text[i]))
            return false;
        due_s = due_s * 10 + (text[i] - '0');
    }
    *ret_due_s = due_s;
    return true;
}

bool name_deferred_parse(const char *dir_name, char ret_name[NAME_SIZE], int64_t *ret_due_s,
                         char ret_token[TOKEN_SIZE])
{
    const char *last = strrchr(dir_name, '@');
    if (!last || strlen(last + 1) != TOKEN_SIZE - 1 ||
        strspn(last + 1, "0123456789abcdef") != TOKEN_SIZE - 1)
        return false;
    const char *due = memrchr(dir_name, '@', (size_t)(last - dir_name));
    if (!due || due == dir_name || due - dir_name >= NAME_SIZE ||
        !due_parse(due + 1, (size_t)(last - due - 1), ret_due_s))
        return false;
    (void)snprintf(ret_name, NAME_SIZE, "%.*s", (int)(due - dir_name), dir_name);
    (void)snprintf(ret_token, TOKEN_SIZE, "%s", last + 1);
    return true;
}

void name_token(char out[TOKEN_SIZE])
{
    str_random_hex(out, (TOKEN_SIZE - 1) / 2);
}

/* What is plain of stem; each run of anything else becomes one '-'. */
static void plain_stem(const char *stem, char out[STEM_BYTES + 1])
{
    size_t len = 0;
    for (; *stem && len < STEM_BYTES; stem++) {
        bool plain = isascii(*stem) && (isalnum((unsigned char)*stem) || strchr("._-", *stem));
        if (plain)
            out[len++] = *stem;
        else if (len > 0 && out[len - 1] != '-')
            out[len++] = '-';
    }
    while (len > 0 && out[len - 1] == '-')
        len--;
    out[len] = '\0';
}

void name_for_submission(const char *stem, int64_t wall_ms, char out[NAME_SIZE])
{
    char time[TIME_TEXT_SIZE], plain[STEM_BYTES + 1], random[9];
    time_format(wall_ms, time);
    plain_stem(stem, plain);
    str_random_hex(random, 4); /* one command submits a hundred in a millisecond */
    /* Without '-' and ':' in the date: ':' is not allowed in a name on SMB. */
    (void)snprintf(out, NAME_SIZE, "%.4s%.2s%.3s%.2s%.2s%.7s-%s-%s", time, time + 5, time + 8,
                   time + 11, time + 14, time + 17, plain[0] ? plain : "job", random);
}
