#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const kind_names[ERR_KIND_COUNT] = {
    [ERR_NONE] = "none",     [ERR_USAGE] = "usage",     [ERR_CONFIG] = "config",
    [ERR_INPUT] = "input",   [ERR_MISSING] = "missing", [ERR_IO] = "io",
    [ERR_MEMORY] = "memory", [ERR_STOPPED] = "stopped", [ERR_BUG] = "bug",
};

#undef err_set /* the analyzer's view of it */
int err_set(struct err *err, enum err_kind kind, int errnum, const char *format, ...)
{
    if (err) {
        err->kind = kind;
        err->errnum = errnum;
        err->hint[0] = '\0';

        va_list args;
        va_start(args, format);
        int used = vsnprintf(err->text, sizeof(err->text), format, args);
        va_end(args);
        if (errnum && used >= 0 && (size_t)used < sizeof(err->text))
            (void)snprintf(err->text + used, sizeof(err->text) - (size_t)used, ": %s",
                           strerror(errnum));
    }
    return errnum ? -errnum : -EINVAL;
}

void err_context(struct err *err, const char *format, ...)
{
    if (!err)
        return;
    char front[ERR_TEXT_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(front, sizeof(front), format, args);
    va_end(args);

    char whole[2 * ERR_TEXT_SIZE + 2];
    (void)snprintf(whole, sizeof(whole), "%s: %s", front, err->text);
    (void)snprintf(err->text, sizeof(err->text), "%.*s", ERR_TEXT_SIZE - 1, whole);
}

void err_hint(struct err *err, const char *format, ...)
{
    if (!err)
        return;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(err->hint, sizeof(err->hint), format, args);
    va_end(args);
}

const char *err_kind_name(enum err_kind kind)
{
    return kind < ERR_KIND_COUNT ? kind_names[kind] : "bug";
}

enum err_kind err_kind_parse(const char *name)
{
    for (size_t i = 0; i < COUNT(kind_names); i++)
        if (name && strcmp(kind_names[i], name) == 0)
            return (enum err_kind)i;
    return ERR_BUG;
}
