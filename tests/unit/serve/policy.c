/* Who may ask, by the headers; and as what a file is handed out. */
#include "test.h"

#include "serve/content.h"
#include "serve/policy.h"

static const struct {
    const char *host;
    bool is_ours;
} hosts[] = {
    { NULL, true },
    { "localhost", true },
    { "LOCALHOST:8350", true },
    { "127.0.0.1:8350", true },
    { "192.0.2.7", true },
    { "[::1]:8350", true },
    { "[2001:db8::1]", true },
    { "spool.example", true },
    { "SPOOL.example:443", true },
    { "evil.example", false },
    { "evil.example:8350", false },
    { "localhost.evil.example", false },
    { "127.0.0.1.evil.example", false },
    { "spool.example.evil.example", false },
    { "", false },
    { ":80", false },
    { "localhost:", false },
    { "localhost:80x", false },
    { "[::1", false },
    { "[::1]x", false },
    { "[localhost]", true }, /* as good as without */
    { "::1", false },
    { "localhost, evil.example", false },
    { "0x7f000001", false },
};

static void knows_its_hosts(void **state)
{
    (void)state;
    const char *const names[] = { "other.example", "spool.example" };
    for (size_t i = 0; i < COUNT(hosts); i++)
        if (policy_is_our_host(hosts[i].host, names, COUNT(names)) != hosts[i].is_ours)
            fail_msg("'%s' should%s be ours", hosts[i].host, hosts[i].is_ours ? "" : " not");
    assert_false(policy_is_our_host("spool.example", NULL, 0));
}

static const struct {
    const char *origin, *host;
    bool is_ours;
} origins[] = {
    { NULL, "localhost:8350", true },
    { "http://localhost:8350", "localhost:8350", true },
    { "https://spool.example", "spool.example", true },
    { "http://localhost:8351", "localhost:8350", false },
    { "http://localhost", "localhost:8350", false },
    { "http://evil.example", "localhost:8350", false },
    { "http://localhost:8350.evil.example", "localhost:8350", false },
    { "null", "localhost:8350", false },
    { "", "localhost:8350", false },
    { "ftp://localhost:8350", "localhost:8350", false },
    { "http://localhost", NULL, false },
};

static void knows_its_origin(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(origins); i++)
        if (policy_is_our_origin(origins[i].origin, origins[i].host) != origins[i].is_ours)
            fail_msg("row %zu, '%s'", i, origins[i].origin);
    assert_true(policy_is_same_site(NULL));
    assert_true(policy_is_same_site("same-origin"));
    assert_true(policy_is_same_site("none"));
    assert_false(policy_is_same_site("cross-site"));
    assert_false(policy_is_same_site("same-site"));
    assert_false(policy_is_same_site(""));
}

static void knows_json(void **state)
{
    (void)state;
    assert_true(policy_is_json("application/json"));
    assert_true(policy_is_json("Application/JSON; charset=utf-8"));
    assert_true(policy_is_json("application/json ;x"));
    assert_false(policy_is_json(NULL));
    assert_false(policy_is_json("text/plain"));
    assert_false(policy_is_json("application/jsonx"));
    assert_false(policy_is_json("text/plain; application/json"));
}

static void compares_tokens(void **state)
{
    (void)state;
    const char token[] = "0123456789abcdef";
    assert_true(policy_has_token("Bearer 0123456789abcdef", token));
    assert_true(policy_has_token("bearer 0123456789abcdef", token));
    assert_false(policy_has_token(NULL, token));
    assert_false(policy_has_token("", token));
    assert_false(policy_has_token("Bearer ", token));
    assert_false(policy_has_token("Bearer 0123456789abcde", token));
    assert_false(policy_has_token("Bearer 0123456789abcdeF", token));
    assert_false(policy_has_token("Bearer 0123456789abcdef0123456789abcdef", token));
    assert_false(policy_has_token("Bearer  0123456789abcdef", token));
    assert_false(policy_has_token("Basic 0123456789abcdef", token));
}

static const struct {
    const char *text;
    mode_t mode;
    const char *token, *error;
} files[] = {
    { "0123456789abcdef\n", 0600, "0123456789abcdef", NULL },
    { "0123456789abcdef", 0400, "0123456789abcdef", NULL },
    { "0123456789abcdef\r\nnext\n", 0600, "0123456789abcdef", NULL },
    { "0123456789abcdef\n", 0640, NULL, "others can read" },
    { "0123456789abcdef\n", 0604, NULL, "others can read" },
    { "0123456789abcde\n", 0600, NULL, "no token" },
    { "0123456789 abcdef\n", 0600, NULL, "no token" },
    { "\n0123456789abcdef\n", 0600, NULL, "no token" },
    { "", 0600, NULL, "no token" },
};

static void reads_tokens(void **state)
{
    (void)state;
    CLEANUP(mem_free_text) char *dir = test_make_dir();
    CLEANUP(mem_free_text) char *path = mem_printf("%s/token", dir);
    for (size_t i = 0; i < COUNT(files); i++) {
        CLEANUP(mem_free_text) char *token = NULL;
        struct err err = { 0 };
        (void)unlink(path);
        assert_ok(fs_write_file(AT_FDCWD, path, files[i].text, strlen(files[i].text), 0, &err),
                  err);
        assert_int_equal(chmod(path, files[i].mode), 0);
        int r = policy_read_token(path, &token, &err);
        if (files[i].token ? r != 0 || strcmp(token, files[i].token) != 0
                           : r == 0 || !strstr(err.text, files[i].error))
            fail_msg("row %zu: %d, '%s', '%s'", i, r, token ? token : "none", err.text);
    }
    struct err err = { 0 };
    char *none = NULL;
    (void)unlink(path);
    assert_true(policy_read_token(path, &none, &err) < 0);
    assert_true(symlink("/etc/hostname", path) == 0);
    assert_true(policy_read_token(path, &none, &err) < 0);
    test_remove_dir(&dir);
}

static const struct {
    const char *name, *type;
    bool is_inline;
} contents[] = {
    { "text.txt", "text/plain; charset=utf-8", true },
    { "captions.SRT", "text/plain; charset=utf-8", true },
    { "frames.jsonl", "text/plain; charset=utf-8", true },
    { "report.json", "application/json", true },
    { "0001.png", "image/png", true },
    { "page.html", "application/octet-stream", false },
    { "page.HTM", "application/octet-stream", false },
    { "x.txt.html", "application/octet-stream", false },
    { "drawing.svg", "application/octet-stream", false },
    { "feed.xml", "application/octet-stream", false },
    { "x.js", "application/octet-stream", false },
    { "txt", "application/octet-stream", false },
    { "a.", "application/octet-stream", false },
};

static void hands_out_nothing_that_runs(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(contents); i++) {
        bool is_inline;
        const char *type = content_type(contents[i].name, &is_inline);
        if (strcmp(type, contents[i].type) != 0 || is_inline != contents[i].is_inline)
            fail_msg("%s: %s", contents[i].name, type);
    }
    CLEANUP(mem_free_text) char *header = content_disposition("a\"\r\nX: y.txt", false);
    assert_string_equal(header, "attachment; filename*=UTF-8''a%22%0D%0AX%3A%20y.txt");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_its_hosts), cmocka_unit_test(knows_its_origin),
        cmocka_unit_test(knows_json),      cmocka_unit_test(compares_tokens),
        cmocka_unit_test(reads_tokens),    cmocka_unit_test(hands_out_nothing_that_runs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
