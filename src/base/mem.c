#include "base/mem.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *must(void *block)
{
    if (!block) {
        (void)fputs("takeup: out of memory\n", stderr);
        abort();
    }
    return block;
}

void *mem_zero(size_t count, size_t size)
{
    return must(calloc(count ? count : 1, size ? size : 1));
}

void *mem_resize(void *block, size_t count, size_t size)
{
    return must(reallocarray(block, count ? count : 1, size ? size : 1));
}

char *mem_strdup(const char *text)
{
    return must(strdup(text));
}

char *mem_strndup(const char *text, size_t len)
{
    return must(strndup(text, len));
}

char *mem_vprintf(const char *format, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, format, args) < 0)
        text = NULL;
    return must(text);
}

char *mem_printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = mem_vprintf(format, args);
    va_end(args);
    return text;
}

void mem_free_text(char **text)
{
    free(*text);
    *text = NULL;
}

/* A few of glibc's: of what its cache holds nobody tells. */
enum { CACHED_BYTES = 512 << 10, LARGE_BYTES = 64 << 10, SMALL_BYTES = 1032, LEAST_BYTES = 24 };

static size_t next_smaller(size_t size)
{
    size_t half = size / 2;
    return size <= SMALL_BYTES ? size - 16 : half > SMALL_BYTES ? half : SMALL_BYTES;
}

/* By the way that glibc's malloc works: what has been freed is used up, the large pieces first,
 * until a block of that size comes from where the heap grows. */
void mem_begin_afresh(void)
{
    if (BUILD_IS_SANITIZED)
        return;
    (void)malloc_trim(0);
    struct mallinfo2 heap = mallinfo2();
    uintptr_t grows_at = (uintptr_t)sbrk(0) - heap.keepcost;
    size_t left = heap.fordblks + CACHED_BYTES; /* should malloc be another's */
    for (size_t size = LARGE_BYTES; size >= LEAST_BYTES; size = next_smaller(size)) {
        void *block = NULL;
        for (; left > size && (uintptr_t)block < grows_at; left -= size)
            block = malloc(size);
    }
}
