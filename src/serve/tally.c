#include "serve/tally.h"

#include "serve/prom.h"

#include <stdio.h>
#include <string.h>

/* A method is a stranger's word, and each would be a series of its own. */
static const char *const methods[TALLY_METHODS] = { "other", "GET", "HEAD", "POST" };

void tally_count(struct tally *tally, const char *method, int status)
{
    size_t i = TALLY_METHODS - 1;
    while (i > 0 && strcmp(methods[i], method) != 0)
        i--;
    if (status >= 0 && status < TALLY_STATUSES)
        tally->counts[i][status]++;
}

void tally_add_metrics(struct str *text, const struct tally *tally, size_t connections)
{
    prom_family(text, "takeup_http_requests_total", PROM_COUNTER,
                "Requests that the server answered, since it started.");
    for (size_t i = 0; i < TALLY_METHODS; i++)
        for (int status = 0; status < TALLY_STATUSES; status++) {
            char code[8];
            if (tally->counts[i][status] == 0)
                continue;
            (void)snprintf(code, sizeof(code), "%d", status);
            prom_sample(text, "takeup_http_requests_total",
                        PROM_LABELS("method", methods[i], "code", code),
                        (double)tally->counts[i][status]);
        }
    prom_family(text, "takeup_http_connections", PROM_GAUGE, "Connections that are open.");
    prom_sample(text, "takeup_http_connections", NULL, (double)connections);
}
