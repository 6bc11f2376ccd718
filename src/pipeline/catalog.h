/* catalog.h - the steps there are: those that were built in, and those of plugins.
 *
 * A plugin is a shared object in a plugin directory. It is tried in a probe child: one that cannot
 * be loaded, has another ABI, dies, hangs or leaves a second thread is off, with the reason. The
 * catalog knows its steps by name only; its code is loaded by catalog_load_plugins, in the process
 * that runs the pipeline. */
#ifndef TAKEUP_PIPELINE_CATALOG_H
#define TAKEUP_PIPELINE_CATALOG_H

#include "api/step.h"
#include "base/err.h"

#include <stddef.h>

struct catalog;

struct catalog_plugin {
    const char *path, *name, *version; /* name: from the file's when it could not be loaded */
    const char *const *steps;          /* names; NULL at the end */
    const char *off;                   /* why it is not used; NULL: it is */
};

/* builtins: NULL at the end; borrowed. plugin_dir: NULL or a directory that may not exist. */
int catalog_new(const struct takeup_step *const *builtins, const char *plugin_dir,
                struct catalog **ret_catalog, struct err *err);

/* Built-in steps that are known by name until catalog_load_builtins; a plugin cannot bring one of
 * their names. Borrowed. */
struct catalog_late {
    const char *const *names; /* NULL at the end */
    int (*load)(const struct takeup_step *const **ret_steps, struct err *err);
};
int catalog_new_late(const struct catalog_late *late, const char *plugin_dir,
                     struct catalog **ret_catalog, struct err *err);
void catalog_free(struct catalog **catalog);

/* NULL: not built in or not loaded yet, and of no plugin that was loaded here. */
const struct takeup_step *catalog_find(const struct catalog *catalog, const char *name);
/* Loaded or not. */
bool catalog_is_builtin(const struct catalog *catalog, const char *name);
/* The plugin that would bring this step; NULL: none. */
const struct catalog_plugin *catalog_plugin_of(const struct catalog *catalog, const char *name);

/* All built-in steps that are loaded, then those of loaded plugins; NULL past the end. */
const struct takeup_step *catalog_step_at(const struct catalog *catalog, size_t index);
const struct catalog_plugin *catalog_plugin_at(const struct catalog *catalog, size_t index);

/* The directory of the plugin that brings it, where its files lie; NULL: it is built in. Borrowed.
 */
const char *catalog_step_dir(const struct catalog *catalog, const struct takeup_step *step);

/* Where plugins are looked for, absolute, whether it is there or not; NULL: nowhere. */
const char *catalog_plugin_dir(const struct catalog *catalog);

/* Loads the code of the built-in steps into this process. Again: nothing. */
int catalog_load_builtins(struct catalog *catalog, struct err *err);

/* Loads the code of all plugins that are on into this process. Again: nothing. */
int catalog_load_plugins(struct catalog *catalog, struct err *err);

#endif
