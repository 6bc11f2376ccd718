/* serve.h - the room that serves, whose code is loaded when it is first asked for. */
#ifndef TAKEUP_CLI_SERVE_H
#define TAKEUP_CLI_SERVE_H

#include "serve/table.h"

/* takeup-serve.so, loaded once and kept, and told how this process logs and syncs. ERR_MISSING
 * names each path that was tried. */
int cli_load_serve(const struct serve_library **ret_library, struct err *err);

#endif
