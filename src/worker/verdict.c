#include "worker/verdict.h"

#include <errno.h>

enum { BACKOFF_MAX_MS = 10 * 60 * 1000, WAIT_FIRST_MS = 1000, WAIT_MAX_MS = 10 * 1000 };

enum answer {
    ANSWER_DONE = 1, /* so that a gap in the table is none of them */
    ANSWER_END,      /* trying again is no use */
    ANSWER_CANCEL,
    ANSWER_RETRY,     /* later, with backoff, up to max_attempts */
    ANSWER_RETRY_NOW, /* the first time at once: it was hardly the job's fault */
    ANSWER_WAIT,      /* for the input, up to input_wait */
    ANSWER_GIVE_BACK, /* due now, as if nothing had been */
};

static const struct {
    enum answer answer;
    bool charged;
} answers[FAILURE_COUNT] = {
    [FAILURE_NONE] = { ANSWER_DONE, true },
    [FAILURE_JOB] = { ANSWER_END, true },
    [FAILURE_PIPELINE] = { ANSWER_END, true },
    [FAILURE_INPUT] = { ANSWER_END, true },
    [FAILURE_INPUT_WAIT] = { ANSWER_WAIT, false },
    [FAILURE_INPUT_CHANGED] = { ANSWER_WAIT, false },
    [FAILURE_MISSING] = { ANSWER_END, true },
    [FAILURE_OUTPUT] = { ANSWER_END, true },
    [FAILURE_IO] = { ANSWER_RETRY, true },
    [FAILURE_MEMORY] = { ANSWER_RETRY, true },
    [FAILURE_TIMEOUT] = { ANSWER_RETRY, true },
    [FAILURE_STALL] = { ANSWER_RETRY, true },
    [FAILURE_CRASH] = { ANSWER_RETRY, true },
    [FAILURE_LOST] = { ANSWER_RETRY_NOW, true },
    [FAILURE_SHUTDOWN] = { ANSWER_GIVE_BACK, false },
    [FAILURE_CANCELLED] = { ANSWER_CANCEL, false },
    [FAILURE_BUG] = { ANSWER_RETRY, true },
};

bool verdict_charges(enum failure failure)
{
    return answers[failure].charged;
}

/* backoff, 2 * backoff, 4 * backoff … with up to a quarter more, so that jobs that failed together
 * do not come back together. */
static int64_t backoff_ms(const struct verdict_facts *facts)
{
    int64_t delay = facts->backoff_ms;
    for (int i = 1; i < facts->charged && delay < BACKOFF_MAX_MS; i++)
        delay *= 2;
    if (delay > BACKOFF_MAX_MS)
        delay = BACKOFF_MAX_MS;
    return delay + delay * (facts->chance % 256) / 1024;
}

/* Often while the wait is young, and then every ten seconds. */
static int64_t wait_ms(int64_t waiting_ms)
{
    int64_t delay = waiting_ms / 2;
    return delay < WAIT_FIRST_MS ? WAIT_FIRST_MS : delay > WAIT_MAX_MS ? WAIT_MAX_MS : delay;
}

struct verdict verdict_of(enum failure failure, const struct verdict_facts *facts)
{
    struct verdict verdict = { .charged = answers[failure].charged };
    switch (answers[failure].answer) {
    case ANSWER_DONE:
        verdict.outcome = OUTCOME_DONE;
        return verdict;
    case ANSWER_CANCEL:
        verdict.outcome = OUTCOME_CANCELLED;
        return verdict;
    case ANSWER_GIVE_BACK:
        verdict.outcome = OUTCOME_DEFER;
        return verdict;
    case ANSWER_WAIT:
        verdict.outcome = facts->waiting_ms >= facts->input_wait_ms ? OUTCOME_ERROR : OUTCOME_DEFER;
        verdict.delay_ms = wait_ms(facts->waiting_ms);
        return verdict;
    case ANSWER_RETRY:
    case ANSWER_RETRY_NOW:
        verdict.outcome = facts->charged >= facts->max_attempts ? OUTCOME_ERROR : OUTCOME_DEFER;
        verdict.delay_ms = backoff_ms(facts);
        if (answers[failure].answer == ANSWER_RETRY_NOW && facts->charged <= 1)
            verdict.delay_ms = 0;
        return verdict;
    case ANSWER_END:
        break;
    }
    verdict.outcome = OUTCOME_ERROR;
    return verdict;
}

enum failure verdict_failure(const struct err *err)
{
    static const enum failure failures[ERR_KIND_COUNT] = {
        [ERR_NONE] = FAILURE_BUG,        [ERR_USAGE] = FAILURE_PIPELINE,
        [ERR_CONFIG] = FAILURE_PIPELINE, [ERR_INPUT] = FAILURE_INPUT,
        [ERR_MISSING] = FAILURE_MISSING, [ERR_IO] = FAILURE_IO,
        [ERR_MEMORY] = FAILURE_MEMORY,   [ERR_STOPPED] = FAILURE_SHUTDOWN,
        [ERR_BUG] = FAILURE_BUG,
    };
    if (err->kind == ERR_IO && err->errnum == EFBIG) /* RLIMIT_FSIZE of the sandbox */
        return FAILURE_OUTPUT;
    return err->kind < ERR_KIND_COUNT ? failures[err->kind] : FAILURE_BUG;
}
