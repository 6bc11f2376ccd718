#include "serve/server.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/time.h"
#include "serve/http.h"
#include "serve/listen.h"
#include "serve/policy.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LAST_WORDS_MS = 1000 }; /* to send what has been answered */

struct server {
    struct loop *loop;
    struct desk *desk;
    struct http *http;
    bool is_ending;
};

static void on_signal(void *arg, uint32_t signal_number)
{
    struct server *server = arg;
    log_info(LOG_NO_FIELDS, "ends, by %s", strsignal((int)signal_number));
    server->is_ending = true;
}

static int watch_signals(struct server *server, struct err *err)
{
    sigset_t signals;
    (void)sigemptyset(&signals);
    (void)sigaddset(&signals, SIGTERM);
    (void)sigaddset(&signals, SIGINT);
    (void)signal(SIGPIPE, SIG_IGN);
    return loop_add_signals(server->loop, &signals, on_signal, server, err);
}

static int64_t sooner(int64_t a_ms, int64_t b_ms)
{
    if (a_ms < 0 || b_ms < 0)
        return a_ms < 0 ? b_ms : a_ms;
    return a_ms < b_ms ? a_ms : b_ms;
}

static int turn(struct server *server, struct err *err)
{
    int64_t due_ms = http_turn(server->http); /* first: it brings questions */
    return loop_wait(server->loop, sooner(due_ms, desk_turn(server->desk)), err);
}

/* Who waits is told, and who is being told may hear it out. */
static void end(struct server *server)
{
    int64_t until_ms = time_mono_ms() + LAST_WORDS_MS;
    if (server->http)
        http_end(server->http);
    desk_free(&server->desk);
    while (server->http && http_is_busy(server->http) && time_mono_ms() < until_ms) {
        (void)http_turn(server->http);
        (void)loop_wait(server->loop, 20, NULL);
    }
    http_free(&server->http);
    loop_free(&server->loop);
}

static void tell_ready(const struct serve_options *options, const char *url)
{
    char pid[24];
    (void)snprintf(pid, sizeof(pid), "%d", (int)getpid());
    log_info(LOG_FIELDS("url", url, "spool", options->spool, "pid", pid, "writes",
                        options->may_write ? "with the token" : "none"),
             "ready");
}

static int begin(struct server *server, const struct serve_options *options, const char *token,
                 struct err *err)
{
    CLEANUP(mem_free_text) char *url = NULL;
    int listen_fd = -1;
    int r = listen_open(options->listen, &listen_fd, &url, err);
    if (r == 0)
        r = loop_new(&server->loop, err);
    if (r == 0)
        r = watch_signals(server, err);
    if (r < 0) {
        fs_close(&listen_fd);
        return r;
    }
    server->desk = desk_new(server->loop, options);
    r = http_new(server->loop, server->desk, options, token, listen_fd, &server->http, err);
    if (r == 0)
        tell_ready(options, url);
    return r;
}

int server_run(const struct serve_options *options, struct err *err)
{
    struct server server = { 0 };
    CLEANUP(mem_free_text) char *token = NULL;
    int r = options->may_write ? policy_read_token(options->token_file, &token, err) : 0;
    if (r == 0)
        r = begin(&server, options, token, err);
    while (r == 0 && !server.is_ending)
        r = turn(&server, err);
    end(&server);
    return r;
}
