#include "worker/wire.h"

#include "base/json.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { READS_A_TURN = 64 }; /* all that a pipe holds, even if each gives half a line */

static const char *const kind_names[] = {
    [WIRE_PROGRESS] = "progress",
    [WIRE_LOG] = "log",
    [WIRE_OUTCOME] = "outcome",
};

int wire_pipes_open(struct wire_pipes *pipes)
{
    if (pipe2(pipes->wire, O_CLOEXEC) < 0 || pipe2(pipes->order, O_CLOEXEC) < 0)
        return -1;
    return fcntl(pipes->wire[0], F_SETFL, O_NONBLOCK);
}

void wire_pipes_close(struct wire_pipes *pipes)
{
    for (int i = 0; i < 2; i++) {
        fs_close(&pipes->wire[i]);
        fs_close(&pipes->order[i]);
    }
}

/* ---- the runner's end ---- */

/* In one line and printable, so that JSON makes of a byte at most two and the line always fits:
 * 2 * (72 + 1024 + 512) and some 300 for the rest are less than 4096. */
static void set_plain(json_t *object, const char *key, const char *text, size_t size)
{
    CLEANUP(mem_free_text) char *clean = str_utf8_clean(text, str_utf8_cut(text, size - 1));
    for (char *at = clean; *at; at++)
        if (strchr("\t\n\r", *at))
            *at = ' ';
    CLEANUP(mem_free_text) char *plain = str_printable(clean);
    plain[str_utf8_cut(plain, size - 1)] = '\0';
    json_set_text(object, key, plain);
}

int wire_send(int fd, const struct wire_message *message)
{
    CLEANUP(json_drop) json_t *object = json_object();
    json_set_text(object, "m", kind_names[message->kind]);
    set_plain(object, "step", message->step, WIRE_STEP_SIZE);
    if (message->kind == WIRE_PROGRESS) {
        json_set_int(object, "done_us", message->done_us);
        json_set_int(object, "total_us", message->total_us);
    } else {
        set_plain(object, "text", message->text, WIRE_TEXT_SIZE);
    }
    if (message->kind == WIRE_LOG)
        json_set_text(object, "level", log_level_name(message->level));
    if (message->kind == WIRE_OUTCOME) {
        json_set_text(object, "failure", failure_name(message->failure));
        set_plain(object, "hint", message->hint, WIRE_HINT_SIZE);
        json_set_bool(object, "waiting", message->waiting);
        json_set_int(object, "size_bytes", message->print.size_bytes);
        json_set_int(object, "mtime_ns", message->print.mtime_ns);
        json_set_int(object, "inode", (json_int_t)message->print.inode);
    }
    CLEANUP(mem_free_text) char *line = json_line(object);
    CLEANUP(mem_free_text) char *whole = mem_printf("%s\n", line);
    return fs_write_all(fd, whole, strlen(whole));
}

/* ---- orders ---- */

int wire_send_order(int fd, const struct wire_order *order)
{
    CLEANUP(json_drop) json_t *object = json_object();
    json_set_text(object, "token", order->token);
    json_set_int(object, "attempt", order->attempt);
    json_set_int(object, "threads", order->threads);
    if (order->timeout_s > 0)
        json_set_int(object, "timeout_s", order->timeout_s);
    json_set_text(object, "job", order->job);
    json_set_text(object, "pipeline", order->pipeline);
    json_set_text(object, "input", order->input);
    json_set_bool(object, "from_inbox", order->from_inbox);
    if (order->params)
        json_set(object, "params", json_incref((json_t *)(uintptr_t)order->params));
    if (order->skip)
        json_set(object, "skip", json_incref((json_t *)(uintptr_t)order->skip));
    CLEANUP(mem_free_text) char *line = json_line(object);
    CLEANUP(mem_free_text) char *whole = mem_printf("%s\n", line);
    size_t len = strlen(whole);
    return len > WIRE_LINE_MAX ? -EMSGSIZE : fs_write_all(fd, whole, len);
}

/* From 1 up; 0: it is not. */
static int get_number(const json_t *object, const char *key)
{
    json_int_t number = json_get_int(object, key, 0);
    return number > 0 && number <= INT_MAX ? (int)number : 0;
}

static int read_line(int fd, char line[WIRE_LINE_MAX], size_t *ret_len)
{
    size_t len = 0;
    while (len == 0 || line[len - 1] != '\n') {
        ssize_t got = read(fd, line + len, WIRE_LINE_MAX - len);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0) /* or the line is too long */
            return len == 0 && got == 0 ? 0 : -EPROTO;
        len += (size_t)got;
    }
    *ret_len = len;
    return 1;
}

