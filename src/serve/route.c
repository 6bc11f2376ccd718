#include "serve/route.h"

#include "base/macros.h"

#include <string.h>

/* "*" stands for a name. */
static const struct {
    const char *names[TARGET_NAMES];
    const char *method, *allow;
    enum route_kind kind;
} table[] = {
    { { NULL }, "GET", "GET, HEAD", ROUTE_PAGE },
    { { "v1", "dashboard" }, "GET", "GET, HEAD", ROUTE_DASHBOARD },
    { { "v1", "worker", "health" }, "GET", "GET, HEAD", ROUTE_HEALTH },
    { { "metrics" }, "GET", "GET, HEAD", ROUTE_METRICS },
    { { "v1", "jobs" }, "GET", "GET, HEAD, POST", ROUTE_JOBS },
    { { "v1", "jobs" }, "POST", "GET, HEAD, POST", ROUTE_SUBMIT },
    { { "v1", "jobs", "*" }, "GET", "GET, HEAD", ROUTE_JOB },
    { { "v1", "jobs", "*", "files", "*" }, "GET", "GET, HEAD", ROUTE_FILE },
    { { "v1", "jobs", "*", "cancel" }, "POST", "POST", ROUTE_CANCEL },
    { { "v1", "jobs", "*", "retry" }, "POST", "POST", ROUTE_RETRY },
};

static bool is_path(const char *const names[TARGET_NAMES], const struct target *target)
{
    size_t i = 0;
    for (; i < target->name_count; i++)
        if (!names[i] || (strcmp(names[i], "*") != 0 && strcmp(names[i], target->names[i]) != 0))
            return false;
    return i == TARGET_NAMES || !names[i];
}

struct route route_find(const char *method, const struct target *target)
{
    struct route route = { 0 };
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    for (size_t i = 0; i < COUNT(table); i++) {
        if (!is_path(table[i].names, target))
            continue;
        route.allow = table[i].allow;
        if (strcmp(table[i].method, wanted) == 0)
            route.kind = table[i].kind;
    }
    if (route.kind >= ROUTE_JOB && route.kind != ROUTE_SUBMIT)
        route.job = target->names[2];
    if (route.kind == ROUTE_FILE)
        route.file = target->names[4];
    return route;
}

bool route_is_write(enum route_kind kind)
{
    return kind == ROUTE_SUBMIT || kind == ROUTE_CANCEL || kind == ROUTE_RETRY;
}

static const char *const no_keys[] = { NULL };
static const char *const jobs_keys[] = { "state", "pipeline", "lane",  "q",
                                         "limit", "cursor",   "order", NULL };
static const char *const submit_keys[] = { "name", "lane", NULL };

const char *route_unknown_key(enum route_kind kind, const struct target *target)
{
    const char *const *known = kind == ROUTE_JOBS     ? jobs_keys
                               : kind == ROUTE_SUBMIT ? submit_keys
                                                      : no_keys;
    for (size_t i = 0; i < target->pair_count; i++) {
        size_t k = 0;
        while (known[k] && strcmp(known[k], target->pairs[i].key) != 0)
            k++;
        if (!known[k])
            return target->pairs[i].key;
    }
    return NULL;
}
