/* pulse.h - whose beat goes on, by the clock of who looks.
 *
 *     struct pulse pulse = { 0 }; survey_take(… .pulse = &pulse) …; pulse_release
 *
 * How old a beat is, two clocks tell: the server's and its worker's. Who asks may have a third one
 * that agrees with neither, and then every worker would seem dead. A beat that changed between two
 * looks is one of a living worker, whatever any clock says. */
#ifndef TAKEUP_SPOOL_PULSE_H
#define TAKEUP_SPOOL_PULSE_H

#include "spool/heartbeat.h"

#include <stddef.h>
#include <stdint.h>

/* A worker beats each second; a busy one, or a share that shows files late, may miss one or two. */
enum { PULSE_WATCH_MS = 3000 };

struct pulse_seen {
    char *worker;
    int64_t beat_count;
    int64_t since_ms;   /* monotonic: since when it is watched */
    int64_t looked_ms;  /* when it was looked at last */
    int64_t changed_ms; /* when it was seen to have changed; 0: never */
};

/* Zero-initialise; keep it from look to look. */
struct pulse {
    struct pulse_seen *seen;
    size_t count;
};

/* What has just been read; who is no longer there is forgotten. A change since a look that was more
 * than within_s ago says nothing of now, and the watch begins anew. */
void pulse_note(struct pulse *pulse, const struct heartbeat_seen *beats, size_t count,
                double within_s);
/* How long ago it was seen to change; INFINITY: never. */
double pulse_age_s(const struct pulse *pulse, const char *worker);
/* How long it has still to be watched before its silence means something; 0: long enough. */
int64_t pulse_left_ms(const struct pulse *pulse, const char *worker);
/* Cleanup handler. */
void pulse_release(struct pulse *pulse);

#endif
