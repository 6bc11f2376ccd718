#include "steps/passed.h"

#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static void drop_from(struct passed *passed, size_t first)
{
    while (passed->count > first)
        free((uint8_t *)passed->all[--passed->count].luma);
}

void passed_release(struct passed *passed)
{
    drop_from(passed, 0);
}

void passed_add(struct passed *passed, const struct media *media, int64_t start_us, bool is_taken)
{
    struct media_glance glance;
    bool is_soon =
        passed->count > 0 && start_us - passed->all[passed->count - 1].start_us < passed->gap_us;
    if (!is_taken && (is_soon || passed->count == PASSED_MAX))
        return;
    if (!media_glance(media, &glance)) {
        drop_from(passed, 0);
        return;
    }
    if (glance.columns != passed->columns || glance.rows != passed->rows)
        drop_from(passed, 0); /* of another size */
    if (passed->count == PASSED_MAX)
        drop_from(passed, PASSED_MAX - 1);
    passed->columns = glance.columns;
    passed->rows = glance.rows;
    passed->all[passed->count++] = (struct takeup_glance){ start_us, glance.luma };
}

struct takeup_glances *passed_take(struct passed *passed)
{
    size_t size = (size_t)passed->columns * (size_t)passed->rows;
    struct takeup_glance *all = mem_zero(passed->count + 1, sizeof(*all));
    struct takeup_glances *glances = MEM_NEW(struct takeup_glances);
    memcpy(all, passed->all, passed->count * sizeof(*all));
    *glances = (struct takeup_glances){ passed->columns, passed->rows, passed->count, all, { 0 } };
    if (passed->count > 0) {
        uint8_t *copy = mem_zero(size + 1, 1);
        memcpy(copy, all[passed->count - 1].luma, size);
        passed->all[0] = (struct takeup_glance){ all[passed->count - 1].start_us, copy };
        passed->count = 1;
    }
    return glances;
}

void passed_free(struct takeup_glances *glances)
{
    if (!glances)
        return;
    for (size_t i = 0; i < glances->count; i++)
        free((uint8_t *)glances->all[i].luma);
    free((struct takeup_glance *)glances->all);
    free(glances);
}
