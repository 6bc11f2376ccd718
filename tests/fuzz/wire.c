/* What a runner says: it has parsed media, so whoever made the media may be speaking. The first
 * byte tells in how many pieces the rest arrives. */
#include "fuzz.h"

#include "base/fs.h"
#include "base/macros.h"
#include "base/str.h"
#include "worker/wire.h"

#include <fcntl.h>
#include <string.h>

static void check_text(const char *text, size_t size)
{
    MUST(memchr(text, '\0', size));
    MUST(str_is_utf8(text, strlen(text)));
}

/* Has what was taken the values that it may have? Then it can also be sent. */
static void on_message(void *arg, const struct wire_message *message)
{
    const int *null_fd = arg;
    MUST(message->kind <= WIRE_OUTCOME);
    MUST((unsigned)message->failure < FAILURE_COUNT);
    MUST(log_level_name(message->level));
    check_text(message->step, sizeof(message->step));
    check_text(message->text, sizeof(message->text));
    check_text(message->hint, sizeof(message->hint));
    MUST(wire_send(*null_fd, message) == 0);
}

/* All that is in the pipe: it is less than a turn reads. */
static int receive(struct wire_reader *reader, int fd, int null_fd)
{
    struct err err = { 0 };
    int r = wire_receive(reader, fd, on_message, &null_fd, &err);
    MUST(reader->len <= sizeof(reader->line));
    MUST(r >= 0 || err.text[0]);
    return r;
}

static void speak(const uint8_t *data, size_t size, size_t piece, int null_fd)
{
    struct wire_reader reader = { 0 };
    struct wire_pipes pipes = WIRE_NO_PIPES;
    MUST(wire_pipes_open(&pipes) == 0);
    int r = 1;
    for (size_t at = 0; at < size && r == 1; at += piece) {
        size_t len = size - at < piece ? size - at : piece;
        MUST(fs_write_all(pipes.wire[1], (const char *)data + at, len) == 0);
        r = receive(&reader, pipes.wire[0], null_fd);
    }
    fs_close(&pipes.wire[1]);
    if (r == 1)
        MUST(receive(&reader, pipes.wire[0], null_fd) <= 0);
    wire_pipes_close(&pipes);
}

/* The other direction: of a whole line. */
static void order(const uint8_t *data, size_t size)
{
    struct wire_order order;
    struct wire_pipes pipes = WIRE_NO_PIPES;
    CLEANUP(json_drop) json_t *whole = NULL;
    MUST(wire_pipes_open(&pipes) == 0);
    MUST(fs_write_all(pipes.order[1], (const char *)data, size) == 0);
    fs_close(&pipes.order[1]);
    if (wire_receive_order(pipes.order[0], &order, &whole) == 1)
        MUST(order.token && order.job && order.pipeline && order.input && order.attempt > 0 &&
             order.threads > 0);
    wire_pipes_close(&pipes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { PIECE_MIN = 16, PIPE_BYTES = 32768 };
    if (size < 2 || size > PIPE_BYTES)
        return 0;
    CLEANUP(fs_close) int null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    MUST(null_fd >= 0);
    speak(data + 1, size - 1, data[0] == 0 ? size : PIECE_MIN * (size_t)data[0], null_fd);
    order(data + 1, size - 1);
    return 0;
}
