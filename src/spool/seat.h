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
struct claim;

int seat_take(struct spool *spool, struct seat **ret_seat, struct err *err);
/* Orderly: writes a last beat with state `stopped` and removes running/WORKER. Directories in it
 * that still hold something stay, for adoption. Frees the seat also when that fails. */
int seat_leave(struct seat **seat, struct err *err);
/* The same for a command that took a seat only for a moment: it was no worker, so that its
 * heartbeat goes as well, unless something stays for adoption. */
int seat_vanish(struct seat **seat, struct err *err);
/* Frees it and changes nothing on disk: in a forked child, or when the spool is lost. */
void seat_free(struct seat **seat);

const char *seat_name(const struct seat *seat);
struct spool *seat_spool(const struct seat *seat);
int seat_dir(const struct seat *seat); /* running/WORKER */
/* Is running/WORKER still there? 1, 0 or < 0. 0: another worker took this one for dead and adopted
 * its jobs; leave the seat and take a new one. */
int seat_is_there(const struct seat *seat, struct err *err);

/* May the syncs of a job come in any order? See publish.c. */
bool seat_has_one_journal(const struct seat *seat);

/* After spool_refresh said 1: opens running/WORKER again, by the same descriptor. 1, or 0 when it
 * is gone, or < 0. */
int seat_reopen(struct seat *seat, struct err *err);

/* Makes the directory of the next claim, when there is time for that. */
void seat_make_token(struct seat *seat);
/* For the claims of this room: the name of an empty directory in running/WORKER, made beforehand,
 * and back again: only one that was seen empty after a rename into it said ENOENT. */
int seat_take_token(struct seat *seat, char ret_token[TOKEN_SIZE], struct err *err);
void seat_keep_token(struct seat *seat, const char *token);

/* What is in hand: for claim.c, which links its claims in here. */
struct seat_link {
    struct seat_link *next, **back; /* back NULL: not linked, or the seat has gone */
    struct claim *claim;
};
void seat_link(struct seat *seat, struct seat_link *link, struct claim *claim);
void seat_unlink(struct seat_link *link);
struct seat_link *seat_links(const struct seat *seat);

/* A directory of ours that may hold a job which nobody here has in hand: it was not learnt whether
 * the rename into it was done, or what came next failed half-way. While we live nobody else looks
 * there; the next look for dead workers does (adopt.h). `whose` had the job: this worker, or the
 * dead one from which it was being adopted. */
void seat_doubt(struct seat *seat, const char *token, const char *whose);
size_t seat_doubt_count(const struct seat *seat);
/* Takes the oldest out. */
void seat_take_doubt(struct seat *seat, char ret_token[TOKEN_SIZE], char ret_whose[NAME_SIZE]);

/* Writes heartbeat/WORKER.json: who this is from the seat, the rest from beat. Replaced through
 * tmp/; where that fails overwritten in place; where that fails touched. */
int seat_beat(struct seat *seat, const struct heartbeat *beat, struct err *err);

#endif
