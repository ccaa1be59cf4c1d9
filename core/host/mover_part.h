/* Which pieces are here of the objects that are not whole. Filled by the scan and by those that
 * bring pieces or find them damaged; the files are theirs. Called by the parts of the mover. */
#ifndef VELUM_HOST_MOVER_PART_H
#define VELUM_HOST_MOVER_PART_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/id.h"
#include "core/wire/move.h"

#define PARTS_MAX 10000 /* objects that are not whole, at once */
#define PART_PIECES_MAX ((uint64_t)MOVE_BITS_MAX * 8)

struct part {
    struct digest name;
    uint64_t size, pieces;
    uint64_t have;
    uint8_t *bits; /* lowest first */
};

struct part *part_find(struct digest name);
/* With no piece. ERR_FULL, ERR_TOO_LARGE or ERR_NO_MEMORY. */
int part_add(struct digest name, uint64_t size, struct part **out);
/* Accepts NULL. */
void part_forget(struct part *p);
bool part_has(const struct part *p, uint64_t piece);
void part_got(struct part *p, uint64_t piece);
void part_lost(struct part *p, uint64_t piece);

#endif
