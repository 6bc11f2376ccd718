#include "cli/commands.h"

#include "base/mem.h"
#include "base/time.h"
#include "cli/waiting.h"
#include "spool/cancel.h"
#include "spool/record.h"
#include "spool/survey.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LOOK_FIRST_MS = 20, LOOK_MAX_MS = 500, TELL_AFTER_MS = 1000, GIVE_UP_MS = 30 * 1000 };

/* One job that is to be cancelled. */
struct wanted {
    const char *name;
    bool open; /* asked for, and not cancelled yet */
    bool told; /* what is waited for */
};

struct cancelling {
    const struct cli *cli;
    struct spool *spool;
    struct wanted *wanted;
    size_t count;
    int64_t timeout_ms;
    struct pulse pulse;
    json_t *stories; /* for --json */
    int status;
};

static void fail(struct cancelling *cancelling, int status, const struct err *err)
{
    (void)cli_fail(status, err);
    cancelling->status = status > cancelling->status ? status : cancelling->status;
}

/* ---- how it came out ---- */

static bool has_ended(const struct survey_job *job)
{
    return job->state == JOB_DONE || job->state == JOB_ERROR || job->state == JOB_UNKNOWN ||
           job->state == JOB_INBOX;
}

/* asked: whether the request was made, so that it did end meanwhile. */
static void report(struct cancelling *cancelling, const char *name, const struct survey_job *job,
                   bool asked)
{
    struct err err = { 0 };
    if (cancelling->cli->json)
        (void)json_array_append_new(cancelling->stories, survey_job_json(name, job));
    if (survey_job_is_cancelled(job)) {
        if (!cancelling->cli->json)
            cli_line(stdout, "%s is cancelled: %s", name, job->path);
        return;
    }
    if (job->state == JOB_UNKNOWN)
        (void)err_set(&err, ERR_MISSING, 0, "there is no job '%s' in %s", name,
                      spool_path(cancelling->spool));
    else if (job->state == JOB_INBOX)
        (void)err_set(&err, ERR_MISSING, 0, "'%s' is no job yet: to withdraw it, remove %s/%s",
                      name, spool_path(cancelling->spool), job->path);
    else
        (void)err_set(&err, ERR_MISSING, 0, "job '%s' had ended %s: it is in %s", name,
                      asked ? "before it could be cancelled" : "already", job->path);
    fail(cancelling, EXIT_NOT_SO, &err);
}

/* ---- without a worker ---- */

static json_t *make_record(const struct claim *claim)
{
    const struct job *job = claim_job(claim, NULL);
    struct record_facts facts = {
        .status = "cancelled",
        .failure = FAILURE_CANCELLED,
        .message = "the job was cancelled while it waited",
        .pipeline_id = job ? job->pipeline_id : NULL,
        .submitted_ms = claim_submitted_ms(claim),
        .claimed_ms = claim_claimed_ms(claim),
        .finished_ms = time_wall_ms(),
        .job = job ? job->whole : NULL,
    };
    return record_new(&facts, NULL);
}

struct doing {
    struct seat *seat;
    bool left; /* something is not ours to cancel */
    struct err err;
};

/* What cannot be published goes back to where somebody else will find it. */
static bool cancel_one(void *arg, const struct cancel_request *request, enum spool_place place,
                       const char *path)
{
    (void)request;
    struct doing *doing = arg;
    CLEANUP(claim_free) struct claim *claim = NULL;
    char id[NAME_SIZE];
    if (place == PLACE_RUNNING) {
        doing->left = true;
        return false;
    }
    int r = cancel_claim(doing->seat, place, path, &claim, &doing->err);
    if (r == 1) {
        CLEANUP(json_drop) json_t *record = make_record(claim);
        r = claim_publish(claim, PLACE_ERROR, record, id, &doing->err);
        if (r < 0)
            (void)claim_defer(claim, 0, NULL);
    }
    doing->left = doing->left || r < 0 || doing->err.kind != ERR_NONE;
    return r < 0;
}

