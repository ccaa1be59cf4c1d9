#include "core/api/guard.h"

#include <errno.h>
#include <stddef.h>
#include <time.h>

static void only_pipe(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGPIPE);
}

void guard_begin(struct guard *g)
{
    sigset_t pipe, before, pending;
    only_pipe(&pipe);
#if VELUM_PLANT == 428 /* unit/test_api_node: a signal of the library's making ends the program */
    sigemptyset(&pipe);
#endif
    pthread_sigmask(SIG_BLOCK, &pipe, &before);
    g->was_blocked = sigismember(&before, SIGPIPE) == 1;
    g->was_pending = false;
    if (g->was_blocked && sigpending(&pending) == 0)
        g->was_pending = sigismember(&pending, SIGPIPE) == 1;
}

void guard_end(const struct guard *g)
{
    const int error = errno;
    const struct timespec at_once = {0, 0};
    sigset_t pipe;
    only_pipe(&pipe);
    if (!g->was_pending)
        while (sigtimedwait(&pipe, NULL, &at_once) < 0 && errno == EINTR)
            ;
    if (!g->was_blocked)
        pthread_sigmask(SIG_UNBLOCK, &pipe, NULL);
    errno = error;
}
