/* The page: what is put into it stays what it is. */
#include "test.h"

#include "base/str.h"
#include "serve/page.h"

static size_t count_of(const char *text, const char *what)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        count++;
    return count;
}

static void test_live(void **state)
{
    (void)state;
    CLEANUP(mem_free_text) char *page = page_live("c0ffee");
    assert_true(str_has_prefix(page, "<!doctype html>"));
    assert_true(str_has_suffix(page, "</html>\n"));
    assert_int_equal(count_of(page, "nonce=\"c0ffee\""), 2);
    assert_int_equal(count_of(page, "NONCE"), 0);
    assert_int_equal(count_of(page, "<!--CSP-->"), 0);
    assert_int_equal(count_of(page, "id=\"data\">null</script>"), 1);
    assert_int_equal(count_of(page, "<script"), 2);
    assert_int_equal(count_of(page, "innerHTML"), 0);
}

/* Every address in it is a namespace or a path of the server. */
static void test_asks_nobody_else(void **state)
{
    (void)state;
    CLEANUP(mem_free_text) char *page = page_live("c0ffee");
    assert_int_equal(count_of(page, "http:"), count_of(page, "\"http://www.w3.org/2000/svg\""));
    assert_int_equal(count_of(page, "https:"), 0);
    assert_int_equal(count_of(page, "src="), 0);
    assert_int_equal(count_of(page, "@import"), 0);
    assert_int_equal(count_of(page, "url("), 0);
}

static void test_policy(void **state)
{
    (void)state;
    CLEANUP(mem_free_text) char *policy = page_policy("c0ffee");
    assert_non_null(strstr(policy, "default-src 'none'"));
    assert_non_null(strstr(policy, "connect-src 'self'"));
    assert_non_null(strstr(policy, "script-src 'nonce-c0ffee'"));
    assert_null(strstr(policy, "unsafe"));
}

static const char *const hostile[] = {
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "]]>&lt;\"'`",
    "<!--CSP-->",
    "=\"NONCE\"",
    ">STATE<",
    "\xe2\x80\xae\x1b[31m\xe2\x80\xa8\xe2\x80\xac",
    "\\u003c\\\"",
};

/* What is between the tags of the data, which nothing in it can end. */
static char *data_of(const char *page)
{
    static const char begin[] = "<script type=\"application/json\" id=\"data\">";
    const char *from = strstr(page, begin);
    assert_non_null(from);
    from += strlen(begin);
    const char *to = strstr(from, "</script>");
    assert_non_null(to);
    return mem_strndup(from, (size_t)(to - from));
}

static void test_static(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(hostile); i++) {
        CLEANUP(json_drop) json_t *shown = json_object(), *back = NULL;
        struct json_mark mark;
        struct err err = { 0 };
        json_set_text(shown, "name", hostile[i]);
        CLEANUP(mem_free_text) char *page = page_static(shown, 10);
        CLEANUP(mem_free_text) char *data = data_of(page);
        if (strpbrk(data, "<>&"))
            fail_msg("row %zu: %s", i, data);
        if (json_parse(data, strlen(data), &back, &mark, &err) != 1)
            fail_msg("row %zu: %s", i, err.text);
        assert_string_equal(json_get_text(back, "name", ""), hostile[i]);
        assert_true(json_get_real(json_object_get(back, "page"), "every_s", 0) == 10);
        assert_null(json_object_get(shown, "page"));
        assert_int_equal(count_of(page, "<script"), 2);
        assert_int_equal(count_of(page, "</html>"), 1);
    }
}

static void test_static_policy(void **state)
{
    (void)state;
    CLEANUP(json_drop) json_t *shown = json_object();
    CLEANUP(mem_free_text) char *page = page_static(shown, 0), *other = page_static(shown, 0);
    const char *policy = strstr(page, "<meta http-equiv=\"Content-Security-Policy\" content=\"");
    const char *nonce = strstr(page, "script-src 'nonce-");
    assert_non_null(policy);
    assert_non_null(nonce);
    assert_true(policy < strstr(page, "<style"));
    assert_non_null(strstr(page, "connect-src 'none'"));
    CLEANUP(mem_free_text) char *word = mem_strndup(nonce + strlen("script-src 'nonce-"), 32);
    assert_int_equal(strspn(word, "0123456789abcdef"), 32);
    CLEANUP(mem_free_text) char *attribute = mem_printf("nonce=\"%s\"", word);
    assert_int_equal(count_of(page, attribute), 2);
    assert_null(strstr(other, word)); /* nobody can guess it */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_live),          cmocka_unit_test(test_asks_nobody_else),
        cmocka_unit_test(test_policy),        cmocka_unit_test(test_static),
        cmocka_unit_test(test_static_policy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
