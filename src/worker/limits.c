#include "worker/limits.h"

#include <string.h>

static int group_of(void *arg, const struct job *job)
{
    const struct limits *limits = arg;
    const struct pipeline *pipeline;
    const char *id = job->pipeline_id ? job->pipeline_id : limits->default_pipeline;
    for (size_t i = 0; (pipeline = pipelines_at(limits->pipelines, i)); i++)
        if (strcmp(pipeline->id, id) == 0)
            return i < BACKLOG_GROUPS ? (int)i : -1;
    return -1;
}

static bool is_at_limit(const struct limits *limits, const struct pipeline *pipeline)
{
    int running = 0;
    if (!pipeline || pipeline->max_parallel <= 0)
        return false;
    for (int i = 0; i < limits->hand_count; i++)
        running +=
            limits->hands[i] && strcmp(hand_beat(limits->hands[i]).pipeline, pipeline->id) == 0;
    return running >= pipeline->max_parallel;
}

static bool is_full(void *arg, size_t group)
{
    const struct limits *limits = arg;
    return is_at_limit(limits, pipelines_at(limits->pipelines, group));
}

bool limits_is_full(const struct limits *limits, const char *pipeline_id)
{
    return is_at_limit(limits, pipelines_find(limits->pipelines, pipeline_id));
}

struct queue_limits limits_of(struct limits *limits)
{
    struct queue_limits queue = { 0, group_of, is_full, limits };
    const struct pipeline *pipeline;
    bool any = false;
    while ((pipeline = pipelines_at(limits->pipelines, queue.groups))) {
        any = any || pipeline->max_parallel > 0;
        queue.groups++;
    }
    if (!any)
        queue.groups = 0; /* then no job is looked at for it */
    return queue;
}
