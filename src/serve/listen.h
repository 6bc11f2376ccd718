/* listen.h - where the server listens. */
#ifndef TAKEUP_SERVE_LISTEN_H
#define TAKEUP_SERVE_LISTEN_H

#include "base/err.h"

#include <stdbool.h>
#include <sys/socket.h>

/* "127.0.0.1:8350", "[::1]:0"; only addresses: what a name means is for others to say. */
int listen_parse(const char *text, struct sockaddr_storage *ret_address, socklen_t *ret_len,
                 struct err *err);
bool listen_is_loopback(const struct sockaddr_storage *address);

/* A listening socket, and the URL that it can be reached by, which the caller frees. */
int listen_open(const char *text, int *ret_fd, char **ret_url, struct err *err);

#endif
