#include "test.h"

#include "worker/wire.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

struct received {
    struct wire_message messages[8];
    size_t count;
};

static void on_message(void *arg, const struct wire_message *message)
{
    struct received *received = arg;
    if (received->count < COUNT(received->messages))
        received->messages[received->count] = *message;
    received->count++;
}

struct wire {
    int ends[2];
};

static void wire_open(struct wire *wire)
{
    assert_int_equal(pipe2(wire->ends, O_NONBLOCK | O_CLOEXEC), 0);
}

static void wire_close(struct wire *wire)
{
    fs_close(&wire->ends[0]);
    fs_close(&wire->ends[1]);
}

static void test_what_is_sent_arrives(void **state)
{
    (void)state;
    CLEANUP(wire_close) struct wire wire;
    wire_open(&wire);
    struct wire_message sent[] = {
        { .kind = WIRE_PROGRESS, .step = "frames", .done_us = 1500000, .total_us = INT64_MAX },
        { .kind = WIRE_LOG,
          .level = LOG_LEVEL_WARN,
          .step = "text",
          .text = "odd \"été\" \\ here" },
        { .kind = WIRE_OUTCOME,
          .failure = FAILURE_INPUT_CHANGED,
          .waiting = true,
          .print = { 7, -5, 99 },
          .text = "it changed",
          .hint = "wait" },
    };
    for (size_t i = 0; i < COUNT(sent); i++)
        assert_int_equal(wire_send(wire.ends[1], &sent[i]), 0);
    struct wire_reader reader = { 0 };
    struct received got = { 0 };
    struct err err = { 0 };
    assert_int_equal(wire_receive(&reader, wire.ends[0], on_message, &got, &err), 1);
    assert_int_equal(got.count, COUNT(sent));
    assert_string_equal(got.messages[0].step, "frames");
    assert_int_equal(got.messages[0].done_us, 1500000);
    assert_true(got.messages[0].total_us == INT64_MAX);
    assert_int_equal(got.messages[1].level, LOG_LEVEL_WARN);
    assert_string_equal(got.messages[1].text, sent[1].text);
    assert_int_equal(got.messages[2].failure, FAILURE_INPUT_CHANGED);
    assert_true(got.messages[2].waiting);
    assert_true(fs_print_equal(&got.messages[2].print, &sent[2].print));
    assert_string_equal(got.messages[2].hint, "wait");
    fs_close(&wire.ends[1]);
    assert_int_equal(wire_receive(&reader, wire.ends[0], on_message, &got, &err), 0);
}

static void fill(char *text, size_t size, const char *with)
{
    for (size_t i = 0; i + 1 < size; i++)
        text[i] = with[i % strlen(with)];
    text[size - 1] = '\0';
}

/* Whatever a text holds, its line fits and is read again. */
static void test_the_longest_and_oddest_texts_fit(void **state)
{
    (void)state;
    static const char *const fills[] = { "x",        "\"",       "\\",          "\n",
                                         "\x01",     "\x7F",     "\xFF",        "\xC3",
                                         "\xC2\x9B", "\xD8\x9C", "\xE2\x80\xAC" };
    for (size_t i = 0; i < COUNT(fills); i++) {
        CLEANUP(wire_close) struct wire wire;
        wire_open(&wire);
        struct wire_message message = { .kind = WIRE_OUTCOME,
                                        .print = { LLONG_MAX, LLONG_MIN, 1 } };
        fill(message.step, sizeof(message.step), fills[i]);
        fill(message.text, sizeof(message.text), fills[i]);
        fill(message.hint, sizeof(message.hint), fills[i]);
        assert_int_equal(wire_send(wire.ends[1], &message), 0);
        struct wire_reader reader = { 0 };
        struct received got = { 0 };
        struct err err = { 0 };
        int r = wire_receive(&reader, wire.ends[0], on_message, &got, &err);
        if (r != 1 || got.count != 1)
            fail_msg("fill %zu: %d, %s", i, r, err.text);
    }
}

static void test_what_is_unseen_arrives_printable(void **state)
{
    (void)state;
    CLEANUP(wire_close) struct wire wire;
    wire_open(&wire);
    struct wire_message message = { .kind = WIRE_OUTCOME,
                                    .text = "in 'a\x1b[2J\xC2\x9B\xE2\x80\xAE'\nat\t1",
                                    .hint = "\xFF\r\n" };
    assert_int_equal(wire_send(wire.ends[1], &message), 0);
    struct wire_reader reader = { 0 };
    struct received got = { 0 };
    struct err err = { 0 };
    assert_int_equal(wire_receive(&reader, wire.ends[0], on_message, &got, &err), 1);
    assert_string_equal(got.messages[0].text, "in 'a\\x1b[2J\\u009b\\u202e' at 1");
    assert_string_equal(got.messages[0].hint, "\xEF\xBF\xBD  ");
}

