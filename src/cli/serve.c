#include "cli/serve.h"

#include "base/fs.h"
#include "cli/library.h"

#include <string.h>

#define LIBRARY "takeup-serve.so"

int cli_load_serve(const struct serve_library **ret_library, struct err *err)
{
    const void *symbol;
    int r = library_load(LIBRARY, "takeup_serve", "what serves", &symbol, err);
    if (r < 0)
        return r;
    const struct serve_library *library = symbol;
    if (strcmp(library->version, TAKEUP_VERSION) != 0)
        return library_is_other(LIBRARY, err);
    library->setup(log_level_now(), log_style_now(), fs_is_durable());
    *ret_library = library;
    return 0;
}
