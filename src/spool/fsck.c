/* fsck.c - the table of what can be wrong, and the two looks.
 *
 * A spool is looked at while others work in it, so much of what seems wrong is only on its way: a
 * worker that has just come, a file between two renames. Findings of that kind count when a second
 * look, still_ms later, sees them again, and no heartbeat has moved meanwhile. What is found in
 * done/ and error/ is made sure of at once (the directory is still the one that was read), so that
 * a million jobs are read once. */
#include "spool/fsck_private.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"
#include "spool/name.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

const struct fsck_rules fsck_rules_default = { 60000, 3000, 3600000 };

static const struct {
    const char *name;
    fsck_look_fn *look; /* who finds it, if it has to be seen twice */
    bool repairable;
    bool may_pass; /* then it counts only when it is seen twice */
    const char *meaning, *mend;
} codes[FSCK_COUNT] = {
    [FSCK_MARK_DAMAGED] = { "mark-damaged", NULL, true, false,
                            "the file that says that this is a spool is missing or cannot be read; "
                            "a disk fault, or somebody edited it",
                            "a new .takeup with a new id; restart the workers then" },
    [FSCK_PLACE_MISSING] = { "place-missing", NULL, true, false,
                             "a directory of the spool is not there; somebody removed it",
                             "makes it; restart the workers then" },
    [FSCK_PLACE_MODE] = { "place-mode", fsck_look_places, true, false,
                          "a directory has lost its setgid bit or group-write, so what one user "
                          "makes may be closed to others; a copy without modes, or a chmod",
                          "adds g+rwxs" },
    [FSCK_EDGE] = { "edge", fsck_look_places, false, false,
                    "a rename that every job needs does not work; a mount, a subvolume or a lower "
                    "layer inside the spool, or missing permission",
                    "put the whole spool on one filesystem, and let the worker's user write in "
                    "it" },
    [FSCK_FUTURE] = { "future", NULL, true, false,
                      "a file or directory is from the future by the spool's own clock; a clock "
                      "was set back, or a copy kept wrong times",
                      "sets its time to now" },
    [FSCK_LITTER] = { "litter", NULL, true, false,
                      "an empty file or directory that a check of the spool left; it was killed",
                      "removes it" },
    [FSCK_STRANGE] = { "strange", NULL, false, false,
                       "nothing like this is ever made here; somebody put it there",
                       "look what it is, and move it away" },
    [FSCK_PENDING_STRANGE] = { "pending-strange", fsck_look_pending, false, true,
                               "it waits where jobs wait and can never be taken",
                               "jobs are regular files X.json; move it away or rename it" },
    [FSCK_PENDING_UNREADABLE] = { "pending-unreadable", fsck_look_pending, false, true,
                                  "a job that cannot be read; often a umask of 077 at scp",
                                  "give it to the group: chmod g+r" },
    [FSCK_TWICE] = { "twice", NULL, true, false,
                     "one job in two places; btrfs after a power cut, a copy of the spool made "
                     "while a worker was at work, or an ended job's file dropped again as it was",
                     "the copy that has not ended goes to error/ with a record that says so" },
    [FSCK_WORKER_NO_BEAT] = { "worker-no-beat", fsck_look_workers, true, true,
                              "a directory of a worker that has no heartbeat; somebody removed it, "
                              "or the disk lost it",
                              "adopts what is in it, once it is older than the lease" },
    [FSCK_WORKER_DEAD] = { "worker-dead", fsck_look_workers, true, true,
                           "an empty directory of a worker that died",
                           "removes it, as any live worker would within seconds" },
    [FSCK_JOB_OF_DEAD] = { "job-of-dead", fsck_look_workers, true, true,
                           "a job of a worker that died: killed, or its host or power failed",
                           "adopts it, as any live worker would within seconds, on another host "
                           "after the lease; the lost attempt is charged" },
    [FSCK_DEBRIS] = { "debris", fsck_look_workers, true, true,
                      "what a dead worker had made for a job that is not there: it was killed in "
                      "the middle, or the job was withdrawn",
                      "removes it, as any live worker would" },
    [FSCK_INPUT_ALONE] = { "input-alone", fsck_look_workers, true, true,
                           "a media file of the inbox whose job is gone; somebody removed X.job",
                           "moves it to error/ with a record that says so, as any live worker "
                           "would" },
    [FSCK_TWO_JOBS] = { "two-jobs", NULL, false, false,
                        "several X.job in one directory; a late writer of NFS, or a person",
                        "a worker takes one after the other when it adopts them; elsewhere move "
                        "one to pending/ as X.json" },
    [FSCK_BEAT_DAMAGED] = { "beat-damaged", fsck_look_beats, true, true,
                            "a heartbeat that cannot be read; a full disk, a fault, or somebody "
                            "edited it",
                            "removes it once its worker counts as dead" },
    [FSCK_BEAT_OF_NOBODY] = { "beat-of-nobody", fsck_look_beats, false, true,
                              "a heartbeat that names another worker than its file; a copy",
                              "remove it" },
    [FSCK_BEAT_DEAD] = { "beat-dead", fsck_look_beats, true, true,
                         "the heartbeat of a worker that died, and not the newest one (which is "
                         "kept); no worker has looked since",
                         "removes it, as any live worker would" },
    [FSCK_BEAT_FUTURE] = { "beat-future", fsck_look_beats, true, true,
                           "a heartbeat from the future by the spool's own clock, which does not "
                           "move; a clock was set back",
                           "adopts its worker's jobs and removes it" },
    [FSCK_DEFERRED_NAME] = { "deferred-name", fsck_look_deferred, true, true,
                             "not called X@DUE@TOKEN, so no worker finds it; somebody renamed it",
                             "a directory with a job in it gets a right name, due now" },
    [FSCK_DEFERRED_OUT] = { "deferred-out", fsck_look_deferred, true, true,
                            "what an attempt was writing is still there; out.N are removed before "
                            "a job is deferred, so a removal failed",
                            "removes out.N" },
    [FSCK_DEFERRED_DUE] = { "deferred-due", fsck_look_deferred, true, true,
                            "due in more than 30 days, longer than any delay; a clock was wrong",
                            "due now" },
    [FSCK_DEFERRED_NO_JOB] = { "deferred-no-job", fsck_look_deferred, true, true,
                               "no X.job in it: somebody withdrew the job",
                               "removes what is left; media go to error/ with a record" },
    [FSCK_ENDED_NO_JOB] = { "ended-no-job", fsck_look_ended, false, false,
                            "the job that was run is not beside its record, so it cannot be tried "
                            "again; somebody removed it",
                            "nothing is lost but X.job; the record has the job too" },
    [FSCK_RECORD_MISSING] = { "record-missing", fsck_look_ended, true, false,
                              "an ended job without result.json; somebody removed it, or made this "
                              "directory, or a disk lied about its syncs",
                              "writes a record that says so, and moves the job to error/" },
    [FSCK_RECORD_DAMAGED] = { "record-damaged", fsck_look_ended, true, false,
                              "result.json cannot be read; a fault, somebody edited it, or a disk "
                              "lied about its syncs",
                              "keeps it as result.json.damaged, writes a record that says so, and "
                              "moves the job to error/" },
    [FSCK_RECORD_STATUS] = { "record-status", fsck_look_ended, true, false,
                             "the record's status does not belong in this place: done is for "
                             "done/, error and cancelled for error/; somebody moved it",
                             "moves it to the other place" },
    [FSCK_RECORD_ID] = { "record-id", fsck_look_ended, false, false,
                         "the record's id is not the name of its directory; somebody renamed it",
                         "rename it back, if that name is free" },
    [FSCK_RECORD_NAME] = { "record-name", fsck_look_ended, false, false,
                           "the record's name is not that of its X.job; files were mixed up",
                           "see which of both is right" },
    [FSCK_RECORD_TOKEN] = { "record-token", fsck_look_ended, false, false,
                            "the record has no token, or that of another ended job; written by "
                            "another program, edited, or a copy of a directory",
                            "nothing else depends on it once the job has ended" },
    [FSCK_ARTIFACT_MISSING] = { "artifact-missing", fsck_look_ended, false, false,
                                "a file that the record lists is not there; somebody removed it",
                                "submit the job again if it is needed" },
    [FSCK_ARTIFACT_SIZE] = { "artifact-size", fsck_look_ended, false, false,
                             "a file has another size than the record says; it was edited or cut "
                             "off, or a disk lied about its syncs",
                             "submit the job again if it is needed" },
    [FSCK_TMP_LEFT] = { "tmp-left", fsck_look_tmp, true, true,
                        "left by a process that died, or untouched for an hour", "removes it" },
    [FSCK_PRUNE_HELD] = { "prune-held", fsck_look_tmp, true, true,
                          "a job that had ended and was about to be removed, by a prune that was "
                          "killed",
                          "puts it back; the next prune does so too" },
    [FSCK_CANCEL_OLD] = { "cancel-old", fsck_look_requests, true, true,
                          "a request that nobody has answered for an hour: no worker lives",
                          "removes it when there is no such job; else start a worker" },
    [FSCK_INBOX_STRAY] = { "inbox-stray", fsck_look_requests, false, true,
                           "a file beside the directories of the inbox, so of no pipeline",
                           "move it into inbox/PIPELINE/" },
};

