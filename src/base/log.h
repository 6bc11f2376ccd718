/* log.h - one line an event, on stderr.
 *
 *     log_info(LOG_FIELDS("job", name, "token", token), "taken up");
 *
 *     time=2026-01-31T14:03:10.042Z level=info msg="taken up" job=clip token=3f…
 *
 * Only worker/, serve/ and cli/ log above debug. Under a service manager that reads stderr (JOURNAL_STREAM
 * names it) lines begin with a syslog priority, "<6>", and carry no time. */
#ifndef TAKEUP_BASE_LOG_H
#define TAKEUP_BASE_LOG_H

#include "base/macros.h"

#include <stdbool.h>

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARN,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_TRACE,
    LOG_LEVEL_COUNT
};

enum log_style { LOG_STYLE_LOGFMT, LOG_STYLE_JSON };

/* Key and value in turn; a pair whose value is NULL is left out. */
#define LOG_FIELDS(...) ((const char *const[]){ __VA_ARGS__, NULL, NULL })
#define LOG_NO_FIELDS ((const char *const[]){ NULL, NULL })

/* Before the first line; else level info, logfmt. */
void log_setup(enum log_level level, enum log_style style);
/* As log_setup was told: for another copy of this room. */
enum log_level log_level_now(void);
enum log_style log_style_now(void);
/* Is a line of this level written? */
bool log_is_on(enum log_level level);
/* 0, or -EINVAL when the word names none. */
int log_level_parse(const char *word, enum log_level *ret_level);
int log_style_parse(const char *word, enum log_style *ret_style);
const char *log_level_name(enum log_level level);

void log_write(enum log_level level, const char *const *fields, const char *format, ...)
    PRINTF_LIKE(3, 4);

#define log_error(fields, ...) log_write(LOG_LEVEL_ERROR, fields, __VA_ARGS__)
#define log_warn(fields, ...) log_write(LOG_LEVEL_WARN, fields, __VA_ARGS__)
#define log_info(fields, ...) log_write(LOG_LEVEL_INFO, fields, __VA_ARGS__)
#define log_debug(fields, ...) log_write(LOG_LEVEL_DEBUG, fields, __VA_ARGS__)

#endif
