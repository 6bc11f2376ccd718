/* health.h - is there a live worker that works, and if not, why and what to do: one answer for the
 * command and for HTTP.
 *
 *     survey_take -> health_judge -> health_json -> health_release, survey_release */
#ifndef TAKEUP_SPOOL_HEALTH_H
#define TAKEUP_SPOOL_HEALTH_H

#include "spool/survey.h"

/* What there is to say of a spool's health. */
struct health {
    bool alive;   /* a live worker has beaten in time */
    bool working; /* and is not paused */
    const struct survey_worker
        *worker;  /* the best there is: alive, else the newest beat; or NULL; the survey's */
    char *reason; /* why not; NULL: all is well */
    char *mend;
};

void health_judge(const struct spool *spool, const struct survey *survey,
                  struct health *ret_health);
/* Cleanup handler. */
void health_release(struct health *health);
json_t *health_json(const struct spool *spool, const struct survey *survey,
                    const struct health *health);

#endif
