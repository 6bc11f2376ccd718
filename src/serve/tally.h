/* tally.h - how many requests were answered, and how: for /metrics. */
#ifndef TAKEUP_SERVE_TALLY_H
#define TAKEUP_SERVE_TALLY_H

#include "base/str.h"

#include <stdint.h>

enum { TALLY_METHODS = 4, TALLY_STATUSES = 600 };

/* Zero-initialise. */
struct tally {
    uint64_t counts[TALLY_METHODS][TALLY_STATUSES];
};

void tally_count(struct tally *tally, const char *method, int status);
/* takeup_http_requests_total and takeup_http_connections. */
void tally_add_metrics(struct str *text, const struct tally *tally, size_t connections);

#endif
