/* overview_text.c - tables that fit a terminal. What is cut off here is whole in `takeup status X`
 * and in STATUS.txt, so each section ends within its columns, whatever strangers called things. */
#include "spool/overview.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/width.h"
#include "spool/watchdogs.h"

#include <stdio.h>
#include <string.h>

enum {
    NAME_PART = 3, /* of the columns, for a name: a third */
    BAR_COLUMNS = 20,
    NARROW = 60, /* below that no step and a short bar */
    PROBLEMS_SHOWN = 8,
};

#define BOLD "\033[1m"
#define RED "\033[31m"
#define YELLOW "\033[33m"
#define GREEN "\033[32m"
#define PLAIN "\033[0m"

struct page {
    struct str text;
    const struct overview_look *look;
};

static void colour(struct page *page, const char *code)
{
    if (page->look->coloured)
        str_add(&page->text, code);
}

/* ---- lines ---- */

/* A stranger's text in lines of at most so many columns, parted at blanks where there are any. */
static void add_wrapped(struct page *page, const char *code, int indent, const char *told)
{
    CLEANUP(mem_free_text) char *shown = str_printable(told);
    int room = page->look->columns - indent;
    for (const char *at = shown; *at;) {
        size_t len = width_cut(at, room), cut = len;
        if (at[len])
            while (cut > 0 && at[cut] != ' ')
                cut--;
        if (cut > 0)
            len = cut;
        if (len == 0)
            break; /* not even one character fits */
        str_addf(&page->text, "%*s", indent, "");
        colour(page, code);
        str_add_bytes(&page->text, at, len);
        colour(page, PLAIN);
        str_add(&page->text, "\n");
        at += len;
        at += strspn(at, " ");
    }
}

static void add_heading(struct page *page, const char *text)
{
    str_add(&page->text, "\n");
    colour(page, BOLD);
    width_add(&page->text, text,
              width_text(text) < page->look->columns ? width_text(text) : page->look->columns);
    colour(page, PLAIN);
    str_add(&page->text, "\n");
}

/* NAME  MIDDLE  WHY, in the columns that there are. */
static void add_row(struct page *page, const char *name, const char *middle, const char *why)
{
    int columns = page->look->columns, name_columns = columns / NAME_PART;
    int middle_columns = 10, rest = columns - 2 - name_columns - 1 - middle_columns - 1;
    str_add(&page->text, "  ");
    width_add(&page->text, name, name_columns);
    str_add(&page->text, " ");
    width_add(&page->text, middle, middle_columns);
    str_add(&page->text, " ");
    width_add(&page->text, why, width_text(why) < rest ? width_text(why) : rest);
    str_add(&page->text, "\n");
}

/* "90 s", "12 min", "3 h", "2 d". */
static void span_text(double seconds, char out[32])
{
    static const struct {
        double below_s, unit_s;
        const char *name;
    } units[] = { { 100, 1, "s" }, { 6000, 60, "min" }, { 172800, 3600, "h" } };
    for (size_t i = 0; i < COUNT(units); i++)
        if (seconds < units[i].below_s) {
            (void)snprintf(out, 32, "%.0f %s", seconds / units[i].unit_s, units[i].name);
            return;
        }
    (void)snprintf(out, 32, "%.0f d", seconds / 86400);
}

/* ---- workers ---- */

static const char *state_of(const struct survey_worker *worker, const char **ret_colour)
{
    const char *state = worker->beat->state;
    *ret_colour = GREEN;
    if (heartbeat_has_stopped(worker->beat)) {
        *ret_colour = "";
        return "stopped";
    }
    if (!worker->alive) {
        *ret_colour = RED;
        return "DEAD";
    }
    if (strcmp(state, "paused") == 0)
        *ret_colour = YELLOW;
    return state[0] ? state : "unknown";
}

static void add_worker(struct page *page, const struct survey_worker *worker)
{
    const char *code, *state = state_of(worker, &code);
    const json_t *whole = worker->beat->whole;
    size_t jobs = json_array_size(json_object_get(whole, "jobs"));
    char beat[32], load[32];
    span_text(worker->age_s, beat);
    (void)snprintf(load, sizeof(load), "%zu of %lld", worker->alive ? jobs : 0,
                   (long long)json_get_int(whole, "free", 0) + (long long)jobs);
    str_add(&page->text, "  ");
    colour(page, code);
    width_add(&page->text, state, 9);
    colour(page, PLAIN);
    width_add(&page->text, beat, 8);
    width_add(&page->text, load, 9);
    int rest = page->look->columns - 28;
    const char *name = worker->beat->worker;
    width_add(&page->text, name, width_text(name) < rest ? width_text(name) : rest);
    str_add(&page->text, "\n");
    if (worker->alive && worker->beat->reason[0])
        add_wrapped(page, code, 4, worker->beat->reason);
}

