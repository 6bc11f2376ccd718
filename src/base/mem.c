#include "base/mem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
