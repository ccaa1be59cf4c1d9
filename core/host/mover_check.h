/* Looks for damage: CHECK, and for whoever found some. Also mends a list whose object is in
 * order. An object of one piece has none (mover_one.h): when its bytes do not make its name it is
 * given up as any piece is, but nothing is left of it where its file is not known to have the
 * object's length. */
#ifndef VELUM_HOST_MOVER_CHECK_H
#define VELUM_HOST_MOVER_CHECK_H

#include "core/host/mover_folder.h"
#include "core/wire/move.h"

/* Reads pieces from m->offset (a piece's number) on, as many as fit 100 ms but at least one, or up
 * to the first that is damaged; that one is given up, and the object is not whole any more. Others
 * go first at the disk, unless somebody waits for this: then 20 ms, because others wait behind it.
 * At piece 0 the list is looked at as well; one that is damaged is made anew from the bytes, and
 * where that does not make the name either nothing is left of the object: ERR_DAMAGED. m->size is
 * the object's, 0: not known. */
void check_object(struct folder *f, const struct move_part *m, struct moved_checked *answer);
/* The object has this size, as its name and its list say: what its file has beyond that was
 * appended by somebody else, and is cut off. Returns how much. */
uint64_t check_length(struct folder *f, struct digest name, uint64_t size);
/* This piece, of an object of this size (0: not known), does not make its digest of the list.
 * ERR_DAMAGED: the piece is wrong, and was given up; 0: the list was, and has been made anew;
 * ERR_NOT_FOUND: both are, and nothing is left of the object. Others leave it as it is. */
int check_difference(struct folder *f, struct digest name, uint64_t size, uint64_t piece);
/* Whether the list, or the only piece, makes the name. Results as above. */
int check_list(struct folder *f, struct digest name);
/* Makes the list of a whole object anew. 0, or ERR_DAMAGED: its bytes are not what its name says.
 * */
int check_relist(struct folder *f, struct digest name, uint64_t size);

#endif