static void add_workers(struct page *page, const struct survey *survey)
{
    int stopped = 0;
    add_heading(page, "Workers    beat    jobs     name");
    for (size_t i = 0; i < survey->beat_count; i++) {
        if (heartbeat_has_stopped(survey->workers[i].beat))
            stopped++; /* they have ended as they were told to */
        else
            add_worker(page, &survey->workers[i]);
    }
    if (stopped == (int)survey->beat_count)
        add_wrapped(page, "", 2,
                    stopped ? "none; the last ones have ended" : "none has ever beaten here");
    size_t i;
    const json_t *note;
    json_array_foreach(survey->watchdogs, i, note)
    {
        if (survey->alive_count > 0 && watchdog_has_given_up(note))
            continue; /* somebody has started another worker since */
        CLEANUP(mem_free_text) char *told = watchdog_note_text(note, survey->now_ms);
        CLEANUP(mem_free_text) char *line = mem_printf("watchdog: %s", told);
        add_wrapped(page, "", 2, line);
    }
}

/* ---- running jobs ---- */

static void add_bar(struct page *page, double progress, int columns)
{
    int full = progress < 0 ? 0 : (int)(progress * columns);
    str_add(&page->text, "[");
    colour(page, GREEN);
    for (int i = 0; i < columns; i++) {
        if (i == full)
            colour(page, PLAIN);
        str_add(&page->text, i < full ? "#" : progress < 0 ? " " : ".");
    }
    colour(page, PLAIN);
    str_add(&page->text, "]");
}

static void add_job(struct page *page, const json_t *job)
{
    int columns = page->look->columns;
    bool is_narrow = columns < NARROW;
    int bar = is_narrow ? BAR_COLUMNS / 4 : BAR_COLUMNS, step = is_narrow ? 0 : 9;
    int name = columns - 2 - 1 - step - (bar + 2) - 5 - 9;
    double progress = json_get_real(job, "progress", -1), eta_s = json_get_real(job, "eta_s", -1);
    if (progress > 1)
        progress = 1; /* whoever says so */
    char percent[16] = "    ?", left[32] = "", shown[40];
    if (progress >= 0)
        (void)snprintf(percent, sizeof(percent), "%4.0f%%", progress * 100);
    if (eta_s >= 0)
        span_text(eta_s, left);
    (void)snprintf(shown, sizeof(shown), " %8s", left);
    str_add(&page->text, "  ");
    width_add(&page->text, json_get_text(job, "name", "?"), name);
    str_add(&page->text, " ");
    if (step > 0)
        width_add(&page->text, json_get_text(job, "step", "-"), step);
    add_bar(page, progress, bar);
    width_add(&page->text, percent, 5);
    width_add(&page->text, shown, 9);
    str_add(&page->text, "\n");
}

static void add_running(struct page *page, const struct survey *survey)
{
    bool any = false;
    for (size_t i = 0; i < survey->beat_count; i++) {
        const json_t *jobs = json_object_get(survey->beats[i].whole, "jobs"), *job;
        size_t j;
        if (!survey->workers[i].alive)
            continue;
        json_array_foreach(jobs, j, job)
        {
            if (!any)
                add_heading(page, "Running, and the time that is left");
            any = true;
            add_job(page, job);
        }
    }
}

/* ---- what waits, what failed ---- */

/* "NAME COUNT": on this line, or the next when it does not fit. */
static void add_count(struct page *page, int *used, const char *item)
{
    int width = width_text(item);
    if (*used > 0 && *used + 3 + width > page->look->columns) {
        str_add(&page->text, "\n");
        *used = 0;
    }
    str_addf(&page->text, *used > 0 ? "   %s" : "  %s", item);
    *used += width + (*used > 0 ? 3 : 2);
}

