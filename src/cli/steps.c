/* The object is never unloaded, since plans and their warm models point into it and its libraries,
 * and some of those cannot be unloaded. */
#include "cli/steps.h"

#include "cli/library.h"

#include <string.h>

#define LIBRARY "takeup-steps.so"

int cli_load_steps(const struct steps_library **ret_library, struct err *err)
{
    static const struct steps_library *loaded;
    if (!loaded) {
        const void *symbol;
        int r = library_load(LIBRARY, "takeup_steps", "the built-in steps", &symbol, err);
        if (r < 0)
            return r;
        const struct steps_library *library = symbol;
        if (library->plugin.abi != TAKEUP_STEP_ABI ||
            strcmp(library->plugin.version, TAKEUP_VERSION) != 0)
            return library_is_other(LIBRARY, err);
        loaded = library;
    }
    *ret_library = loaded;
    return 0;
}

static int load_late(const struct takeup_step *const **ret_steps, struct err *err)
{
    const struct steps_library *library = NULL;
    int r = cli_load_steps(&library, err);
    if (r == 0 && library)
        *ret_steps = library->plugin.steps;
    return r;
}

#define NAME(name) #name,
static const char *const names[] = { STEPS_EACH(NAME) NULL };
const struct catalog_late cli_late_steps = { names, load_late };
