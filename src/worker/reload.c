#include "worker/reload.h"

#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>

void reload_init(struct reload *reload, const struct worker_options *options,
                 struct pipelines *pipelines)
{
    *reload = (struct reload){ .options = *options, .pipelines = pipelines };
}

static void retire(struct reload *reload, struct pipelines *pipelines)
{
    reload->old = mem_resize(reload->old, reload->old_count + 1, sizeof(reload->old[0]));
    reload->old[reload->old_count++] = pipelines;
}

int reload_try(struct reload *reload, struct err *err)
{
    struct worker_options options = { 0 };
    struct pipelines *pipelines = NULL;
    int r = reload->options.reload
                ? reload->options.reload(reload->options.reload_arg, &options, &pipelines, err)
                : err_set(err, ERR_BUG, 0, "nothing to read anew");
    if (r < 0) {
        (void)snprintf(reload->problem, sizeof(reload->problem), "%s", err->text);
        return r;
    }
    reload->problem[0] = '\0';
    reload->options = options;
    retire(reload, reload->pipelines);
    reload->pipelines = pipelines;
    return 0;
}

void reload_sweep(struct reload *reload,
                  bool (*is_used)(void *arg, const struct pipelines *pipelines), void *arg)
{
    size_t kept = 0;
    for (size_t i = 0; i < reload->old_count; i++) {
        if (is_used(arg, reload->old[i]))
            reload->old[kept++] = reload->old[i];
        else
            pipelines_free(&reload->old[i]);
    }
    reload->old_count = kept;
}

void reload_release(struct reload *reload)
{
    for (size_t i = 0; i < reload->old_count; i++)
        pipelines_free(&reload->old[i]);
    free(reload->old);
    pipelines_free(&reload->pipelines);
    *reload = (struct reload){ 0 };
}
