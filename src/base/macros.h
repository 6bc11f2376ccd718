/* macros.h - the few macros that every file may use. */
#ifndef TAKEUP_BASE_MACROS_H
#define TAKEUP_BASE_MACROS_H

#include <stdbool.h>
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

/* Sanitizers map terabytes, and read and print much when they report. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BUILD_IS_SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define BUILD_IS_SANITIZED true
#endif
#endif
#ifndef BUILD_IS_SANITIZED
#define BUILD_IS_SANITIZED false
#endif

#define PRINTF_LIKE(format_index, first_index)                                                     \
    __attribute__((format(printf, format_index, first_index)))

#endif