const char *fsck_name(enum fsck_code code)
{
    return codes[code].name;
}

const char *fsck_meaning(enum fsck_code code)
{
    return codes[code].meaning;
}

const char *fsck_mend(enum fsck_code code)
{
    return codes[code].mend;
}

bool fsck_can_repair(enum fsck_code code)
{
    return codes[code].repairable;
}

/* ---- findings ---- */

static void findings_add(struct fsck_findings *findings, struct fsck_finding finding)
{
    if (findings->count == findings->size) {
        findings->size = findings->size ? findings->size * 2 : 16;
        findings->list = mem_resize(findings->list, findings->size, sizeof(findings->list[0]));
    }
    findings->list[findings->count++] = finding;
}

static void finding_release(struct fsck_finding *finding)
{
    free(finding->path);
    free(finding->text);
}

void fsck_findings_release(struct fsck_findings *findings)
{
    for (size_t i = 0; i < findings->count; i++)
        finding_release(&findings->list[i]);
    free(findings->list);
    *findings = (struct fsck_findings){ 0 };
}

void fsck_forget(struct fsck_findings *findings, size_t count)
{
    while (findings->count > count)
        finding_release(&findings->list[--findings->count]);
}

size_t fsck_unrepaired(const struct fsck_findings *findings)
{
    size_t count = 0;
    for (size_t i = 0; i < findings->count; i++)
        count += !findings->list[i].repaired;
    return count;
}

