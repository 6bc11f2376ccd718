#include "serve/http.h"

#include "base/mem.h"
#include "base/time.h"
#include "serve/download.h"
#include "serve/page.h"
#include "serve/pieces.h"
#include "serve/policy.h"
#include "serve/prom.h"
#include "serve/route.h"
#include "serve/tally.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    CONNECTIONS_MAX = 256,
    CONNECTIONS_MAX_PER_ADDRESS = 192, /* who has them all keeps others out */
    CONNECTION_MEMORY = 32 << 10,      /* its headers have to fit in */
    CONNECTION_TIMEOUT_S = 75,         /* callers.h is stricter */
    BODY_MAX_BYTES = 1 << 20,          /* as a job file's */
    BODY_DISCARD_MAX_BYTES = 4 << 20,  /* of one that did not say how long it would be */
    SWEEP_MS = 1000,
};

struct http {
    struct loop *loop;
    struct desk *desk;
    const struct serve_options *options;
    const char *token;
    struct MHD_Daemon *daemon;
    struct loop_watch *watch;
    struct callers callers;
    struct tally tally;
    struct downloads downloads;
    size_t files; /* asked for, which will be downloads when they are there */
    size_t open;  /* requests */
    bool is_ending;
    int64_t swept_ms;
};

/* From the first line of a request to the end of its answer. */
struct request {
    struct http *http;
    struct MHD_Connection *connection;
    struct caller *caller;
    char *raw;
    const char *wrong_target; /* NULL: it is fine */
    struct target target;
    struct route route;
    bool is_head, has_begun;
    bool is_file; /* one of http->files */
    struct str body;
    size_t body_len; /* with what was thrown away */
    struct answer *answer;
    struct desk_visit visit;
};

/* ---- what may be asked ---- */

static const char *header(const struct request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

static struct answer *check_target(const struct request *request)
{
    struct answer *answer;
    if (request->wrong_target)
        return answer_error(400, request->wrong_target, "see the API in http.md");
    if (!request->route.allow)
        return answer_error(404, "there is no such path", "see the API in http.md");
    if (request->route.kind == ROUTE_NONE) {
        answer = answer_error(405, "that method is not for this path", request->route.allow);
        answer->allow = mem_strdup(request->route.allow);
        return answer;
    }
    if (route_unknown_key(request->route.kind, &request->target))
        return answer_error(400, "the query holds a key that this path does not know",
                            route_unknown_key(request->route.kind, &request->target));
    return NULL;
}

static struct answer *check_sender(const struct request *request)
{
    const struct serve_options *options = request->http->options;
    const char *host = header(request, MHD_HTTP_HEADER_HOST);
    if (!policy_is_our_host(host, options->hosts, options->host_count))
        return answer_error(403, "the Host header names none that this server goes by",
                            "ask by address or as localhost, or start it with --host NAME");
    if (!policy_is_our_origin(header(request, MHD_HTTP_HEADER_ORIGIN), host))
        return answer_error(403, "another site's page may not ask this server",
                            "the Origin header names another host");
    return NULL;
}

/* What Content-Length says; 0: nothing, or nothing that is a number. */
static uint64_t length_of(const struct request *request)
{
    const char *text = header(request, MHD_HTTP_HEADER_CONTENT_LENGTH);
    return text ? strtoull(text, NULL, 10) : 0;
}

static bool has_body(const struct request *request)
{
    return length_of(request) > 0 || header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING);
}

static struct answer *check_body(const struct request *request)
{
    if (!route_is_write(request->route.kind))
        return has_body(request) ? answer_error(400, "a request of this method has no body", NULL)
                                 : NULL;
    if (header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING) &&
        header(request, MHD_HTTP_HEADER_CONTENT_LENGTH))
        return answer_error(400, "Content-Length and Transfer-Encoding exclude each other", NULL);
    if (length_of(request) > BODY_MAX_BYTES)
        return answer_error(413, "the body is larger than 1 MiB", NULL);
    return NULL;
}

static struct answer *check_write(const struct request *request)
{
    const struct http *http = request->http;
    if (!route_is_write(request->route.kind))
        return NULL;
    if (!http->token)
        return answer_error(403, "this server only reads",
                            "start it with --allow-write --token-file FILE");
    if (!policy_is_same_site(header(request, "Sec-Fetch-Site")))
        return answer_error(403, "another site's page may not change anything", NULL);
    if (!policy_has_token(header(request, MHD_HTTP_HEADER_AUTHORIZATION), http->token))
        return answer_error(401, "the request does not carry the token",
                            "send it as: Authorization: Bearer TOKEN");
    if (!policy_is_json(header(request, MHD_HTTP_HEADER_CONTENT_TYPE)))
        return answer_error(415, "the body has to be JSON",
                            "send it as: Content-Type: application/json");
    return NULL;
}

