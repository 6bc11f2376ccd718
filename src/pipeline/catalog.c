#include "pipeline/catalog.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"
#include "pipeline/child.h"
#include "pipeline/params.h"
#include "pipeline/probe.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One file of the plugin directory. */
struct found {
    struct catalog_plugin shown; /* points into the rest */
    char *path;
    struct probe probe;
    void *handle; /* NULL: its code is not in this process */
    const struct takeup_plugin *code;
};

struct catalog {
    const struct takeup_step *const *builtins; /* NULL: none, or not loaded yet */
    const struct catalog_late *late;           /* NULL: builtins are all */
    char *plugin_dir;
    struct found *plugins;
    size_t plugin_count;
};

static const struct takeup_step *step_in(const struct takeup_step *const *steps, const char *name)
{
    for (; steps && *steps; steps++)
        if (strcmp((*steps)->name, name) == 0)
            return *steps;
    return NULL;
}

static bool probe_brings(const struct probe *probe, const char *name)
{
    for (char **step = probe->steps; *step; step++)
        if (strcmp(*step, name) == 0)
            return true;
    return false;
}

static int check_builtins(const struct takeup_step *const *steps, struct err *err)
{
    for (size_t i = 0; steps && steps[i]; i++) {
        int r = step_check(steps[i], err);
        if (r < 0)
            return r;
        if (step_in(steps, steps[i]->name) != steps[i])
            return err_set(err, ERR_BUG, 0, "two built-in steps '%s'", steps[i]->name);
    }
    return 0;
}

/* ---- the plugin directory ---- */

/* Absolute also when it does not exist, so that a person knows where to put things. */
static char *absolute(const char *path)
{
    char *real = realpath(path, NULL);
    if (real || path[0] == '/')
        return real ? real : mem_strdup(path);
    CLEANUP(mem_free_text) char *here = realpath(".", NULL);
    return mem_printf("%s/%s", here ? here : ".", path);
}

/* The file's name less ".so". */
static char *name_of_path(const char *path)
{
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    return mem_strndup(name, strlen(name) - strlen(".so"));
}

bool catalog_is_builtin(const struct catalog *catalog, const char *name)
{
    for (const char *const *at = catalog->late ? catalog->late->names : NULL; at && *at; at++)
        if (strcmp(*at, name) == 0)
            return true;
    return step_in(catalog->builtins, name);
}

/* A step that another one brings already: the first in order of names has it. */
static void refuse_second(const struct catalog *catalog, struct probe *probe)
{
    for (char **step = probe->steps; !probe->off && *step; step++) {
        const struct catalog_plugin *other = catalog_plugin_of(catalog, *step);
        if (catalog_is_builtin(catalog, *step))
            probe->off = mem_printf("its step '%s' is built in already", *step);
        else if (other && !other->off)
            probe->off = mem_printf("its step '%s' comes from '%s' already", *step, other->path);
    }
}

static int add_plugin(struct catalog *catalog, const char *path, struct err *err)
{
    struct found found = { .path = mem_strdup(path) };
    int r = probe_plugin(path, CHILD_LIMIT_MS, &found.probe, err);
    if (r < 0) {
        free(found.path);
        return r;
    }
    refuse_second(catalog, &found.probe);
    if (!found.probe.name)
        found.probe.name = name_of_path(path);
    found.shown = (struct catalog_plugin){
        .path = found.path,
        .name = found.probe.name,
        .version = found.probe.version ? found.probe.version : "",
        .steps = (const char *const *)found.probe.steps,
        .off = found.probe.off,
    };
    catalog->plugins =
        mem_resize(catalog->plugins, catalog->plugin_count + 1, sizeof(*catalog->plugins));
    catalog->plugins[catalog->plugin_count++] = found;
    return 0;
}

/* A link that leads nowhere is one too: whoever put it there is told. */
static bool is_plugin_file(const char *dir, const char *name)
{
    struct stat st;
    CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", dir, name);
    return name[0] != '.' && str_has_suffix(name, ".so") &&
           (stat(path, &st) < 0 || S_ISREG(st.st_mode));
}

static int find_plugins(struct catalog *catalog, struct err *err)
{
    struct dirent **entries;
    int count = scandir(catalog->plugin_dir, &entries, NULL, alphasort);
    if (count < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (count < 0)
        return err_set(err, ERR_IO, errno, "read the plugin directory '%s'", catalog->plugin_dir);
    int r = 0;
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", catalog->plugin_dir, name);
        if (r == 0 && is_plugin_file(catalog->plugin_dir, name))
            r = add_plugin(catalog, path, err);
        free(entries[i]);
    }
    free(entries);
    return r;
}

