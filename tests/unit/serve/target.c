/* Paths and queries of strangers, and the routes that they lead to. */
#include "test.h"

#include "base/str.h"
#include "serve/route.h"

/* What a target is taken for: "a|b?k=v" or "!": refused. */
static const struct {
    const char *raw, *seen;
} targets[] = {
    { "/", "" },
    { "/v1/jobs", "v1|jobs" },
    { "/v1/jobs/a%20b", "v1|jobs|a b" },
    { "/v1/jobs/%C3%A4", "v1|jobs|\xc3\xa4" },
    { "/a+b", "a+b" },
    { "/a%2Bb?q=a+b%2Bc", "a+b?q=a b+c" },
    { "/a?", "a" },
    { "/a?k", "a?k=" },
    { "/a?k=v&l=w", "a?k=v&l=w" },
    { "/a?k=a=b", "a?k=a=b" },
    { "/a?k=/../x", "a?k=/../x" },
    { "/%2525", "%25" },
    { "/...", "..." },
    { "/.hidden", ".hidden" },
    { "", "!" },
    { "v1/jobs", "!" },
    { "*", "!" },
    { "http://127.0.0.1/v1/jobs", "!" },
    { "//", "!" },
    { "//etc/passwd", "!" },
    { "/a/", "!" },
    { "/a//b", "!" },
    { "/.", "!" },
    { "/..", "!" },
    { "/../etc/passwd", "!" },
    { "/v1/../../etc", "!" },
    { "/%2e%2e/etc", "!" },
    { "/%2E./etc", "!" },
    { "/a%2fb", "!" },
    { "/..%2f..%2fetc", "!" },
    { "/a%00", "!" },
    { "/%", "!" },
    { "/%4", "!" },
    { "/%zz", "!" },
    { "/%c", "!" },
    { "/a%ff", "!" },
    { "/a?k=%ff", "!" },
    { "/a\\b", "!" },
    { "/a b", "!" },
    { "/a\tb", "!" },
    { "/a#b", "!" },
    { "/a?k=%", "!" },
    { "/a?k=%00", "!" },
    { "/a?k=1&k=2", "!" },
    { "/1/2/3/4/5/6/7/8/9", "!" },
    { "/?1&2&3&4&5&6&7&8&9&a&b&c&d&e&f&g&h", "!" },
};

static char *show(const char *raw)
{
    struct str text = { 0 };
    CLEANUP(target_release) struct target target;
    str_add(&text, "");
    if (target_parse(raw, &target)) {
        assert_null(target.text);
        str_add(&text, "!");
    }
    for (size_t i = 0; i < target.name_count; i++)
        str_addf(&text, "%s%s", i > 0 ? "|" : "", target.names[i]);
    for (size_t i = 0; i < target.pair_count; i++)
        str_addf(&text, "%s%s=%s", i > 0 ? "&" : "?", target.pairs[i].key, target.pairs[i].value);
    return str_take(&text);
}

static void takes_targets_apart(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(targets); i++) {
        CLEANUP(mem_free_text) char *seen = show(targets[i].raw);
        if (strcmp(seen, targets[i].seen) != 0)
            fail_msg("'%s': got '%s', wanted '%s'", targets[i].raw, seen, targets[i].seen);
    }
}

static void refuses_what_is_long(void **state)
{
    (void)state;
    struct target target;
    char raw[TARGET_MAX_BYTES + 2];
    memset(raw, 'a', sizeof(raw));
    raw[0] = '/';
    raw[TARGET_MAX_BYTES] = '\0';
    assert_null(target_parse(raw, &target));
    target_release(&target);
    raw[TARGET_MAX_BYTES] = 'a';
    raw[TARGET_MAX_BYTES + 1] = '\0';
    assert_non_null(target_parse(raw, &target));
}

static void encodes_what_it_decodes(void **state)
{
    (void)state;
    const char *const names[] = { "clip", "a b", "a/b", "100%", "\xc3\xa4?&+#", "..", "" };
    for (size_t i = 0; i < COUNT(names); i++) {
        CLEANUP(mem_free_text) char *encoded = target_encode(names[i]);
        CLEANUP(mem_free_text) char *raw = mem_printf("/x?k=%s", encoded);
        CLEANUP(target_release) struct target target;
        assert_null(target_parse(raw, &target));
        assert_string_equal(target_get(&target, "k"), names[i]);
        assert_null(target_get(&target, "l"));
    }
}

