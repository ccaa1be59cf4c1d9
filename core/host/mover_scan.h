/* What is in the folder: SCAN. Also removes and mends what a crash may leave
 * (core/host/mover_folder.h). */
#ifndef VELUM_HOST_MOVER_SCAN_H
#define VELUM_HOST_MOVER_SCAN_H

#include "core/host/mover_folder.h"
#include "core/wire/move.h"

/* `found` gets each object; the bits are borrowed for the call. 0, or what reading the folder
 * gave; an object that cannot be read is left out, and left where it is. */
int scan_folder(struct folder *f, void (*found)(void *ctx, const struct moved_found *m), void *ctx);

#endif