static const struct {
    const char *name, *bytes;
} hostile[] = {
    { "no JSON", "hello\n" },
    { "an empty line", "\n" },
    { "a list", "[1]\n" },
    { "no kind", "{\"step\":\"\",\"text\":\"\"}\n" },
    { "an unknown kind", "{\"m\":\"boo\",\"step\":\"\",\"text\":\"\"}\n" },
    { "no step", "{\"m\":\"progress\"}\n" },
    { "a step that is a number", "{\"m\":\"progress\",\"step\":1}\n" },
    { "an unknown level", "{\"m\":\"log\",\"step\":\"\",\"text\":\"\",\"level\":\"loud\"}\n" },
    { "an unknown class",
      "{\"m\":\"outcome\",\"step\":\"\",\"text\":\"\",\"hint\":\"\",\"failure\":\"fun\"}\n" },
    { "an outcome without hint",
      "{\"m\":\"outcome\",\"step\":\"\",\"text\":\"\",\"failure\":\"none\"}\n" },
    { "invalid UTF-8", "{\"m\":\"log\",\"step\":\"\xFF\",\"text\":\"\",\"level\":\"info\"}\n" },
};

static void test_what_breaks_the_protocol_is_an_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hostile); i++) {
        CLEANUP(wire_close) struct wire wire;
        wire_open(&wire);
        assert_int_equal(fs_write_all(wire.ends[1], hostile[i].bytes, strlen(hostile[i].bytes)), 0);
        struct wire_reader reader = { 0 };
        struct received got = { 0 };
        struct err err = { 0 };
        int r = wire_receive(&reader, wire.ends[0], on_message, &got, &err);
        if (r >= 0 || got.count != 0 || !err.text[0])
            fail_msg("'%s': %d, %zu messages", hostile[i].name, r, got.count);
    }
}

static void test_a_line_without_end_is_an_error(void **state)
{
    (void)state;
    CLEANUP(wire_close) struct wire wire;
    wire_open(&wire);
    char bytes[WIRE_LINE_MAX];
    memset(bytes, 'x', sizeof(bytes));
    assert_int_equal(fs_write_all(wire.ends[1], bytes, sizeof(bytes)), 0);
    struct wire_reader reader = { 0 };
    struct received got = { 0 };
    struct err err = { 0 };
    assert_true(wire_receive(&reader, wire.ends[0], on_message, &got, &err) < 0);
}

static void test_a_line_may_come_in_pieces(void **state)
{
    (void)state;
    CLEANUP(wire_close) struct wire wire;
    wire_open(&wire);
    const char *line = "{\"m\":\"log\",\"step\":\"a\",\"text\":\"b\",\"level\":\"info\"}\n";
    struct wire_reader reader = { 0 };
    struct received got = { 0 };
    struct err err = { 0 };
    for (const char *at = line; *at; at++) {
        assert_int_equal(got.count, 0);
        assert_int_equal(fs_write_all(wire.ends[1], at, 1), 0);
        assert_int_equal(wire_receive(&reader, wire.ends[0], on_message, &got, &err), 1);
    }
    assert_int_equal(got.count, 1);
    assert_string_equal(got.messages[0].text, "b");
}

/* ---- a flood ---- */

struct flood {
    int fd;
    int lines;
};

/* The pipe is never empty: two lines come for each that is read. */
static void on_flooded(void *arg, const struct wire_message *message)
{
    struct flood *flood = arg;
    if (++flood->lines > 100000)
        fail_msg("there is no end to one turn");
    (void)wire_send(flood->fd, message);
    (void)wire_send(flood->fd, message);
}

static void test_a_flood_gives_up_its_turn(void **state)
{
    (void)state;
    CLEANUP(wire_close) struct wire wire;
    struct wire_reader reader = { .len = 0 };
    struct err err = { 0 };
    wire_open(&wire);
    struct flood flood = { .fd = wire.ends[1] };
    struct wire_message line = { .kind = WIRE_LOG, .level = LOG_LEVEL_INFO, .text = "again" };
    while (wire_send(wire.ends[1], &line) == 0)
        ; /* until the pipe is full */
    assert_int_equal(wire_receive(&reader, wire.ends[0], on_flooded, &flood, &err), 1);
    assert_true(flood.lines > 0);
}

/* ---- orders ---- */

