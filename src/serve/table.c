#include "serve/table.h"

#include "base/fs.h"
#include "serve/metrics.h"
#include "serve/page.h"
#include "serve/server.h"
#include "serve/state.h"

static void setup(enum log_level level, enum log_style style, bool durable)
{
    log_setup(level, style);
    fs_set_durable(durable);
}

const struct serve_library takeup_serve = {
    .version = TAKEUP_VERSION,
    .setup = setup,
    .serve = server_run,
    .metrics = metrics_take,
    .state_memory_new = state_memory_new,
    .state_memory_free = state_memory_free,
    .state_take = state_take,
    .page_static = page_static,
};