/* NULL: it may be done. */
static struct answer *refusal(const struct request *request)
{
    struct answer *answer = check_sender(request);
    if (!answer)
        answer = check_target(request);
    if (!answer)
        answer = check_write(request);
    return answer ? answer : check_body(request);
}

/* ---- the question ---- */

static char *question_of(const struct request *request)
{
    static const char *const words[] = {
        [ROUTE_DASHBOARD] = "dashboard", [ROUTE_HEALTH] = "health", [ROUTE_METRICS] = "metrics",
        [ROUTE_JOBS] = "jobs",           [ROUTE_JOB] = "job",       [ROUTE_FILE] = "file",
        [ROUTE_SUBMIT] = "submit",       [ROUTE_CANCEL] = "cancel", [ROUTE_RETRY] = "retry",
    };
    CLEANUP(json_drop) json_t *question = json_object();
    json_t *query = json_object();
    json_set_text(question, "do", words[request->route.kind]);
    if (request->route.job)
        json_set_text(question, "job", request->route.job);
    if (request->route.file)
        json_set_text(question, "file", request->route.file);
    if (request->route.kind == ROUTE_FILE)
        json_set_bool(question, "head", request->is_head);
    for (size_t i = 0; i < request->target.pair_count; i++)
        json_set_text(query, request->target.pairs[i].key, request->target.pairs[i].value);
    json_set(question, "query", query);
    return json_line(question);
}

static enum desk_line line_of(enum route_kind kind)
{
    if (route_is_write(kind))
        return DESK_WRITES;
    if (kind == ROUTE_DASHBOARD)
        return DESK_STATE;
    if (kind == ROUTE_METRICS)
        return DESK_METRICS;
    return kind == ROUTE_HEALTH ? DESK_HEALTH : DESK_JOBS;
}

static void on_answer(void *arg, struct answer *answer)
{
    struct request *request = arg;
    request->answer = answer;
    MHD_resume_connection(request->connection);
}

/* What is in it is asked for by its script: it needs no spool, and shows when that does not answer.
 */
static struct answer *page(void)
{
    char nonce[PAGE_NONCE_SIZE];
    str_random_hex(nonce, (PAGE_NONCE_SIZE - 1) / 2);
    CLEANUP(mem_free_text) char *policy = page_policy(nonce);
    struct answer *answer = answer_text(200, "text/html; charset=utf-8", page_live(nonce));
    mem_free_text(&answer->etag); /* each time another nonce */
    answer->policy = mem_printf("%s; frame-ancestors 'none'", policy);
    return answer;
}

/* Each is counted from here on, before it is a process: many may be asked for at once. NULL: it may
 * be handed out. */
static struct answer *begin_file(struct request *request)
{
    struct http *http = request->http;
    if (request->route.kind != ROUTE_FILE || request->is_head)
        return NULL;
    if (http->downloads.count + http->files >= DOWNLOADS_MAX) {
        struct answer *answer =
            answer_error(503, "too many files are being handed out", "ask again in a moment");
        answer->retry_after_s = 5;
        return answer;
    }
    http->files++;
    request->is_file = true;
    return NULL;
}

/* It is a download by now, or will be none. */
static void end_file(struct request *request)
{
    request->http->files -= request->is_file;
    request->is_file = false;
}

/* NULL: it waits, and its connection is suspended. */
static struct answer *ask(struct request *request)
{
    struct http *http = request->http;
    if (request->route.kind == ROUTE_PAGE)
        return page();
    if (http->is_ending)
        return answer_error(503, "the server is ending", NULL);
    struct answer *answer = begin_file(request);
    if (answer)
        return answer;
    CLEANUP(mem_free_text) char *text = question_of(request);
    const struct desk_question question = {
        .line = line_of(request->route.kind),
        .text = text,
        .body = str_text(&request->body),
        .body_len = request->body.len,
        .is_shared = !route_is_write(request->route.kind) && request->route.kind != ROUTE_FILE,
    };
    request->visit = (struct desk_visit){ .on_answer = on_answer, .arg = request };
    answer = desk_ask(http->desk, &question, &request->visit);
    if (!answer) {
        caller_may_wait(request->caller);
        MHD_suspend_connection(request->connection);
    }
    return answer;
}

/* ---- the answer ---- */

static void drop_held(void *arg)
{
    struct answer *answer = arg;
    answer_drop(&answer);
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    if (value)
        (void)MHD_add_response_header(response, name, value);
}

