/* The object is trusted: it was built and installed with this program, which its version proves.
 * It is never unloaded, since plans and their warm models point into it and its libraries, and some
 * of those cannot be unloaded. */
#include "cli/steps.h"

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>
#include <unistd.h>

#define LIBRARY "takeup-steps.so"

/* Beside the binary in a build, else where it is installed. NULL: nowhere, and *tried says where it
 * was looked for. */
static char *find_library(struct str *tried)
{
    CLEANUP(mem_free_text) char *bin = cli_binary_dir();
    char *places[] = {
        mem_printf("%s/" LIBRARY, bin),
        mem_printf("%s/../lib/takeup/" LIBRARY, bin),
        mem_strdup(TAKEUP_LIBDIR "/" LIBRARY),
    };
    char *found = NULL;
    for (size_t i = 0; i < COUNT(places); i++) {
        str_addf(tried, "%s'%s'", i > 0 ? ", " : "", places[i]);
        if (!found && access(places[i], F_OK) == 0)
            found = TAKE(places[i]);
        mem_free_text(&places[i]);
    }
    return found;
}

static int open_library(const char *path, const struct steps_library **ret_library, struct err *err)
{
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        int r = err_set(err, ERR_MISSING, 0, "the built-in steps cannot be loaded: %s", dlerror());
        err_hint(err, "install the libraries that it names; ldd '%s' tells all", path);
        return r;
    }
    const struct steps_library *library = dlsym(handle, "takeup_steps");
    if (!library || library->plugin.abi != TAKEUP_STEP_ABI ||
        strcmp(library->plugin.version, TAKEUP_VERSION) != 0) {
        int r = err_set(err, ERR_MISSING, 0, "'%s' is not of this version, " TAKEUP_VERSION, path);
        err_hint(err, "install takeup and " LIBRARY " together");
        return r;
    }
    *ret_library = library;
    return 0;
}

int cli_load_steps(const struct steps_library **ret_library, struct err *err)
{
    static const struct steps_library *loaded;
    if (!loaded) {
        CLEANUP(str_release) struct str tried = { 0 };
        CLEANUP(mem_free_text) char *path = find_library(&tried);
        if (!path) {
            int r = err_set(err, ERR_MISSING, ENOENT, "the built-in steps: %s", str_text(&tried));
            err_hint(err, "install takeup anew: " LIBRARY " belongs to it");
            return r;
        }
        int r = open_library(path, &loaded, err);
        if (r < 0)
            return r;
    }
    *ret_library = loaded;
    return 0;
}

static int load_late(const struct takeup_step *const **ret_steps, struct err *err)
{
    const struct steps_library *library = NULL;
    int r = cli_load_steps(&library, err);
    if (r == 0)
        *ret_steps = library->plugin.steps;
    return r;
}

#define NAME(name) #name,
static const char *const names[] = { STEPS_EACH(NAME) NULL };
const struct catalog_late cli_late_steps = { names, load_late };
