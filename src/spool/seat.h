/* seat.h - the place of one worker in a spool: its name, its heartbeat, its directory.
 *
 *     seat_take -> seat_beat every second, claim … -> seat_leave
 *
 * WORKER (host.pid.random) is unique to one life of one process. The heartbeat is written first,
 * then running/WORKER made, so that no directory is ever seen without its owner's beat. */
#ifndef TAKEUP_SPOOL_SEAT_H
#define TAKEUP_SPOOL_SEAT_H

#include "base/json.h"
#include "base/proc.h"
#include "spool/heartbeat.h"
#include "spool/layout.h"
#include "spool/name.h"

struct seat;

int seat_take(struct spool *spool, struct seat **ret_seat, struct err *err);
/* Orderly: writes a last beat with state `stopped` and removes running/WORKER. Directories in it
 * that still hold something stay, for adoption. Frees the seat also when that fails. */
int seat_leave(struct seat **seat, struct err *err);
/* Frees it and changes nothing on disk: in a forked child, or when the spool is lost. */
void seat_free(struct seat **seat);

const char *seat_name(const struct seat *seat);
struct spool *seat_spool(const struct seat *seat);
int seat_dir(const struct seat *seat); /* running/WORKER */

/* Writes heartbeat/WORKER.json: who this is from the seat, the rest from beat. Replaced through
 * tmp/; where that fails overwritten in place; where that fails touched. */
int seat_beat(struct seat *seat, const struct heartbeat *beat, struct err *err);

#endif
