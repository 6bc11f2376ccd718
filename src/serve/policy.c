#include "serve/policy.h"

#include "base/fs.h"
#include "base/mem.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { TOKEN_MIN = 16, TOKEN_MAX = 1024 };

/* "[::1]:80" -> "::1", "a:80" -> "a"; the caller frees it. NULL: it is no host and port. */
static char *host_alone(const char *host)
{
    bool is_bracketed = host[0] == '[';
    const char *begin = host + is_bracketed;
    const char *end = begin + strcspn(begin, is_bracketed ? "]" : ":");
    const char *port = end + (is_bracketed && *end);
    if ((is_bracketed && !*end) || (*port && *port != ':'))
        return NULL;
    if (*port && (!port[1] || port[1 + strspn(port + 1, "0123456789")]))
        return NULL;
    return mem_strndup(begin, (size_t)(end - begin));
}

bool policy_is_our_host(const char *host, const char *const *names, size_t name_count)
{
    unsigned char address[sizeof(struct in6_addr)];
    if (!host)
        return true;
    CLEANUP(mem_free_text) char *name = host_alone(host);
    if (!name)
        return false;
    if (inet_pton(host[0] == '[' ? AF_INET6 : AF_INET, name, address) == 1 ||
        strcasecmp(name, "localhost") == 0)
        return true;
    for (size_t i = 0; i < name_count; i++)
        if (strcasecmp(name, names[i]) == 0)
            return true;
    return false;
}

bool policy_is_our_origin(const char *origin, const char *host)
{
    if (!origin)
        return true;
    const char *rest = str_has_prefix(origin, "https://")  ? origin + strlen("https://")
                       : str_has_prefix(origin, "http://") ? origin + strlen("http://")
                                                           : NULL;
    return rest && host && strcasecmp(rest, host) == 0;
}

bool policy_is_same_site(const char *site)
{
    return !site || strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0;
}

bool policy_is_json(const char *content_type)
{
    static const char json[] = "application/json";
    if (!content_type || strncasecmp(content_type, json, strlen(json)) != 0)
        return false;
    const char *rest = content_type + strlen(json);
    return rest[strspn(rest, " \t")] == '\0' || rest[strspn(rest, " \t")] == ';';
}

bool policy_has_token(const char *authorization, const char *token)
{
    static const char bearer[] = "Bearer ";
    if (!authorization || strncasecmp(authorization, bearer, strlen(bearer)) != 0)
        return false;
    const char *given = authorization + strlen(bearer);
    size_t given_len = strlen(given), len = strlen(token);
    unsigned differs = given_len != len;
    /* As long as what was given is, which its sender knows. */
    for (size_t i = 0; i < given_len; i++)
        differs |= (unsigned)((unsigned char)given[i] ^ (unsigned char)token[i % len]);
    return differs == 0;
}

static int check_token(const char *path, const char *token, struct err *err)
{
    size_t len = strlen(token), plain = 0;
    while (token[plain] > ' ' && token[plain] <= '~')
        plain++;
    if (len >= TOKEN_MIN && plain == len)
        return 0;
    int r = err_set(err, ERR_CONFIG, 0,
                    "the first line of '%s' is no token: it needs %d or more "
                    "characters of ASCII, without spaces",
                    path, TOKEN_MIN);
    err_hint(err, "make one: (umask 077; openssl rand -hex 32 >%s)", path);
    return r;
}

int policy_read_token(const char *path, char **ret_token, struct err *err)
{
    CLEANUP(fs_close) int fd = -1;
    CLEANUP(mem_free_text) char *text = NULL;
    struct stat st;
    size_t len;
    int r = fs_open_file(AT_FDCWD, path, &fd, &st, err);
    if (r < 0) {
        err_context(err, "the token");
        return r;
    }
    if (st.st_mode & (S_IRWXG | S_IRWXO)) {
        r = err_set(err, ERR_CONFIG, 0, "others can read the token in '%s' (mode %04o)", path,
                    st.st_mode & 07777U);
        err_hint(err, "chmod 600 '%s'", path);
        return r;
    }
    r = fs_read_open_file(fd, &st, path, TOKEN_MAX, &text, &len, err);
    if (r < 0)
        return r;
    text[strcspn(text, "\r\n")] = '\0';
    r = check_token(path, text, err);
    if (r == 0)
        *ret_token = TAKE(text);
    return r;
}
