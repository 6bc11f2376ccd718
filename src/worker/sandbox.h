/* sandbox.h - the cage of a runner: what it can still do once it reads what may be hostile.
 *
 *     sandbox_new, in the worker -> sandbox_enter, in each runner, before it reads its input
 *
 * Inside, it reads its input, what is in `readable` and what the system's libraries need; it writes
 * files into the directory of its attempt; it starts threads. It reaches no other file, no network,
 * no other process, and starts no program. Four parts, of which each holds by itself:
 *
 *   Landlock   no file but those named, whatever path leads there (Linux 5.13, ABI 2 from 5.19)
 *   seccomp    no system call but those that reading takes: sandbox_filter.c has the list
 *   limits     memory, size of a file, CPU time, open files, no core dump
 *   the rest   no new privileges; descriptors, and the environment, but for what is needed
 *
 * What the kernel lacks is known before the first runner: sandbox_lacks. A runner that cannot enter
 * what the kernel does have runs nothing. */
#ifndef TAKEUP_WORKER_SANDBOX_H
#define TAKEUP_WORKER_SANDBOX_H

#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sandbox;

/* 0: as much as the kernel has. Tests ask for less. */
enum { SANDBOX_ABI_ANY, SANDBOX_ABI_LEAST = 2 };

/* Of two threads or more only that of the caller is caged by Landlock: there must be one. */
struct sandbox_cage {
    const int *fds; /* those that stay open, with 0, 1 and 2 */
    size_t fd_count;
    int output_dir;              /* files are written below it; -1: nowhere */
    const char *const *readable; /* files and directories, of which some may not be there; NULL at
                                    the end; or NULL */
    int64_t memory_bytes;        /* of address space, on top of what is mapped; 0: no limit */
    int64_t file_bytes;          /* the largest file that it may write; 0: no limit */
    int64_t cpu_s;               /* of all threads together; 0: no limit */
};

/* abi: of Landlock, at most. Fails only for lack of memory: what the kernel lacks is no failure. */
int sandbox_new(int abi, struct sandbox **ret_sandbox, struct err *err);
void sandbox_free(struct sandbox **sandbox);

/* What the kernel lacks, and which kernel has it; NULL: nothing. */
const char *sandbox_lacks(const struct sandbox *sandbox);
/* What holds, in a line: "Landlock (ABI 7), seccomp, limits". */
const char *sandbox_holds(const struct sandbox *sandbox);

/* May it be run with what holds? < 0: `required` says the whole, and it is not there, or not
 * `wanted`. */
int sandbox_demand(const struct sandbox *sandbox, bool wanted, bool required, struct err *err);

/* Leaves of the environment what a runner needs. sandbox_enter does so too; who forks many that
 * will enter may do it for them. */
void sandbox_clear_environment(void);

/* There is no way out. */
int sandbox_enter(const struct sandbox *sandbox, const struct sandbox_cage *cage, struct err *err);

#endif
