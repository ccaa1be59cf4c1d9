/* Runs something that may crash, hang or want to exit, and comes back from it all the same. It is
 * for the compiler at work on a source that somebody wrote to break it: what happens there is to be
 * a sentence, not a dead process.
 *
 * Nothing of what ran can be used afterwards, not even freed: it may have been stopped anywhere.
 * In a worker only, which has nothing to lose. Called by snippet.c and snippet_system.c. */
#ifndef VELUM_HOST_SNIPPET_GUARD_H
#define VELUM_HOST_SNIPPET_GUARD_H

#define SNIPPET_CPU_US 1000000

enum guard_end {
    GUARD_DONE,
    GUARD_LEFT,    /* by snippet_guard_leave */
    GUARD_CRASHED, /* by a signal of its own doing */
    GUARD_LATE     /* it took SNIPPET_CPU_US of processor time */
};

/* Once in a process, before the walls close (sandbox.h): nobody can listen to a signal behind them.
 * Without it a crash is the process's. A signal that comes while nothing is guarded is what it
 * would have been without this, but for the instruction being tried twice. */
void snippet_guard_listen(void);
/* Never inside another. *signal is the number where it crashed. */
enum guard_end snippet_guard_run(void (*work)(void *ctx), void *ctx, int *signal);
/* From inside `work`; outside of it the process ends. */
_Noreturn void snippet_guard_leave(void);

#endif
