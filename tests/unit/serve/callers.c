/* Connections whose time is over are shut, and only those; how many requests were answered, and
 * how. */
#include "test.h"

#include "serve/callers.h"
#include "serve/tally.h"

#include <sys/socket.h>

enum { COUNT_OF_THEM = 4 };

struct pairs {
    int ours[COUNT_OF_THEM], theirs[COUNT_OF_THEM];
    struct caller *callers[COUNT_OF_THEM];
};

static void connect_all(struct pairs *pairs, struct callers *callers, int64_t now_ms)
{
    for (size_t i = 0; i < COUNT_OF_THEM; i++) {
        int pair[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair), 0);
        pairs->ours[i] = pair[0];
        pairs->theirs[i] = pair[1];
        pairs->callers[i] = callers_add(callers, pair[0], now_ms);
    }
}

static bool is_shut(const struct pairs *pairs, size_t i)
{
    char byte;
    return recv(pairs->theirs[i], &byte, 1, 0) == 0;
}

static void shuts_who_is_late(void **state)
{
    (void)state;
    struct pairs pairs;
    struct callers callers = { 0 };
    connect_all(&pairs, &callers, 1000);
    caller_has_until(pairs.callers[1], 1000, CALLER_BODY_MS);
    caller_may_wait(pairs.callers[2]);
    assert_int_equal(callers_sweep(&callers, 1000 + CALLER_HEADERS_MS - 1), 0);
    callers_remove(&callers, pairs.callers[3]); /* in the middle of nothing, and the first */
    assert_int_equal(callers_sweep(&callers, 1000 + CALLER_HEADERS_MS), 1);
    assert_true(is_shut(&pairs, 0));
    for (size_t i = 1; i < COUNT_OF_THEM; i++)
        assert_false(is_shut(&pairs, i));
    assert_int_equal(callers_sweep(&callers, 1000 + CALLER_BODY_MS - 1), 0); /* not twice */
    assert_int_equal(callers_sweep(&callers, 1000 + CALLER_BODY_MS), 1);
    assert_true(is_shut(&pairs, 1));
    assert_int_equal(callers_sweep(&callers, INT64_MAX - 1), 0); /* that one waits for us */
    assert_int_equal(callers.count, 3);
    for (size_t i = 0; i < 3; i++) /* the last, one in the middle, the only one */
        callers_remove(&callers, pairs.callers[i]);
    assert_int_equal(callers.count, 0);
    assert_null(callers.first);
    for (size_t i = 0; i < COUNT_OF_THEM; i++) {
        fs_close(&pairs.ours[i]);
        fs_close(&pairs.theirs[i]);
    }
}

static void counts_what_was_answered(void **state)
{
    (void)state;
    struct tally tally = { 0 };
    CLEANUP(str_release) struct str text = { 0 };
    tally_count(&tally, "GET", 200);
    tally_count(&tally, "GET", 200);
    tally_count(&tally, "GET", 404);
    tally_count(&tally, "POST", 201);
    tally_count(&tally, "BREW\" } 1", 405); /* a stranger's word is no series of its own */
    tally_count(&tally, "get", 405);
    tally_count(&tally, "GET", -1);
    tally_count(&tally, "GET", 1000000);
    tally_add_metrics(&text, &tally, 7);
    const char *const wanted[] = {
        "takeup_http_requests_total{method=\"GET\",code=\"200\"} 2\n",
        "takeup_http_requests_total{method=\"GET\",code=\"404\"} 1\n",
        "takeup_http_requests_total{method=\"POST\",code=\"201\"} 1\n",
        "takeup_http_requests_total{method=\"other\",code=\"405\"} 2\n",
        "takeup_http_connections 7\n",
    };
    size_t lines = 0;
    for (size_t i = 0; i < COUNT(wanted); i++)
        if (!strstr(str_text(&text), wanted[i]))
            fail_msg("not there: %sbut: %s", wanted[i], str_text(&text));
    for (const char *at = str_text(&text); *at; at = strchr(at, '\n') + 1)
        lines += *at != '#';
    assert_int_equal(lines, COUNT(wanted));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(shuts_who_is_late),
                                        cmocka_unit_test(counts_what_was_answered) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
