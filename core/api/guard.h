/* Writing to a peer or a worker that has died raises SIGPIPE, and how a program handles signals is
 * its own: so while the library runs the signal is blocked in the calling thread, and one that the
 * library itself has raised is taken away before it is let through again.
 *
 * Every public function that may write is between begin and end. */
#ifndef VELUM_API_GUARD_H
#define VELUM_API_GUARD_H

#include <signal.h>
#include <stdbool.h>

struct guard {
    bool was_blocked, was_pending;
};

void guard_begin(struct guard *g);
void guard_end(const struct guard *g);

#endif