int wire_receive_order(int fd, struct wire_order *ret_order, json_t **ret_whole)
{
    char line[WIRE_LINE_MAX];
    size_t len = 0;
    struct json_mark mark;
    CLEANUP(json_drop) json_t *whole = NULL;
    int r = read_line(fd, line, &len);
    if (r <= 0)
        return r;
    if (json_parse(line, len, &whole, &mark, NULL) != 1)
        return -EPROTO;
    struct wire_order order = {
        .token = json_get_text(whole, "token", NULL),
        .attempt = get_number(whole, "attempt"),
        .threads = get_number(whole, "threads"),
        .timeout_s = get_number(whole, "timeout_s"),
        .job = json_get_text(whole, "job", NULL),
        .pipeline = json_get_text(whole, "pipeline", NULL),
        .input = json_get_text(whole, "input", NULL),
        .from_inbox = json_is_true(json_object_get(whole, "from_inbox")),
        .params = json_object_get(whole, "params"),
        .skip = json_object_get(whole, "skip"),
    };
    if (!order.token || !order.attempt || !order.threads || !order.job || !order.pipeline ||
        !order.input)
        return -EPROTO;
    *ret_order = order;
    *ret_whole = TAKE(whole);
    return 1;
}

/* ---- the worker's end ---- */

static int get_text(const json_t *object, const char *key, char *out, size_t size, struct err *err)
{
    const char *text = json_get_text(object, key, NULL);
    if (!text || strlen(text) >= size)
        return err_set(err, ERR_INPUT, 0, "a runner's message has no proper '%s'", key);
    memcpy(out, text, strlen(text) + 1);
    return 0;
}

static int get_kind(const json_t *object, enum wire_kind *ret_kind, struct err *err)
{
    const char *name = json_get_text(object, "m", "");
    for (size_t i = 0; i < COUNT(kind_names); i++)
        if (strcmp(kind_names[i], name) == 0) {
            *ret_kind = (enum wire_kind)i;
            return 0;
        }
    return err_set(err, ERR_INPUT, 0, "a runner's message is of no known kind");
}

static int parse_outcome(const json_t *object, struct wire_message *message, struct err *err)
{
    message->failure = failure_parse(json_get_text(object, "failure", ""));
    if (message->failure == FAILURE_COUNT)
        return err_set(err, ERR_INPUT, 0, "a runner's outcome is of no known class");
    message->waiting = json_is_true(json_object_get(object, "waiting"));
    message->print.size_bytes = json_get_int(object, "size_bytes", 0);
    message->print.mtime_ns = json_get_int(object, "mtime_ns", 0);
    message->print.inode = (uint64_t)json_get_int(object, "inode", 0);
    return get_text(object, "hint", message->hint, sizeof(message->hint), err);
}

static int parse_line(const char *line, size_t len, struct wire_message *ret_message,
                      struct err *err)
{
    CLEANUP(json_drop) json_t *object = NULL;
    struct json_mark mark;
    struct wire_message message = { 0 };
    if (json_parse(line, len, &object, &mark, NULL) != 1 || !json_is_object(object))
        return err_set(err, ERR_INPUT, 0, "a runner's message is no JSON object");
    int r = get_kind(object, &message.kind, err);
    if (r == 0)
        r = get_text(object, "step", message.step, sizeof(message.step), err);
    if (r == 0 && message.kind != WIRE_PROGRESS)
        r = get_text(object, "text", message.text, sizeof(message.text), err);
    if (r == 0 && message.kind == WIRE_OUTCOME)
        r = parse_outcome(object, &message, err);
    if (r == 0 && message.kind == WIRE_LOG &&
        log_level_parse(json_get_text(object, "level", ""), &message.level) < 0)
        r = err_set(err, ERR_INPUT, 0, "a runner's log line is of no known level");
    if (r < 0)
        return r;
    message.done_us = json_get_int(object, "done_us", 0);
    message.total_us = json_get_int(object, "total_us", 0);
    *ret_message = message;
    return 0;
}

/* Gives out the whole lines in the reader and keeps what is behind them. */
static int take_lines(struct wire_reader *reader, wire_fn *fn, void *arg, struct err *err)
{
    char *at = reader->line, *end = reader->line + reader->len, *newline;
    while ((newline = memchr(at, '\n', (size_t)(end - at)))) {
        struct wire_message message;
        int r = parse_line(at, (size_t)(newline - at), &message, err);
        if (r < 0)
            return r;
        fn(arg, &message);
        at = newline + 1;
    }
    reader->len = (size_t)(end - at);
    memmove(reader->line, at, reader->len);
    if (reader->len == sizeof(reader->line))
        return err_set(err, ERR_INPUT, 0, "a runner's message has more than %d bytes",
                       WIRE_LINE_MAX);
    return 0;
}

int wire_receive(struct wire_reader *reader, int fd, wire_fn *fn, void *arg, struct err *err)
{
    for (int reads = 0; reads < READS_A_TURN; reads++) {
        size_t room = sizeof(reader->line) - reader->len;
        ssize_t got = read(fd, reader->line + reader->len, room);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0 && errno == EAGAIN)
            return 1;
        if (got < 0)
            return err_set(err, ERR_IO, errno, "read from a runner");
        if (got == 0)
            return 0; /* what has no end was cut off by its death */
        reader->len += (size_t)got;
        int r = take_lines(reader, fn, arg, err);
        if (r < 0)
            return r;
        if ((size_t)got < room)
            return 1; /* that was all; the end shows by itself */
    }
    return 1;
}
