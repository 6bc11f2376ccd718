/* What a service manager reads from its socket, and what it does not. */
#include "test.h"

#include "base/service.h"

#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>

struct manager {
    int fd;
    char *dir, *path;
};

static void listen_at(struct manager *manager, bool is_abstract)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    manager->dir = test_make_dir();
    manager->path = mem_printf("%s%s/socket", is_abstract ? "@" : "", manager->dir);
    size_t len = strlen(manager->path);
    memcpy(address.sun_path, manager->path, len);
    if (is_abstract)
        address.sun_path[0] = '\0';
    manager->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + !is_abstract);
    assert_int_equal(bind(manager->fd, (const struct sockaddr *)&address, size), 0);
    assert_int_equal(setenv("NOTIFY_SOCKET", manager->path, 1), 0);
}

static void stop_listening(struct manager *manager)
{
    (void)close(manager->fd);
    test_remove_dir(&manager->dir);
    mem_free_text(&manager->path);
}

/* One datagram, "" when there is none. */
static const char *heard(const struct manager *manager)
{
    static char text[4096];
    ssize_t got = recv(manager->fd, text, sizeof(text) - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    return text;
}

static struct service *must_make(void)
{
    struct service *service = NULL;
    struct err err = { 0 };
    assert_ok(service_new(&service, &err), err);
    assert_non_null(service);
    return service;
}

static void must_tell(struct service *service, unsigned news, const char *status)
{
    struct err err = { 0 };
    assert_ok(service_tell(service, news, status, &err), err);
}

static const struct {
    const char *name;
    unsigned first, then; /* told one after the other */
    const char *first_status, *then_status;
    const char *wanted; /* of the second */
} rows[] = {
    { "once only", SERVICE_READY, SERVICE_READY, "a", "a", "" },
    { "a new status", SERVICE_READY, SERVICE_READY, "a", "b", "STATUS=b\n" },
    { "no status", SERVICE_READY, SERVICE_STOPPING, "a", NULL, "STOPPING=1\n" },
    { "after a reload", SERVICE_RELOADING, SERVICE_READY, NULL, NULL, "READY=1\n" },
    { "one line", 0, 0, NULL, "a\nWATCHDOG=1", "STATUS=a\\nWATCHDOG=1\n" },
    { "no watchdog asked", SERVICE_READY, SERVICE_ALIVE, NULL, NULL, "" },
};

static void test_tells(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(rows); i++) {
        size_t row = i / 2;
        struct manager manager;
        listen_at(&manager, i % 2);
        CLEANUP(service_free) struct service *service = must_make();
        must_tell(service, rows[row].first, rows[row].first_status);
        (void)heard(&manager);
        must_tell(service, rows[row].then, rows[row].then_status);
        const char *got = heard(&manager);
        if (strcmp(got, rows[row].wanted) != 0)
            fail_msg("%s (%s): '%s'", rows[row].name, manager.path, got);
        stop_listening(&manager);
    }
}

static const struct {
    const char *usec, *pid; /* pid "": ours */
    int64_t wanted_ms;
} watchdogs[] = {
    { NULL, NULL, 0 },
    { "30000000", NULL, 30000 },
    { "30000000", "", 30000 },
    { "30000000", "1", 0 },
    { "x", NULL, 0 },
    { "3s", NULL, 0 },
    { "-5000000", NULL, 0 },
    { "0", NULL, 0 },
    { "99999999999999999999", NULL, 0 },
};

static void test_watchdog(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(watchdogs); i++) {
        struct manager manager;
        CLEANUP(mem_free_text) char *own = mem_printf("%d", (int)getpid());
        const char *pid = watchdogs[i].pid;
        listen_at(&manager, false);
        if (watchdogs[i].usec)
            (void)setenv("WATCHDOG_USEC", watchdogs[i].usec, 1);
        if (pid)
            (void)setenv("WATCHDOG_PID", pid[0] ? pid : own, 1);
        CLEANUP(service_free) struct service *service = must_make();
        if (service_watchdog_ms(service) != watchdogs[i].wanted_ms)
            fail_msg("row %zu: %lld", i, (long long)service_watchdog_ms(service));
        must_tell(service, SERVICE_ALIVE, NULL);
        assert_string_equal(heard(&manager), watchdogs[i].wanted_ms ? "WATCHDOG=1\n" : "");
        must_tell(service, SERVICE_ALIVE, NULL);
        assert_string_equal(heard(&manager), ""); /* not four times in 30 s yet */
        stop_listening(&manager);
        assert_null(getenv("NOTIFY_SOCKET"));
        assert_null(getenv("WATCHDOG_USEC"));
        assert_null(getenv("WATCHDOG_PID"));
    }
}

static void test_nobody_asks(void **state)
{
    (void)state;
    struct service *service = NULL;
    struct err err = { 0 };
    assert_int_equal(service_new(&service, &err), 0);
    assert_null(service);
    must_tell(NULL, SERVICE_READY, "a");
    assert_int_equal(service_watchdog_ms(NULL), 0);
    service_free(&service);
}

static void test_bad_addresses(void **state)
{
    (void)state;
    char longest[200];
    memset(longest, 'a', sizeof(longest) - 1);
    longest[0] = '/';
    longest[sizeof(longest) - 1] = '\0';
    const char *const bad[] = { "relative", "vsock:2:1", longest };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct service *service = NULL;
        struct err err = { 0 };
        (void)setenv("NOTIFY_SOCKET", bad[i], 1);
        if (service_new(&service, &err) >= 0 || service)
            fail_msg("'%s' was taken", bad[i]);
        assert_non_null(strstr(err.text, "NOTIFY_SOCKET"));
        assert_null(getenv("NOTIFY_SOCKET"));
    }
}

/* A manager that does not read for a while hears all the same that we are ready. */
static void test_full_socket(void **state)
{
    (void)state;
    struct manager manager;
    listen_at(&manager, false);
    CLEANUP(service_free) struct service *service = must_make();
    char status[32];
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(status, sizeof(status), "%d", i);
        must_tell(service, 0, status);
    }
    must_tell(service, SERVICE_READY, "ready");
    bool told = false;
    for (const char *text = heard(&manager); text[0]; text = heard(&manager))
        told = told || strstr(text, "READY=1");
    assert_false(told); /* else it was never full */
    must_tell(service, 0, "later");
    assert_string_equal(heard(&manager), "READY=1\nSTATUS=later\n");
    stop_listening(&manager);
}

/* Told once, and it goes on. */
static void test_gone(void **state)
{
    (void)state;
    struct manager manager;
    struct err err = { 0 };
    listen_at(&manager, false);
    CLEANUP(service_free) struct service *service = must_make();
    stop_listening(&manager);
    assert_true(service_tell(service, SERVICE_READY, "a", &err) < 0);
    assert_non_null(strstr(err.text, "/socket"));
    must_tell(service, SERVICE_READY, "b");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tells),       cmocka_unit_test(test_watchdog),
        cmocka_unit_test(test_nobody_asks), cmocka_unit_test(test_bad_addresses),
        cmocka_unit_test(test_full_socket), cmocka_unit_test(test_gone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