static void add_headers(struct MHD_Response *response, const struct answer *answer)
{
    char retry_after[16];
    (void)snprintf(retry_after, sizeof(retry_after), "%d", answer->retry_after_s);
    add_header(response, "Content-Type", answer->type ? answer->type : "application/json");
    add_header(response, "X-Content-Type-Options", "nosniff");
    add_header(response, "X-Frame-Options", "DENY");
    add_header(response, "Referrer-Policy", "no-referrer");
    add_header(response, "Cross-Origin-Resource-Policy", "same-origin");
    add_header(response, "Cache-Control", answer->etag ? "no-cache" : "no-store");
    add_header(response, "Content-Security-Policy",
               answer->policy ? answer->policy : "default-src 'none'; frame-ancestors 'none'");
    add_header(response, "ETag", answer->etag);
    add_header(response, "Allow", answer->allow);
    add_header(response, "Location", answer->location);
    add_header(response, "Content-Disposition", answer->disposition);
    add_header(response, "Retry-After", answer->retry_after_s ? retry_after : NULL);
    add_header(response, "WWW-Authenticate", answer->status == 401 ? "Bearer" : NULL);
}

/* A length that HEAD tells, and no bytes. The library says what it is like. */
/* NOLINTNEXTLINE(readability-non-const-parameter) */
static ssize_t read_nothing(void *arg, uint64_t at, char *out, size_t size)
{
    (void)arg, (void)at, (void)out, (void)size;
    return MHD_CONTENT_READER_END_WITH_ERROR;
}

static struct MHD_Response *in_pieces(struct answer *answer, struct caller *caller)
{
    struct pieces *pieces = pieces_new(answer, caller);
    struct MHD_Response *response = MHD_create_response_from_callback(
        answer->body_len, PIECE_MAX_BYTES, pieces_read, pieces, pieces_end);
    if (!response)
        pieces_end(pieces);
    return response;
}

static struct MHD_Response *response_of(struct request *request)
{
    struct http *http = request->http;
    struct answer *answer = request->answer;
    if (answer->pipe_fd >= 0)
        return download_new(&http->downloads, http->loop, request->connection, request->caller,
                            answer);
    if (answer->pipe_bytes > 0)
        return MHD_create_response_from_callback((uint64_t)answer->pipe_bytes, 1024, read_nothing,
                                                 NULL, NULL);
    if (answer->body_len > PIECE_MAX_BYTES)
        return in_pieces(answer, request->caller);
    return MHD_create_response_from_buffer_with_free_callback_cls(answer->body_len, answer->body,
                                                                  drop_held, answer_hold(answer));
}

static bool is_known_to(const struct request *request)
{
    const struct answer *answer = request->answer;
    const char *known = header(request, MHD_HTTP_HEADER_IF_NONE_MATCH);
    return answer->status == 200 && answer->etag && known &&
           (strcmp(known, "*") == 0 || strstr(known, answer->etag));
}

/* What the server alone knows is added to what was measured of the spool. */
static void add_tally(struct request *request)
{
    struct http *http = request->http;
    struct str text = { 0 };
    if (request->route.kind != ROUTE_METRICS || request->answer->status != 200)
        return;
    str_add(&text, request->answer->body);
    tally_add_metrics(&text, &http->tally, http->callers.count);
    answer_drop(&request->answer);
    request->answer = answer_text(200, PROM_CONTENT_TYPE, str_take(&text));
}

static enum MHD_Result send_answer(struct request *request, const char *method)
{
    struct http *http = request->http;
    add_tally(request);
    if (is_known_to(request)) {
        struct answer *same = answer_new(304);
        same->etag = mem_strdup(request->answer->etag);
        same->body = mem_strdup("");
        answer_drop(&request->answer);
        request->answer = same;
    }
    struct MHD_Response *response = response_of(request);
    end_file(request);
    if (!response)
        return MHD_NO;
    add_headers(response, request->answer);
    caller_has_until(request->caller, time_mono_ms(), CALLER_TAKES_MS);
    tally_count(&http->tally, method, request->answer->status);
    enum MHD_Result queued =
        MHD_queue_response(request->connection, (unsigned)request->answer->status, response);
    MHD_destroy_response(response);
    return queued;
}

/* ---- what libmicrohttpd calls ---- */

static void *on_target(void *arg, const char *raw, struct MHD_Connection *connection)
{
    struct request *request = MEM_NEW(struct request);
    request->http = arg;
    request->http->open++;
    request->connection = connection;
    request->raw = mem_strdup(raw);
    request->wrong_target = target_parse(request->raw, &request->target);
    request->caller =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
    return request;
}

/* Called first when the headers are there. What is refused and has a body is answered at once, so
 * that it does not come; all else when it is there, which keeps the connection. */
