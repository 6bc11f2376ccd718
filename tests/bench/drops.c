/* What many dropped files cost the one who watches them: no claim, no runner.
 *
 *     drops SPOOL     looks at inbox/ until all that it may know by one round is known; prints the
 *         files, seconds, the longest turn, and bytes of memory for each file */
#include "base/time.h"
#include "spool/inbox.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

static void must(int r, const struct err *err)
{
    if (r >= 0)
        return;
    (void)fprintf(stderr, "drops: %s\n", err->text);
    exit(1);
}

static size_t heap_bytes(void)
{
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

static bool is_pipeline(void *arg, const char *id)
{
    (void)arg, (void)id;
    return true;
}

int main(int argc, char **argv)
{
    struct err err = { 0 };
    struct spool *spool = NULL;
    int64_t longest_us = 0;
    int r = 1;
    if (argc != 2)
        return 2;
    must(spool_open(argv[1], &spool, &err), &err);
    const struct inbox_rules rules = {
        .settle_ms = 2000, .input_wait_ms = 600000, .rescan_ms = 10000, .is_pipeline = is_pipeline
    };
    size_t before = heap_bytes();
    int64_t began_us = time_mono_us();
    struct inbox *inbox = inbox_new(spool, &rules);
    while (r > 0) {
        int64_t turn_us = time_mono_us();
        r = inbox_turn(inbox, time_mono_ms(), &err);
        must(r, &err);
        turn_us = time_mono_us() - turn_us;
        longest_us = turn_us > longest_us ? turn_us : longest_us;
    }
    size_t files = inbox_coming(inbox);
    printf("%zu files known after %.3f s, longest turn %.3f s, %.0f bytes for each\n", files,
           (double)(time_mono_us() - began_us) / 1e6, (double)longest_us / 1e6,
           files ? (double)(heap_bytes() - before) / (double)files : 0.0);
    inbox_free(&inbox);
    spool_close(&spool);
    return 0;
}
