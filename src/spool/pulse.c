#include "spool/pulse.h"

#include "base/mem.h"
#include "base/time.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct pulse_seen *find(const struct pulse *pulse, const char *worker)
{
    for (size_t i = 0; i < pulse->count; i++)
        if (strcmp(pulse->seen[i].worker, worker) == 0)
            return &pulse->seen[i];
    return NULL;
}

static struct pulse_seen note(const struct pulse_seen *before, const struct heartbeat_seen *beat,
                              int64_t now_ms, double within_s)
{
    struct pulse_seen seen = { .since_ms = now_ms };
    if (before && (double)(now_ms - before->looked_ms) <= within_s * 1000) {
        seen = *before;
        if (before->beat_count != beat->beat_count)
            seen.changed_ms = now_ms;
    }
    seen.worker = mem_strdup(beat->worker);
    seen.beat_count = beat->beat_count;
    seen.looked_ms = now_ms;
    return seen;
}

void pulse_note(struct pulse *pulse, const struct heartbeat_seen *beats, size_t count,
                double within_s)
{
    int64_t now_ms = time_mono_ms();
    struct pulse next = { mem_zero(count, sizeof(pulse->seen[0])), count };
    for (size_t i = 0; i < count; i++)
        next.seen[i] = note(find(pulse, beats[i].worker), &beats[i], now_ms, within_s);
    pulse_release(pulse);
    *pulse = next;
}

double pulse_age_s(const struct pulse *pulse, const char *worker)
{
    const struct pulse_seen *seen = find(pulse, worker);
    if (!seen || !seen->changed_ms)
        return INFINITY;
    return (double)(time_mono_ms() - seen->changed_ms) / 1000;
}

int64_t pulse_left_ms(const struct pulse *pulse, const char *worker)
{
    const struct pulse_seen *seen = find(pulse, worker);
    if (!seen || seen->changed_ms)
        return 0;
    int64_t left_ms = seen->since_ms + PULSE_WATCH_MS - time_mono_ms();
    return left_ms > 0 ? left_ms : 0;
}

void pulse_release(struct pulse *pulse)
{
    for (size_t i = 0; i < pulse->count; i++)
        free(pulse->seen[i].worker);
    free(pulse->seen);
    *pulse = (struct pulse){ 0 };
}
