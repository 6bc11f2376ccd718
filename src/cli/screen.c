#include "cli/screen.h"

#include "base/mem.h"
#include "base/str.h"
#include "cli/cli.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define HIDE_CURSOR "\033[?25l"
#define SHOW_CURSOR "\033[?25h"
#define HOME "\033[H"
#define CLEAR_TO_LINE_END "\033[K"
#define CLEAR_TO_END "\033[J"

enum { COLUMNS_OTHERWISE = 80, COLUMNS_LEAST = 32, COLUMNS_MOST = 1000 };

bool screen_is_there(void)
{
    return isatty(STDOUT_FILENO);
}

static int bounded(long columns)
{
    return columns < COLUMNS_LEAST  ? COLUMNS_LEAST
           : columns > COLUMNS_MOST ? COLUMNS_MOST
                                    : (int)columns;
}

/* The terminal knows best: COLUMNS is of a shell, and stays when the window changes. */
void screen_size(int *ret_columns, int *ret_rows)
{
    struct winsize size = { 0 };
    const char *columns = getenv("COLUMNS");
    *ret_columns = COLUMNS_OTHERWISE;
    *ret_rows = 0;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0) {
        *ret_rows = size.ws_row;
        if (size.ws_col > 0) {
            *ret_columns = bounded(size.ws_col);
            return;
        }
    }
    if (columns && strtol(columns, NULL, 10) > 0)
        *ret_columns = bounded(strtol(columns, NULL, 10));
}

bool screen_wants_colour(const char *word, bool *ret_colour)
{
    const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
    if (word && strcmp(word, "auto") != 0) {
        *ret_colour = strcmp(word, "always") == 0;
        return *ret_colour || strcmp(word, "never") == 0;
    }
    *ret_colour = screen_is_there() && !(no_colour && no_colour[0]) && terminal && terminal[0] &&
                  strcmp(terminal, "dumb") != 0;
    return true;
}

void screen_begin(void)
{
    cli_raw(HIDE_CURSOR HOME CLEAR_TO_END);
}

void screen_end(void)
{
    cli_raw(SHOW_CURSOR);
}

void screen_draw(const char *text)
{
    CLEANUP(str_release) struct str out = { 0 };
    str_add(&out, HOME);
    for (const char *end; (end = strchr(text, '\n')); text = end + 1) {
        str_add_bytes(&out, text, (size_t)(end - text));
        str_add(&out, CLEAR_TO_LINE_END "\n");
    }
    str_add(&out, CLEAR_TO_END);
    cli_raw(str_text(&out));
}

void screen_print(const char *text)
{
    cli_raw(text);
}

static void signals(sigset_t *ret_set)
{
    static const int all[] = { SIGINT, SIGTERM, SIGHUP, SIGWINCH };
    (void)sigemptyset(ret_set);
    for (size_t i = 0; i < COUNT(all); i++)
        (void)sigaddset(ret_set, all[i]);
}

/* What is ignored is never seen by sigtimedwait, as SIGWINCH is without a handler. */
static void on_size(int number)
{
    (void)number;
}

void screen_catch_signals(void)
{
    sigset_t set;
    signals(&set);
    (void)sigprocmask(SIG_BLOCK, &set, NULL);
    (void)sigaction(SIGWINCH, &(struct sigaction){ .sa_handler = on_size }, NULL);
}

bool screen_wait(int64_t ms)
{
    sigset_t set;
    signals(&set);
    int got = sigtimedwait(
        &set, NULL, &(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 });
    return got < 0 || got == SIGWINCH;
}
