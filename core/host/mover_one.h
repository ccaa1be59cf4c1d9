/* Objects of one piece, or of none: they are one file, without a list. Their list is the digest of
 * all their bytes, and with the size that makes the name (core/object/name.h). Of those that came
 * last it is remembered, because they are copied to other nodes; of others it is made anew from the
 * bytes when somebody asks for it, which takes less than a millisecond. At the end of the file it
 * would make the file another than the object, for whoever reads it beside the mover.
 *
 * Earlier versions wrote a list beside them too. It is not read; it goes with the object, or when a
 * scan sees it. Called by the parts of the mover and by near_object.c. */
#ifndef VELUM_HOST_MOVER_ONE_H
#define VELUM_HOST_MOVER_ONE_H

#include "core/host/mover_folder.h"

#define ONE_REMEMBERED_MAX 256u

/* Whether an object of this size has no list. */
bool one_is(uint64_t size);
/* The name of so many bytes with this digest; of none the digest does not matter. */
struct digest one_name(uint64_t size, struct digest piece);
/* Whether they are this object. */
bool one_makes(struct digest name, uint64_t size, struct digest piece);
/* The digest that makes this name and size, where it is remembered; ONE_REMEMBERED_MAX are. */
bool one_recall(struct digest name, uint64_t size, struct digest *piece);
/* one_makes(name, size, piece) */
void one_remember(struct digest name, struct digest piece);
/* Whether the first `size` bytes of a file are; one_is(size). 0, ERR_DAMAGED: they are not, or the
 * file is shorter; or what reading gave. */
int one_compare(int fd, struct digest name, uint64_t size);
/* Whether the digest of a piece of an object of any size is the right one: by the name, or by the
 * list that is here. 0, ERR_DAMAGED, ERR_NOT_FOUND: it has no list; or what reading the list
 * gave. */
int one_judge(struct folder *f, struct digest name, uint64_t size, uint64_t piece,
              struct digest digest);

#endif
