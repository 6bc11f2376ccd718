#include "serve/desk.h"

#include "base/mem.h"
#include "base/time.h"
#include "serve/looker.h"

#include <stdlib.h>
#include <string.h>

enum {
    ENTRIES_MAX = 256,        /* as many as there are connections */
    KEPT_MAX_BYTES = 1 << 20, /* of one answer */
};

enum entry_state { ENTRY_WAITS, ENTRY_ASKED, ENTRY_ANSWERED };

/* A question, those who wait for its answer, and then the answer. */
struct desk_entry {
    struct desk_question question;
    char *text, *body;
    enum entry_state state;
    struct desk_visit *visits;
    struct answer *answer;
    int64_t answered_ms;
    unsigned writes; /* how many there had been when it was put */
    struct desk_entry *next;
};

struct line {
    struct desk *desk;
    struct looker *looker;
    struct desk_entry *asked; /* NULL: none, or nobody wants it any more */
    int64_t asked_ms, answered_ms;
};

struct desk {
    const struct serve_options *options;
    struct line lines[DESK_LINES];
    struct desk_entry *entries; /* the oldest first */
    size_t count;
    unsigned writes;
};

static void on_answer(void *arg, struct answer *answer);

struct desk *desk_new(struct loop *loop, const struct serve_options *options)
{
    struct desk *desk = MEM_NEW(struct desk);
    desk->options = options;
    for (size_t i = 0; i < DESK_LINES; i++) {
        desk->lines[i].desk = desk;
        desk->lines[i].looker = looker_new(loop, options, on_answer, &desk->lines[i]);
    }
    return desk;
}

/* ---- entries ---- */

static void free_entry(struct desk *desk, struct desk_entry *entry)
{
    for (struct desk_entry **at = &desk->entries; *at; at = &(*at)->next)
        if (*at == entry) {
            *at = entry->next;
            break;
        }
    for (size_t i = 0; i < DESK_LINES; i++)
        if (desk->lines[i].asked == entry)
            desk->lines[i].asked = NULL;
    desk->count--;
    answer_drop(&entry->answer);
    free(entry->text);
    free(entry->body);
    free(entry);
}

static struct desk_entry *add_entry(struct desk *desk, const struct desk_question *question)
{
    struct desk_entry *entry = MEM_NEW(struct desk_entry), **at = &desk->entries;
    entry->question = *question;
    entry->text = mem_strdup(question->text);
    entry->body = mem_strndup(question->body ? question->body : "", question->body_len);
    entry->writes = desk->writes;
    while (*at)
        at = &(*at)->next;
    *at = entry;
    desk->count++;
    return entry;
}

/* Makes room of those that nobody waits for; false: there are too many who do. */
static bool make_room(struct desk *desk)
{
    struct desk_entry *next;
    for (struct desk_entry *at = desk->entries; at && desk->count >= ENTRIES_MAX; at = next) {
        next = at->next;
        if (at->state != ENTRY_ASKED && !at->visits)
            free_entry(desk, at);
    }
    return desk->count < ENTRIES_MAX;
}

static void drop_old(struct desk *desk, int64_t now_ms)
{
    struct desk_entry *next;
    for (struct desk_entry *at = desk->entries; at; at = next) {
        next = at->next;
        if (at->state == ENTRY_ANSWERED && now_ms - at->answered_ms >= DESK_KEPT_MS)
            free_entry(desk, at);
    }
}

static struct desk_entry *find(const struct desk *desk, const struct desk_question *question)
{
    if (!question->is_shared)
        return NULL;
    for (struct desk_entry *at = desk->entries; at; at = at->next)
        if (at->question.is_shared && at->writes == desk->writes &&
            strcmp(at->text, question->text) == 0)
            return at;
    return NULL;
}

/* ---- visits ---- */

void desk_leave(struct desk_visit *visit)
{
    if (!visit->entry)
        return;
    struct desk_visit **at = &visit->entry->visits;
    while (*at != visit)
        at = &(*at)->next;
    *at = visit->next;
    visit->entry = NULL;
}

static void add_visit(struct desk_entry *entry, struct desk_visit *visit, int64_t now_ms)
{
    visit->since_ms = now_ms;
    visit->entry = entry;
    visit->next = entry->visits;
    entry->visits = visit;
}

/* Takes answer over. */
static void answer_visits(struct desk_entry *entry, struct answer *answer)
{
    while (entry->visits) {
        struct desk_visit *visit = entry->visits;
        desk_leave(visit);
        visit->on_answer(visit->arg, answer_hold(answer));
    }
    answer_drop(&answer);
}

/* ---- who does not answer ---- */

static bool is_silent(const struct line *line, int64_t now_ms)
{
    return looker_is_busy(line->looker) && now_ms - line->asked_ms >= DESK_PATIENCE_MS;
}

/* Of a write that nobody waits for any more: what was put is not taken back. */
static const char *fate_of(const struct desk_entry *entry)
{
    bool is_unknown = entry && entry->question.line == DESK_WRITES && entry->state == ENTRY_ASKED;
    return is_unknown ? "; whether the request was done is not known" : "";
}

