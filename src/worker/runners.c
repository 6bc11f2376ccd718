/* A spare runner that dies is no job's failure, but a machine on which they die (out of memory, a
 * library that went away) must not be filled with forks: after such a death there is a pause. */
#include "worker/runner_private.h"

#include "base/mem.h"
#include "base/time.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

enum {
    TICK_MS = 100, /* one timer for all, and none while nothing runs */
    PAUSE_MS = 1000,
    SPARE_LIFE_MS = 24 * 3600 * 1000,
};

struct runners *runners_new(const struct runners_rules *rules)
{
    struct runners *runners = MEM_NEW(struct runners);
    runners->rules = *rules;
    struct sigaction action;
    (void)sigemptyset(&runners->altered);
    for (int number = 1; number < NSIG; number++)
        if (sigaction(number, NULL, &action) == 0 && action.sa_handler != SIG_DFL)
            (void)sigaddset(&runners->altered, number);
    return runners;
}

void runners_free(struct runners **runners)
{
    if (!*runners)
        return;
    struct runners *old = TAKE(*runners);
    runners_drop_spares(old);
    loop_remove(old->rules.loop, &old->tick);
    free(old);
}

void runners_add(struct runners *runners, struct runner *runner)
{
    runner->owner = runners;
    runner->next = runners->all;
    runners->all = runner;
}

void runners_remove(struct runner *runner)
{
    struct runner **at = &runner->owner->all;
    while (*at && *at != runner)
        at = &(*at)->next;
    if (*at)
        *at = runner->next;
}

/* ---- the limits of those at work ---- */

static bool needs_tick(const struct runner *runner)
{
    return runner->state != RUNNER_SPARE || runner->pid_fd < 0;
}

static void on_tick(void *arg, uint32_t events)
{
    (void)events;
    struct runners *runners = arg;
    bool needed = false;
    for (struct runner *runner = runners->all, *next; runner; runner = next) {
        next = runner->next; /* a tick may free its runner, and no other */
        needed |= needs_tick(runner);
        runner_tick(runner);
    }
    if (!needed)
        loop_remove(runners->rules.loop, &runners->tick);
}

static int tick_on(struct runners *runners, struct err *err)
{
    if (runners->tick)
        return 0;
    return loop_add_timer(runners->rules.loop, TICK_MS, TICK_MS, on_tick, runners, &runners->tick,
                          err);
}

/* ---- spare ones ---- */

static struct runner *find_spare(const struct runners *runners)
{
    struct runner *oldest = NULL;
    for (struct runner *runner = runners->all; runner; runner = runner->next)
        if (runner->state == RUNNER_SPARE)
            oldest = runner;
    return oldest;
}

void runners_drop_spares(struct runners *runners)
{
    struct runner *spare;
    while ((spare = find_spare(runners))) {
        runner_free(&spare);
        runners->spare_count--;
    }
}

void runners_set_spares(struct runners *runners, int spares)
{
    runners->rules.spares = spares;
}

void runners_lost_spare(struct runner *runner)
{
    runner->owner->spare_count--;
    if (!runner->owner->rules.lease || !WIFEXITED(runner->end.wait_status) ||
        WEXITSTATUS(runner->end.wait_status) != LEASE_STATUS)
        runner->owner->refill_at_ms = time_mono_ms() + PAUSE_MS;
    runner_free(&runner);
}

int runners_refill(struct runners *runners, struct err *err)
{
    int64_t now_ms = time_mono_ms();
    struct runner *spare = find_spare(runners);
    if (spare && now_ms - spare->born_ms >= SPARE_LIFE_MS) {
        runner_free(&spare);
        runners->spare_count--;
    }
    if (runners->spare_count >= runners->rules.spares || now_ms < runners->refill_at_ms)
        return 0;
    int r = runner_fork(runners, NULL, &spare, err);
    if (r == 0 && spare->pid_fd < 0)
        r = tick_on(runners, err);
    if (r < 0) {
        runners->refill_at_ms = now_ms + PAUSE_MS;
        return r;
    }
    runners->spare_count++;
    return 1;
}

/* NULL: there is none, or the order does not fit. One that cannot be told is as good as dead. */
static struct runner *send_to_spare(struct runners *runners, const struct wire_order *order)
{
    struct runner *spare;
    while ((spare = find_spare(runners))) {
        int r = wire_send_order(spare->order_fd, order);
        if (r == -EMSGSIZE)
            return NULL;
        runners->spare_count--;
        if (r == 0)
            return spare;
        runner_free(&spare);
    }
    return NULL;
}

int runner_start(struct runners *runners, const struct wire_order *order,
                 const struct runner_limits *limits, const struct runner_calls *calls,
                 struct runner **ret_runner, struct err *err)
{
    int r = tick_on(runners, err);
    if (r < 0)
        return r;
    struct runner *runner = send_to_spare(runners, order);
    if (!runner)
        r = runner_fork(runners, order, &runner, err);
    if (r < 0)
        return r;
    runner_begin(runner, limits, calls);
    *ret_runner = runner;
    return 0;
}
