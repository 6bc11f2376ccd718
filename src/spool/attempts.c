#include "spool/attempts.h"

#include "base/mem.h"
#include "base/str.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ATTEMPTS_MAX_BYTES = 16 << 20, MESSAGE_MAX_BYTES = 1000 };

/* ---- what the lines say ---- */

static bool waits(const json_t *line, struct fs_print *ret_print)
{
    const json_t *waiting = json_object_get(line, "waiting");
    if (!json_is_object(waiting))
        return false;
    ret_print->size_bytes = json_get_int(waiting, "size_bytes", 0);
    ret_print->mtime_ns = json_get_int(waiting, "mtime_ns", 0);
    ret_print->inode = (uint64_t)json_get_int(waiting, "inode", 0);
    return true;
}

/* By the spool's clock; an earlier version wrote only the host's. */
static int64_t waits_at_ms(const json_t *line)
{
    int64_t at_ms = 0;
    (void)time_parse(json_get_text(line, "at", ""), &at_ms);
    return json_get_int(json_object_get(line, "waiting"), "spool_ms", at_ms);
}

static void count_wait(struct attempts *attempts, const json_t *line)
{
    struct fs_print print = { 0 };
    if (!waits(line, &print)) {
        attempts->waiting_since_ms = 0;
        return;
    }
    if (attempts->waiting_since_ms && fs_print_equal(&print, &attempts->waiting_print))
        return;
    attempts->waiting_since_ms = waits_at_ms(line);
    attempts->waiting_print = print;
}

static void count_line(struct attempts *attempts, const json_t *line)
{
    const char *event = json_get_text(line, "event", "");
    if (strcmp(event, "start") == 0) {
        attempts->started++;
        attempts->charged++;
        attempts->open = true;
    } else if (strcmp(event, "end") == 0) {
        if (attempts->open && json_is_false(json_object_get(line, "charged")))
            attempts->charged--;
        attempts->open = false;
        count_wait(attempts, line);
    } else if (strcmp(event, "retried") == 0) {
        attempts->charged = 0;
        attempts->open = false;
        attempts->waiting_since_ms = 0;
    }
}

void attempts_note(struct attempts *attempts, json_t *line)
{
    if (!attempts->lines)
        attempts->lines = json_array();
    count_line(attempts, line);
    (void)json_array_append_new(attempts->lines, line);
}

void attempts_each_in_hand(const struct attempts *attempts,
                           void (*fn)(json_t *arg, const json_t *in_hand), json_t *arg)
{
    size_t first = json_array_size(attempts->lines);
    while (first > 0 &&
           strcmp(json_get_text(json_array_get(attempts->lines, first - 1), "event", ""),
                  "retried") != 0)
        first--;
    for (size_t i = first; i < json_array_size(attempts->lines); i++) {
        const json_t *in_hand = json_object_get(json_array_get(attempts->lines, i), "in_hand");
        if (json_is_array(in_hand))
            fn(arg, in_hand);
    }
}

/* ---- the file ---- */

int attempts_read(int dir_fd, struct attempts *ret_attempts, struct err *err)
{
    CLEANUP(mem_free_text) char *text = NULL;
    size_t len = 0;
    int r = fs_read_file(dir_fd, ATTEMPTS_FILE, ATTEMPTS_MAX_BYTES, &text, &len, err);
    if (r < 0 && r != -ENOENT)
        return r;
    struct attempts attempts = { .lines = json_array() };
    char *at = text, *end;
    for (; at && (end = memchr(at, '\n', len - (size_t)(at - text))); at = end + 1) {
        json_t *line = NULL;
        struct json_mark mark;
        if (json_parse(at, (size_t)(end - at), &line, &mark, NULL) == 1)
            attempts_note(&attempts, line);
    }
    *ret_attempts = attempts;
    return 0;
}

void attempts_release(struct attempts *attempts)
{
    json_decref(attempts->lines);
    *attempts = (struct attempts){ 0 };
}

/* Does the file end in the middle of a line, which a crash left? */
static bool ends_torn(int fd)
{
    struct stat st;
    char last;
    return fstat(fd, &st) == 0 && st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1 &&
           last != '\n';
}

int attempts_append(int dir_fd, json_t *line, struct err *err)
{
    CLEANUP(json_drop) json_t *own = line;
    CLEANUP(mem_free_text) char *text = json_line(own);
    CLEANUP(fs_close)
    int fd = openat(dir_fd, ATTEMPTS_FILE,
                    O_RDWR | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0664);
    if (fd < 0)
        return err_set(err, ERR_IO, errno, "open '%s'", ATTEMPTS_FILE);
    CLEANUP(mem_free_text) char *whole = mem_printf("%s%s\n", ends_torn(fd) ? "\n" : "", text);
    int r = fs_write_all(fd, whole, strlen(whole));
    return r < 0 ? err_set(err, ERR_IO, -r, "write '%s'", ATTEMPTS_FILE) : 0;
}

json_t *attempts_retried_line(void)
{
    char time[TIME_TEXT_SIZE];
    json_t *line = json_object();
    json_set_text(line, "event", "retried");
    json_set_text(line, "at", time_format(time_wall_ms(), time));
    return line;
}

json_t *attempts_end_line(int number, const struct attempt_end *end)
{
    char time[TIME_TEXT_SIZE];
    json_t *line = json_object();
    json_set_text(line, "event", "end");
    json_set_int(line, "attempt", number);
    json_set_text(line, "at", time_format(time_wall_ms(), time));
    if (end->failure)
        json_set_text(line, "class", end->failure);
    if (end->message) { /* cut: there has to be room for the lines to come */
        CLEANUP(mem_free_text)
        char *cut = mem_strndup(end->message, str_utf8_cut(end->message, MESSAGE_MAX_BYTES));
        json_set_text(line, "message", cut);
    }
    json_set_bool(line, "charged", end->charged);
    if (end->in_hand)
        json_set(line, "in_hand", json_deep_copy(end->in_hand));
    if (end->waiting) {
        json_t *waiting = json_object();
        json_set_int(waiting, "size_bytes", end->waiting->size_bytes);
        json_set_int(waiting, "mtime_ns", end->waiting->mtime_ns);
        json_set_int(waiting, "inode", (json_int_t)end->waiting->inode);
        json_set_int(waiting, "spool_ms", end->waiting_at_ms);
        json_set(line, "waiting", waiting);
    }
    return line;
}
