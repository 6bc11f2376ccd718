#include "base/json.h"

#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void json_drop(json_t **value)
{
    json_decref(*value);
    *value = NULL;
}

/* The bytes at the end that begin a UTF-8 character and do not finish it. */
static size_t unfinished_char(const char *text, size_t len)
{
    for (size_t back = 1; back <= 3 && back <= len; back++) {
        unsigned char byte = (unsigned char)text[len - back];
        size_t need = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
        if ((byte & 0xC0) != 0x80)
            return need > back ? back : 0;
    }
    return 0;
}

/* Whether a text that is wrong at its very end might become right by what is still to come: it
 * ends inside a word, a number, an escape or a character. */
static bool may_go_on(const char *text, size_t len)
{
    unsigned char last = (unsigned char)text[len - 1];
    return isalnum(last) || last == '\\' || last == '-' || last == '+' || last == '.' ||
           last >= 0x80;
}

int json_parse(const char *text, size_t len, json_t **ret_value, struct json_mark *ret_mark,
               struct err *err)
{
    *ret_mark = (struct json_mark){ 0, 0 };
    if (len >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0) {
        text += 3;
        len -= 3;
    }
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        len--;
    if (len == 0)
        return 0;

    size_t unfinished = unfinished_char(text, len);
    json_error_t error;
    json_t *value = json_loadb(text, len - unfinished, JSON_REJECT_DUPLICATES, &error);
    if (value && unfinished) {
        json_drop(&value);
        return err_set(err, ERR_CONFIG, 0, "there is something behind the end");
    }
    if (value) {
        *ret_value = value;
        return 1;
    }
    enum json_error_code code = json_error_code(&error);
    bool at_end = error.position >= 0 && (size_t)error.position >= len - unfinished;
    if (code == json_error_premature_end_of_input)
        return 0;
    if (at_end && may_go_on(text, len) && code != json_error_end_of_input_expected &&
        code != json_error_duplicate_key)
        return 0;
    if (code == json_error_out_of_memory)
        return err_set(err, ERR_MEMORY, 0, "%s", error.text);
    *ret_mark = (struct json_mark){ error.line, error.column };
    return err_set(err, ERR_CONFIG, 0, "line %d, column %d: %s", error.line, error.column,
                   error.text);
}

/* jansson escapes what JSON wants escaped. What else is unseen (DEL, C1, direction) can only stand
 * in a string, and there an escape means the same. Newlines are those of the layout. */
static char *escape_unseen(char *text)
{
    struct str out = { 0 };
    const char *from = text;
    for (const char *at = text; *at;) {
        uint32_t code = 0;
        size_t len = *at == '\n' ? 0 : str_unseen(at, &code);
        if (len > 0) {
            str_add_bytes(&out, from, (size_t)(at - from));
            str_addf(&out, "\\u%04x", (unsigned)code);
            from = at + len;
        }
        at += len > 0 ? len : 1;
    }
    if (from == text)
        return text;
    str_add(&out, from);
    free(text);
    return str_take(&out);
}

static char *dump(const json_t *value, size_t flags)
{
    char *text = json_dumps(value, flags | JSON_ENCODE_ANY | JSON_REAL_PRECISION(10));
    return text ? escape_unseen(text) : mem_strdup("null");
}

char *json_line(const json_t *value)
{
    return dump(value, JSON_COMPACT);
}

char *json_pretty(const json_t *value)
{
    CLEANUP(mem_free_text) char *text = dump(value, JSON_INDENT(2));
    return mem_printf("%s\n", text);
}

void json_set(json_t *object, const char *key, json_t *value)
{
    (void)json_object_set_new(object, key, value ? value : json_null());
}

void json_rehearse(void)
{
    static const char text[] = "{\"all\": [null, true, -1, 0.5, \"\\u00e9\"]}";
    CLEANUP(json_drop) json_t *value = NULL;
    struct json_mark mark;
    if (json_parse(text, sizeof(text) - 1, &value, &mark, NULL) != 1)
        return;
    free(json_line(value));
    free(json_pretty(value));
}

void json_set_text(json_t *object, const char *key, const char *text)
{
    if (!text) {
        json_set(object, key, NULL);
        return;
    }
    size_t len = strlen(text);
    if (str_is_utf8(text, len)) {
        json_set(object, key, json_stringn_nocheck(text, len));
        return;
    }
    CLEANUP(mem_free_text) char *clean = str_utf8_clean(text, len);
    json_set(object, key, json_string(clean));
}

void json_set_int(json_t *object, const char *key, json_int_t value)
{
    json_set(object, key, json_integer(value));
}

void json_set_real(json_t *object, const char *key, double value)
{
    json_set(object, key, isfinite(value) ? json_real(value) : NULL);
}

void json_set_bool(json_t *object, const char *key, bool value)
{
    json_set(object, key, json_boolean(value));
}

const char *json_get_text(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : otherwise;
}

json_int_t json_get_int(const json_t *object, const char *key, json_int_t otherwise)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

double json_get_real(const json_t *object, const char *key, double otherwise)
{
    const json_t *value = json_object_get(object, key);
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

const char *json_type_name(const json_t *value)
{
    if (!value)
        return "nothing";
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "a list";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number";
    case JSON_TRUE:
    case JSON_FALSE:
        return "true or false";
    case JSON_NULL:
        return "null";
    }
    return "nothing";
}
