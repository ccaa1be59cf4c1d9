/* libvelum: the mesh for any C program.
 *
 *     struct velum *v;
 *     velum_init(&v, NULL);
 *     puts(velum_text(v, velum_wait(v, velum_spawn(v, "pi", "400000000", NULL), -1)));
 *
 * A program starts work and gets an *operation*, a positive number; a negative number is a code of
 * enum velum_code instead, and every call takes it and hands it back, so that calls can be chained
 * and looked at once. An operation goes on while the library runs: inside velum_wait, or whenever
 * velum_process is called (below). It is kept with its result until velum_release, or
 * velum_shutdown.
 *
 * Nothing here prints, exits, or changes how a signal is handled. Two exceptions, and there are no
 * others: velum_init does not return in the processes that it made itself (below), and an
 * inconsistency that cannot be, such as memory that was written over, ends the program with one
 * line on standard error and abort().
 *
 * Not thread-safe: one thread at a time may be inside any of these functions, whatever the handle;
 * only velum_wake may be called at any time from any thread or signal handler. A child made by fork
 * must not use a handle of its parent, but for exec. Texts that are returned belong to the handle
 * and last until its operation is released, or, where no operation is named, until the next call.
 *
 * Processes. The node inside a program computes in worker processes, which are the same program
 * executed again with other arguments. So call velum_register and velum_init first in main, before
 * arguments are looked at and anything is printed, opened or started: in such a process velum_init
 * computes and ends the process instead of returning. A program whose file is replaced goes on with
 * the old file. It gets a child that it did not make, and SIGCHLD when that ends; a program that
 * waits for any child should leave alone those it does not know.
 *
 * Linking. libvelum.a goes into executables (not into shared objects):
 *     cc program.c $(pkg-config --cflags --libs velum)
 */
#ifndef VELUM_H
#define VELUM_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct velum;
struct velum_kernel; /* velum_kernel.h, the same for plugins and programs */

/* The exit codes of the command line, negated; velum_sentence says each in words. */
enum velum_code {
    VELUM_DONE = 0,
    VELUM_FAILED = -1,       /* the job failed, diverged or ended unknown; or the call failed */
    VELUM_MISUSE = -2,       /* an argument, a kernel or an operation that cannot be */
    VELUM_NOT_FOUND = -3,    /* no such job or object */
    VELUM_NOT_ALLOWED = -4,  /* a node of another mesh or user; the key is missing, or revoked */
    VELUM_NO_NODE = -5,      /* no node could be reached, or none again for 30 s */
    VELUM_NOWHERE = -6,      /* no node can ever run this */
    VELUM_IN_PART = -7,      /* not ended yet; of velum_kill: cancelling, somebody is away */
    VELUM_CANCELLED = -8,    /* the job was cancelled, here or by another */
    VELUM_GONE = -9,         /* existed, and is forgotten */
    VELUM_TIME_OUT = -124,   /* the job's own time ran out (velum_task.timeout_ms) */
    VELUM_INTERRUPTED = -130 /* velum_wake ended the wait; the operation goes on */
};

enum velum_where {
    VELUM_ANYWHERE = 0, /* a node as the commands find it; without one, one inside this program */
    VELUM_INSIDE = 1,   /* a node inside this program, even with others near */
    VELUM_AT_NODE = 2,  /* a running node, or VELUM_NO_NODE */
    VELUM_AS_NODE = 3   /* this program is a node of the mesh, as `velum node` is */
};

/* What is left zero has its default. */
struct velum_options {
    enum velum_where where; /* with kernels of the program's own (velum_register) ANYWHERE is
                               INSIDE: a running `velum node` does not have them */
    const char *addr;       /* HOST:PORT of the one node that is asked; NULL: VELUM_ADDR, else the
                               nearest under $VELUM_HOME. One that does not answer is VELUM_NO_NODE,
                               never a reason to compute inside */
    uint32_t slots;         /* workers at a time of a node inside; 0: all cores */
    /* Of VELUM_AS_NODE, as of `velum node`: where it listens, what it is called. It keeps its state
     * in $VELUM_HOME/nodes/PORT, finds the other nodes as that does, and takes part in their jobs,
     * as they in its: in those of this program's own kernels where they are the same program. */
    uint16_t port;    /* 0: 8001 */
    const char *bind; /* NULL: 127.0.0.1 */
    const char *name; /* NULL: made up */
    int keep_objects; /* not 0: a node inside keeps objects, for tasks with inputs and velum_put, in
                         a folder of its own under TMPDIR (/tmp) that goes with it */
};

