#include "serve/listen.h"

#include "base/fs.h"
#include "base/mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { BACKLOG = 128 };

static int wrong(const char *text, struct err *err)
{
    int r = err_set(err, ERR_USAGE, 0, "'%s' is no address and port to listen on", text);
    err_hint(err, "as in 127.0.0.1:8350, 0.0.0.0:8350 or [::1]:8350; port 0: any that is free");
    return r;
}

static bool parse_port(const char *text, in_port_t *ret_port)
{
    char *end;
    errno = 0;
    long port = strtol(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno || port > 65535)
        return false;
    *ret_port = htons((in_port_t)port);
    return true;
}

int listen_parse(const char *text, struct sockaddr_storage *ret_address, socklen_t *ret_len,
                 struct err *err)
{
    struct sockaddr_storage address = { 0 };
    struct sockaddr_in *four = (struct sockaddr_in *)&address;
    struct sockaddr_in6 *six = (struct sockaddr_in6 *)&address;
    const char *colon = strrchr(text, ':');
    bool is_six = text[0] == '[' && colon && colon > text && colon[-1] == ']';
    if (!colon)
        return wrong(text, err);
    CLEANUP(mem_free_text)
    char *host = is_six ? mem_strndup(text + 1, (size_t)(colon - text - 2))
                        : mem_strndup(text, (size_t)(colon - text));
    if (is_six) {
        six->sin6_family = AF_INET6;
        if (inet_pton(AF_INET6, host, &six->sin6_addr) != 1 ||
            !parse_port(colon + 1, &six->sin6_port))
            return wrong(text, err);
    } else {
        four->sin_family = AF_INET;
        if (inet_pton(AF_INET, host, &four->sin_addr) != 1 ||
            !parse_port(colon + 1, &four->sin_port))
            return wrong(text, err);
    }
    *ret_address = address;
    *ret_len = is_six ? sizeof(*six) : sizeof(*four);
    return 0;
}

bool listen_is_loopback(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET6)
        return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)address)->sin6_addr);
    return ntohl(((const struct sockaddr_in *)address)->sin_addr.s_addr) >> 24 == 127;
}

static char *url_of(const struct sockaddr_storage *address)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)address;
        (void)inet_ntop(AF_INET6, &six->sin6_addr, text, sizeof(text));
        return mem_printf("http://[%s]:%u/", text, ntohs(six->sin6_port));
    }
    const struct sockaddr_in *four = (const struct sockaddr_in *)address;
    (void)inet_ntop(AF_INET, &four->sin_addr, text, sizeof(text));
    return mem_printf("http://%s:%u/", text, ntohs(four->sin_port));
}

static int listen_at(int fd, const struct sockaddr_storage *address, socklen_t len)
{
    int on = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) < 0 ||
        (address->ss_family == AF_INET6 &&
         setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on)) < 0) ||
        bind(fd, (const struct sockaddr *)address, len) < 0 || listen(fd, BACKLOG) < 0)
        return -errno;
    return 0;
}

int listen_open(const char *text, int *ret_fd, char **ret_url, struct err *err)
{
    struct sockaddr_storage address;
    socklen_t len;
    int r = listen_parse(text, &address, &len, err);
    if (r < 0)
        return r;
    CLEANUP(fs_close)
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    r = fd < 0 ? -errno : listen_at(fd, &address, len);
    if (r == 0 && getsockname(fd, (struct sockaddr *)&address, &len) < 0)
        r = -errno;
    if (r < 0) {
        int errnum = -r;
        r = err_set(err, ERR_IO, errnum, "listen on %s", text);
        if (errnum == EADDRINUSE)
            err_hint(err, "is another takeup serve running? ss -ltnp tells; or name another port "
                          "with --listen");
        return r;
    }
    *ret_url = url_of(&address);
    *ret_fd = fd;
    fd = -1;
    return 0;
}
