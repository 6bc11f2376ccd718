/* overview.h - the survey drawn for people at a terminal: takeup status.
 *
 *     survey_take, overview_take -> overview_text -> overview_release
 *
 * Not what STATUS.txt says (survey_text), which others read by programs. */
#ifndef TAKEUP_SPOOL_OVERVIEW_H
#define TAKEUP_SPOOL_OVERVIEW_H

#include "spool/survey.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OVERVIEW_JOBS = 5, OVERVIEW_ERRORS_LOOKED_AT = 10000, OVERVIEW_COLUMNS_LEAST = 32 };

struct overview_job {
    char *name, *why;
    int64_t at_ms; /* wall: when it ended, or is due */
};

/* What a survey does not hold. */
struct overview {
    struct overview_job deferred[OVERVIEW_JOBS]; /* the next that are due */
    size_t deferred_count;
    struct overview_job errors[OVERVIEW_JOBS]; /* the newest first; none where error/ holds more
                                                * than OVERVIEW_ERRORS_LOOKED_AT */
    size_t error_count;
};

/* Zero-initialise what it fills. What cannot be read is left out. */
void overview_take(const struct spool *spool, struct overview *ret_overview);
/* Cleanup handler. */
void overview_release(struct overview *overview);

struct overview_look {
    int columns; /* of the terminal, OVERVIEW_COLUMNS_LEAST at least */
    int rows;    /* no more lines than that; 0: as many as there are */
    bool coloured;
};

/* Lines that fit, each ended by a newline; escaped but for the colours. The first tells whether all
 * is well, as survey_text's does, in as many lines as it takes. The caller frees it. */
char *overview_text(const char *spool_path, const struct survey *survey,
                    const struct overview *overview, const struct overview_look *look);

#endif
