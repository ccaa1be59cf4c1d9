/* Orders to the mover, and what is done with its answers; in which order they come says
 * core/wire/move.h.
 * No more is given to it than may be open (core/wire/move.h); the rest waits here, in its order.
 * Private to core/node. */
#ifndef VELUM_NODE_MOVER_H
#define VELUM_NODE_MOVER_H

#include "core/node/objects.h"
#include "core/wire/move.h"

/* `what` is the number of a put or get, which may be gone by then. */
typedef void moved_fn(struct node *n, uint64_t what, const struct frame *answer);

/* Every order is answered once, also when the mover dies. */
void mover_order(struct node *n, uint8_t type, struct bytes payload, moved_fn *then, uint64_t what);
/* An order about a part of an object, encoded by `put`. */
void mover_part(struct node *n, uint8_t type, void (*put)(struct buf *b, const struct move_part *m),
                const struct move_part *part, moved_fn *then, uint64_t what);
/* The next bytes of a new object. */
void mover_append(struct node *n, const struct move_stream *m, moved_fn *then, uint64_t what);
/* For orders of which only the result counts; `then` may be NULL. */
void mover_name(struct node *n, uint8_t type, struct digest name, moved_fn *then, uint64_t what);
/* Of a new object. */
void mover_finish(struct node *n, uint64_t stream, enum move_finish way, moved_fn *then);
void mover_abort(struct node *n, uint64_t stream);
/* It was ordered to drop this one, and has not said yet that it did: what it says of the object
 * until then is of before. */
bool mover_drops(const struct node *n, struct digest name);
/* It was ordered to make an object of a stream, and has not said yet which. */
bool mover_makes(const struct node *n);
void mover_answered(struct node *n, const struct frame *f);
/* The result in any answer but FOUND; ERR_FORMAT for one that does not read. */
int moved_result(const struct frame *f);
void mover_free(struct node *n);

#endif
