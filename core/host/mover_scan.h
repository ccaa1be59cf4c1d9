/* What is in the folder: SCAN. Also removes and mends what a crash may leave
 * (core/host/mover_folder.h). */
#ifndef VELUM_HOST_MOVER_SCAN_H
#define VELUM_HOST_MOVER_SCAN_H

#include "core/host/mover_folder.h"
#include "core/host/mover_part.h"
#include "core/wire/move.h"

/* What is here of an object that is not whole; NULL: nothing is, or all of it. One that another
 * process began is looked at first. */
struct part *scan_part(struct folder *f, struct digest name);
/* `found` gets each object; the bits are borrowed for the call. `left` gets each put that can be
 * gone on with. 0, or what reading the folder gave; an object that cannot be read is left out, and
 * left where it is. */
struct scan_ears {
    void *ctx;
    void (*found)(void *ctx, const struct moved_found *m);
    void (*left)(void *ctx, const struct moved_left *m);
};
int scan_folder(struct folder *f, const struct scan_ears *ears);

#endif
