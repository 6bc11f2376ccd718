#include "config/settings.h"

#include "base/mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define AT(field) offsetof(struct settings_values, field)
#define DAY_S 86400.0

enum { ROOTS_MAX = 100, WORDS_MAX = 100 };

/* The bounds keep a slip of the pen from stopping the queue: a lease shorter than the time for
 * which a beat must stand still would take living workers for dead. */
static const struct key table[] = {
    { "lease_s", KEY_REAL, AT(lease_s), "60", 3, DAY_S, NULL,
      "a worker whose heartbeat is older is dead, and others take its jobs over; the same on all "
      "hosts of a spool" },
    { "settle_s", KEY_REAL, AT(settle_s), "2", 0, 3600, NULL,
      "how long a file must hold still to count as whole" },
    { "input_wait_s", KEY_REAL, AT(input_wait_s), "600", 0, 365 * DAY_S, NULL,
      "how long a job waits for a video that is not there, or still growing" },
    { "min_free", KEY_SIZE, AT(min_free_bytes), "256MiB", 0, 1e15, NULL,
      "nothing is claimed while the disk has less than that free: bytes, or 256MiB, 2GiB" },
    { "max_attempts", KEY_INT, AT(max_attempts), "3", 1, 1000, NULL,
      "attempts before a job ends in error/, unless the job says otherwise" },
    { "timeout_s", KEY_REAL, AT(timeout_s), "0", 0, 365 * DAY_S, NULL,
      "how long one attempt may take, unless the job says otherwise; 0: no limit" },
    { "stall_s", KEY_REAL, AT(stall_s), "300", 0, 365 * DAY_S, NULL,
      "an attempt that makes no progress for so long is ended; 0: never" },
    { "backoff_s", KEY_REAL, AT(backoff_s), "10", 0, DAY_S, NULL,
      "the wait before a second attempt, doubled for each one more" },
    { "rescan_s", KEY_REAL, AT(rescan_s), "0", 0, 3600, NULL,
      "how often the spool is looked at when no event comes; 0: every 10 s, every second on a "
      "network filesystem" },
    { "jobs", KEY_INT, AT(jobs), "1", 1, 1000, NULL, "how many jobs a worker runs at a time" },
    { "threads", KEY_INT, AT(threads), "0", 0, 1024, NULL,
      "cores that a worker divides among its jobs; 0: all that it may use" },
    { "max_memory", KEY_SIZE, AT(max_memory_bytes), "0", 0, 1e15, NULL,
      "memory that one attempt may take, such as 2GiB; 0: three quarters of the machine's, divided "
      "by jobs" },
    { "max_output", KEY_SIZE, AT(max_output_bytes), "4GiB", 0, 1e15, NULL,
      "how large the results of one attempt may be, all files together; 0: no limit" },
    { "sandbox", KEY_TEXT, AT(sandbox), "full", 0, 0, "full|none",
      "full: an attempt reaches its video and its results, and nothing else; none: all that the "
      "worker's user does" },
    { "require_sandbox", KEY_BOOL, AT(require_sandbox), "false", 0, 0, NULL,
      "do not run where the kernel lacks a part of the sandbox" },
    { "durability", KEY_TEXT, AT(durability), "full", 0, 0, "full|none",
      "full: what was accepted or published survives a power cut; none: nothing is synced" },
    { "default_pipeline", KEY_TEXT, AT(default_pipeline), "ocr_only", 0, 0, NULL,
      "the pipeline of a job that names none" },
    { "input_roots", KEY_STRINGS, AT(input_roots), NULL, 1, ROOTS_MAX, NULL,
      "directories that hold all videos which jobs may name by an absolute path; none: they may "
      "lie anywhere" },
    { "on_done", KEY_STRINGS, AT(on_done), NULL, 0, WORDS_MAX, NULL,
      "a command, program and arguments, that is run when a job has ended in done/; none: nothing "
      "is run" },
    { "on_error", KEY_STRINGS, AT(on_error), NULL, 0, WORDS_MAX, NULL,
      "the same for error/, but for jobs that were cancelled" },
    { "notify_timeout_s", KEY_REAL, AT(notify_timeout_s), "30", 0.1, 3600, NULL,
      "how long such a command may run" },
    { 0 },
};

struct settings {
    struct key_values values;
    char *origins[COUNT(table)]; /* "FILE:LINE"; NULL: the default */
    char *files[COUNT(table)];   /* the path */
    char *places[COUNT(table)];  /* "FILE:LINE:COLUMN: " of the value */
};

const struct key *settings_keys(void)
{
    return table;
}

static size_t index_of(const char *name)
{
    const struct key *key = keys_find(table, name);
    return key ? (size_t)(key - table) : COUNT(table) - 1;
}