static void add_counts(struct page *page, const struct survey *survey)
{
    const struct {
        const char *name;
        int64_t count;
        bool is_rare; /* not worth a word when there is none */
    } items[] = {
        { "high", survey->lanes[0], true }, { "normal", survey->lanes[1], false },
        { "low", survey->lanes[2], true },  { "deferred", survey->deferred, false },
        { "inbox", survey->inbox, false },  { "running", survey->running, false },
        { "done", survey->done, false },    { "error", survey->error, false },
    };
    char item[64];
    int used = 0;
    add_heading(page, "Jobs");
    for (size_t i = 0; i < COUNT(items); i++) {
        if (items[i].is_rare && items[i].count == 0)
            continue;
        bool is_more = survey->inbox_more && strcmp(items[i].name, "inbox") == 0;
        (void)snprintf(item, sizeof(item), "%s %lld%s", items[i].name, (long long)items[i].count,
                       is_more ? "+" : "");
        add_count(page, &used, item);
    }
    if (survey->free_bytes >= 0) {
        (void)snprintf(item, sizeof(item), "free %.1f GiB", (double)survey->free_bytes / (1 << 30));
        add_count(page, &used, item);
    }
    str_add(&page->text, "\n");
}

static void add_deferred(struct page *page, const struct survey *survey,
                         const struct overview *overview)
{
    if (overview->deferred_count)
        add_heading(page, "Deferred: when they are due, and why");
    for (size_t i = 0; i < overview->deferred_count; i++) {
        const struct overview_job *job = &overview->deferred[i];
        char span[32], due[48] = "now";
        if (job->at_ms > survey->now_ms) {
            span_text((double)(job->at_ms - survey->now_ms) / 1000, span);
            (void)snprintf(due, sizeof(due), "in %s", span);
        }
        add_row(page, job->name, due, job->why);
    }
}

static void add_errors(struct page *page, const struct survey *survey,
                       const struct overview *overview)
{
    if (overview->error_count)
        add_heading(page, "Last errors (takeup status NAME says what to do)");
    for (size_t i = 0; i < overview->error_count; i++) {
        const struct overview_job *job = &overview->errors[i];
        char span[32], ago[48];
        double age_s = (double)(survey->now_ms - job->at_ms) / 1000;
        span_text(age_s > 0 ? age_s : 0, span);
        (void)snprintf(ago, sizeof(ago), "%s ago", span);
        add_row(page, job->name, ago, job->why);
    }
}

static void add_problems(struct page *page, const struct survey *survey)
{
    size_t shown = survey->problems.kept < PROBLEMS_SHOWN ? survey->problems.kept : PROBLEMS_SHOWN;
    if (shown)
        add_heading(page, "Cannot be taken, and why");
    for (size_t i = 0; i < shown; i++) {
        const struct problem *problem = &survey->problems.items[i];
        add_wrapped(page, YELLOW, 2, problem->path);
        add_wrapped(page, "", 4, problem->reason);
    }
    if (survey->problems.count > shown)
        str_addf(&page->text, "  and %zu more\n", survey->problems.count - shown);
}

/* The last of so many lines says how many there would be. */
static void cut_rows(struct page *page)
{
    int rows = page->look->rows, lines = 0;
    char *last = NULL, *data = page->text.data;
    for (char *at = data; (at = strchr(at, '\n')); at++)
        if (++lines == rows - 1)
            last = at;
    if (rows < 2 || lines <= rows || !last)
        return;
    page->text.len = (size_t)(last + 1 - data);
    data[page->text.len] = '\0';
    str_addf(&page->text, "… %d more lines", lines - rows + 1);
    str_add(&page->text, "\n");
}

char *overview_text(const char *spool_path, const struct survey *survey,
                    const struct overview *overview, const struct overview_look *look)
{
    struct page page = { .look = look };
    CLEANUP(mem_free_text) char *head = survey_head(spool_path, survey);
    add_wrapped(&page,
                survey->alive_count == 0       ? BOLD RED
                : survey_paused_worker(survey) ? BOLD YELLOW
                : survey->problems.count > 0   ? BOLD YELLOW
                                               : BOLD GREEN,
                0, head);
    add_workers(&page, survey);
    add_running(&page, survey);
    add_counts(&page, survey);
    add_deferred(&page, survey, overview);
    add_errors(&page, survey, overview);
    add_problems(&page, survey);
    cut_rows(&page);
    return str_take(&page.text);
}
