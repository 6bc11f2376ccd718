/* mem.h - small allocations, which do not fail.
 *
 * Names, paths, tables: when there is no memory for these, the process says so and aborts. In a
 * runner that ends one attempt (class crash, tried again); a worker is started again by whoever
 * keeps it. What is large or comes from the input (frames, images, files) is allocated by those
 * who can answer ERR_MEMORY. */
#ifndef TAKEUP_BASE_MEM_H
#define TAKEUP_BASE_MEM_H

#include "base/macros.h"

#include <stdarg.h>
#include <stddef.h>

void *mem_zero(size_t count, size_t size) __attribute__((returns_nonnull, malloc));
/* Like realloc of count * size bytes. What is new is not zeroed. */
void *mem_resize(void *block, size_t count, size_t size) __attribute__((returns_nonnull));
char *mem_strdup(const char *text) __attribute__((returns_nonnull, malloc));
char *mem_strndup(const char *text, size_t len) __attribute__((returns_nonnull, malloc));
char *mem_printf(const char *format, ...) __attribute__((returns_nonnull)) PRINTF_LIKE(1, 2);
char *mem_vprintf(const char *format, va_list args) __attribute__((returns_nonnull))
PRINTF_LIKE(1, 0);

#define MEM_NEW(type) ((type *)mem_zero(1, sizeof(type)))

/* What is allocated from now on lies side by side in fresh memory, not here and there in what has
 * been freed, which is used no more. For who forks: a child gets a page of its own for each that it
 * writes to, which takes from half a microsecond to twenty. */
void mem_begin_afresh(void);

/* Cleanup handler for any `char *` that free() ends. */
void mem_free_text(char **text);

#endif
