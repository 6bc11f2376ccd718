#include "worker/watchdog_rules.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

enum {
    FIRST_MS = 1000,
    LONGEST_MS = 60 * 1000,
    GOOD_RUN_MS = 60 * 1000,
};

/* A gap is MOVE_NONE: a worker that cannot be killed (it is in a call that does not return) is
 * waited for, since a second one beside it would only hang as well. */
static const enum dog_move moves[DOG_STATE_COUNT][DOG_EVENT_COUNT] = {
    [DOG_WATCHING] = { [EVENT_ENDED] = MOVE_FINISH,
                       [EVENT_DIED] = MOVE_AGAIN,
                       [EVENT_STOPPED] = MOVE_TERM,
                       [EVENT_ASKED] = MOVE_FORWARD },
    [DOG_ENDING] = { [EVENT_ENDED] = MOVE_FINISH,
                     [EVENT_DIED] = MOVE_FINISH,
                     [EVENT_TIMEOUT] = MOVE_KILL,
                     [EVENT_ASKED] = MOVE_FORWARD },
    [DOG_TERMED] = { [EVENT_ENDED] = MOVE_AGAIN,
                     [EVENT_DIED] = MOVE_AGAIN,
                     [EVENT_TIMEOUT] = MOVE_KILL,
                     [EVENT_ASKED] = MOVE_FORWARD },
    [DOG_KILLED] = { [EVENT_ENDED] = MOVE_AGAIN,
                     [EVENT_DIED] = MOVE_AGAIN,
                     [EVENT_ASKED] = MOVE_FORWARD },
    [DOG_WAITING] = { [EVENT_TIMEOUT] = MOVE_START, [EVENT_ASKED] = MOVE_QUIT },
};

enum dog_move dog_move(enum dog_state state, enum dog_event event)
{
    return moves[state][event];
}

bool dog_is_orderly(int wait_status)
{
    return WIFEXITED(wait_status) && WEXITSTATUS(wait_status) <= 2;
}

static void forget_first(struct dog_history *history)
{
    free(history->items[0].reason);
    history->count--;
    memmove(history->items, history->items + 1, history->count * sizeof(history->items[0]));
}

int64_t dog_again(struct dog_history *history, const struct dog_rules *rules, int64_t run_ms,
                  int64_t mono_ms, int64_t wall_ms, const char *reason)
{
    while (history->count > 0 && mono_ms - history->items[0].mono_ms >= rules->within_ms)
        forget_first(history);
    bool too_many = history->count >= (size_t)rules->max_restarts;
    if (too_many && history->count > 0)
        forget_first(history);
    history->items = mem_resize(history->items, history->count + 1, sizeof(history->items[0]));
    history->items[history->count++] = (struct dog_restart){ mono_ms, wall_ms, mem_strdup(reason) };
    if (too_many)
        return -1;
    if (run_ms >= GOOD_RUN_MS)
        history->in_a_row = 0;
    int64_t delay_ms = FIRST_MS;
    for (int i = 0; i < history->in_a_row && delay_ms < LONGEST_MS; i++)
        delay_ms *= 2;
    history->in_a_row++;
    return delay_ms < LONGEST_MS ? delay_ms : LONGEST_MS;
}

void dog_history_release(struct dog_history *history)
{
    while (history->count > 0)
        forget_first(history);
    free(history->items);
    *history = (struct dog_history){ 0 };
}

void dog_pulse_begin(struct dog_pulse *pulse, int64_t mono_ms)
{
    *pulse = (struct dog_pulse){ .since_ms = mono_ms };
}

void dog_pulse_hold(struct dog_pulse *pulse, int64_t mono_ms)
{
    pulse->since_ms = mono_ms;
}

bool dog_pulse_stopped(struct dog_pulse *pulse, const struct dog_rules *rules,
                       const struct dog_look *look, int64_t mono_ms)
{
    if (!look->answered) {
        dog_pulse_hold(pulse, mono_ms);
        return false;
    }
    if (look->found && (!pulse->found || look->print != pulse->print)) {
        *pulse = (struct dog_pulse){ look->print, true, mono_ms };
        return false;
    }
    return mono_ms - pulse->since_ms >= (pulse->found ? rules->stale_ms : rules->starting_ms);
}
