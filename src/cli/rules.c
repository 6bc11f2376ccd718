#include "cli/rules.h"

#include "base/ram.h"

#include <string.h>

/* So that all of them together leave something to the rest of the machine. */
static int64_t default_memory_bytes(int jobs)
{
    const int64_t least = INT64_C(1) << 30;
    int64_t share = ram_bytes() / 4 * 3 / jobs;
    return share < least ? least : share;
}

void cli_fill_rules(const struct settings_values *set, int jobs, struct worker_options *options)
{
    options->rules.stall_ms = (int64_t)(set->stall_s * 1000);
    options->rules.output_bytes = set->max_output_bytes;
    options->rules.memory_bytes =
        set->max_memory_bytes ? set->max_memory_bytes : default_memory_bytes(jobs);
    options->sandbox = strcmp(set->sandbox, "full") == 0;
    options->require_sandbox = set->require_sandbox;
}
