/* prom.h - Prometheus' text format, 0.0.4.
 *
 *     prom_family -> prom_sample, prom_sample, … ; the next prom_family …
 *
 * A family is told once, in front of its samples; the name of a counter ends in _total. What
 * strangers write (names of workers, of jobs) stands in the values of labels, where it is
 * escaped. */
#ifndef TAKEUP_SERVE_PROM_H
#define TAKEUP_SERVE_PROM_H

#include "base/macros.h"
#include "base/str.h"

enum prom_type { PROM_GAUGE, PROM_COUNTER };

#define PROM_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

void prom_family(struct str *text, const char *name, enum prom_type type, const char *help);
/* labels: name and value in turn, NULL at the end; NULL: none. */
void prom_sample(struct str *text, const char *name, const char *const *labels, double value);

#define PROM_LABELS(...) ((const char *const[]){ __VA_ARGS__, NULL })

#endif
