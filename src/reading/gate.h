/* gate.h - has what is shown changed? So that a still picture is read once.
 *
 *     struct gate gate = { 0 };
 *     if (gate_changes(&gate, &luma)) { …read luma…; gate_keep(&gate, &luma); }
 *     gate_release(&gate);
 *
 * The picture is compared cell by cell with the one that was kept last, not with the one before it:
 * a slow fade adds up until it counts. */
#ifndef TAKEUP_READING_GATE_H
#define TAKEUP_READING_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A plane of luma, borrowed. */
struct luma {
    const uint8_t *data;
    int width, height;
    int stride; /* bytes from row to row */
};

struct gate {
    uint8_t *kept;
    int width, height;
};

/* Against what was kept: true also when nothing was, or another size. */
bool gate_changes(const struct gate *gate, const struct luma *luma);
/* Copies it. 0, or -ENOMEM and then nothing is kept. */
int gate_keep(struct gate *gate, const struct luma *luma);
void gate_release(struct gate *gate);

#endif
