/* Questions and answers arrive whole, however the bytes come; and what does not is told. */
#include "test.h"

#include "serve/wire.h"

#include <errno.h>
#include <sys/socket.h>

struct line {
    int server, child;
};

static void close_line(struct line *line)
{
    fs_close(&line->server);
    fs_close(&line->child);
}

static struct line make_line(void)
{
    int pair[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    return (struct line){ pair[0], pair[1] };
}

static void questions_arrive(void **state)
{
    (void)state;
    static const char body[] = "{\"a\":\0 1}";
    CLEANUP(close_line) struct line line = make_line();
    CLEANUP(str_release) struct str bytes = { 0 };
    wire_add_question(&bytes, "{\"do\":\"submit\"}", body, sizeof(body));
    wire_add_question(&bytes, "{\"do\":\"health\"}", NULL, 0);
    assert_int_equal(write(line.server, bytes.data, bytes.len), (ssize_t)bytes.len);
    static const char *const wanted[] = { "submit", "health" };
    for (size_t i = 0; i < COUNT(wanted); i++) {
        CLEANUP(json_drop) json_t *question = NULL;
        CLEANUP(mem_free_text) char *got = NULL;
        size_t len = 99;
        assert_int_equal(wire_next_question(line.child, &question, &got, &len), 1);
        assert_string_equal(json_get_text(question, "do", ""), wanted[i]);
        assert_int_equal(len, i == 0 ? sizeof(body) : 0);
        assert_memory_equal(got, body, len);
    }
}

static void a_child_sees_that_the_server_is_gone(void **state)
{
    (void)state;
    CLEANUP(str_release) struct str bytes = { 0 };
    wire_add_question(&bytes, "{\"do\":\"submit\"}", "body", 4);
    for (size_t len = 0; len < bytes.len; len++) { /* in the middle of anything */
        CLEANUP(close_line) struct line line = make_line();
        json_t *question = NULL;
        char *body = NULL;
        size_t body_len;
        assert_int_equal(write(line.server, bytes.data, len), (ssize_t)len);
        fs_close(&line.server);
        assert_int_equal(wire_next_question(line.child, &question, &body, &body_len), 0);
        assert_null(question);
        assert_null(body);
    }
}

static struct answer *an_answer(int pipe_fd)
{
    struct answer *answer = answer_text(206, "text/plain", mem_strdup("the body"));
    answer->etag = mem_strdup("\"tag\"");
    answer->location = mem_strdup("/v1/jobs/a");
    answer->pipe_fd = pipe_fd;
    answer->pipe_bytes = 5;
    return answer;
}

static void assert_same(const struct answer *got, const struct answer *sent)
{
    assert_int_equal(got->status, sent->status);
    assert_string_equal(got->type, sent->type);
    assert_string_equal(got->etag, sent->etag);
    assert_string_equal(got->location, sent->location);
    assert_null(got->disposition);
    assert_int_equal(got->pipe_bytes, sent->pipe_bytes);
    assert_int_equal(got->body_len, sent->body_len);
    assert_memory_equal(got->body, sent->body, sent->body_len);
}

static void answers_arrive_with_their_pipe(void **state)
{
    (void)state;
    int ends[2];
    char text[6] = "";
    assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
    assert_int_equal(write(ends[1], "bytes", 5), 5);
    CLEANUP(close_line) struct line line = make_line();
    CLEANUP(answer_drop) struct answer *sent = an_answer(ends[0]);
    CLEANUP(answer_drop) struct answer *got = NULL;
    CLEANUP(wire_reader_release) struct wire_reader reader = WIRE_READER_NEW;
    assert_int_equal(wire_take_answer(&reader, line.server, &got), 0); /* nothing has come */
    assert_true(wire_send_answer(line.child, sent));
    for (int i = 0; !got && i < 10; i++)
        assert_true(wire_take_answer(&reader, line.server, &got) >= 0);
    assert_non_null(got);
    assert_same(got, sent);
    assert_true(got->pipe_fd >= 0 && got->pipe_fd != sent->pipe_fd);
    assert_int_equal(read(got->pipe_fd, text, 5), 5);
    assert_string_equal(text, "bytes");
    fs_close(&ends[1]);
}

/* As a stream may bring them: byte by byte. */
static void answers_come_in_pieces(void **state)
{
    (void)state;
    char bytes[1024];
    CLEANUP(close_line) struct line line = make_line();
    CLEANUP(close_line) struct line slow = make_line();
    CLEANUP(answer_drop) struct answer *sent = an_answer(-1);
    CLEANUP(answer_drop) struct answer *got = NULL;
    CLEANUP(wire_reader_release) struct wire_reader reader = WIRE_READER_NEW;
    assert_true(wire_send_answer(line.child, sent));
    ssize_t len = read(line.server, bytes, sizeof(bytes));
    assert_true(len > 8 && len < (ssize_t)sizeof(bytes));
    for (ssize_t i = 0; i < len; i++) {
        assert_null(got);
        assert_int_equal(write(slow.child, bytes + i, 1), 1);
        assert_int_equal(wire_take_answer(&reader, slow.server, &got), i == len - 1);
    }
    assert_same(got, sent);
    assert_int_equal(got->pipe_fd, -1);
}

static void the_server_sees_that_the_child_is_gone(void **state)
{
    (void)state;
    static const char no_json[] = "\x02\0\0\0\0\0\0\0?!";
    for (int i = 0; i < 3; i++) {
        CLEANUP(close_line) struct line line = make_line();
        CLEANUP(wire_reader_release) struct wire_reader reader = WIRE_READER_NEW;
        struct answer *got = NULL;
        if (i == 1) { /* in the middle of it */
            assert_int_equal(write(line.child, no_json, 9), 9);
            assert_int_equal(wire_take_answer(&reader, line.server, &got), 0);
        }
        if (i == 2)
            assert_int_equal(write(line.child, no_json, sizeof(no_json) - 1), 10);
        fs_close(&line.child);
        assert_int_equal(wire_take_answer(&reader, line.server, &got), i == 2 ? -EPROTO : -EPIPE);
        assert_null(got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(questions_arrive),
        cmocka_unit_test(a_child_sees_that_the_server_is_gone),
        cmocka_unit_test(answers_arrive_with_their_pipe),
        cmocka_unit_test(answers_come_in_pieces),
        cmocka_unit_test(the_server_sees_that_the_child_is_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