/* Makes a kernel known to the node inside this program. Before the first velum_init; the struct is
 * copied, what it points to must stay. Its identity is its name and the SHA-256 of this program's
 * file, so a node takes part in its jobs only with exactly this program. At most 64. VELUM_DONE, or
 * VELUM_MISUSE (wrong, name taken, too late): velum_sentence(NULL, VELUM_MISUSE) says why. */
int velum_register(const struct velum_kernel *kernel);

/* Opens a handle. options NULL: all defaults. The node inside a program keeps nothing on disk (but
 * with keep_objects), does not listen, and ends with the handle, and so do its jobs (but for
 * VELUM_AS_NODE); jobs at a running node go on without the program. Waits at most about 4 s, for an
 * address that does not answer; a node that refuses this user's key says why to each operation. On
 * failure there is a handle (NULL without memory), for velum_sentence and velum_shutdown only. */
int velum_init(struct velum **out, const struct velum_options *options);
/* Ends everything of the handle; waits at most a second for worker processes, and two for a node of
 * the mesh to say goodbye. NULL is allowed. */
void velum_shutdown(struct velum *v);
int velum_is_inside(const struct velum *v); /* 1 when its node is inside this program, else 0 */

/* --- work --- */

/* Scatters a kernel over the units that its arguments stand for: texts as on the command line
 * (`velum run KERNEL ARGS`), ended by NULL. The operation is the job; its text is its result as
 * `velum run` prints it, its bytes are the accumulator. */
int velum_spawn(struct velum *v, const char *kernel, ... /* const char *, NULL */)
#ifdef __GNUC__
    __attribute__((sentinel))
#endif
    ;

/* What a task reads: one of the two, the other is NULL. A file is put as an object first, as by
 * velum_put_fd; one that many tasks read is better put once and named by its reference. */
struct velum_input {
    const char *path; /* of an ordinary file; it is opened in velum_submit */
    const char *ref;  /* of an object, as velum_get takes it */
};

enum velum_level {
    VELUM_SENT = 0,   /* velum_submit returns at once */
    VELUM_DURABLE = 1 /* or when the nodes that keep the job have synced it; one inside does not */
};

/* What work asks of nodes. None that is there has it: VELUM_NOWHERE, and velum_sentence names the
 * nearest miss; or the job waits. Labels are "gpu=1 disk", less than 256 bytes; every node has
 * arch=ARCHITECTURE and node=NAME too. */
struct velum_asks {
    uint32_t cpus;                   /* slots that a leaf takes, at most 1024; 0: one */
    uint64_t mem_bytes;              /* that a worker may need, and no more; 0: nothing is said */
    const char *on, *prefer;         /* labels a node must have; of the nodes that come first */
    int priority, wait_for_capacity; /* -10 to 10: a lower one runs behind; not 0: it waits */
    const char *min_tier;            /* "S2": of nodes whose cage is at least so good; or NULL */
};

/* One job of one stage. What is left zero has its default. Later versions add members. */
struct velum_task {
    const char *kernel; /* its name; or FILE.c, C source, which needs what objects need */
    int argc; /* at most 64 arguments, each of less than 1,024 bytes */
    const char *const *argv;
    const char *name;     /* [a-z0-9-], at most 63, for people; NULL: none */
    uint32_t slots_max;   /* use at most so many slots at a time */
    uint64_t timeout_ms;  /* end the job after that long (VELUM_TIME_OUT) */
    uint64_t cpu_ms;      /* or (VELUM_FAILED) when its workers have used so much processor time */
    uint32_t check;       /* compute so many percent of the leaves on two nodes, and compare */
    const char *tier;     /* whose compiler makes the code of FILE.c: "tcc", "cc"; NULL: "auto" */
    uint64_t leaf_units;  /* units in a leaf, the step of sharing; 0: as the kernel plans */
    uint64_t progress_ms; /* how often velum_look learns something new; 0: only at the end */
    enum velum_level level;
    /* In this order, at most 256; they are not among argv. The operation first puts the files and
     * looks at the references, and is the job then: VELUM_NOT_FOUND for a reference that no node
     * has. */
    int inputs_count;
    const struct velum_input *inputs;
    struct velum_asks asks;
};

