/* inbox_queue.c - the two orders in which drops wait: as they came, and by when they are due. */
#include "spool/inbox_private.h"

#include "base/mem.h"

#include <string.h>

static void queue_grow(struct drop_queue *queue)
{
    if (queue->count < queue->size)
        return;
    queue->size = queue->size ? queue->size * 2 : 16;
    queue->drops = mem_resize(queue->drops, queue->size, sizeof(queue->drops[0]));
}

void ready_push(struct drop_queue *queue, struct drop *drop)
{
    if (queue->at > 0 && queue->count == queue->size) { /* what was popped makes room */
        queue->count -= queue->at;
        memmove(queue->drops, queue->drops + queue->at, queue->count * sizeof(queue->drops[0]));
        queue->at = 0;
    }
    queue_grow(queue);
    queue->drops[queue->count++] = drop;
}

struct drop *ready_pop(struct drop_queue *queue)
{
    return queue->drops[queue->at++];
}

static bool is_before(const struct drop *a, const struct drop *b)
{
    return a->next_ms != b->next_ms ? a->next_ms < b->next_ms : a->order < b->order;
}

void due_push(struct drop_queue *queue, struct drop *drop)
{
    queue_grow(queue);
    drop->order = queue->pushed++;
    size_t at = queue->count++;
    for (; at > 0 && is_before(drop, queue->drops[(at - 1) / 2]); at = (at - 1) / 2)
        queue->drops[at] = queue->drops[(at - 1) / 2];
    queue->drops[at] = drop;
}

struct drop *due_pop(struct drop_queue *queue)
{
    struct drop *first = queue->drops[0], *last = queue->drops[--queue->count];
    size_t at = 0;
    for (size_t child; (child = 2 * at + 1) < queue->count; at = child) {
        if (child + 1 < queue->count && is_before(queue->drops[child + 1], queue->drops[child]))
            child++;
        if (!is_before(queue->drops[child], last))
            break;
        queue->drops[at] = queue->drops[child];
    }
    queue->drops[at] = last;
    return first;
}
