/* worker_service.c - what a worker tells the service manager. */
#include "worker/worker_private.h"

#include "base/mem.h"

static char *status_line(const struct worker *worker)
{
    if (worker->stopping)
        return mem_printf("stopping: %d job%s given back", worker->busy,
                          worker->busy == 1 ? " is" : "s are");
    if (worker->reason[0])
        return mem_printf("paused, nothing is claimed: %s", worker->reason);
    return mem_printf("%d of %d jobs at work, %lld pending", worker->busy, worker->options->jobs,
                      (long long)queue_pending(worker->queue));
}

static void tell(struct worker *worker, unsigned news)
{
    struct err err = { 0 };
    CLEANUP(mem_free_text) char *status = status_line(worker);
    if (service_tell(worker->service, news, status, &err) < 0)
        log_warn(LOG_NO_FIELDS, "%s", err.text);
}

/* The watchdog is fed by a beat that was written, not by a loop that turns: others know a worker by
 * its beats alone. A paused one cannot write, knows that, and would not be better for a restart. */
void worker_tell_beat(struct worker *worker, bool beaten)
{
    if (!worker->service)
        return;
    unsigned news = beaten || worker->reason[0] ? SERVICE_ALIVE : 0;
    /* Ready is who has a seat and has seen what waits; or knows why it cannot. */
    if (worker->has_listed || worker->reason[0])
        news |= SERVICE_READY;
    if (worker->stopping)
        news |= SERVICE_STOPPING;
    tell(worker, news);
    if (news & SERVICE_ALIVE)
        keeper_fed(worker->keeper);
}

void worker_tell_reloading(struct worker *worker)
{
    if (worker->service && !worker->stopping)
        tell(worker, SERVICE_RELOADING);
}

void worker_begin_service(struct worker *worker)
{
    struct err err = { 0 };
    int64_t watchdog_ms = service_watchdog_ms(worker->service);
    if (watchdog_ms == 0)
        return;
    if (watchdog_ms < SERVICE_WATCHDOG_LEAST_MS)
        log_warn(LOG_FIELDS("hint", "set WatchdogSec=30, or leave it out"),
                 "the service manager waits for %lld ms only, and there is one beat a second",
                 (long long)watchdog_ms);
    if (keeper_new(worker->service, spool_path(worker->spool), &worker->keeper, &err) < 0)
        log_warn(LOG_NO_FIELDS,
                 "while the spool does not answer the service manager may end this worker: %s",
                 err.text);
}