/* The same with more to say. Beyond 10,000 operations of a handle at a time it is VELUM_FAILED. */
int velum_submit(struct velum *v, const struct velum_task *task);

/* --- many small tasks --- */

/* A session is one job to which tasks are added while it runs: up to 1,000,000, and 36 MiB of them,
 * of which 63,488 may not have ended. Each is a kernel that folds, whose inputs may be what earlier
 * tasks came to, and run when that is there. If its node has no room for a minute it is
 * VELUM_FAILED; if nothing is left, and the library does not run for so long, VELUM_TIME_OUT. */
struct velum_session {
    const char *name;       /* [a-z0-9-], at most 63, for people; NULL: none */
    uint32_t slots_max;     /* use at most so many slots at a time */
    uint64_t timeout_ms;    /* end the job after that long, */
    uint64_t cpu_ms;        /* or after so much processor time, as a task */
    enum velum_level level; /* DURABLE: synced at all that keep the job as soon as can be, else with
                               other tasks; velum_progress tells how many are */
    struct velum_asks asks; /* what each of its tasks does */
};
struct velum_stage {
    const char *kernel; /* built in, or registered by this program */
    int argc;
    const char *const *argv;
    uint64_t leaf_units;           /* 0: as the kernel plans */
    int inputs_count, after_count; /* at most 256 */
    const int64_t *inputs;         /* what these tasks came to is its inputs, in this order */
    const int64_t *after;          /* and these must have ended well before it begins */
    int asks_nothing;              /* not 0: any node will do; not for the first of a session */
};
/* What became of a task. One that was given up may be given once more, as done. */
struct velum_end {
    int64_t task;
    int code;          /* VELUM_DONE, _FAILED, or _CANCELLED: one that it needs failed, or killed */
    const void *bytes; /* the accumulator; until the next velum_take of the session */
    size_t size;
    const char *error; /* one sentence when it failed or was killed, else ""; as the bytes */
};
struct velum_progress {
    uint64_t added, sent, ended, safe; /* tasks; a short one may end unsent; safe: synced */
    uint32_t durable, machines;        /* at so many nodes, on so many machines */
};

/* The operation is the job of the session. options NULL: all defaults. */
int velum_open(struct velum *v, const struct velum_session *options);
/* The new task's number, from 0; or a code. VELUM_IN_PART: too many have not ended. */
int64_t velum_add(struct velum *v, int session, const struct velum_stage *task);
/* Runs the library until a task has ended that was not taken yet: fills *out and returns the
 * session; 0 when all that were added have ended and were taken; VELUM_IN_PART when the time is
 * over; or the code the session has ended with. In a loop: with timeout_ms 0, after
 * velum_process. */
int velum_take(struct velum *v, int session, struct velum_end *out, int64_t timeout_ms);
/* No more tasks come: when all have ended, so does the operation, as VELUM_FAILED when one of them
 * has failed. Its text and bytes are those of the last task. Returns the session. */
int velum_close(struct velum *v, int session);
/* How many tasks are where, as far as is known now. VELUM_DONE, or VELUM_MISUSE. */
int velum_progress(struct velum *v, int session, struct velum_progress *out);

/* Keeps bytes, borrowed until it ends, as an object in the mesh; its text is the reference, 64 hex
 * digits. Ends when two nodes, or all of fewer, have synced it. Needs a node that keeps objects. */
int velum_put(struct velum *v, const void *data, size_t size);
int velum_put_fd(struct velum *v, int fd); /* an ordinary file, from its offset to its end */
/* Fetches an object by its reference, or 8 and more first digits of it that only one object has.
 * Its bytes are in memory then, checked against the reference; its text is the whole reference. */
int velum_get(struct velum *v, const char *ref);
/* The same into an ordinary file at its offset: the bytes are there, and right, when the operation
 * is VELUM_DONE, and must not be used otherwise. */
