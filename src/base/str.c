#include "base/str.h"

#include "base/mem.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void str_reserve(struct str *str, size_t more)
{
    if (str->len + more + 1 <= str->size)
        return;
    size_t size = str->size ? str->size : 64;
    while (size < str->len + more + 1)
        size *= 2;
    str->data = mem_resize(str->data, size, 1);
    str->size = size;
}

void str_add_bytes(struct str *str, const void *bytes, size_t len)
{
    str_reserve(str, len);
    if (len)
        memcpy(str->data + str->len, bytes, len);
    str->len += len;
    str->data[str->len] = '\0';
}

void str_add(struct str *str, const char *text)
{
    str_add_bytes(str, text, strlen(text));
}

void str_addf(struct str *str, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    CLEANUP(mem_free_text) char *text = mem_vprintf(format, args);
    va_end(args);
    str_add(str, text);
}

const char *str_text(const struct str *str)
{
    return str->data ? str->data : "";
}

char *str_take(struct str *str)
{
    char *text = str->data ? str->data : mem_strdup("");
    *str = (struct str){ 0 };
    return text;
}

void str_release(struct str *str)
{
    free(str->data);
    *str = (struct str){ 0 };
}

bool str_has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool str_has_suffix(const char *text, const char *suffix)
{
    size_t text_len = strlen(text), suffix_len = strlen(suffix);
    return text_len >= suffix_len && strcmp(text + text_len - suffix_len, suffix) == 0;
}

/* RFC 3629, so no surrogates, nothing overlong. */
size_t str_utf8_char(const char *bytes, size_t len)
{
    const unsigned char *text = (const unsigned char *)bytes;
    if (len == 0)
        return 0;
    unsigned first = text[0];
    if (first < 0x80)
        return 1;
    size_t need = first >= 0xC2 && first <= 0xDF   ? 2
                  : first >= 0xE0 && first <= 0xEF ? 3
                  : first >= 0xF0 && first <= 0xF4 ? 4
                                                   : 0;
    if (need == 0 || need > len)
        return 0;
    unsigned low = 0x80, high = 0xBF;
    if (first == 0xE0)
        low = 0xA0;
    else if (first == 0xED)
        high = 0x9F;
    else if (first == 0xF0)
        low = 0x90;
    else if (first == 0xF4)
        high = 0x8F;
    if (text[1] < low || text[1] > high)
        return 0;
    for (size_t i = 2; i < need; i++)
        if ((text[i] & 0xC0) != 0x80)
            return 0;
    return need;
}

size_t str_utf8_cut(const char *text, size_t max)
{
    size_t len = strlen(text);
    if (len <= max)
        return len;
    while (max > 0 && ((unsigned char)text[max] & 0xC0) == 0x80)
        max--;
    return max;
}

/* How many bytes at the beginning are whole characters. */
static size_t utf8_run(const char *text, size_t len)
{
    size_t run = 0, used;
    while (run < len && (used = str_utf8_char(text + run, len - run)) > 0)
        run += used;
    return run;
}

bool str_is_utf8(const char *text, size_t len)
{
    return utf8_run(text, len) == len;
}

char *str_utf8_clean(const char *text, size_t len)
{
    struct str clean = { 0 };
    while (len > 0) {
        size_t run = utf8_run(text, len);
        str_add_bytes(&clean, text, run);
        text += run;
        len -= run;
        if (len > 0) {
            str_add(&clean, "\xEF\xBF\xBD");
            text++;
            len--;
        }
    }
    return str_take(&clean);
}

char *str_shell_word(const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                "0123456789/._-+:,@%";
    if (text[0] && text[strspn(text, plain)] == '\0')
        return mem_strdup(text);
    struct str word = { 0 };
    str_add(&word, "'");
    for (; *text; text++) {
        if (*text == '\'')
            str_add(&word, "'\\''");
        else
            str_add_bytes(&word, text, 1);
    }
    str_add(&word, "'");
    return str_take(&word);
}

char *str_printable(const char *text)
{
    CLEANUP(mem_free_text) char *clean = str_utf8_clean(text, strlen(text));
    struct str out = { 0 };
    for (const unsigned char *at = (const unsigned char *)clean; *at; at++) {
        if (*at == '\n')
            str_add(&out, "\\n");
        else if (*at < 0x20 || *at == 0x7F)
            str_addf(&out, "\\x%02x", *at);
        else
            str_add_bytes(&out, at, 1);
    }
    return str_take(&out);
}

void str_random_hex(char *out, size_t count)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t bytes[16];
    while (count > 0) {
        size_t some = count < sizeof(bytes) ? count : sizeof(bytes);
        while (getrandom(bytes, some, 0) != (ssize_t)some)
            ;
        for (size_t i = 0; i < some; i++) {
            *out++ = digits[bytes[i] >> 4];
            *out++ = digits[bytes[i] & 15];
        }
        count -= some;
    }
    *out = '\0';
}
