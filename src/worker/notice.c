#include "worker/notice.h"

#include "base/fs.h"
#include "base/log.h"
#include "base/time.h"
#include "spool/survey.h"

#include <fcntl.h>
#include <sys/stat.h>

enum { COST_FACTOR = 32 }; /* it takes at most one part in 33 of the time */

static void write_it(const struct spool *spool, const char *owner, const struct queue *queue,
                     struct pulse *pulse)
{
    const struct scan *scans[SCAN_PLACES];
    struct survey survey;
    struct err err = { 0 };
    struct survey_how how = { .known = queue ? scans : NULL, .pulse = pulse };
    if (queue)
        queue_scans(queue, scans);
    int r = survey_take(spool, &how, &survey, &err);
    if (r == 0) {
        r = survey_write_status(spool, owner, &survey, &err);
        survey_release(&survey);
    }
    if (r < 0)
        log_warn(LOG_NO_FIELDS, "STATUS.txt: %s", err.text);
}

static int64_t stamp_ns(const struct spool *spool)
{
    struct stat st;
    if (fstatat(spool_root(spool), "STATUS.txt", &st, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    return fs_print_of(&st).mtime_ns;
}

void notice_keep(struct notice *notice, const struct spool *spool, const char *owner,
                 const struct queue *queue)
{
    int64_t began_ms = time_mono_ms();
    int64_t stamp = stamp_ns(spool);
    bool another_did = notice->stamp_ns && stamp && stamp != notice->stamp_ns;
    if (!another_did && began_ms >= notice->next_ms) {
        write_it(spool, owner, queue, &notice->pulse);
        notice->next_ms = time_mono_ms() + COST_FACTOR * (time_mono_ms() - began_ms);
        stamp = stamp_ns(spool);
    }
    notice->stamp_ns = stamp;
}

void notice_last(struct notice *notice, const struct spool *spool, const char *owner)
{
    write_it(spool, owner, NULL, &notice->pulse);
    pulse_release(&notice->pulse);
}
