/* The body of an answer comes in pieces, and each gives its caller time anew. */
#include "test.h"

#include "base/time.h"
#include "serve/pieces.h"

enum { BODY_BYTES = 100000 };

static char *make_body(void)
{
    char *body = mem_zero(BODY_BYTES + 1, 1);
    for (size_t i = 0; i < BODY_BYTES; i++)
        body[i] = (char)('a' + i % 23);
    return body;
}

static void each_piece_gives_time_anew(void **state)
{
    (void)state;
    static char out[BODY_BYTES];
    struct caller caller = { 0 };
    CLEANUP(mem_free_text) char *wanted = make_body();
    CLEANUP(answer_drop) struct answer *answer = answer_text(200, NULL, make_body());
    struct pieces *pieces = pieces_new(answer, &caller);
    uint64_t at = 0;
    answer_drop(&answer); /* it holds what it hands out */
    while (at < BODY_BYTES) {
        caller_may_wait(&caller);
        int64_t before_ms = time_mono_ms();
        ssize_t got = pieces_read(pieces, at, out + at, sizeof(out) - at);
        assert_in_range(got, 1, PIECE_MAX_BYTES);
        assert_true(caller.deadline_ms >= before_ms + CALLER_TAKES_MS);
        assert_true(caller.deadline_ms <= time_mono_ms() + CALLER_TAKES_MS);
        at += (uint64_t)got;
    }
    assert_int_equal(at, BODY_BYTES);
    assert_memory_equal(out, wanted, BODY_BYTES);
    pieces_end(pieces);
}

static void a_piece_is_no_larger_than_there_is_room(void **state)
{
    (void)state;
    char out[8] = "";
    struct caller caller = { 0 };
    CLEANUP(answer_drop) struct answer *answer = answer_text(200, NULL, mem_strdup("abcdefgh"));
    struct pieces *pieces = pieces_new(answer, &caller);
    assert_int_equal(pieces_read(pieces, 2, out, 3), 3);
    assert_string_equal(out, "cde");
    pieces_end(pieces);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_piece_gives_time_anew),
        cmocka_unit_test(a_piece_is_no_larger_than_there_is_room),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