/* All that is asked for, and no other request: those wait for a worker. */
static int do_it(struct cancelling *cancelling, struct err *err)
{
    CLEANUP(cancel_release) struct cancel_requests requests = { 0 };
    struct doing doing = { 0 };
    int r = cancel_read(cancelling->spool, &requests, err);
    size_t kept = 0;
    for (size_t i = 0; r == 0 && i < requests.count; i++)
        for (size_t k = 0; k < cancelling->count; k++)
            if (cancelling->wanted[k].open &&
                strcmp(cancelling->wanted[k].name, requests.all[i].name) == 0) {
                requests.all[kept++] = requests.all[i];
                break;
            }
    requests.count = kept;
    if (r == 0)
        r = seat_take(cancelling->spool, &doing.seat, err);
    if (r < 0)
        return r;
    r = cancel_find(cancelling->spool, &requests, cancel_one, &doing, err);
    if (r == 0 && doing.err.kind != ERR_NONE) {
        *err = doing.err;
        r = -1;
    }
    for (size_t i = 0; r == 0 && !doing.left && i < requests.count; i++)
        (void)cancel_remove(cancelling->spool, &requests.all[i], NULL);
    int left = seat_vanish(&doing.seat, r < 0 ? NULL : err);
    return r < 0 ? r : left;
}

/* ---- until it is so ---- */

/* Nothing of that name waits or runs any more. A worker would remove the request as well, a second
 * later, but somebody may want the job back before. */
static void withdraw(const struct spool *spool, const char *name)
{
    struct cancel_request request = { 0 };
    (void)snprintf(request.name, sizeof(request.name), "%s", name);
    (void)cancel_remove(spool, &request, NULL);
}

static void tell(struct cancelling *cancelling, struct wanted *wanted, const struct survey_job *job,
                 bool is_attended)
{
    if (wanted->told)
        return;
    wanted->told = true;
    if (job->state == JOB_RUNNING && is_attended)
        cli_line(stderr, "takeup: waits for worker %s to stop '%s'", job->worker, wanted->name);
    else if (is_attended)
        cli_line(stderr, "takeup: waits for a worker to see %s/cancel/%s",
                 spool_path(cancelling->spool), wanted->name);
}

/* It stays with a worker that is dead or hangs, or nobody cares for it. */
static void give_up(struct cancelling *cancelling, struct wanted *wanted,
                    const struct survey_job *job)
{
    struct err err = { 0 };
    (void)err_set(&err, ERR_STOPPED, 0, "job '%s' is not cancelled yet: it is in %s", wanted->name,
                  job->path);
    err_hint(&err, "the request stays: a worker that lives, or the next one to start, will do it");
    wanted->open = false;
    fail(cancelling, EXIT_NOT_SO, &err);
}

/* One look at one job. is_last: no more is waited for. */
static void look(struct cancelling *cancelling, struct wanted *wanted, bool is_attended,
                 bool is_late, bool is_last)
{
    const struct survey_how how = { .pulse = &cancelling->pulse };
    struct survey_job job = { 0 };
    struct err err = { 0 };
    if (survey_job(cancelling->spool, wanted->name, &how, &job, &err) < 0) {
        wanted->open = false;
        fail(cancelling, cli_status_of(&err), &err);
    } else if (has_ended(&job)) {
        wanted->open = false;
        withdraw(cancelling->spool, wanted->name);
        report(cancelling, wanted->name, &job, true);
    } else if (is_last || (!is_attended && job.state == JOB_RUNNING)) {
        give_up(cancelling, wanted, &job);
    } else if (is_late) {
        tell(cancelling, wanted, &job, is_attended);
    }
    survey_job_release(&job);
}

static bool is_open(const struct cancelling *cancelling)
{
    for (size_t i = 0; i < cancelling->count; i++)
        if (cancelling->wanted[i].open)
            return true;
    return false;
}

