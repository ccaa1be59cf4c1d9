/* Pieces that were read from the disk and found right: no byte of an object leaves the mover before
 * its whole piece has made the digest that the list has.
 *
 * A few pieces are held in memory meanwhile, for whoever reads them slice by slice, for no longer
 * than a second, so that a disk that has changed is soon seen to; and of what is read in order the
 * next ones are hashed while this one is handed out. Called by mover_read.c. */
#ifndef VELUM_HOST_MOVER_PIECE_H
#define VELUM_HOST_MOVER_PIECE_H

#include "core/host/mover_folder.h"

#define PIECES_HELD 8
#define PIECES_AHEAD 3

struct piece_place {
    struct digest name;
    uint64_t size; /* of the object */
    enum folder_kind kind;
    uint64_t piece;
    uint64_t here; /* behind it so many are here as well, to PIECES_AHEAD */
};

/* Its bytes, borrowed until the next call. 0; ERR_DAMAGED: they are not what the list has, or do
 * not make the name where there is none; or what reading the list, or no memory, gave. */
int piece_get(struct folder *f, const struct piece_place *at, const uint8_t **bytes);
/* Its digest; results as above. */
int piece_digest(struct folder *f, const struct piece_place *at, struct digest *digest);

#endif