void fsck_tell(struct fsck_findings *findings, enum fsck_code code, const char *path,
               const char *text)
{
    findings_add(findings, (struct fsck_finding){ .code = code,
                                                  .path = mem_strdup(path),
                                                  .text = mem_strdup(text),
                                                  .repairable = codes[code].repairable });
}

void fsck_add(struct fsck *fsck, enum fsck_code code, const char *path, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    CLEANUP(mem_free_text) char *text = mem_vprintf(format, args);
    va_end(args);
    fsck_tell(fsck->findings, code, path, text);
}

void fsck_add_at(struct fsck *fsck, enum fsck_code code, enum spool_place place, const char *name,
                 const char *text)
{
    CLEANUP(mem_free_text) char *path = mem_printf("%s/%s", spool_place_name(place), name);
    fsck_tell(fsck->findings, code, path, text);
}

/* ---- who is dead ---- */

static const struct heartbeat_seen *beat_of(const struct heartbeat_seen *beats, size_t count,
                                            const char *worker)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(beats[i].worker, worker) == 0)
            return &beats[i];
    return NULL;
}

enum fsck_life fsck_life_of(const struct fsck *fsck, const char *worker, const struct stat *dir)
{
    const struct heartbeat_seen *beat = beat_of(fsck->beats, fsck->beat_count, worker);
    const struct heartbeat_seen *before = beat_of(fsck->earlier, fsck->earlier_count, worker);
    bool readable = beat && beat->whole;
    int64_t stamp_ms = readable || !dir ? (beat ? beat->mtime_ms : 0) : fs_mtime_ms(dir);
    int64_t age_ms = fsck->now_ms - stamp_ms;
    bool suspect = age_ms > fsck->rules->lease_ms || age_ms < -FSCK_FUTURE_SLACK_MS ||
                   (readable && proc_life(&beat->who) == PROC_GONE);
    if (!suspect)
        return beat ? FSCK_ALIVE : FSCK_NOBODY;
    bool moved = beat && before &&
                 (beat->beat_count != before->beat_count || beat->mtime_ms != before->mtime_ms);
    return moved ? FSCK_ALIVE : FSCK_DEAD;
}

