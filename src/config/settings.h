/* settings.h - takeup.yaml: what is set for a machine or for a spool.
 *
 *     settings_load -> settings_values, settings_origin … -> settings_free
 *
 * Several files are read in turn, and what a later one says wins, key by key; what none says has
 * the default of the table. Checked as pipelines are: a wrong type, a value out of bounds and an
 * unknown key are errors with FILE:LINE:COLUMN. */
#ifndef TAKEUP_CONFIG_SETTINGS_H
#define TAKEUP_CONFIG_SETTINGS_H

#include "base/err.h"
#include "base/json.h"
#include "config/keys.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct settings;

struct settings_values {
    double lease_s, settle_s, input_wait_s;
    double timeout_s; /* 0: no limit */
    double stall_s, backoff_s;
    double rescan_s; /* 0: by the kind of filesystem */
    int64_t max_attempts, jobs, min_free_bytes;
    int64_t threads;          /* 0: all that the worker may use */
    int64_t max_memory_bytes; /* 0: by the machine */
    int64_t max_output_bytes; /* 0: no limit */
    const char *sandbox;      /* "full" or "none" */
    bool require_sandbox;
    const char *durability; /* "full" or "none" */
    const char *default_pipeline;
    struct key_strings input_roots;       /* absolute paths; none: anywhere */
    struct key_strings on_done, on_error; /* a command's words, the program's absolute path first */
    double notify_timeout_s;
};

struct settings_file {
    const char *path;
    bool optional; /* need not be there */
};

/* Reads `count` files, the weakest first. ERR_CONFIG: what a file says is wrong; ERR_MISSING: one
 * that is not optional is not there; else it cannot be read. An empty file says nothing. */
int settings_load(const struct settings_file *files, size_t count, struct settings **ret_settings,
                  struct err *err);
void settings_free(struct settings **settings);

/* All that these give is borrowed from the settings. */
const struct settings_values *settings_values(const struct settings *settings);
/* Where the value of `key` stands, "FILE:LINE"; NULL: it is the default. */
const char *settings_origin(const struct settings *settings, const char *key);

/* The path of the file that sets it; NULL: it is the default. */
const char *settings_file(const struct settings *settings, const char *key);

/* The table, which ends with a row without a name: for `takeup config` and its documentation. */
const struct key *settings_keys(void);
/* The value of a key of the table: a number, a string, true or false, or a list of strings. */
json_t *settings_json(const struct settings *settings, const struct key *key);

/* Sets *err to "FILE:LINE:COLUMN: FORMAT" of the place where `key` is set; where it is the default,
 * the place is left out. Returns below 0. */
int settings_fail(const struct settings *settings, const char *key, struct err *err,
                  const char *format, ...) PRINTF_LIKE(4, 5);

#endif
