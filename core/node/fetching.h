/* Objects on their way here from other nodes: first the list of pieces, which must make the name,
 * then the pieces by a plan (core/object/fetch.h), each checked by the mover, then the seal.
 *
 * At most FETCHES_MAX at a time, and some of these places are for what users wait for; the rest
 * waits its turn (fetch_wait.h). One that no source is left for, that nothing came of for
 * FETCH_PATIENCE_US, or of which for a while there is a piece that none of the sources has, is
 * given up, and what there is of it stays on the shelf. Private to core/node. */
#ifndef VELUM_NODE_FETCHING_H
#define VELUM_NODE_FETCHING_H

#include "core/node/object_peer.h"
#include "core/node/objects.h"

#define FETCHES_MAX 16u
#define FETCHES_COPIES_MAX 12u /* of them, so many that nobody waits for */
#define FETCH_PATIENCE_US (20 * S_US)
#define FETCH_STALL_US (5 * S_US) /* with one source that brings nothing */

/* Gets it from this node too, now or in its turn. 0; ERR_FULL (too many wait), ERR_NO_SPACE,
 * ERR_EXISTS (it is whole here). */
int fetching_begin(struct node *n, struct digest name, uint64_t size, struct node_id source);
/* No more of it for now: the map of the shelf that it goes by is about to change. */
void fetching_stop(struct node *n, struct digest name);
bool fetching_is_on(const struct node *n, struct digest name);
/* When some of it came last, or it waited for its turn; 0: it is not on, or nothing did. */
struct instant fetching_came(const struct node *n, struct digest name);
/* One more of its kind may begin. */
bool fetching_has_place(const struct node *n, struct digest name);
/* Something is asked, or to be asked, of this node. */
bool fetching_uses(const struct node *n, struct node_id id);
void fetching_go_on(struct node *n);
void fetching_tick(struct node *n);
void fetching_source_gone(struct node *n, struct node_id id);
/* From a bulk link: the next bytes of what was asked for with this tag, which may not be wanted any
 * more. */
void fetching_bytes(struct node *n, uint64_t tag, const struct bulk_part *part);
void fetching_refused(struct node *n, struct node_id from, uint64_t tag,
                      const struct bulk_part *part);
/* What was written is there, what was not is asked for again. */
void fetching_mover_died(struct node *n);
void fetchings_free(struct node *n);

#endif