static int catalog_make(struct catalog with, const char *plugin_dir, struct catalog **ret_catalog,
                        struct err *err)
{
    CLEANUP(catalog_free) struct catalog *catalog = MEM_NEW(struct catalog);
    *catalog = with;
    int r = 0;
    if (plugin_dir) {
        catalog->plugin_dir = absolute(plugin_dir);
        r = find_plugins(catalog, err);
    }
    if (r == 0)
        *ret_catalog = TAKE(catalog);
    return r;
}

int catalog_new(const struct takeup_step *const *builtins, const char *plugin_dir,
                struct catalog **ret_catalog, struct err *err)
{
    int r = check_builtins(builtins, err);
    return r < 0 ? r
                 : catalog_make((struct catalog){ .builtins = builtins }, plugin_dir, ret_catalog,
                                err);
}

int catalog_new_late(const struct catalog_late *late, const char *plugin_dir,
                     struct catalog **ret_catalog, struct err *err)
{
    return catalog_make((struct catalog){ .late = late }, plugin_dir, ret_catalog, err);
}

void catalog_free(struct catalog **catalog)
{
    if (!*catalog)
        return;
    for (size_t i = 0; i < (*catalog)->plugin_count; i++) {
        struct found *found = &(*catalog)->plugins[i];
        if (found->handle)
            (void)dlclose(found->handle);
        probe_release(&found->probe);
        free(found->path);
    }
    free((*catalog)->plugins);
    free((*catalog)->plugin_dir);
    free(*catalog);
    *catalog = NULL;
}

/* ---- what there is ---- */

const char *catalog_plugin_dir(const struct catalog *catalog)
{
    return catalog->plugin_dir;
}

const struct takeup_step *catalog_find(const struct catalog *catalog, const char *name)
{
    const struct takeup_step *step = step_in(catalog->builtins, name);
    for (size_t i = 0; !step && i < catalog->plugin_count; i++)
        if (catalog->plugins[i].code)
            step = step_in(catalog->plugins[i].code->steps, name);
    return step;
}

const struct catalog_plugin *catalog_plugin_of(const struct catalog *catalog, const char *name)
{
    const struct catalog_plugin *off = NULL;
    for (size_t i = 0; i < catalog->plugin_count; i++) {
        const struct found *found = &catalog->plugins[i];
        bool brings = probe_brings(&found->probe, name);
        if (brings && !found->shown.off)
            return &found->shown;
        /* One that died while it was loaded has told no steps: then its own name has to do. */
        if (!off && found->shown.off && (brings || strcmp(found->shown.name, name) == 0))
            off = &found->shown;
    }
    return off;
}

const char *catalog_step_dir(const struct catalog *catalog, const struct takeup_step *step)
{
    for (size_t i = 0; i < catalog->plugin_count; i++) {
        const struct takeup_plugin *code = catalog->plugins[i].code;
        if (code && step_in(code->steps, step->name) == step)
            return catalog->plugin_dir;
    }
    return NULL;
}

const struct takeup_step *catalog_step_at(const struct catalog *catalog, size_t index)
{
    for (size_t i = 0; catalog->builtins && catalog->builtins[i]; i++)
        if (index-- == 0)
            return catalog->builtins[i];
    for (size_t i = 0; i < catalog->plugin_count; i++) {
        const struct takeup_plugin *code = catalog->plugins[i].code;
        for (size_t j = 0; code && code->steps[j]; j++)
            if (index-- == 0)
                return code->steps[j];
    }
    return NULL;
}

const struct catalog_plugin *catalog_plugin_at(const struct catalog *catalog, size_t index)
{
    return index < catalog->plugin_count ? &catalog->plugins[index].shown : NULL;
}

int catalog_load_builtins(struct catalog *catalog, struct err *err)
{
    if (catalog->builtins || !catalog->late)
        return 0;
    const struct takeup_step *const *steps = NULL;
    int r = catalog->late->load(&steps, err);
    if (r == 0)
        r = check_builtins(steps, err);
    if (r == 0)
        catalog->builtins = steps;
    return r;
}

int catalog_load_plugins(struct catalog *catalog, struct err *err)
{
    for (size_t i = 0; i < catalog->plugin_count; i++) {
        struct found *found = &catalog->plugins[i];
        if (found->shown.off || found->code)
            continue;
        int r = plugin_load(found->path, &found->handle, &found->code, err);
        if (r < 0) {
            if (err)
                err->kind = ERR_MISSING; /* it was fine at start: the file has changed since */
            err_context(err, "plugin '%s'", found->path);
            return r;
        }
    }
    return 0;
}
