/* server.h - the process that serves: one thread, one loop, and the children that look. */
#ifndef TAKEUP_SERVE_SERVER_H
#define TAKEUP_SERVE_SERVER_H

#include "serve/table.h"

/* Listens, logs its URL ("ready"), and goes on until SIGTERM or SIGINT: then 0. */
int server_run(const struct serve_options *options, struct err *err);

#endif