static const struct {
    const char *method, *raw;
    enum route_kind kind;
    const char *allow, *job, *file;
} routes[] = {
    { "GET", "/", ROUTE_PAGE, "GET, HEAD", NULL, NULL },
    { "HEAD", "/", ROUTE_PAGE, "GET, HEAD", NULL, NULL },
    { "GET", "/v1/dashboard", ROUTE_DASHBOARD, "GET, HEAD", NULL, NULL },
    { "GET", "/v1/worker/health", ROUTE_HEALTH, "GET, HEAD", NULL, NULL },
    { "HEAD", "/v1/worker/health", ROUTE_HEALTH, "GET, HEAD", NULL, NULL },
    { "POST", "/v1/worker/health", ROUTE_NONE, "GET, HEAD", NULL, NULL },
    { "GET", "/metrics", ROUTE_METRICS, "GET, HEAD", NULL, NULL },
    { "GET", "/v1/jobs", ROUTE_JOBS, "GET, HEAD, POST", NULL, NULL },
    { "POST", "/v1/jobs", ROUTE_SUBMIT, "GET, HEAD, POST", NULL, NULL },
    { "DELETE", "/v1/jobs", ROUTE_NONE, "GET, HEAD, POST", NULL, NULL },
    { "GET", "/v1/jobs/clip", ROUTE_JOB, "GET, HEAD", "clip", NULL },
    { "PUT", "/v1/jobs/clip", ROUTE_NONE, "GET, HEAD", NULL, NULL },
    { "GET", "/v1/jobs/a/files/b.txt", ROUTE_FILE, "GET, HEAD", "a", "b.txt" },
    { "POST", "/v1/jobs/a/cancel", ROUTE_CANCEL, "POST", "a", NULL },
    { "GET", "/v1/jobs/a/cancel", ROUTE_NONE, "POST", NULL, NULL },
    { "POST", "/v1/jobs/a/retry", ROUTE_RETRY, "POST", "a", NULL },
    { "GET", "/v1/jobs/a/files", ROUTE_NONE, NULL, NULL, NULL },
    { "GET", "/v1/jobs/a/files/b/c", ROUTE_NONE, NULL, NULL, NULL },
    { "GET", "/v1", ROUTE_NONE, NULL, NULL, NULL },
    { "GET", "/V1/jobs", ROUTE_NONE, NULL, NULL, NULL },
    { "get", "/v1/jobs", ROUTE_NONE, "GET, HEAD, POST", NULL, NULL },
    { "GET", "/1/2/3/4/5/6/7/8", ROUTE_NONE, NULL, NULL, NULL },
};

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static void finds_routes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(routes); i++) {
        CLEANUP(target_release) struct target target;
        assert_null(target_parse(routes[i].raw, &target));
        struct route route = route_find(routes[i].method, &target);
        if (route.kind != routes[i].kind || !is_same(route.allow, routes[i].allow) ||
            !is_same(route.job, routes[i].job) || !is_same(route.file, routes[i].file))
            fail_msg("%s %s: kind %d, allow '%s'", routes[i].method, routes[i].raw, route.kind,
                     route.allow ? route.allow : "none");
    }
}

static void knows_the_keys(void **state)
{
    (void)state;
    CLEANUP(target_release) struct target target;
    assert_null(target_parse("/v1/jobs?state=done&limit=1&lane=high", &target));
    assert_null(route_unknown_key(ROUTE_JOBS, &target));
    assert_string_equal(route_unknown_key(ROUTE_SUBMIT, &target), "state");
    assert_string_equal(route_unknown_key(ROUTE_HEALTH, &target), "state");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_targets_apart),     cmocka_unit_test(refuses_what_is_long),
        cmocka_unit_test(encodes_what_it_decodes), cmocka_unit_test(finds_routes),
        cmocka_unit_test(knows_the_keys),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
