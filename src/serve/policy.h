/* policy.h - who may ask, judged from the headers alone.
 *
 * A browser on the operator's machine reaches loopback for any site that it shows. So a request
 * has to name us as its host (else a site's own name was made to point here: DNS rebinding), and
 * none that another site made changes anything. */
#ifndef TAKEUP_SERVE_POLICY_H
#define TAKEUP_SERVE_POLICY_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>

/* Is this Host header ours: an address (no name can be made to look like one), "localhost", or one
 * of the names that we were told? NULL, there is none: no browser leaves it out. */
bool policy_is_our_host(const char *host, const char *const *names, size_t name_count);

/* Does Origin name the host that was asked? NULL: it is not there, and nothing is said. */
bool policy_is_our_origin(const char *origin, const char *host);
/* Sec-Fetch-Site: did our own page, or the user, ask? NULL: the browser is too old to say. */
bool policy_is_same_site(const char *site);

/* "application/json", whatever its parameters. */
bool policy_is_json(const char *content_type);

/* "Bearer TOKEN" with that token: in a time that does not tell how much of it is right. */
bool policy_has_token(const char *authorization, const char *token);

/* The first line of a file that nobody else can read; the caller frees it. ERR_CONFIG: others can,
 * or it is too short to be a secret. */
int policy_read_token(const char *path, char **ret_token, struct err *err);

#endif