/* ---- the looks ---- */

static int look_begins(struct fsck *fsck, struct err *err)
{
    int r = heartbeats_read(fsck->spool, &fsck->beats, &fsck->beat_count, err);
    if (r < 0)
        return r;
    char owner[64], token[TOKEN_SIZE];
    name_token(token);
    (void)snprintf(owner, sizeof(owner), "fsck.%d.%s", (int)getpid(), token);
    if (spool_now_ms(fsck->spool, owner, &fsck->now_ms, NULL) < 0)
        fsck->now_ms = time_wall_ms(); /* we may only read */
    return 0;
}

static fsck_look_fn *const looks[] = {
    fsck_look_places,  fsck_look_beats, fsck_look_pending, fsck_look_deferred,
    fsck_look_workers, fsck_look_ended, fsck_look_tmp,     fsck_look_requests,
};

static bool is_asked_for(const struct fsck_findings *first, fsck_look_fn *look)
{
    for (size_t i = 0; i < first->count; i++)
        if (codes[first->list[i].code].may_pass && codes[first->list[i].code].look == look)
            return true;
    return false;
}

static int by_code_and_path(const void *a, const void *b)
{
    const struct fsck_finding *left = a, *right = b;
    return left->code != right->code ? (left->code < right->code ? -1 : 1)
                                     : strcmp(left->path, right->path);
}

static bool has(const struct fsck_findings *sorted, const struct fsck_finding *finding)
{
    return sorted->count && bsearch(finding, sorted->list, sorted->count, sizeof(*finding),
                                    by_code_and_path) != NULL;
}

static void wait_ms(int64_t ms)
{
    struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
    while (nanosleep(&pause, &pause) < 0)
        ;
}

/* Sees again what may pass. */
static int look_again(struct fsck *fsck, struct err *err)
{
    struct fsck_findings *second = &fsck->second;
    wait_ms(fsck->rules->still_ms);
    fsck->earlier = TAKE(fsck->beats);
    fsck->earlier_count = fsck->beat_count;
    fsck->findings = second;
    int r = look_begins(fsck, err);
    for (size_t i = 0; i < COUNT(looks) && r == 0; i++)
        if (is_asked_for(&fsck->first, looks[i]))
            r = looks[i](fsck, err);
    if (second->count)
        qsort(second->list, second->count, sizeof(second->list[0]), by_code_and_path);
    return r;
}

static int look_twice(struct fsck *fsck, struct fsck_findings *ret, struct err *err)
{
    struct fsck_findings *first = &fsck->first;
    bool again = false;
    fsck->findings = first;
    int r = look_begins(fsck, err);
    for (size_t i = 0; i < COUNT(looks) && r == 0; i++)
        r = looks[i](fsck, err);
    for (size_t i = 0; i < first->count; i++)
        again = again || codes[first->list[i].code].may_pass;
    if (r == 0 && again)
        r = look_again(fsck, err);
    for (size_t i = 0; i < first->count; i++) {
        bool counts = !codes[first->list[i].code].may_pass || has(&fsck->second, &first->list[i]);
        if (r == 0 && counts)
            findings_add(ret, first->list[i]);
        else
            finding_release(&first->list[i]);
    }
    free(first->list);
    fsck_findings_release(&fsck->second);
    return r;
}

int fsck_run(struct spool *spool, const struct fsck_rules *rules, struct fsck_findings *findings,
             struct err *err)
{
    struct fsck fsck = { .spool = spool, .rules = rules };
    int r = look_twice(&fsck, findings, err);
    heartbeats_free(&fsck.beats, fsck.beat_count);
    heartbeats_free(&fsck.earlier, fsck.earlier_count);
    fsck_keys_release(&fsck.keys);
    return r;
}