static void wait_for_all(struct cancelling *cancelling)
{
    int64_t start_ms = time_mono_ms(), look_ms = LOOK_FIRST_MS;
    const struct survey_how how = { .pulse = &cancelling->pulse, .may_wait = true };
    while (is_open(cancelling)) {
        struct err err = { 0 };
        size_t alive = 0;
        int64_t waited_ms = time_mono_ms() - start_ms;
        int r = survey_alive(cancelling->spool, &how, &alive, &err);
        if (r == 0 && alive == 0)
            r = do_it(cancelling, &err);
        if (r < 0) {
            fail(cancelling, cli_status_of(&err), &err);
            return;
        }
        for (size_t i = 0; i < cancelling->count; i++)
            if (cancelling->wanted[i].open)
                look(cancelling, &cancelling->wanted[i], alive > 0, waited_ms > TELL_AFTER_MS,
                     waited_ms > cancelling->timeout_ms);
        if (is_open(cancelling))
            waiting_sleep_ms(look_ms);
        look_ms = look_ms * 2 > LOOK_MAX_MS ? LOOK_MAX_MS : look_ms * 2;
    }
}

/* ---- the command ---- */

/* Asks for it, unless there is nothing to ask for: such a request would wait for a job to come. */
static void ask(struct cancelling *cancelling, struct wanted *wanted)
{
    const struct survey_how how = { .pulse = &cancelling->pulse };
    struct survey_job job = { 0 };
    struct err err = { 0 };
    int r = survey_job(cancelling->spool, wanted->name, &how, &job, &err);
    if (r == 0 && has_ended(&job)) {
        report(cancelling, wanted->name, &job, false);
    } else {
        if (r == 0)
            r = cancel_ask(cancelling->spool, wanted->name, &err);
        wanted->open = r == 0;
    }
    if (r < 0)
        fail(cancelling, cli_status_of(&err), &err);
    survey_job_release(&job);
}

static int run_cancel(struct cli *cli, int argc, char **argv)
{
    bool no_wait = false;
    struct cancelling cancelling = { .cli = cli, .timeout_ms = GIVE_UP_MS };
    const struct cli_option table[] = {
        { "timeout", 0, CLI_SECONDS, &cancelling.timeout_ms, "TIME",
          "how long to wait until it is so (30s)" },
        { "no-wait", 0, CLI_FLAG, &no_wait, NULL, "only ask for it" },
        { NULL, 0, CLI_FLAG, NULL, NULL, NULL },
    };
    struct err err = { 0 };
    int first;
    int status = cli_parse_args(cli, table, argc, argv, CLI_SOME,
                                "name the job, or jobs, to be cancelled", &first);
    if (status >= 0)
        return status;
    if (cli_open_spool_to_change(cli, &cancelling.spool, &err) < 0)
        return cli_fail(EXIT_UNUSABLE, &err);
    CLEANUP(json_drop) json_t *stories = json_array();
    cancelling.stories = stories;
    cancelling.count = (size_t)(argc - first);
    cancelling.wanted = mem_zero(cancelling.count, sizeof(struct wanted));
    for (size_t i = 0; i < cancelling.count; i++) {
        cancelling.wanted[i].name = argv[first + (int)i];
        ask(&cancelling, &cancelling.wanted[i]);
    }
    if (!no_wait)
        wait_for_all(&cancelling);
    if (cli->json)
        cli_print_json(stories);
    free(cancelling.wanted);
    pulse_release(&cancelling.pulse);
    spool_close(&cancelling.spool);
    return cancelling.status;
}

const struct cli_command cmd_cancel = {
    .name = "cancel",
    .arguments = "X…",
    .summary = "cancel jobs that wait or run",
    .details =
        "A cancelled job ends in error/ with the status 'cancelled'. Asks the workers for it and\n"
        "waits until it is so; without a live worker it does it itself. Exit status 1 when a job\n"
        "ended before, or there is none.",
    .run = run_cancel,
};
