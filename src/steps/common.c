#include "steps/common.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

int step_fail(struct takeup_host *host, const struct err *err)
{
    static const enum takeup_failure failures[ERR_KIND_COUNT] = {
        [ERR_NONE] = TAKEUP_FAIL_BUG,        [ERR_USAGE] = TAKEUP_FAIL_CONFIG,
        [ERR_CONFIG] = TAKEUP_FAIL_CONFIG,   [ERR_INPUT] = TAKEUP_FAIL_INPUT,
        [ERR_MISSING] = TAKEUP_FAIL_MISSING, [ERR_IO] = TAKEUP_FAIL_IO,
        [ERR_MEMORY] = TAKEUP_FAIL_MEMORY,   [ERR_STOPPED] = TAKEUP_FAIL_STOPPED,
        [ERR_BUG] = TAKEUP_FAIL_BUG,
    };
    return host->fail(host, failures[err->kind], err->hint[0] ? err->hint : NULL, "%s", err->text);
}

int step_check_name(struct takeup_host *host, const char *name, const char *example)
{
    if (name[0] && name[0] != '.' && !strchr(name, '/') && strlen(name) <= 200)
        return 0;
    CLEANUP(mem_free_text) char *advice = mem_printf("give a plain name, such as %s", example);
    return host->fail(host, TAKEUP_FAIL_CONFIG, advice,
                      "'%.200s' cannot be the name of a file here", name);
}

void step_add_glances(struct moments *moments, const struct takeup_glances *glances)
{
    static const struct takeup_glances none = { 0 };
    glances = glances ? glances : &none;
    struct glance *all = mem_zero(glances->count + 1, sizeof(*all));
    for (size_t i = 0; i < glances->count; i++)
        all[i] = (struct glance){ glances->all[i].start_us, glances->all[i].luma };
    moments_add(moments, glances->columns, glances->rows, all, glances->count);
    free(all);
}
