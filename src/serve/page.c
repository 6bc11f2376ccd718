/* page.c - puts the policy, the nonce and the data into page.html.
 *
 * What strangers named and wrote comes into it in one place only, as JSON in an element that is no
 * script. There '<', '>' and '&' are escaped as JSON escapes, so that no "</script>" or "<!--" in a
 * name ends it; and the policy lets nothing run but what carries the nonce, which nobody can guess.
 */
#include "serve/page.h"

#include "base/mem.h"
#include "base/str.h"

#include <string.h>

__asm__(".pushsection .rodata\n"
        ".hidden page_html\n"
        ".globl page_html\n"
        "page_html:\n"
        ".incbin \"src/serve/page.html\"\n"
        ".byte 0\n"
        ".popsection\n");
extern const char page_html[] __attribute__((visibility("hidden")));

static char *policy_of(const char *nonce, const char *connect)
{
    return mem_printf("default-src 'none'; base-uri 'none'; form-action 'none'; img-src data:; "
                      "connect-src %s; style-src 'nonce-%s'; script-src 'nonce-%s'",
                      connect, nonce, nonce);
}

char *page_policy(const char *nonce)
{
    return policy_of(nonce, "'self'");
}

/* The mark that comes first at or after `at`, of marks that end with NULL; NULL: none. */
static const char *next_mark(const char *at, const char *const *marks, size_t *ret_which)
{
    const char *first = NULL;
    for (size_t i = 0; marks[i]; i++) {
        const char *found = strstr(at, marks[i]);
        if (found && (!first || found < first)) {
            first = found;
            *ret_which = i;
        }
    }
    return first;
}

/* One pass over the page: what is put in is not looked at again. */
static char *page_fill(const char *const *values)
{
    static const char *const marks[] = { "<!--CSP-->", "=\"NONCE\"", ">STATE<", NULL };
    struct str page = { 0 };
    const char *at = page_html, *mark;
    size_t which = 0;
    while ((mark = next_mark(at, marks, &which))) {
        str_add_bytes(&page, at, (size_t)(mark - at));
        str_add(&page, values[which]);
        at = mark + strlen(marks[which]);
    }
    str_add(&page, at);
    return str_take(&page);
}

char *page_live(const char *nonce)
{
    CLEANUP(mem_free_text) char *attribute = mem_printf("=\"%s\"", nonce);
    const char *const values[] = { "", attribute, ">null<" };
    return page_fill(values);
}

static void add_escaped(struct str *out, const char *json)
{
    for (; *json; json++) {
        if (strchr("<>&", *json))
            str_addf(out, "\\u%04x", (unsigned char)*json);
        else
            str_add_bytes(out, json, 1);
    }
}

char *page_static(const json_t *state, double every_s)
{
    char nonce[PAGE_NONCE_SIZE];
    CLEANUP(json_drop) json_t *whole = json_copy((json_t *)state);
    CLEANUP(str_release) struct str data = { 0 };
    json_t *page = json_object();
    json_set_real(page, "every_s", every_s);
    json_set(whole, "page", page);
    CLEANUP(mem_free_text) char *line = json_line(whole);
    str_add(&data, ">");
    add_escaped(&data, line);
    str_add(&data, "<");
    str_random_hex(nonce, sizeof(nonce) / 2);
    CLEANUP(mem_free_text) char *policy = policy_of(nonce, "'none'");
    CLEANUP(mem_free_text)
    char *meta = mem_printf("<meta http-equiv=\"Content-Security-Policy\" content=\"%s\">", policy);
    CLEANUP(mem_free_text) char *attribute = mem_printf("=\"%s\"", nonce);
    const char *const values[] = { meta, attribute, str_text(&data) };
    return page_fill(values);
}