int velum_get_fd(struct velum *v, const char *ref, int fd);

/* A job of a kernel that collects (`grep`) has bytes for a result, however many: what its leaves
 * yielded, in order. Its text is then the name of the list of them, its own bytes are none, and
 * velum_state.bytes is how many they are. These read them, of a job that is VELUM_DONE and not
 * released: a new operation, whose bytes they are; or into an ordinary file at its offset, where
 * they are, and right, when it is VELUM_DONE. VELUM_MISUSE when the job is none such. */
int velum_result(struct velum *v, int job);
int velum_result_fd(struct velum *v, int job, int fd);

/* --- waiting, and what came of it --- */

/* Runs the library until the operation has ended: the operation itself, or the code it ended with.
 * timeout_ms < 0: as long as it takes; 0: only what needs no waiting. VELUM_IN_PART when the time
 * is over. A negative `operation` comes back as it is. */
int velum_wait(struct velum *v, int operation, int64_t timeout_ms);

/* Runs the library for so long, or (< 0) until velum_wake: for a program that is only a node.
 * VELUM_DONE, VELUM_INTERRUPTED, or why the node has ended. */
int velum_serve(struct velum *v, int64_t timeout_ms);

/* Cancels a job, and waits at most so long for the proof: VELUM_DONE when every node that keeps it
 * has written that down (or it had ended); VELUM_IN_PART when somebody is away or the time is over.
 * The job's operation ends by itself, mostly as VELUM_CANCELLED; one that is no job just ends. With
 * timeout_ms 0 it only asks. */
int velum_kill(struct velum *v, int operation, int64_t timeout_ms);

/* Forgets an operation with its texts and bytes. A job that has not ended goes on. */
void velum_release(struct velum *v, int operation);

/* NULL while there is none, and for a negative `operation`. */
const char *velum_text(struct velum *v, int operation);
const void *velum_bytes(struct velum *v, int operation, size_t *size);

struct velum_state {
    int code;          /* VELUM_IN_PART while it goes on, then VELUM_DONE or what it ended with */
    char id[65];       /* of a job, for `velum show ID`; "" until it is known */
    const char *state; /* of a job: "waiting", "running", "done", ... as in `velum ps` */
    uint64_t units, leaves, leaves_done, checked, unchecked; /* of a job; velum_task.check */
    uint64_t retries;           /* leaves given out again after a failure */
    uint32_t nodes;             /* that hold work of it now, or did at the end */
    uint32_t durable, machines; /* nodes that have synced it, on how many machines */
    uint64_t elapsed_us, cpu_us;
    uint64_t bytes, bytes_done; /* of an object; of a result that is bytes */
    const char *error;          /* one sentence when it failed, else "" */
    int no_kernel;              /* 1: because its node has no kernel of that name */
};

/* What is known of an operation now; asks nobody. VELUM_DONE, or VELUM_MISUSE. */
int velum_look(struct velum *v, int operation, struct velum_state *out);

/* The last failure of this handle in words, with what to try, when `code` is its code; else what
 * the code means. Never NULL; v may be NULL. */
const char *velum_sentence(const struct velum *v, int code);

/* --- inside another loop --- */

/* One descriptor for poll, select or epoll (wait for reading); the same as long as the handle. */
int velum_fd(const struct velum *v);
/* For poll: so many ms velum_process can be left alone, if that is not readable; -1: for ever. */
int velum_timeout(const struct velum *v);
/* Does all that needs no waiting: when the descriptor is readable, when the time of velum_timeout
 * is over, and after operations were started. How many have ended that velum_next has not told yet,
 * or a code. To look for a lost node may take 4 s; files are read and written by 60 KiB. */
int velum_process(struct velum *v);
/* The next operation that has ended and was not told yet (nor waited for), or 0. */
int velum_next(struct velum *v);
/* Ends a velum_wait or velum_kill that goes on, or the next one; the descriptor is readable once.
 * Async-signal-safe. The handle must exist. */
void velum_wake(struct velum *v);

const char *velum_version(void); /* of the library, "0.1.0" */
#ifdef __cplusplus
}
#endif
#endif
