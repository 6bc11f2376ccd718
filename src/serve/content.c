#include "serve/content.h"

#include "base/macros.h"
#include "base/mem.h"
#include "base/str.h"
#include "serve/target.h"

#include <string.h>
#include <strings.h>

static const struct {
    const char *ending, *type;
} shown[] = {
    { ".txt", "text/plain; charset=utf-8" },
    { ".srt", "text/plain; charset=utf-8" },
    { ".vtt", "text/plain; charset=utf-8" },
    { ".csv", "text/plain; charset=utf-8" },
    { ".jsonl", "text/plain; charset=utf-8" },
    { ".json", "application/json" },
    { ".png", "image/png" },
    { ".jpg", "image/jpeg" },
    { ".jpeg", "image/jpeg" },
};

const char *content_type(const char *file_name, bool *ret_inline)
{
    const char *ending = strrchr(file_name, '.');
    *ret_inline = true;
    for (size_t i = 0; ending && i < COUNT(shown); i++)
        if (strcasecmp(ending, shown[i].ending) == 0)
            return shown[i].type;
    *ret_inline = false;
    return "application/octet-stream";
}

char *content_disposition(const char *file_name, bool is_inline)
{
    CLEANUP(mem_free_text) char *encoded = target_encode(file_name);
    return mem_printf("%s; filename*=UTF-8''%s", is_inline ? "inline" : "attachment", encoded);
}
