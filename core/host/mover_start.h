/* Starts the mover's process. Called by mover_crew.c; apart from it because what runs between
 * vfork and exec has rules of its own. */
#ifndef VELUM_HOST_MOVER_START_H
#define VELUM_HOST_MOVER_START_H

#include <sys/types.h>

#include "core/host/role.h"

/* Our ends of its pipes, close-on-exec and non-blocking. */
struct mover_ends {
    pid_t pid;
    int orders;
    int answers;
};

/* 0, or ERR_SYSTEM with errno set and nothing started. Borrows the descriptors; memory may be -1:
 * then it has the folder in its place, which is none. role: ROLE_MOVER or ROLE_SCRATCH. */
int mover_start(struct mover_ends *out, enum role role, int executable, int folder, int memory);

#endif
