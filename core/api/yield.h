/* An operation that reads what the leaves of a job yielded, in order, into memory or a file: first
 * the list of it, where that did not come with the result, then one output after the other, each by
 * an operation of its own that nobody else is told of and that checks it (haul.h).
 *
 * Called by velum.c and handle.c. */
#ifndef VELUM_API_YIELD_H
#define VELUM_API_YIELD_H

#include "core/api/handle.h"

/* A new operation, or a code. `result` is that of a job that collects and is done, borrowed for the
 * call; fd < 0: into memory. */
int yield_start(struct velum *v, struct bytes result, int fd);
/* Goes on, with the child that has come to its end or NULL. */
void yield_go_on(struct velum *v, struct op *op, const struct op *child);

/* What was read into memory. */
struct bytes yield_bytes(const struct op *op);
void yield_look(const struct op *op, struct velum_state *out);
void yield_free(struct op *op);

#endif
