/* The process that makes workers, and the words between it and the node.
 *
 * The spawner is forked (or, when the first one died, executed) with nothing but its socket, this
 * executable and standard error. It waits in ppoll and costs nothing while nothing happens. It
 * never reads what workers say; it only starts, kills and reaps. It ends, and takes its workers
 * with it, when the node's end of the socket closes or the node dies.
 *
 * One packet of a SOCK_SEQPACKET pair is one message, little-endian:
 *
 *   to the spawner    u32 kind (1 START, 2 KILL), u32 worker, u64 memory_bytes, with SPAWNER_APART
 *                     of a worker that is to go apart; SPAWNER_BUILDER alone: a builder, which
 *                     shuts in what it starts (builder.h). START carries three descriptors:
 *                     orders, reports, errors
 *                     u32 4 GROUPS, u32 pid, u64 start, with SPAWNER_VERSION_2 and SPAWNER_PIDS:
 *                     the node's group (cgroup.h), that workers are in from then on. Three
 *                     descriptors: memory, pids (or again memory), memory
 *                     u32 5 LIMIT, u32 worker, u64 memory_bytes: of its group, from now on
 *   from the spawner  u32 kind (3 EXITED), u32 worker, u32 code, u32 status, u64 cpu_us
 *
 * code is waitid's si_code (CLD_EXITED, CLD_KILLED, CLD_DUMPED), or 0 when the worker could not be
 * started; status is the exit code, the signal, or then errno and in the high half what failed: the
 * number of a step of sandbox_confine, or 0. Of a signal it has in the second byte whether the
 * system sent it for want of memory: enum cgroup_kill. cpu_us is the processor time that the
 * process took, with that of those it waited for. A worker keeps its process id until its EXITED
 * was sent, so KILL can never hit a stranger.
 *
 * Called by crew.c, role.c and core/api. */
#ifndef VELUM_HOST_SPAWNER_H
#define VELUM_HOST_SPAWNER_H

#include <stddef.h>
#include <stdint.h>

#include "core/host/cgroup_group.h"
#include "core/host/crew.h"

#define SPAWNER_WORKERS_MAX 1100
#define SPAWNER_FAILURE_SIZE 128
#define SPAWNER_APART ((uint64_t)1 << 63)
#define SPAWNER_BUILDER ((uint64_t)1 << 62)
#define SPAWNER_VERSION_2 ((uint64_t)1 << 63)
#define SPAWNER_PIDS ((uint64_t)1 << 62)

struct spawner_exit {
    uint32_t worker;
    int code;
    int status;
    enum cgroup_kill want; /* of memory, that it was killed for */
    uint64_t cpu_us;
};

/* None of these ever blocks. 0; ERR_FULL when the socket takes no more now; ERR_CLOSED when the
 * spawner is gone. spawner_start leaves the descriptors with the caller, who closes them. */
int spawner_start(const struct spawner *s, uint32_t worker, uint64_t memory_bytes,
                  const int descriptors[3]);
int spawner_kill(const struct spawner *s, uint32_t worker);
int spawner_limit(const struct spawner *s, uint32_t worker, uint64_t memory_bytes);
/* Tells it of this process's group, if it has one. */
int spawner_group(const struct spawner *s);
/* 1 with *out, 0 when there is nothing now, ERR_CLOSED when the spawner is gone. */
int spawner_next_exit(const struct spawner *s, struct spawner_exit *out);
/* "the limit on processes: Operation not permitted", for the status of a worker that could not be
 * started; "" for 0. */
void spawner_failure(int status, char text[SPAWNER_FAILURE_SIZE]);

/* A spawner by exec: no thread, key or library of this process is in its way, and it costs a new
 * process's start. 0 or ERR_SYSTEM with errno set. */
int spawner_new(struct spawner *out);
/* Replaces a dead spawner by exec, keeping s->executable. 0 or ERR_SYSTEM with errno set. */
int spawner_exec(struct spawner *s);
/* Ends it with all its workers, reaps it and closes its descriptors. It has 400 ms for that, or
 * where there are cgroups 10 s: it alone removes theirs, and who has much memory dies slowly. */
void spawner_close(struct spawner *s);
/* Reaps a spawner whose socket has closed; its workers die with it. Keeps s->executable. */
void spawner_bury(struct spawner *s);

/* First thing in `velum __worker` and `velum __mover`: closes the process to others of the same
 * user, who could look into it and trace it otherwise, and has it killed when its parent dies. No
 * exec hands on the one, and that of a file with capabilities not the other, so each does both
 * itself. */
void spawner_settle_worker(void);

#endif
