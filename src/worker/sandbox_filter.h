/* sandbox_filter.h - which system calls a caged runner may make. */
#ifndef TAKEUP_WORKER_SANDBOX_FILTER_H
#define TAKEUP_WORKER_SANDBOX_FILTER_H

#include "base/err.h"

#include <stddef.h>

struct sock_filter;

/* A program for the kernel's seccomp, made once: it is the same for each runner. *ret_program is
 * yours. -ENOSYS: the kernel has none. */
int filter_new(struct sock_filter **ret_program, size_t *ret_count, struct err *err);
/* For all threads of this process, which can then signal no other process. */
int filter_enter(const struct sock_filter *program, size_t count, struct err *err);
/* The name of a system call that was stopped; "?" when it has none here. Async-signal-safe: no. */
const char *filter_call_name(int number, char *out, size_t size);

#endif
