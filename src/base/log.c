#include "base/log.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct {
    const char *name;
    int priority; /* of syslog(3) */
} levels[LOG_LEVEL_COUNT] = {
    [LOG_LEVEL_ERROR] = { "error", 3 }, [LOG_LEVEL_WARN] = { "warn", 4 },
    [LOG_LEVEL_INFO] = { "info", 6 },   [LOG_LEVEL_DEBUG] = { "debug", 7 },
    [LOG_LEVEL_TRACE] = { "trace", 7 },
};

static const char *const styles[] = { [LOG_STYLE_LOGFMT] = "logfmt", [LOG_STYLE_JSON] = "json" };

static struct {
    enum log_level level;
    enum log_style style;
    bool to_journal;
} log_state = { .level = LOG_LEVEL_INFO };

/* JOURNAL_STREAM is "device:inode" of the stream that the journal reads (systemd.exec(5)). */
static bool stderr_is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    struct stat st;
    if (!stream || fstat(STDERR_FILENO, &st) < 0)
        return false;
    CLEANUP(mem_free_text)
    char *ours =
        mem_printf("%llu:%llu", (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
    return strcmp(ours, stream) == 0;
}

void log_setup(enum log_level level, enum log_style style)
{
    log_state.level = level;
    log_state.style = style;
    log_state.to_journal = stderr_is_journal();
}

enum log_level log_level_now(void)
{
    return log_state.level;
}

enum log_style log_style_now(void)
{
    return log_state.style;
}

bool log_is_on(enum log_level level)
{
    return level <= log_state.level;
}

int log_level_parse(const char *word, enum log_level *ret_level)
{
    for (size_t i = 0; i < COUNT(levels); i++)
        if (strcmp(levels[i].name, word) == 0) {
            *ret_level = (enum log_level)i;
            return 0;
        }
    return -EINVAL;
}

int log_style_parse(const char *word, enum log_style *ret_style)
{
    for (size_t i = 0; i < COUNT(styles); i++)
        if (strcmp(styles[i], word) == 0) {
            *ret_style = (enum log_style)i;
            return 0;
        }
    return -EINVAL;
}

const char *log_level_name(enum log_level level)
{
    return levels[level].name;
}

/* As a JSON string; what is unseen never reaches a terminal, in either style. */
static void add_quoted(struct str *line, const char *text)
{
    CLEANUP(mem_free_text) char *clean = str_utf8_clean(text, strlen(text));
    str_add(line, "\"");
    for (const char *at = clean; *at;) {
        uint32_t code = 0;
        size_t unseen = str_unseen(at, &code);
        if (*at == '"' || *at == '\\')
            str_addf(line, "\\%c", *at);
        else if (*at == '\n')
            str_add(line, "\\n");
        else if (unseen > 0)
            str_addf(line, "\\u%04x", (unsigned)code);
        else
            str_add_bytes(line, at, 1);
        at += unseen > 0 ? unseen : 1;
    }
    str_add(line, "\"");
}

static bool is_bare(const char *text)
{
    uint32_t code;
    if (!*text || !str_is_utf8(text, strlen(text)))
        return false;
    for (; *text; text++)
        if (strchr(" \"=\\", *text) || str_unseen(text, &code) > 0)
            return false;
    return true;
}

static char last_of(const struct str *line)
{
    return line->len > 0 ? line->data[line->len - 1] : '\0';
}

static void add_pair(struct str *line, const char *key, const char *value)
{
    if (log_state.style == LOG_STYLE_JSON) {
        str_add(line, last_of(line) == '{' ? "" : ",");
        add_quoted(line, key);
        str_add(line, ":");
        add_quoted(line, value);
        return;
    }
    if (line->len > 0 && last_of(line) != '>')
        str_add(line, " ");
    str_addf(line, "%s=", key);
    if (is_bare(value))
        str_add(line, value);
    else
        add_quoted(line, value);
}

void log_write(enum log_level level, const char *const *fields, const char *format, ...)
{
    if (!log_is_on(level))
        return;
    int saved_errno = errno;
    va_list args;
    va_start(args, format);
    CLEANUP(mem_free_text) char *message = mem_vprintf(format, args);
    va_end(args);

    CLEANUP(str_release) struct str line = { 0 };
    if (log_state.to_journal)
        str_addf(&line, "<%d>", levels[level].priority);
    if (log_state.style == LOG_STYLE_JSON)
        str_add(&line, "{");
    char now[TIME_TEXT_SIZE];
    if (!log_state.to_journal)
        add_pair(&line, "time", time_format(time_wall_ms(), now));
    add_pair(&line, "level", levels[level].name);
    add_pair(&line, "msg", message);
    for (; fields[0]; fields += 2)
        if (fields[1])
            add_pair(&line, fields[0], fields[1]);
    str_add(&line, log_state.style == LOG_STYLE_JSON ? "}\n" : "\n");
    /* One write, so that lines of several processes do not mix. */
    (void)!write(STDERR_FILENO, line.data, line.len);
    errno = saved_errno;
}
