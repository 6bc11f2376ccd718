/* probe.h - a plugin's file, tried and loaded. Private to the room. */
#ifndef TAKEUP_PIPELINE_PROBE_H
#define TAKEUP_PIPELINE_PROBE_H

#include "api/step.h"
#include "base/err.h"

#include <stdint.h>

/* What a probe found out. */
struct probe {
    char *name, *version;
    char **steps; /* NULL at the end */
    char *off;    /* NULL: the plugin can be used */
};

/* Tries the shared object `path` in a child. Always leaves *ret_probe to be released, also when
 * the plugin is of no use: then it has `off`. < 0 only when no child could be made. */
int probe_plugin(const char *path, int64_t limit_ms, struct probe *ret_probe, struct err *err);
void probe_release(struct probe *probe);

/* Loads it into this process and checks its tables. *ret_handle is for dlclose. */
int plugin_load(const char *path, void **ret_handle, const struct takeup_plugin **ret_plugin,
                struct err *err);

#endif
