/* instances.c - of each step of a plan: warmed, learnt how long that takes, closed. */
#include "pipeline/plan.h"

#include "base/mem.h"
#include "base/time.h"

#include <stdlib.h>

void node_close(const struct plan_node *node, void **self)
{
    if (*self && node->step->close)
        node->step->close(*self);
    free(*self);
    *self = NULL;
}

void plan_close(struct plan *plan)
{
    for (size_t i = plan->count; i-- > 0;)
        node_close(&plan->nodes[i], &plan->nodes[i].self);
}

enum err_kind failure_kind(enum takeup_failure failure)
{
    static const enum err_kind kinds[] = {
        [TAKEUP_FAIL_INPUT] = ERR_INPUT,     [TAKEUP_FAIL_CONFIG] = ERR_CONFIG,
        [TAKEUP_FAIL_MISSING] = ERR_MISSING, [TAKEUP_FAIL_IO] = ERR_IO,
        [TAKEUP_FAIL_MEMORY] = ERR_MEMORY,   [TAKEUP_FAIL_STOPPED] = ERR_STOPPED,
        [TAKEUP_FAIL_BUG] = ERR_BUG,
    };
    return (unsigned)failure < COUNT(kinds) ? kinds[failure] : ERR_BUG;
}

int node_warm(const struct plan_node *node, void **ret_self, struct err *err)
{
    void *self = mem_zero(1, node->step->self_size);
    struct takeup_why why = { .failure = TAKEUP_FAIL_BUG };
    int r = node->step->warm ? node->step->warm(self, node->params.data, &why) : 0;
    if (r >= 0) {
        *ret_self = self;
        return 0;
    }
    node_close(node, &self);
    why.text[TAKEUP_WHY_SIZE - 1] = why.what_to_do[TAKEUP_WHY_SIZE - 1] = '\0';
    (void)err_set(err, failure_kind(why.failure), 0, "step '%s' (%s): %s", node->id,
                  node->step->name, why.text[0] ? why.text : "failed to warm and did not say why");
    if (why.what_to_do[0])
        err_hint(err, "%s", why.what_to_do);
    return r;
}

static void learn(struct plan_node *node, int64_t warm_us)
{
    if (warm_us > node->warm_us) /* no write for nothing: a runner would get the page for it */
        node->warm_us = warm_us;
}

void plan_learn_warm(struct plan *plan, const struct plan *from)
{
    for (size_t i = 0; i < plan->count; i++)
        for (size_t j = 0; j < from->count; j++)
            if (plan->nodes[i].step == from->nodes[j].step)
                learn(&plan->nodes[i], from->nodes[j].warm_us);
}

int plan_warm(struct plan *plan, bool all, struct err *err)
{
    int first = 0;
    for (size_t i = 0; i < plan->count; i++) {
        struct plan_node *node = &plan->nodes[i];
        bool is_late = !all && node->step->warm && (node->step->flags & TAKEUP_PARALLEL);
        if (node->self || is_late)
            continue;
        int64_t begun_us = time_mono_us();
        int r = node_warm(node, &node->self, first < 0 ? NULL : err);
        learn(node, node->step->warm ? time_mono_us() - begun_us : 0);
        first = first < 0 ? first : r;
    }
    plan_learn_warm(plan, plan);
    return first;
}