static struct answer *no_answer(const struct line *line, const struct desk_entry *entry,
                                int64_t now_ms)
{
    const char *spool = line->desk->options->spool;
    CLEANUP(mem_free_text)
    char *error = mem_printf("the filesystem of '%s' does not answer (waited %.1f s)%s", spool,
                             (double)(now_ms - line->asked_ms) / 1000, fate_of(entry));
    CLEANUP(mem_free_text)
    char *hint = mem_printf("is the server or the mount gone? try: timeout 5 ls '%s'", spool);
    json_t *json = json_object();
    json_set_text(json, "error", error);
    json_set_text(json, "hint", hint);
    json_set(json, "last_answer_age_s",
             line->answered_ms ? json_integer((json_int_t)(now_ms - line->answered_ms) / 1000)
                               : NULL);
    struct answer *answer = answer_json(503, json);
    answer->retry_after_s = 10;
    return answer;
}

/* The spool answers, but not so many. entry NULL: it was not even written down. */
static struct answer *busy(const struct desk_entry *entry)
{
    CLEANUP(mem_free_text) char *error = mem_printf("too many requests wait%s", fate_of(entry));
    struct answer *answer = answer_error(503, error, "ask again in a moment");
    answer->retry_after_s = 5;
    return answer;
}

/* ---- lines ---- */

static void put_next(struct line *line, int64_t now_ms)
{
    struct desk *desk = line->desk;
    struct desk_entry *at = desk->entries, *next;
    for (; at && !looker_is_busy(line->looker); at = next) {
        next = at->next;
        if (at->state != ENTRY_WAITS || &desk->lines[at->question.line] != line)
            continue;
        if (!at->visits) {
            free_entry(desk, at);
            continue;
        }
        struct err err = { 0 };
        if (looker_ask(line->looker, at->text, at->body, at->question.body_len, &err) < 0) {
            answer_visits(at, answer_err(&err));
            free_entry(desk, at);
            next = desk->entries;
            continue;
        }
        at->state = ENTRY_ASKED;
        line->asked = at;
        line->asked_ms = now_ms;
    }
}

static void on_answer(void *arg, struct answer *answer)
{
    struct line *line = arg;
    struct desk *desk = line->desk;
    struct desk_entry *entry = TAKE(line->asked);
    line->answered_ms = time_mono_ms();
    if (!answer)
        answer = answer_error(500, "the child that looks at the spool died over this request",
                              "another takes its place; the log of the system may say more");
    if (line == &desk->lines[DESK_WRITES])
        desk->writes++; /* what was asked before does not count any more */
    if (entry && entry->question.is_shared && answer->body_len <= KEPT_MAX_BYTES) {
        entry->state = ENTRY_ANSWERED;
        entry->answered_ms = line->answered_ms;
        entry->answer = answer_hold(answer);
        answer_visits(entry, answer);
    } else if (entry) {
        answer_visits(entry, answer);
        free_entry(desk, entry);
    } else {
        answer_drop(&answer);
    }
    put_next(line, line->answered_ms);
}

struct answer *desk_ask(struct desk *desk, const struct desk_question *question,
                        struct desk_visit *visit)
{
    struct line *line = &desk->lines[question->line];
    int64_t now_ms = time_mono_ms();
    drop_old(desk, now_ms);
    struct desk_entry *entry = find(desk, question);
    if (entry && entry->answer)
        return answer_hold(entry->answer);
    if (is_silent(line, now_ms))
        return no_answer(line, NULL, now_ms);
    if (!entry && !make_room(desk))
        return busy(NULL);
    if (!entry)
        entry = add_entry(desk, question);
    add_visit(entry, visit, now_ms);
    put_next(line, now_ms);
    return NULL;
}

/* Only this one has waited for so long; others who ask the same came later. */
static void give_up(struct desk_entry *entry, struct line *line, int64_t now_ms)
{
    struct desk_visit *next;
    for (struct desk_visit *at = entry->visits; at; at = next) {
        next = at->next;
        if (now_ms - at->since_ms < DESK_PATIENCE_MS)
            continue;
        desk_leave(at);
        at->on_answer(at->arg,
                      is_silent(line, now_ms) ? no_answer(line, entry, now_ms) : busy(entry));
    }
}

int64_t desk_turn(struct desk *desk)
{
    int64_t now_ms = time_mono_ms(), due_ms = -1;
    for (struct desk_entry *at = desk->entries; at; at = at->next) {
        give_up(at, &desk->lines[at->question.line], now_ms);
        for (const struct desk_visit *visit = at->visits; visit; visit = visit->next) {
            int64_t left_ms = visit->since_ms + DESK_PATIENCE_MS - now_ms;
            if (due_ms < 0 || left_ms < due_ms)
                due_ms = left_ms;
        }
    }
    return due_ms;
}

void desk_free(struct desk **at)
{
    struct desk *desk = TAKE(*at);
    if (!desk)
        return;
    while (desk->entries) {
        answer_visits(desk->entries, answer_error(503, "the server is ending", NULL));
        free_entry(desk, desk->entries);
    }
    for (size_t i = 0; i < DESK_LINES; i++)
        looker_free(&desk->lines[i].looker);
    free(desk);
}
