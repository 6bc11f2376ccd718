/* problems.h - names that cannot be taken, each with its reason. */
#ifndef TAKEUP_SPOOL_PROBLEMS_H
#define TAKEUP_SPOOL_PROBLEMS_H

#include "spool/layout.h"

#include <stddef.h>

enum { PROBLEMS_KEPT = 1000 }; /* of a million the rest say nothing new */

struct problem {
    char *path; /* relative to the spool */
    char *reason;
};

/* Zero-initialise. */
struct problems {
    struct problem *items; /* the first PROBLEMS_KEPT */
    size_t kept, room;
    size_t count; /* all */
};

void problems_add(struct problems *problems, const char *path, const char *reason);
void problems_add_at(struct problems *problems, enum spool_place place, const char *name,
                     const char *reason);
/* All of `from`, copied. */
void problems_add_all(struct problems *problems, const struct problems *from);
bool problems_has(const struct problems *problems, const char *path);
/* Cleanup handler. */
void problems_release(struct problems *problems);

#endif
