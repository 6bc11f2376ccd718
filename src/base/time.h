/* time.h - which clock for what.
 *
 * wall: records and logs. mono: deadlines within a process. boot: leases, since it goes on while
 * the machine sleeps. The spool's own clock, file times, is in spool/layout.h. */
#ifndef TAKEUP_BASE_TIME_H
#define TAKEUP_BASE_TIME_H

#include <stdbool.h>
#include <stdint.h>

int64_t time_wall_ms(void);
int64_t time_mono_ms(void);
int64_t time_mono_us(void);
int64_t time_boot_ms(void);

enum { TIME_TEXT_SIZE = 32 };

/* RFC 3339 in UTC with milliseconds: 2026-01-31T14:03:10.042Z. Returns out. */
char *time_format(int64_t wall_ms, char out[TIME_TEXT_SIZE]);
/* What time_format wrote: true, and *ret_wall_ms; else false. Other forms of RFC 3339 are not read.
 */
bool time_parse(const char *text, int64_t *ret_wall_ms);

#endif
