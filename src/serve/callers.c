#include "serve/callers.h"

#include "base/mem.h"

#include <stdlib.h>
#include <sys/socket.h>

struct caller *callers_add(struct callers *callers, int fd, int64_t now_ms)
{
    struct caller *caller = MEM_NEW(struct caller);
    caller->fd = fd;
    caller->deadline_ms = now_ms + CALLER_HEADERS_MS;
    caller->next = callers->first;
    if (callers->first)
        callers->first->previous = caller;
    callers->first = caller;
    callers->count++;
    return caller;
}

void callers_remove(struct callers *callers, struct caller *caller)
{
    if (caller->next)
        caller->next->previous = caller->previous;
    if (caller->previous)
        caller->previous->next = caller->next;
    else
        callers->first = caller->next;
    callers->count--;
    free(caller);
}

void caller_has_until(struct caller *caller, int64_t now_ms, int64_t ms)
{
    caller->deadline_ms = now_ms + ms;
}

void caller_may_wait(struct caller *caller)
{
    caller->deadline_ms = INT64_MAX;
}

size_t callers_sweep(struct callers *callers, int64_t now_ms)
{
    size_t count = 0;
    for (struct caller *at = callers->first; at; at = at->next) {
        if (now_ms < at->deadline_ms)
            continue;
        (void)shutdown(at->fd, SHUT_RDWR);
        caller_may_wait(at); /* its end comes from the socket */
        count++;
    }
    return count;
}
