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
    NURSERY_LIFE_MS = 24 * 3600 * 1000,
    STILLBIRTHS_MAX = 3,
    BIRTH_MS = 300, /* then the worker forks by itself */
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

static void drop_nursery(struct runners *runners)
{
    loop_remove(runners->rules.loop, &runners->births);
    nursery_free(&runners->nursery);
    runners->nursery_is_ready = false;
}

void runners_drop_spares(struct runners *runners)
{
    struct runner *spare;
    drop_nursery(runners);
    while ((spare = find_spare(runners))) {
        runner_free(&spare);
        runners->spare_count--;
    }
}

int runners_spare_count(const struct runners *runners)
{
    return runners->spare_count;
}

void runners_lost_spare(struct runner *runner)
{
    runner->owner->spare_count--;
    if (!runner->owner->rules.lease || !WIFEXITED(runner->end.wait_status) ||
        WEXITSTATUS(runner->end.wait_status) != LEASE_STATUS)
        runner->owner->refill_at_ms = time_mono_ms() + PAUSE_MS;
    runner_free(&runner);
}

/* After so many in vain the worker forks by itself, for good: the kernel lacks something, or a
 * plugin is not made to be loaded there. */
static void give_nursery_up(struct runners *runners, int stillbirths)
{
    drop_nursery(runners);
    runners->stillbirths += stillbirths;
    if (runners->stillbirths >= STILLBIRTHS_MAX)
        runners->rules.nursery = NULL;
    else
        runners->refill_at_ms = time_mono_ms() + PAUSE_MS;
}

/* What the nursery has ready becomes a spare one. 1: so it is. 0: nothing is ready. */
static int take_birth(struct runners *runners, int64_t wait_ms, struct err *err)
{
    struct birth birth;
    struct runner *spare = NULL;
    int r = nursery_take(runners->nursery, wait_ms, &birth, err);
    if (r == 1)
        r = runner_new(runners, &birth, &spare, err) < 0 ? -EIO : 1;
    if (r == 1) {
        runners->spare_count++;
        runners->nursery_is_ready = true;
        runners->stillbirths = 0;
    }
    if (r < 0)
        give_nursery_up(runners, r == -ENOSYS ? STILLBIRTHS_MAX : 1);
    return r;
}

static void on_births(void *arg, uint32_t events)
{
    (void)events;
    struct runners *runners = arg;
    int r = take_birth(runners, 0, &runners->trouble);
    runners->has_trouble |= r < 0 && r != -ENOSYS; /* told by the next refill */
}

static int ask_nursery(struct runners *runners, struct err *err)
{
    int r = 0;
    if (!runners->nursery) {
        runners->nursery_ms = time_mono_ms();
        r = runner_nursery(runners, err);
    }
    if (r == 0 && !runners->births)
        r = loop_add(runners->rules.loop, nursery_fd(runners->nursery), EPOLLIN, on_births, runners,
                     &runners->births, err);
    if (r == 0)
        r = nursery_ask(runners->nursery, err);
    if (r < 0)
        drop_nursery(runners);
    return r;
}

static int fork_spare(struct runners *runners, struct err *err)
{
    struct runner *spare = NULL;
    int r = runner_fork(runners, NULL, &spare, err);
    if (r == 0 && spare->pid_fd < 0)
        r = tick_on(runners, err);
    if (r == 0)
        runners->spare_count++;
    return r;
}

int runners_refill(struct runners *runners, struct err *err)
{
    int64_t now_ms = time_mono_ms();
    if (runners->has_trouble) {
        runners->has_trouble = false;
        if (err)
            *err = runners->trouble;
        return -EIO;
    }
    if (runners->nursery && now_ms - runners->nursery_ms >= NURSERY_LIFE_MS)
        runners_drop_spares(runners);
    bool is_asked = runners->nursery && nursery_is_asked(runners->nursery);
    if (is_asked || runners->spare_count >= runners->rules.spares || now_ms < runners->refill_at_ms)
        return 0;
    int r = runners->rules.nursery ? ask_nursery(runners, err) : fork_spare(runners, err);
    if (r < 0)
        runners->refill_at_ms = now_ms + PAUSE_MS;
    return r < 0 ? r : 1;
}

/* The one that is on its way, or a new one, is worth a wait: a fork of our own costs us more. */
static bool await_spare(struct runners *runners)
{
    if (!runners->nursery_is_ready || ask_nursery(runners, NULL) < 0)
        return false;
    int r = take_birth(runners, BIRTH_MS, NULL);
    if (r == 0) /* somebody has stopped it */
        give_nursery_up(runners, 1);
    return r == 1;
}

/* NULL: there is none, or the order does not fit. One that cannot be told is as good as dead. */
static struct runner *send_to_spare(struct runners *runners, const struct wire_order *order)
{
    struct runner *spare;
    while ((spare = find_spare(runners)) ||
           (await_spare(runners) && (spare = find_spare(runners)))) {
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
    int r = 0;
    struct runner *runner = send_to_spare(runners, order); /* it begins while the rest is done */
    if (!runner)
        r = runner_fork(runners, order, &runner, err);
    if (r == 0)
        r = tick_on(runners, err);
    if (r < 0) {
        runner_free(&runner);
        return r;
    }
    runner_begin(runner, limits, calls);
    if (runners->nursery_is_ready)
        (void)runners_refill(runners, NULL);
    *ret_runner = runner;
    return 0;
}
