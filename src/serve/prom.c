#include "serve/prom.h"

#include "base/mem.h"

#include <math.h>
#include <string.h>

static const char *const types[] = { [PROM_GAUGE] = "gauge", [PROM_COUNTER] = "counter" };

/* Backslash and newline, and in the value of a label the quote too, are all that the format
 * escapes. It is UTF-8 throughout: one other byte and the whole scrape is refused. */
static void add_escaped(struct str *text, const char *raw, bool in_label)
{
    CLEANUP(mem_free_text) char *clean = str_utf8_clean(raw, strlen(raw));
    for (const char *at = clean; *at; at++) {
        if (*at == '\n')
            str_add(text, "\\n");
        else if (*at == '\\' || (*at == '"' && in_label))
            str_addf(text, "\\%c", *at);
        else
            str_add_bytes(text, at, 1);
    }
}

void prom_family(struct str *text, const char *name, enum prom_type type, const char *help)
{
    str_addf(text, "# HELP %s ", name);
    add_escaped(text, help, false);
    str_addf(text, "\n# TYPE %s %s\n", name, types[type]);
}

static void add_value(struct str *text, double value)
{
    if (isnan(value))
        str_add(text, "NaN");
    else if (isinf(value))
        str_add(text, value < 0 ? "-Inf" : "+Inf");
    else
        str_addf(text, "%.15g", value);
}

void prom_sample(struct str *text, const char *name, const char *const *labels, double value)
{
    str_add(text, name);
    for (const char *const *at = labels; at && *at; at += 2) {
        str_addf(text, "%s%s=\"", at == labels ? "{" : ",", at[0]);
        add_escaped(text, at[1], true);
        str_add(text, "\"");
    }
    str_add(text, labels && *labels ? "} " : " ");
    add_value(text, value);
    str_add(text, "\n");
}
