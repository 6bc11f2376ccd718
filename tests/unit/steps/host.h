/* host.h - the surroundings of a step, faked: what it says and emits is kept as text. */
#ifndef TAKEUP_TEST_HOST_H
#define TAKEUP_TEST_HOST_H

#include "test.h"

#include "api/step.h"
#include "base/str.h"

#include <stdio.h>

struct fake {
    struct takeup_host host; /* first */
    struct takeup_output output;
    struct str said; /* failures, warnings, infos, drops, a line each */
    enum takeup_failure failure;
    uint64_t counters[TAKEUP_COUNTERS];
    int progressed;
    int64_t total_us;               /* as the last progress says */
    const struct takeup_step *next; /* gets what is emitted; NULL: kept in items */
    void *next_self;
    struct fake *after; /* where `next` emits to */
    struct takeup_item **items;
    size_t count;
};

PRINTF_LIKE(4, 5)
static inline int fake_fail(struct takeup_host *host, enum takeup_failure failure,
                            const char *what_to_do, const char *format, ...)
{
    struct fake *fake = (struct fake *)host;
    va_list args;
    va_start(args, format);
    char *text = mem_vprintf(format, args);
    va_end(args);
    str_addf(&fake->said, "fail: %s [%s]\n", text, what_to_do ? what_to_do : "");
    fake->failure = failure;
    free(text);
    return -1;
}

PRINTF_LIKE(2, 3)
static inline void fake_warn(struct takeup_host *host, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = mem_vprintf(format, args);
    va_end(args);
    str_addf(&((struct fake *)host)->said, "warn: %s\n", text);
    free(text);
}

PRINTF_LIKE(2, 3)
static inline void fake_info(struct takeup_host *host, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = mem_vprintf(format, args);
    va_end(args);
    str_addf(&((struct fake *)host)->said, "info: %s\n", text);
    free(text);
}

static inline void fake_progress(struct takeup_host *host, int64_t done_us, int64_t total_us)
{
    (void)done_us;
    ((struct fake *)host)->progressed++;
    ((struct fake *)host)->total_us = total_us;
}

static inline void fake_count(struct takeup_host *host, enum takeup_counter counter, uint64_t more)
{
    ((struct fake *)host)->counters[counter] += more;
}

static inline void fake_drop(struct takeup_host *host, const struct takeup_segment *segment,
                             const char *why)
{
    str_addf(&((struct fake *)host)->said, "drop: %s: %s\n", segment->text, why);
}

static inline int fake_emit(struct takeup_output *output, struct takeup_item *item)
{
    struct fake *fake = (struct fake *)((char *)output - offsetof(struct fake, output));
    if (fake->next) {
        int r = fake->next->feed(fake->next_self, item, &fake->after->output);
        takeup_item_unref(item);
        return r;
    }
    fake->items = mem_resize(fake->items, fake->count + 1, sizeof(*fake->items));
    fake->items[fake->count++] = item;
    return 0;
}

static inline void fake_init(struct fake *fake, int input_fd, int output_dir)
{
    *fake = (struct fake){ .host = { .input_fd = input_fd,
                                     .input_name = "clip",
                                     .output_dir = output_dir,
                                     .fail = fake_fail,
                                     .warn = fake_warn,
                                     .info = fake_info,
                                     .progress = fake_progress,
                                     .count = fake_count,
                                     .drop = fake_drop },
                           .output = { .emit = fake_emit } };
}

static inline void fake_release(struct fake *fake)
{
    for (size_t i = 0; i < fake->count; i++)
        takeup_item_unref(fake->items[i]);
    free(fake->items);
    fake->items = NULL;
    fake->count = 0;
    str_release(&fake->said);
}

#endif
