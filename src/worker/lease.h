/* lease.h - until when a worker may take its jobs for its own.
 *
 *     lease_new -> lease_renew after each beat that was written … -> lease_free
 *                  (fork) -> lease_guard
 *
 * Others take a worker for dead, and its jobs over, when its heartbeat is older than the lease. So
 * after half of that without a beat its runners have to end: the worker stops them, and where it
 * cannot (it is stopped itself, or hangs in a call to the spool) they see it in a page that they
 * share with it, and end by themselves. The clock goes on while the machine is suspended. Nothing
 * that is published depends on this: it saves work that would be thrown away. */
#ifndef TAKEUP_WORKER_LEASE_H
#define TAKEUP_WORKER_LEASE_H

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>

/* What a runner exits with when the lease is over. Anybody can exit with that: it is believed only
 * when the lease was over. */
enum { LEASE_STATUS = 83 };

struct lease;

int lease_new(int64_t lease_ms, struct lease **ret_lease, struct err *err);
void lease_free(struct lease **lease);
/* From the next renewal on. */
void lease_set(struct lease *lease, int64_t lease_ms);

void lease_renew(struct lease *lease);
bool lease_is_over(const struct lease *lease);
/* How often it has been over, now included. */
unsigned lease_lapses(const struct lease *lease);

/* In a runner: ends this process with LEASE_STATUS when the lease is over. */
void lease_guard(const struct lease *lease);

#endif
