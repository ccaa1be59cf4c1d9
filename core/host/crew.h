/* The worker processes of one node, and the spawner that makes them.
 *
 * The spawner is forked from the main program before keys are read and before the process grows
 * (spawner_fork must be the first thing `velum node` does), holds no key and no socket but its own,
 * and forks and execs a fresh copy of the executable for every worker (`velum __worker`): empty
 * environment, three descriptors (orders in, reports out, capped text on standard error), rlimits,
 * nice 10, its own process group, SIGKILL when the spawner dies. If the spawner dies, crew starts a
 * new one by exec (`velum __spawner`), and its workers count as WORKER_LOST. The spawner reaps;
 * causes of death come from waitid. The executable is opened once at start (AT_EXECFN when there is
 * no /proc) and run by execveat, so that an empty root or a replaced file does not matter. */
#ifndef VELUM_HOST_CREW_H
#define VELUM_HOST_CREW_H

#include <sys/types.h>

#include "core/host/loop.h"
#include "core/node/event.h"

struct spawner {
    pid_t pid;
    int fd;         /* its socket; requests and descriptors go over it */
    int executable; /* descriptor of this executable */
};

/* Forks the spawner. argv0 is main's; called before any thread, key or libevent exists. 0 or
 * ERR_SYSTEM with errno set. */
int spawner_fork(struct spawner *out, const char *argv0);
/* `velum __spawner`: the same, started by exec with its socket on descriptor 3. Never returns. */
_Noreturn void spawner_main(void);

struct crew_options {
    /* RLIMIT_AS of a worker without its inputs, 0 = 4 GiB; not applied in sanitizer builds. */
    uint64_t memory_bytes;
    uint32_t workers_max; /* <= 1100; more is ERR_FULL */
};

struct crew_events {
    void *ctx;
    void (*frame)(void *ctx, uint32_t worker, const struct frame *frame);
    /* At most 1 MiB/s a worker, the rest is dropped. */
    void (*output)(void *ctx, uint32_t worker, struct bytes text);
    /* After its last frame. The processor time is all that its process took. */
    void (*exited)(void *ctx, uint32_t worker, enum worker_end end, int status, uint64_t cpu_us);
};

struct crew;

/* Takes the spawner (sets *s to nothing; on an error it stays the caller's). The process must
 * ignore or block SIGPIPE, which a dead worker's pipe would raise. ctx and the loop must outlive
 * the crew. Callbacks come from the loop only, never from inside a call of this header, and may
 * call everything here but crew_close and crew_release. */
int crew_open(struct crew **out, struct loop *l, struct spawner *s, const struct crew_options *o,
              const struct crew_events *events);
/* 0: exited will come for it, also when the system refuses to start it (WORKER_LOST, and
 * spawner_failure makes words of the status). ERR_FULL, ERR_EXISTS, ERR_NO_MEMORY: nothing was
 * started, nothing will come. */
int crew_start(struct crew *c, uint32_t worker);
/* The same, of a builder (builder.h). */
int crew_start_builder(struct crew *c, uint32_t worker);
/* Queues one whole frame (bounded: 1 MiB a worker, ERR_FULL); may be called straight after
 * crew_start. A worker that is gone is ignored, its EXITED is on the way. */
int crew_order(struct crew *c, uint32_t worker, uint8_t type, uint32_t request,
               struct bytes payload);
/* Before it gets this LOAD: limits the memory of its group, if it has one, to what the job says, or
 * else crew_options, and its inputs, which it may be the one to read from the disk. */
void crew_limit(struct crew *c, uint32_t worker, struct bytes load);
/* SIGKILL to its process group. ERR_NOT_FOUND when its end has been reported already. */
int crew_kill(struct crew *c, uint32_t worker);
/* Kills every worker and the spawner, reaps them, closes everything. At most 500 ms. No callback is
 * called. NULL is accepted. */
void crew_close(struct crew *c);
/* Gives the spawner back and ends the crew; every worker's end has been reported before. */
void crew_release(struct crew *c, struct spawner *out);

#endif
