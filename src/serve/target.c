#include "serve/target.h"

#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static int hex_value(char digit)
{
    if (digit >= '0' && digit <= '9')
        return digit - '0';
    if (digit >= 'a' && digit <= 'f')
        return digit - 'a' + 10;
    return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

/* In place. False: a percent sign without two digits, or a NUL. */
static bool decode(char *text, bool plus_is_space)
{
    char *out = text;
    for (const char *at = text; *at; at++) {
        char byte = *at;
        if (byte == '%') {
            int high = hex_value(at[1]), low = high < 0 ? -1 : hex_value(at[2]);
            if (low < 0 || high + low == 0)
                return false;
            byte = (char)(high * 16 + low);
            at += 2;
        } else if (byte == '+' && plus_is_space) {
            byte = ' ';
        }
        *out++ = byte;
    }
    *out = '\0';
    return true;
}

static bool may_be_a_name(const char *name)
{
    return name[0] && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !strchr(name, '/');
}

static const char *take_path(struct target *target, char *path)
{
    char *rest = path + 1; /* behind the first slash */
    while (rest && (*rest || target->name_count > 0)) {
        char *name = rest;
        rest = strchr(name, '/');
        if (rest)
            *rest++ = '\0';
        if (!decode(name, false))
            return "the path is not percent-encoded as it should be";
        if (!str_is_utf8(name, strlen(name)))
            return "the path is not UTF-8";
        if (!may_be_a_name(name))
            return "the path holds what can be no name";
        if (target->name_count == TARGET_NAMES)
            return "the path is too deep";
        target->names[target->name_count++] = name;
    }
    return NULL;
}

static const char *take_query(struct target *target, char *query)
{
    char *save;
    for (char *pair = strtok_r(query, "&", &save); pair; pair = strtok_r(NULL, "&", &save)) {
        char *value = strchr(pair, '=');
        if (value)
            *value++ = '\0';
        else
            value = pair + strlen(pair);
        if (!decode(pair, true) || !decode(value, true))
            return "the query is not percent-encoded as it should be";
        if (!str_is_utf8(pair, strlen(pair)) || !str_is_utf8(value, strlen(value)))
            return "the query is not UTF-8";
        if (target_get(target, pair))
            return "the query says something twice";
        if (target->pair_count == TARGET_PAIRS)
            return "the query is too long";
        target->pairs[target->pair_count++] = (struct target_pair){ pair, value };
    }
    return NULL;
}

const char *target_parse(const char *raw, struct target *ret_target)
{
    struct target target = { 0 };
    *ret_target = target;
    if (strlen(raw) > TARGET_MAX_BYTES)
        return "what is asked for is too long";
    if (raw[0] != '/')
        return "what is asked for has to begin with a slash";
    for (const char *at = raw; *at; at++)
        if ((unsigned char)*at <= ' ' || *at == '\x7f' || *at == '\\' || *at == '#')
            return "what is asked for holds a byte that has to be percent-encoded";
    target.text = mem_strdup(raw);
    char *query = strchr(target.text, '?');
    if (query)
        *query++ = '\0';
    const char *wrong = take_path(&target, target.text);
    if (!wrong && query)
        wrong = take_query(&target, query);
    if (wrong)
        target_release(&target);
    *ret_target = target;
    return wrong;
}

void target_release(struct target *target)
{
    free(target->text);
    *target = (struct target){ 0 };
}

const char *target_get(const struct target *target, const char *key)
{
    for (size_t i = 0; i < target->pair_count; i++)
        if (strcmp(target->pairs[i].key, key) == 0)
            return target->pairs[i].value;
    return NULL;
}

char *target_encode(const char *name)
{
    struct str text = { 0 };
    str_add(&text, "");
    for (const char *at = name; *at; at++)
        if (isalnum((unsigned char)*at) || strchr("-._~", *at))
            str_add_bytes(&text, at, 1);
        else
            str_addf(&text, "%%%02X", (unsigned char)*at);
    return str_take(&text);
}
