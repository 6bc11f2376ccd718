/* proc.h - who is a process, so that it can be told later whether it is still there.
 *
 * A pid alone says nothing: it is used again. With the time of its start, the boot and the PID
 * namespace it is unique. */
#ifndef TAKEUP_BASE_PROC_H
#define TAKEUP_BASE_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { PROC_ID_SIZE = 64 };

struct proc_id {
    pid_t pid;
    uint64_t start_ticks;       /* field 22 of /proc/PID/stat (proc(5)) */
    char boot_id[PROC_ID_SIZE]; /* /proc/sys/kernel/random/boot_id */
    char pid_ns[PROC_ID_SIZE];  /* the link /proc/self/ns/pid */
    char time_ns[PROC_ID_SIZE]; /* /proc/self/ns/time: start_ticks is counted otherwise in each */
    char host[PROC_ID_SIZE];
};

/* This process. What cannot be read stays empty, and then never equals another's (but for
 * time_ns, which old kernels do not have). */
void proc_id_self(struct proc_id *ret_id);

enum proc_life {
    PROC_GONE,    /* no such process, another one of that pid, or a zombie */
    PROC_ALIVE,   /* also when we may not signal it */
    PROC_UNKNOWN, /* of another boot, host or namespace: only its heartbeat can tell */
};
enum proc_life proc_life(const struct proc_id *id);

/* The state letter and the start of a process; false when /proc does not show it. */
bool proc_stat(pid_t pid, char *ret_state, uint64_t *ret_start_ticks);

/* Has this process a controlling terminal (that has not been hung up)? */
bool proc_has_terminal(void);

/* Threads of this process, from /proc/self/task; -1 when it cannot be read. */
int proc_thread_count(void);

#endif
