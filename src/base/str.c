#include "base/str.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static void str_reserve(struct str *str, size_t more)
{
    if (str->data && str->len + more + 1 <= str->size)
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

enum { UTF8_MAX = 4 }; /* a NUL ends a character before its time, so nothing is read beyond it */

static uint32_t utf8_code(const unsigned char *text, size_t len)
{
    static const unsigned char mask[] = { 0, 0x7F, 0x1F, 0x0F, 0x07 };
    uint32_t code = text[0] & mask[len];
    for (size_t i = 1; i < len; i++)
        code = code << 6 | (text[i] & 0x3F);
    return code;
}

size_t str_utf8_decode(const char *text, uint32_t *ret_code)
{
    size_t len = *text ? str_utf8_char(text, UTF8_MAX) : 0;
    if (len > 0)
        *ret_code = utf8_code((const unsigned char *)text, len);
    return len;
}

static bool is_unseen(uint32_t code)
{
    static const struct {
        uint32_t first, last;
    } ranges[] = { { 0, 0x1F },        { 0x7F, 0x9F },     { 0x61C, 0x61C },
                   { 0x200E, 0x200F }, { 0x2028, 0x202E }, { 0x2066, 0x2069 } };
    for (size_t i = 0; i < COUNT(ranges); i++)
        if (code >= ranges[i].first && code <= ranges[i].last)
            return true;
    return false;
}

size_t str_unseen(const char *text, uint32_t *ret_code)
{
    const unsigned char *at = (const unsigned char *)text;
    if (*at == '\0' || (*at >= ' ' && *at < 0x7F))
        return 0;
    size_t len = str_utf8_char(text, UTF8_MAX);
    uint32_t code = len > 0 ? utf8_code(at, len) : 0;
    if (len == 0 || !is_unseen(code))
        return 0;
    *ret_code = code;
    return len;
}

/* The length of what was added from the beginning of text. */
static size_t add_printable(struct str *out, const char *text, const char *kept)
{
    size_t len = str_utf8_char(text, UTF8_MAX);
    uint32_t code = 0;
    if (len == 0)
        str_addf(out, "\\x%02x", (unsigned char)*text);
    else if (strchr(kept, *text) || str_unseen(text, &code) == 0)
        str_add_bytes(out, text, len);
    else if (code == '\n')
        str_add(out, "\\n");
    else
        str_addf(out, len == 1 ? "\\x%02x" : "\\u%04x", (unsigned)code);
    return len > 0 ? len : 1;
}

static char *printable(const char *text, const char *kept)
{
    struct str out = { 0 };
    while (*text)
        text += add_printable(&out, text, kept);
    return str_take(&out);
}

char *str_printable(const char *text)
{
    return printable(text, "");
}

char *str_printable_lines(const char *text)
{
    return printable(text, "\n\t");
}

void str_add_line(struct str *str, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    CLEANUP(mem_free_text) char *text = mem_vprintf(format, args);
    va_end(args);
    CLEANUP(mem_free_text) char *line = str_printable(text);
    str_add(str, line);
    str_add(str, "\n");
}

static bool is_control(uint32_t code)
{
    return code < 0x20 || (code >= 0x7F && code <= 0x9F);
}

static bool parts_lines(uint32_t code)
{
    return code == '\n' || code == '\r' || code == 0x85 || code == 0x2028 || code == 0x2029;
}

char *str_plain(const char *text)
{
    CLEANUP(mem_free_text) char *clean = str_utf8_clean(text, strlen(text));
    struct str out = { 0 };
    for (const char *at = clean; *at;) {
        uint32_t code = 0;
        size_t len = str_unseen(at, &code);
        if (len > 0 && parts_lines(code)) {
            str_add(&out, "\n");
            len += code == '\r' && at[len] == '\n';
        } else if (len == 0 || code == '\t' || !is_control(code)) {
            len = str_utf8_char(at, UTF8_MAX);
            str_add_bytes(&out, at, len);
        }
        at += len;
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
