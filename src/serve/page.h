/* page.h - the dashboard's page: page.html, which lies in this binary as it stands.
 *
 * One file, with its style and its script in it; it asks nobody but the server it came from, and
 * only that when it is live. */
#ifndef TAKEUP_SERVE_PAGE_H
#define TAKEUP_SERVE_PAGE_H

#include "base/json.h"

enum { PAGE_NONCE_SIZE = 33 };

/* Asks v1/dashboard every 2 s, and v1/jobs for a search. `nonce` is the one of the policy that is
 * sent with it: page_policy, and where it may be sent as a header, frame-ancestors. The caller
 * frees both. */
char *page_live(const char *nonce);
char *page_policy(const char *nonce);

/* Shows `state` (state.h), which is in it, and asks nobody; it carries its policy itself. It says
 * when the spool was looked at, and how old that is by the reader's clock. every_s: when it will be
 * written anew; 0: never. The caller frees it. */
char *page_static(const json_t *state, double every_s);

#endif
