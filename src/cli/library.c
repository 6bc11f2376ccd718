/* An object is trusted: it was built and installed with this program, which its version proves. */
#include "cli/library.h"

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"

#include <dlfcn.h>
#include <errno.h>
#include <unistd.h>

/* NULL: nowhere, and *tried says where it was looked for. */
static char *find_library(const char *file, struct str *tried)
{
    CLEANUP(mem_free_text) char *bin = cli_binary_dir();
    char *places[] = {
        mem_printf("%s/%s", bin, file),
        mem_printf("%s/../lib/takeup/%s", bin, file),
        mem_printf(TAKEUP_LIBDIR "/%s", file),
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

int library_is_other(const char *file, struct err *err)
{
    int r = err_set(err, ERR_MISSING, 0, "'%s' is not of this version, " TAKEUP_VERSION, file);
    err_hint(err, "install takeup and %s together", file);
    return r;
}

int library_load(const char *file, const char *symbol, const char *what, const void **ret_symbol,
                 struct err *err)
{
    CLEANUP(str_release) struct str tried = { 0 };
    CLEANUP(mem_free_text) char *path = find_library(file, &tried);
    if (!path) {
        int r = err_set(err, ERR_MISSING, ENOENT, "%s: %s", what, str_text(&tried));
        err_hint(err, "install takeup anew: %s belongs to it", file);
        return r;
    }
    void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        int r = err_set(err, ERR_MISSING, 0, "%s cannot be loaded: %s", what, dlerror());
        err_hint(err, "install the libraries that it names; ldd '%s' tells all", path);
        return r;
    }
    *ret_symbol = dlsym(handle, symbol);
    return *ret_symbol ? 0 : library_is_other(file, err);
}
