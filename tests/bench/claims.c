/* What claiming costs with many names waiting, and nothing else: no runner, no publishing.
 *
 *     claims SPOOL COUNT     claims COUNT jobs, which stay in running/; prints, in a line:
 *         seconds to the first claim, claims/s after it, bytes of memory for each name listed,
 *         seconds of a look after that which need not list */
#include "base/fs.h"
#include "base/time.h"
#include "spool/seat.h"
#include "worker/queue.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

static void must(int r, const struct err *err)
{
    if (r >= 0)
        return;
    (void)fprintf(stderr, "claims: %s\n", err->text);
    exit(1);
}

static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static double seconds_since(int64_t from_us)
{
    return (double)(time_mono_us() - from_us) / 1e6;
}

/* False: nothing is left. */
static bool claim_one(struct queue *queue, struct seat *seat)
{
    struct err err = { 0 };
    struct claim *claim = NULL;
    int r = 1;
    while (r == 1 && !claim) {
        r = queue_next(queue, seat, &claim, &err);
        must(r, &err);
    }
    claim_free(&claim);
    return r == 1;
}

int main(int argc, char **argv)
{
    struct err err = { 0 };
    struct spool *spool = NULL;
    struct seat *seat = NULL;
    int64_t count = argc == 3 ? atoll(argv[2]) : 0, done = 1;
    if (count < 2)
        return 2;
    int64_t began_us = time_mono_us();
    size_t before = heap_bytes();
    must(spool_open(argv[1], &spool, &err), &err);
    must(seat_take(spool, &seat, &err), &err);
    const struct queue_rules rules = { .claim = claim_rules_default };
    struct queue *queue = queue_new(spool, &rules);
    must(queue_look(queue, seat, &err), &err);
    double listed = (double)queue_pending(queue);
    (void)claim_one(queue, seat);
    double first_s = seconds_since(began_us);
    double bytes = (double)(heap_bytes() - before) / listed;
    began_us = time_mono_us();
    while (done < count && claim_one(queue, seat))
        done++;
    double rate = (double)(done - 1) / seconds_since(began_us);
    queue_hint(queue);
    began_us = time_mono_us();
    must(queue_look(queue, seat, &err), &err);
    printf("%.3f %.0f %.0f %.6f\n", first_s, rate, bytes, seconds_since(began_us));
    queue_free(&queue);
    seat_free(&seat);
    spool_close(&spool);
    return 0;
}
