/* A plugin is other people's code, and loading it runs that code. So it is loaded first in a child
 * that may crash, hang and print as it likes; what comes back is a line of JSON with names. That
 * is no guard against malice: a plugin that passes is loaded, and trusted, by the runner. */
#include "pipeline/probe.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "pipeline/child.h"
#include "pipeline/params.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static int check_plugin(const struct takeup_plugin *plugin, struct err *err)
{
    if (plugin->abi < TAKEUP_STEP_ABI_OLDEST || plugin->abi > TAKEUP_STEP_ABI)
        return err_set(err, ERR_CONFIG, 0,
                       "it was built for version %u of step.h, this program has version %d: build "
                       "it again with <takeup/step.h> of this program",
                       plugin->abi, TAKEUP_STEP_ABI);
    if (!plugin->name || !plugin->version || !plugin->steps)
        return err_set(err, ERR_CONFIG, 0, "it lacks a name, a version or steps");
    for (const struct takeup_step *const *step = plugin->steps; *step; step++) {
        int r = step_check(*step, err);
        if (r < 0)
            return r;
    }
    return 0;
}

int plugin_load(const char *path, void **ret_handle, const struct takeup_plugin **ret_plugin,
                struct err *err)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle)
        return err_set(err, ERR_CONFIG, 0, "it cannot be loaded: %s", dlerror());
    const struct takeup_plugin *plugin = dlsym(handle, "takeup_plugin");
    int r = plugin ? check_plugin(plugin, err)
                   : err_set(err, ERR_CONFIG, 0, "it exports no 'takeup_plugin'");
    if (r < 0) {
        (void)dlclose(handle);
        return r;
    }
    *ret_handle = handle;
    *ret_plugin = plugin;
    return 0;
}

/* In the child. */
static void probe_answer(void *arg, struct str *answer)
{
    CLEANUP(json_drop) json_t *told = json_object();
    struct err err = { 0 };
    int threads = proc_thread_count();
    void *handle;
    const struct takeup_plugin *plugin;
    if (plugin_load(arg, &handle, &plugin, &err) < 0) {
        json_set_text(told, "off", err.text);
    } else {
        json_t *steps = json_array();
        for (const struct takeup_step *const *step = plugin->steps; *step; step++)
            (void)json_array_append_new(steps, json_string((*step)->name));
        json_set_text(told, "name", plugin->name);
        json_set_text(told, "version", plugin->version);
        json_set(told, "steps", steps);
        if (proc_thread_count() > threads)
            json_set_text(told, "off", "it starts a thread when it is loaded");
    }
    CLEANUP(mem_free_text) char *line = json_line(told);
    str_add(answer, line);
}

static char *text_or_null(const json_t *object, const char *key)
{
    const char *text = json_get_text(object, key, NULL);
    return text ? mem_strdup(text) : NULL;
}

static void probe_fill(struct probe *probe, const json_t *told)
{
    probe->name = text_or_null(told, "name");
    probe->version = text_or_null(told, "version");
    probe->off = text_or_null(told, "off");
    const json_t *steps = json_object_get(told, "steps");
    size_t count = json_array_size(steps);
    probe->steps = mem_zero(count + 1, sizeof(*probe->steps));
    for (size_t i = 0; i < count; i++) {
        const char *name = json_string_value(json_array_get(steps, i));
        probe->steps[i] = mem_strdup(name ? name : "");
    }
}

int probe_plugin(const char *path, int64_t limit_ms, struct probe *ret_probe, struct err *err)
{
    CLEANUP(mem_free_text) char *answer = NULL;
    struct err end = { 0 };
    int r = child_ask(probe_answer, (void *)path, limit_ms, &answer, &end);
    if (r < 0 && end.kind == ERR_IO) {
        if (err)
            *err = end;
        return r;
    }
    CLEANUP(json_drop) json_t *told = NULL;
    struct json_mark mark;
    struct probe probe = { 0 };
    if (r == 0 && json_parse(answer, strlen(answer), &told, &mark, &end) == 1) {
        probe_fill(&probe, told);
    } else {
        probe.steps = mem_zero(1, sizeof(*probe.steps));
        probe.off = r < 0 ? mem_printf("the process that tried to load it %s", end.text)
                          : mem_strdup("it ends the process that loads it");
    }
    *ret_probe = probe;
    return 0;
}

void probe_release(struct probe *probe)
{
    for (char **step = probe->steps; step && *step; step++)
        free(*step);
    free(probe->steps);
    free(probe->name);
    free(probe->version);
    free(probe->off);
    *probe = (struct probe){ 0 };
}
