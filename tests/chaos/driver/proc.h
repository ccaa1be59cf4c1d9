/* Processes of the chaos driver: started without a shell, bounded in time, found again in /proc.
 *
 * The driver is the reaper of everything below it (proc_adopt), so that a worker whose node and
 * spawner were killed can be found at the end. Nothing here knows what a node is. */
#ifndef VELUM_CHAOS_PROC_H
#define VELUM_CHAOS_PROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define PROC_TEXT_SIZE 65536
#define PROC_CHILDREN_MAX 64

struct proc_start {
    const char *const *argv;
    const char *const *environment; /* "NAME=VALUE" beside ours, NULL for none */
    int net;                        /* a network namespace to enter, -1: ours */
    const char *out, *err;          /* files that are appended to; NULL: thrown away */
};

/* CLOCK_MONOTONIC. */
int64_t proc_clock_ms(void);
void proc_nap_ms(int ms);
/* From here on orphans below us become our children. */
int proc_adopt(void);
/* The process dies with us. < 0 when there is none. */
pid_t proc_start(const struct proc_start *s);
/* Runs to the end and takes at most cap - 1 bytes of standard output (NULL: none) and, behind them,
 * of standard error. The exit code, 128 + the signal, or -1 when limit_ms went by: it is killed
 * then. */
int proc_run(const char *const *argv, int net, int limit_ms, char *out, size_t cap);
/* Whether our child has ended; its wait status then. Never blocks. */
bool proc_has_ended(pid_t pid, int *status);
/* Waits for a child that was killed; its wait status. */
int proc_bury(pid_t pid);
/* Sends a signal; true when the process was there to take it. */
bool proc_signal(pid_t pid, int signal_number);
/* The children of a process, at most PROC_CHILDREN_MAX; how many. */
size_t proc_children(pid_t pid, pid_t to[PROC_CHILDREN_MAX]);
/* "velum node --port 1" of a process, "" when it is gone. */
void proc_name(pid_t pid, char *to, size_t cap);
/* Reaps what has ended, and after at most limit_ms names in `left` what is still below us. 0 when
 * nothing is; otherwise how many, and they are killed. */
size_t proc_end_all(int limit_ms, char *left, size_t cap);

#endif
