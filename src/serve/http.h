/* http.h - requests and answers as HTTP has them: all that is asked of libmicrohttpd.
 *
 *     http_new -> http_turn … -> http_end -> http_free
 *
 * It has no thread: http_turn does what there is to do. What a request asks for is put to the desk,
 * and its connection suspended until the answer comes; nothing here touches the spool. */
#ifndef TAKEUP_SERVE_HTTP_H
#define TAKEUP_SERVE_HTTP_H

#include "base/loop.h"
#include "serve/desk.h"

struct http;

/* listen_fd is taken over. token: of those who may write; NULL: nobody may. All else is borrowed.
 */
int http_new(struct loop *loop, struct desk *desk, const struct serve_options *options,
             const char *token, int listen_fd, struct http **ret_http, struct err *err);
/* Returns in how many ms it has to be called again at the latest; -1: when something happens. */
int64_t http_turn(struct http *http);
/* Takes no more connections, and asks the desk no more. */
void http_end(struct http *http);
/* Are there any that have not been answered to the end? */
bool http_is_busy(const struct http *http);
/* Cleanup handler. Nobody may wait at the desk any more. */
void http_free(struct http **at);

#endif
