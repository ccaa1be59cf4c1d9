/* The memory that a node and its mover share, so that the bytes of objects need not go through a
 * pipe: places of the size of the largest payload, each lent to one order until its answer has been
 * heard (core/wire/move.h, MOVE_AT). Which place is whose is known to the node alone.
 *
 * Its size is sealed, so that neither side can take it away under the other. Both can write all of
 * it, and what the mover does to a place while the node reads it is no worse than what it could
 * have said instead: every reader of an answer checks what it uses, each time. Where there is no
 * such memory nothing is lent, and everything goes through the pipes. A mover that cannot map what
 * it is given ends with MOVER_UNMAPPED, so that the next one is given none.
 *
 * Called by mover_crew.c, and the last function by the mover. */
#ifndef VELUM_HOST_MOVER_MEMORY_H
#define VELUM_HOST_MOVER_MEMORY_H

#include "core/wire/move.h"

#define MOVER_UNMAPPED 3 /* the status that such a mover exits with */

struct mover_memory {
    int fd;         /* -1: there is none */
    uint8_t *bytes; /* NULL: the same */
    uint64_t free;  /* a bit for each place */
    bool touched;   /* some of it may have pages */
};

/* Makes one with all its places free, or an empty one where the system has none to give. */
void mover_memory_make(struct mover_memory *m);
/* Ends it; what its places hold is gone. Also of one that is zero but for fd -1. */
void mover_memory_clear(struct mover_memory *m);
/* The first place that is free, or -1. */
int mover_memory_lend(struct mover_memory *m);
/* `place` may be -1. */
void mover_memory_return(struct mover_memory *m, int place);
/* Whether any is. */
bool mover_memory_is_lent(const struct mover_memory *m);
uint8_t *mover_memory_at(const struct mover_memory *m, int place);
/* Gives the pages back to the system when no place is lent. */
void mover_memory_rest(struct mover_memory *m);

/* The mover's side of it, for good; NULL when that descriptor is not one. 0; ERR_NO_MEMORY: it is
 * one, and cannot be mapped. */
int mover_memory_of(int fd, uint8_t **out);
/* A place of it; place < MOVE_PLACES. */
uint8_t *mover_memory_place(uint8_t *bytes, uint32_t place);

#endif
