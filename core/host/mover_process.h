/* The mover's own process, `velum __mover`: obeys the orders on descriptor 0, in order, until they
 * end. See core/host/mover_folder.h for the folder on descriptor 3 and core/wire/move.h for the
 * words.
 *
 * One thread obeys, a few hash (mover_hash.h). Memory does not grow with the size of an object, but
 * for one bit a piece of those that are not whole. Called by cmd/main.c. */
#ifndef VELUM_HOST_MOVER_PROCESS_H
#define VELUM_HOST_MOVER_PROCESS_H

#include <stdbool.h>

/* syncs: what it says is done survives a crash of the machine. The exit code of the process. Has
 * said on standard error why it cannot go on. */
int mover_main(bool syncs);

#endif
