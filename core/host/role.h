/* The processes of Velum's own: the spawner, its workers and the mover are the same executable once
 * more, and learn which of them they are before anything else happens.
 *
 * `velum` tells them apart by its first argument (`velum __worker`). A program with the library in
 * it may look at its arguments before it calls the library, so its processes are told by one
 * variable of their otherwise empty environment as well:
 *
 *   VELUM_PROCESS=ROLE DIGEST      spawner, worker, mover, scratch or builder; the program's digest
 *                                  in hex
 *
 * Called by cmd/main.c and core/api, and by what makes these processes. */
#ifndef VELUM_HOST_ROLE_H
#define VELUM_HOST_ROLE_H

#include <stdbool.h>

#include "core/base/id.h"

/* ROLE_SCRATCH is a mover whose folder goes with the node: it syncs nothing. ROLE_APART is a worker
 * in namespaces of its own (`velum __worker apart`), which no program with the library has: it may
 * have threads by then. */
enum role {
    ROLE_NONE,
    ROLE_SPAWNER,
    ROLE_WORKER,
    ROLE_MOVER,
    ROLE_SCRATCH,
    ROLE_BUILDER,
    ROLE_APART
};

/* By the first argument. */
enum role role_of_arguments(int argc, char *const *argv);
/* By the environment, with the digest that stands there, which goes on to this process's own
 * children. */
enum role role_of_environment(struct digest *program);
/* Is that process until it ends, and returns its exit status; the spawner never returns. */
int role_serve(enum role role);

/* From here on processes get the variable. Before the first of them is made. */
void role_set_program(struct digest program);
/* They do. */
bool role_is_program(void);
/* For exec; kept by this file. Async-signal-safe, so good between vfork and exec. */
char *const *role_arguments(enum role role);
char *const *role_environment(enum role role);

#endif
