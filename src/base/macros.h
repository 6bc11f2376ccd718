/* macros.h - the few macros that every file may use. */
#ifndef TAKEUP_BASE_MACROS_H
#define TAKEUP_BASE_MACROS_H

#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Runs fn(&variable) when the variable goes out of scope; a destructor that takes the address,
 * sets it to NULL and accepts NULL is a cleanup handler as it stands. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

/* Moves ownership out of a pointer variable: its value, and NULL is left behind. */
#define TAKE(p)                                                                                    \
    ({                                                                                             \
        typeof(p) *take_from = &(p), take_value = *take_from;                                      \
        *take_from = NULL;                                                                         \
        take_value;                                                                                \
    })

#define PRINTF_LIKE(format_index, first_index)                                                     \
    __attribute__((format(printf, format_index, first_index)))

#endif
