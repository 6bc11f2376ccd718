/* Where the server listens: what is an address, and what is said of one that cannot be had. */
#include "test.h"

#include "serve/listen.h"

#include <arpa/inet.h>
#include <stdio.h>

static const struct {
    const char *text;
    int family; /* 0: is none */
    int port;
    bool is_loopback;
} rows[] = {
    { "127.0.0.1:8350", AF_INET, 8350, true },
    { "127.255.0.7:1", AF_INET, 1, true },
    { "0.0.0.0:0", AF_INET, 0, false },
    { "128.0.0.1:65535", AF_INET, 65535, false },
    { "[::1]:8350", AF_INET6, 8350, true },
    { "[::]:8350", AF_INET6, 8350, false },
    { "[2001:db8::1]:80", AF_INET6, 80, false },
    { "", 0, 0, false },
    { "8350", 0, 0, false },
    { ":8350", 0, 0, false },
    { "localhost:8350", 0, 0, false },
    { "127.0.0.1", 0, 0, false },
    { "127.0.0.1:", 0, 0, false },
    { "127.0.0.1:65536", 0, 0, false },
    { "127.0.0.1:-1", 0, 0, false },
    { "127.0.0.1: 1", 0, 0, false },
    { "127.0.0.1:80x", 0, 0, false },
    { "127.0.0.1:99999999999999999999", 0, 0, false },
    { "127.1:80", 0, 0, false },
    { "::1:8350", 0, 0, false },
    { "[::1]", 0, 0, false },
    { "[::1]8350", 0, 0, false },
    { "[]:80", 0, 0, false },
    { "]:80", 0, 0, false },
    { "[127.0.0.1]:80", 0, 0, false },
};

static int port_of(const struct sockaddr_storage *address)
{
    return ntohs(address->ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)address)->sin6_port
                                                : ((const struct sockaddr_in *)address)->sin_port);
}

static void knows_addresses(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct sockaddr_storage address;
        socklen_t len;
        struct err err = { 0 };
        int r = listen_parse(rows[i].text, &address, &len, &err);
        if ((r == 0) != (rows[i].family != 0))
            fail_msg("'%s': %d, %s", rows[i].text, r, err.text);
        if (r < 0) {
            assert_int_equal(err.kind, ERR_USAGE);
            assert_non_null(strstr(err.text, rows[i].text));
            continue;
        }
        assert_int_equal(address.ss_family, rows[i].family);
        assert_int_equal(port_of(&address), rows[i].port);
        assert_int_equal(listen_is_loopback(&address), rows[i].is_loopback);
    }
}

/* The address of its URL, as it has to be given to listen there. */
static void where(const char *url, char *out, size_t size)
{
    assert_memory_equal(url, "http://", 7);
    (void)snprintf(out, size, "%s", url + 7);
    assert_int_equal(out[strlen(out) - 1], '/');
    out[strlen(out) - 1] = '\0';
}

static void says_where_it_is_and_who_was_first(void **state)
{
    (void)state;
    struct err err = { 0 };
    char address[64];
    CLEANUP(fs_close) int fd = -1;
    int other = -1;
    CLEANUP(mem_free_text) char *url = NULL;
    char *other_url = NULL;
    assert_ok(listen_open("127.0.0.1:0", &fd, &url, &err), err);
    where(url, address, sizeof(address));
    assert_string_not_equal(address, "127.0.0.1:0");
    assert_true(listen_open(address, &other, &other_url, &err) < 0);
    assert_int_equal(other, -1);
    assert_null(other_url);
    assert_non_null(strstr(err.text, address));
    assert_non_null(strstr(err.hint, "--listen"));
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(knows_addresses),
                                        cmocka_unit_test(says_where_it_is_and_who_was_first) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
