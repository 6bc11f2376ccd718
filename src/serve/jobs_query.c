#include "serve/jobs.h"

#include "base/mem.h"
#include "base/str.h"
#include "spool/name.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* A cursor is the digit of a shelf and an entry of it in hex: a name may be no UTF-8. */
static bool parse_cursor(const char *text, struct jobs_query *query)
{
    size_t digits = text[0] ? strlen(text + 1) : 0;
    int kind = text[0] - '0';
    if (digits == 0 || digits % 2 || digits > (size_t)PATH_MAX * 2 || kind < 0 ||
        kind >= SHELF_COUNT || text[1 + strspn(text + 1, "0123456789abcdef")])
        return false;
    query->after = mem_zero(digits / 2 + 1, 1);
    for (size_t i = 0; i < digits / 2; i++) {
        const char pair[] = { text[1 + i * 2], text[2 + i * 2], '\0' };
        query->after[i] = (char)strtoul(pair, NULL, 16);
    }
    query->after_kind = (enum shelf_kind)kind;
    query->goes_on = true;
    return true;
}

static bool parse_limit(const char *text, int *ret_limit)
{
    char *end;
    errno = 0;
    long limit = strtol(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || limit < 1)
        return false;
    *ret_limit = limit > JOBS_LIMIT_MAX ? JOBS_LIMIT_MAX : (int)limit;
    return true;
}

/* Of the shelves that are chosen only those whose word is `wanted` stay; false: none is called so.
 */
static bool choose(struct jobs_query *query, const char *wanted,
                   const char *(*word)(enum shelf_kind kind))
{
    bool known = false;
    for (enum shelf_kind kind = 0; kind < SHELF_COUNT; kind++) {
        bool is_it = word(kind) && strcmp(word(kind), wanted) == 0;
        known = known || is_it;
        query->shelves[kind] = query->shelves[kind] && is_it;
    }
    return known;
}

static int wrong(struct err *err, const char *key, const char *value, const char *wanted)
{
    return err_set(err, ERR_USAGE, 0, "%s: '%s' is not %s", key, value, wanted);
}

static int parse(const json_t *json, struct jobs_query *query, struct err *err)
{
    const char *state = json_get_text(json, "state", NULL);
    const char *lane = json_get_text(json, "lane", NULL);
    const char *limit = json_get_text(json, "limit", NULL);
    const char *order = json_get_text(json, "order", "asc");
    const char *cursor = json_get_text(json, "cursor", NULL);
    if (state && !choose(query, state, shelf_state))
        return wrong(err, "state", state, "pending, deferred, running, done, error or inbox");
    if (lane && !choose(query, lane, shelf_lane))
        return wrong(err, "lane", lane, "high, normal or low");
    if (limit && !parse_limit(limit, &query->limit))
        return wrong(err, "limit", limit, "a whole number from 1 up");
    query->backwards = strcmp(order, "desc") == 0;
    if (!query->backwards && strcmp(order, "asc") != 0)
        return wrong(err, "order", order, "asc or desc");
    if (cursor && !parse_cursor(cursor, query))
        return wrong(err, "cursor", cursor, "one that an answer gave as next");
    return 0;
}

int jobs_query_parse(const json_t *json, struct jobs_query *ret_query, struct err *err)
{
    struct jobs_query query = {
        .pipeline = json_get_text(json, "pipeline", NULL),
        .part = json_get_text(json, "q", NULL),
        .limit = JOBS_LIMIT,
    };
    for (enum shelf_kind kind = 0; kind < SHELF_COUNT; kind++)
        query.shelves[kind] = true;
    int r = parse(json, &query, err);
    if (r < 0)
        jobs_query_release(&query);
    *ret_query = query;
    return r;
}

void jobs_query_release(struct jobs_query *query)
{
    free(query->after);
    *query = (struct jobs_query){ 0 };
}
