/* Bytes of objects and of their lists: READ, LIST. */
#ifndef VELUM_HOST_MOVER_READ_H
#define VELUM_HOST_MOVER_READ_H

#include "core/host/mover_folder.h"
#include "core/wire/move.h"

/* The m->length bytes into `to`; those of an object only after their pieces have made their
 * digests, unless they are wanted as they are, and the first of a list only when it makes the name.
 * ERR_NOT_FOUND, also for a piece that is not here; ERR_ARGUMENT beyond the end; ERR_DAMAGED: a
 * piece was wrong, and has been given up, so that the object is not whole any more. */
int read_object(struct folder *f, const struct move_part *m, uint8_t *to);
int read_list(struct folder *f, const struct move_part *m, uint8_t *to);

#endif
