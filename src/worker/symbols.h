/* symbols.h - names for places in code that the loader's tables do not name: static functions. */
#ifndef TAKEUP_WORKER_SYMBOLS_H
#define TAKEUP_WORKER_SYMBOLS_H

#include <stddef.h>

struct symbol_place {
    const char *module;   /* path of the object; borrowed */
    unsigned long offset; /* from where it is mapped */
    char *name;           /* found: "function at file:line", or without a line; else NULL; yours */
};

/* Asks libdw, where it is installed, in a child with a limit of time. Only objects that this
 * process has mapped itself are opened: the places may come from one that is hostile. */
void symbols_find(struct symbol_place *places, size_t count);

#endif
