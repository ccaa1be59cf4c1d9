/* Objects that come from other nodes: LEARN, WRITE, SEAL.
 *
 * Pieces come slice by slice, each from its first byte to its last, several side by side; a piece
 * counts once it has made its digest of the list. Nothing of the bytes is synced before SEAL: what
 * a crash leaves is looked at again by the scan. */
#ifndef VELUM_HOST_MOVER_FETCH_H
#define VELUM_HOST_MOVER_FETCH_H

#include "core/host/mover_place.h"
#include "core/wire/move.h"

#define LEARNS_MAX 64 /* lists that come in side by side; the one that was idle longest goes */
#define FETCH_LATE 1
#define FETCH_LATE_MAX 16u
#define WRITES_MAX 1024 /* pieces that do; the same */

/* The next bytes of a list, or its first again. ERR_ARGUMENT: not the next ones. ERR_EXISTS: it is
 * here. After any other error nothing of it is left. */
int fetch_learn(struct folder *f, const struct move_part *m);
bool fetch_learns(struct digest name);
/* The next bytes of a piece, or its first again. 0 and done without a word where the piece is
 * here. ERR_ARGUMENT: not the next ones, or more than the piece has. FETCH_LATE: those were its
 * last, and what they made is known when its turn comes in fetch_settle; so that bytes go on being
 * taken while a piece is hashed. At most FETCH_LATE_MAX may be late. */
int fetch_write(struct folder *f, const struct move_part *m);
/* The result of the write that has been late for longest; waits for it. */
int fetch_settle(struct folder *f);
/* Whether the piece that these bytes belong to is late. It must be settled before anything is done
 * to it, and all of them before anything is done to an object. */
bool fetch_is_late(const struct move_part *m);
/* Its pieces are all here: it is to be put in its place, and until fetch_sealed nothing else is
 * done with it. */
void fetch_seal(struct folder *f, struct digest name, struct place *p);
/* 0 also where it was whole before. ERR_NOT_FOUND: not all pieces are here. ERR_SYNC, ERR_NO_SPACE:
 * what is on the disk cannot be known, and nothing of the object is left. */
int fetch_sealed(struct folder *f, struct place *p);
/* Forgets what was coming. */
void fetch_forget(struct digest name);

#endif