static void note_origins(struct settings *settings, const struct tree *tree, const char *path)
{
    const struct tree_node *root = tree_root(tree);
    for (size_t i = 0; i < root->count; i++) {
        size_t at = index_of(root->keys[i]->text);
        const struct tree_mark key = root->keys[i]->mark, value = root->items[i]->mark;
        mem_free_text(&settings->origins[at]);
        mem_free_text(&settings->files[at]);
        mem_free_text(&settings->places[at]);
        settings->files[at] = mem_strdup(path);
        settings->origins[at] = mem_printf("%s:%d", tree_shown(tree), key.line);
        settings->places[at] = mem_printf("%s:%d:%d: ", tree_shown(tree), value.line, value.column);
    }
}

/* Relative to what? The worker's directory is nobody's business. */
static int check_roots(const struct settings *settings, struct err *err)
{
    const struct key_strings *roots = &settings_values(settings)->input_roots;
    for (size_t i = 0; i < roots->count; i++)
        if (roots->items[i][0] != '/')
            return settings_fail(settings, "input_roots", err,
                                 "expected absolute paths, as /srv/videos, found '%.100s'",
                                 roots->items[i]);
    return 0;
}

/* Nor is it looked for in PATH: which one is meant shall stand here. */
static int check_program(const struct settings *settings, const char *key,
                         const struct key_strings *words, struct err *err)
{
    if (words->count == 0 || words->items[0][0] == '/')
        return 0;
    return settings_fail(settings, key, err,
                         "expected the absolute path of a program first, as "
                         "[/usr/local/bin/tell, --loud], found '%.100s'",
                         words->items[0]);
}

static int read_file(struct settings *settings, const struct settings_file *file, struct err *err)
{
    static const struct key_words words = { "", "setting" };
    CLEANUP(tree_free) struct tree *tree = NULL;
    int r = tree_read(file->path, &tree, err);
    if (r == -ENOENT && file->optional)
        return 0;
    if (r == -ENOENT && err)
        err->kind = ERR_MISSING;
    if (r < 0 || tree_root(tree)->type == TREE_NULL)
        return r;
    r = key_values_apply(&settings->values, tree, tree_root(tree), &words, err);
    if (r < 0)
        return r;
    note_origins(settings, tree, file->path);
    r = check_roots(settings, err);
    if (r == 0)
        r = check_program(settings, "on_done", &settings_values(settings)->on_done, err);
    if (r == 0)
        r = check_program(settings, "on_error", &settings_values(settings)->on_error, err);
    return r;
}

int settings_load(const struct settings_file *files, size_t count, struct settings **ret_settings,
                  struct err *err)
{
    CLEANUP(settings_free) struct settings *settings = MEM_NEW(struct settings);
    int r = key_values_init(&settings->values, table, sizeof(struct settings_values), err);
    for (size_t i = 0; i < count && r == 0; i++)
        r = read_file(settings, &files[i], err);
    if (r == 0)
        *ret_settings = TAKE(settings);
    return r;
}

void settings_free(struct settings **settings)
{
    if (!*settings)
        return;
    key_values_release(&(*settings)->values);
    for (size_t i = 0; i < COUNT(table); i++) {
        free((*settings)->origins[i]);
        free((*settings)->files[i]);
        free((*settings)->places[i]);
    }
    free(*settings);
    *settings = NULL;
}

const struct settings_values *settings_values(const struct settings *settings)
{
    return settings->values.data;
}

const char *settings_file(const struct settings *settings, const char *key)
{
    return settings->files[index_of(key)];
}

const char *settings_origin(const struct settings *settings, const char *key)
{
    return settings->origins[index_of(key)];
}

static json_t *strings_json(const struct key_strings *strings)
{
    json_t *list = json_array();
    for (size_t i = 0; i < strings->count; i++)
        (void)json_array_append_new(list, json_string(strings->items[i]));
    return list;
}

json_t *settings_json(const struct settings *settings, const struct key *key)
{
    const void *value = (const char *)settings->values.data + key->offset;
    switch (key->type) {
    case KEY_INT:
    case KEY_SIZE:
        return json_integer(*(const int64_t *)value);
    case KEY_REAL:
        return json_real(*(const double *)value);
    case KEY_TEXT:
        return json_string(*(const char *const *)value);
    case KEY_BOOL:
        return json_boolean(*(const bool *)value);
    case KEY_STRINGS:
        return strings_json(value);
    case KEY_TIME:
    case KEY_PATH:
    case KEY_NODE:
        break; /* no setting is of these */
    }
    return json_null();
}

int settings_fail(const struct settings *settings, const char *key, struct err *err,
                  const char *format, ...)
{
    const char *place = settings->places[index_of(key)];
    va_list args;
    va_start(args, format);
    CLEANUP(mem_free_text) char *text = mem_vprintf(format, args);
    va_end(args);
    return err_set(err, ERR_CONFIG, 0, "%s'%s': %s", place ? place : "setting ", key, text);
}
