/* The folder in which a node inside a command keeps its objects: made when such a node begins, and
 * removed with all that is in it when that ends. It is under TMPDIR; where that is not set, under
 * /tmp, or else, as in a root that holds nothing but velum, /dev/shm or the current folder.
 *
 *   velum-run-XXXXXX/lock       held as long as the node lives; first to come, last to go
 *   velum-run-XXXXXX/objects/   the mover's folder (mover_folder.h)
 *
 * A command that is killed leaves its folder behind. The next one removes those of the same user
 * whose lock nobody holds, and those that are empty. Called by embedded.c. */
#ifndef VELUM_HOST_SCRATCH_H
#define VELUM_HOST_SCRATCH_H

#include "core/host/home.h"

struct scratch {
    char folder[HOME_PATH_SIZE]; /* "" when there is none */
    char objects[HOME_PATH_SIZE];
    int lock;
};

/* 0, or a code of file_fault with errno set; nothing is left then. */
int scratch_open(struct scratch *s);
/* After the mover has ended. Accepts one that was never opened, or is zero. */
void scratch_close(struct scratch *s);

#endif
