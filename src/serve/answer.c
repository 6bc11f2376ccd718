#include "serve/answer.h"

#include "base/fs.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct answer *answer_new(int status)
{
    struct answer *answer = MEM_NEW(struct answer);
    answer->holders = 1;
    answer->status = status;
    answer->pipe_fd = -1;
    return answer;
}

/* FNV-1a: it has to differ when the text does, and nobody gains by making it not. */
static uint64_t print_of(const char *bytes, size_t len)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(1099511628211);
    return hash;
}

struct answer *answer_text(int status, const char *type, char *text)
{
    struct answer *answer = answer_new(status);
    answer->type = type ? mem_strdup(type) : NULL;
    answer->body = text;
    answer->body_len = strlen(text);
    if (status == 200)
        answer->etag = mem_printf("\"%016llx\"", (unsigned long long)print_of(text, strlen(text)));
    return answer;
}

struct answer *answer_json(int status, json_t *json)
{
    CLEANUP(json_drop) json_t *own = json;
    CLEANUP(mem_free_text) char *line = json_line(own);
    return answer_text(status, NULL, mem_printf("%s\n", line));
}

struct answer *answer_error(int status, const char *error, const char *hint)
{
    json_t *json = json_object();
    json_set_text(json, "error", error);
    json_set_text(json, "hint", hint && *hint ? hint : NULL);
    return answer_json(status, json);
}

struct answer *answer_err(const struct err *err)
{
    static const int statuses[ERR_KIND_COUNT] = {
        [ERR_USAGE] = 400, [ERR_CONFIG] = 400, [ERR_INPUT] = 400,   [ERR_MISSING] = 503,
        [ERR_IO] = 503,    [ERR_MEMORY] = 503, [ERR_STOPPED] = 503,
    };
    int status = statuses[err->kind];
    if (err->errnum == EEXIST && err->kind == ERR_CONFIG)
        status = 409;
    return answer_error(status ? status : 500, err->text, err->hint);
}

struct answer *answer_hold(struct answer *answer)
{
    answer->holders++;
    return answer;
}

void answer_drop(struct answer **at)
{
    struct answer *answer = TAKE(*at);
    if (!answer || --answer->holders > 0)
        return;
    free(answer->type);
    free(answer->etag);
    free(answer->disposition);
    free(answer->location);
    free(answer->allow);
    free(answer->policy);
    free(answer->body);
    fs_close(&answer->pipe_fd);
    free(answer);
}