static const struct {
    const char *name, *bytes;
    int result; /* 1, 0, -1 */
} order_lines[] = {
    { "whole",
      "{\"token\":\"0\",\"attempt\":1,\"threads\":2,\"job\":\"a\",\"pipeline\":\"p\",\"input\":"
      "\"i\"}\n",
      1 },
    { "none", "", 0 },
    { "cut off", "{\"token\":\"0\",", -1 },
    { "no JSON", "go!\n", -1 },
    { "without a token",
      "{\"attempt\":1,\"threads\":2,\"job\":\"a\",\"pipeline\":\"p\",\"input\":\"i\"}\n", -1 },
    { "without threads",
      "{\"token\":\"0\",\"attempt\":1,\"job\":\"a\",\"pipeline\":\"p\",\"input\":\"i\"}\n", -1 },
    { "with no threads",
      "{\"token\":\"0\",\"attempt\":1,\"threads\":0,\"job\":\"a\",\"pipeline\":\"p\",\"input\":"
      "\"i\"}\n",
      -1 },
    { "without a number",
      "{\"token\":\"0\",\"threads\":2,\"job\":\"a\",\"pipeline\":\"p\",\"input\":\"i\"}\n", -1 },
};

static void test_only_whole_orders_are_taken(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(order_lines); i++) {
        CLEANUP(wire_close) struct wire wire;
        CLEANUP(json_drop) json_t *whole = NULL;
        struct wire_order order = { 0 };
        size_t len = strlen(order_lines[i].bytes);
        wire_open(&wire);
        assert_int_equal(fs_write_all(wire.ends[1], order_lines[i].bytes, len), 0);
        fs_close(&wire.ends[1]);
        int r = wire_receive_order(wire.ends[0], &order, &whole);
        if ((r > 0) - (r < 0) != order_lines[i].result || (r > 0) != (whole != NULL))
            fail_msg("'%s': %d", order_lines[i].name, r);
    }
}

static void test_what_an_order_says_arrives(void **state)
{
    (void)state;
    CLEANUP(wire_close) struct wire wire;
    CLEANUP(json_drop) json_t *whole = NULL;
    CLEANUP(json_drop) json_t *params = json_pack("{s:i}", "text.at", 3);
    CLEANUP(json_drop) json_t *skip = json_pack("[{s:s}]", "step", "text");
    struct wire_order received, order = { .token = "0",
                                          .attempt = 7,
                                          .job = "a",
                                          .pipeline = "p",
                                          .input = "i",
                                          .threads = 3,
                                          .timeout_s = 90,
                                          .from_inbox = true,
                                          .params = params,
                                          .skip = skip };
    wire_open(&wire);
    assert_int_equal(wire_send_order(wire.ends[1], &order), 0);
    assert_int_equal(wire_receive_order(wire.ends[0], &received, &whole), 1);
    assert_int_equal(received.attempt, 7);
    assert_int_equal(received.threads, 3);
    assert_int_equal(received.timeout_s, 90);
    assert_true(received.from_inbox);
    assert_true(json_equal(received.params, params) && json_equal(received.skip, skip));
}

/* What fits goes through to the last byte, what has one more does not. */
static void test_an_order_fits_or_is_refused(void **state)
{
    (void)state;
    char input[WIRE_LINE_MAX + 1] = "";
    size_t fits = 0;
    for (size_t len = 3900; len < sizeof(input); len++) {
        CLEANUP(wire_close) struct wire wire;
        CLEANUP(json_drop) json_t *whole = NULL;
        struct wire_order received, order = {
            .token = "0", .attempt = 1, .threads = 7, .job = "a", .pipeline = "p", .input = input
        };
        memset(input, 'x', len);
        wire_open(&wire);
        int r = wire_send_order(wire.ends[1], &order);
        assert_true(r == 0 || r == -EMSGSIZE);
        assert_true(r == -EMSGSIZE || fits == len || fits == 0);
        fits = r == 0 ? len + 1 : fits;
        if (r == 0) {
            assert_int_equal(wire_receive_order(wire.ends[0], &received, &whole), 1);
            assert_string_equal(received.input, input);
            assert_int_equal(received.threads, 7);
        }
    }
    assert_true(fits > 3900 && fits < sizeof(input));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_sent_arrives),
        cmocka_unit_test(test_the_longest_and_oddest_texts_fit),
        cmocka_unit_test(test_what_is_unseen_arrives_printable),
        cmocka_unit_test(test_what_breaks_the_protocol_is_an_error),
        cmocka_unit_test(test_a_line_without_end_is_an_error),
        cmocka_unit_test(test_a_line_may_come_in_pieces),
        cmocka_unit_test(test_a_flood_gives_up_its_turn),
        cmocka_unit_test(test_only_whole_orders_are_taken),
        cmocka_unit_test(test_what_an_order_says_arrives),
        cmocka_unit_test(test_an_order_fits_or_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
