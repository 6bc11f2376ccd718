/* metrics.h - what there is to measure in a spool, for Prometheus. docs/http.md lists it. */
#ifndef TAKEUP_SERVE_METRICS_H
#define TAKEUP_SERVE_METRICS_H

#include "base/str.h"
#include "spool/survey.h"

/* lanes: how many jobs wait in each, highest first. */
void metrics_add_spool(struct str *text, const struct survey *survey,
                       const size_t lanes[SCAN_LANES]);

/* The same of a spool that nobody has listed yet; the caller frees it. */
int metrics_take(const struct spool *spool, char **ret_text, struct err *err);

#endif
