/* Bytes of objects and of their lists: READ, LIST. */
#ifndef VELUM_HOST_MOVER_READ_H
#define VELUM_HOST_MOVER_READ_H

#include "core/host/mover_folder.h"
#include "core/wire/move.h"

/* The m->length bytes into `to`. ERR_NOT_FOUND, also for a piece that is not here; ERR_ARGUMENT
 * beyond the end; ERR_DAMAGED where the file is too short. */
int read_object(struct folder *f, const struct move_part *m, uint8_t *to);
int read_list(struct folder *f, const struct move_part *m, uint8_t *to);

#endif
