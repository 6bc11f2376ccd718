/* content.h - as what a file of a job may be handed to a browser. */
#ifndef TAKEUP_SERVE_CONTENT_H
#define TAKEUP_SERVE_CONTENT_H

#include <stdbool.h>

/* By its ending, from a short list; what is not in it is application/octet-stream. Never what a
 * browser would run: HTML, SVG and scripts are text or downloads. *ret_inline: it may be shown;
 * else it is saved. */
const char *content_type(const char *file_name, bool *ret_inline);

/* Of Content-Disposition; the caller frees it. */
char *content_disposition(const char *file_name, bool is_inline);

#endif
