/* print.c - what commands print. The only place with printf and its like: what is printed is mostly
 * written by strangers (names of files, messages of a plugin, texts that were read), and here
 * nobody forgets to escape it. */
#include "cli/cli.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define CLEAR_LINE "\r\033[K"

static bool bar_is_shown;

void cli_line(FILE *out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    CLEANUP(mem_free_text) char *text = mem_vprintf(format, args);
    va_end(args);
    CLEANUP(mem_free_text) char *line = str_printable(text);
    (void)fprintf(out, "%s\n", line);
}

void cli_lines(FILE *out, const char *text)
{
    CLEANUP(mem_free_text) char *lines = str_printable_lines(text);
    (void)fputs(lines, out);
}

/* The record may come from a runner that somebody took over, so it can hold what no step gives. */
void cli_reading(const char *text)
{
    bool is_seen = isatty(STDOUT_FILENO);
    CLEANUP(mem_free_text) char *shown = is_seen ? str_printable_lines(text) : str_plain(text);
    (void)fputs(shown, stdout);
    if (shown[0] && !str_has_suffix(shown, "\n"))
        (void)fputc('\n', stdout);
}

void cli_print_json(const json_t *value)
{
    CLEANUP(mem_free_text) char *text = json_pretty(value);
    (void)fputs(text, stdout);
}

void cli_bar(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    CLEANUP(mem_free_text) char *text = mem_vprintf(format, args);
    va_end(args);
    CLEANUP(mem_free_text) char *bar = str_printable(text);
    (void)fprintf(stderr, CLEAR_LINE "%s", bar);
    bar_is_shown = true;
}

void cli_bar_clear(void)
{
    if (bar_is_shown)
        (void)fputs(CLEAR_LINE, stderr);
    bar_is_shown = false;
}

void cli_raw(const char *text)
{
    (void)fputs(text, stdout);
    (void)fflush(stdout);
}

int cli_fail(int status, const struct err *err)
{
    cli_line(stderr, "takeup: %s", err->text);
    if (err->hint[0])
        cli_line(stderr, "  %s", err->hint);
    return status;
}

int cli_usage(const struct cli *cli, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    CLEANUP(mem_free_text) char *text = mem_vprintf(format, args);
    va_end(args);
    cli_line(stderr, "takeup %s: %s", cli->command->name, text);
    cli_line(stderr, "  see: takeup %s --help", cli->command->name);
    return EXIT_USAGE;
}

int cli_flush(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    cli_line(stderr, "takeup: write to standard output: %s", strerror(errno));
    clearerr(stdout); /* told once */
    return status == EXIT_OK ? EXIT_NOT_SO : status;
}