static enum MHD_Result begin(struct request *request, const char *method)
{
    request->has_begun = true;
    request->is_head = strcmp(method, "HEAD") == 0;
    if (!request->wrong_target)
        request->route = route_find(method, &request->target);
    request->answer = refusal(request);
    caller_has_until(request->caller, time_mono_ms(), CALLER_BODY_MS);
    return request->answer && has_body(request) ? send_answer(request, method) : MHD_YES;
}

static enum MHD_Result take_body(struct request *request, const char *data, size_t *len)
{
    request->body_len += *len;
    if (request->body_len <= BODY_MAX_BYTES)
        str_add_bytes(&request->body, data, *len);
    *len = 0;
    return request->body_len <= BODY_DISCARD_MAX_BYTES ? MHD_YES : MHD_NO;
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_len, void **at)
{
    struct request *request = *at;
    (void)arg, (void)connection, (void)url, (void)version;
    if (!request->has_begun)
        return begin(request, method);
    if (*data_len > 0)
        return take_body(request, data, data_len);
    if (!request->answer && request->body_len > BODY_MAX_BYTES)
        request->answer = answer_error(413, "the body is larger than 1 MiB", NULL);
    if (!request->answer)
        request->answer = ask(request);
    return request->answer ? send_answer(request, method) : MHD_YES;
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **at,
                         enum MHD_RequestTerminationCode why)
{
    struct request *request = *at;
    (void)arg, (void)connection, (void)why;
    if (!request)
        return;
    *at = NULL;
    request->http->open--;
    desk_leave(&request->visit);
    end_file(request);
    caller_has_until(request->caller, time_mono_ms(), CALLER_HEADERS_MS);
    answer_drop(&request->answer);
    target_release(&request->target);
    str_release(&request->body);
    free(request->raw);
    free(request);
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **at,
                          enum MHD_ConnectionNotificationCode what)
{
    struct http *http = arg;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        callers_remove(&http->callers, *at);
        *at = NULL;
        return;
    }
    int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    *at = callers_add(&http->callers, fd, time_mono_ms());
}

/* What is asked for is taken apart in target.c, which decodes nothing twice and cuts nothing. */
static size_t keep_raw(void *arg, struct MHD_Connection *connection, char *text)
{
    (void)arg, (void)connection;
    return strlen(text);
}

/* ---- its life ---- */

/* libmicrohttpd works in http_turn; this is only what wakes the loop. */
static void on_event(void *arg, uint32_t events)
{
    (void)arg, (void)events;
}

int http_new(struct loop *loop, struct desk *desk, const struct serve_options *options,
             const char *token, int listen_fd, struct http **ret_http, struct err *err)
{
    struct http *http = MEM_NEW(struct http);
    http->loop = loop;
    http->desk = desk;
    http->options = options;
    http->token = token;
    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, http,
        MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
        MHD_OPTION_PER_IP_CONNECTION_LIMIT, CONNECTIONS_MAX_PER_ADDRESS,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
        MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_TIMEOUT_S, MHD_OPTION_NOTIFY_COMPLETED,
        on_completed, http, MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, http, MHD_OPTION_UNESCAPE_CALLBACK, keep_raw, NULL,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    if (!http->daemon) {
        (void)close(listen_fd);
        free(http);
        return err_set(err, ERR_IO, errno, "libmicrohttpd does not start");
    }
    int fd = MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    int r = loop_add(loop, fd, EPOLLIN, on_event, http, &http->watch, err);
    if (r < 0)
        http_free(&http);
    *ret_http = http;
    return r;
}

int64_t http_turn(struct http *http)
{
    MHD_UNSIGNED_LONG_LONG due_ms;
    int64_t now_ms = time_mono_ms();
    if (http->callers.count > 0 && now_ms - http->swept_ms >= SWEEP_MS) {
        (void)callers_sweep(&http->callers, now_ms);
        http->swept_ms = now_ms;
    }
    (void)MHD_run(http->daemon);
    if (MHD_get_timeout(http->daemon, &due_ms) == MHD_YES && due_ms < SWEEP_MS)
        return (int64_t)due_ms;
    return http->callers.count > 0 ? SWEEP_MS : -1;
}

void http_end(struct http *http)
{
    http->is_ending = true;
    int fd = MHD_quiesce_daemon(http->daemon);
    if (fd >= 0)
        (void)close(fd);
}

bool http_is_busy(const struct http *http)
{
    return http->open > 0;
}

void http_free(struct http **at)
{
    struct http *http = TAKE(*at);
    if (!http)
        return;
    loop_remove(http->loop, &http->watch);
    downloads_stop(&http->downloads);
    if (http->daemon)
        MHD_stop_daemon(http->daemon);
    free(http);
}
