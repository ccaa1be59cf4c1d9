/* What a worker died of, in words, and whether that is its own doing. Private to core/node. */
#ifndef VELUM_NODE_WORKER_CAUSE_H
#define VELUM_NODE_WORKER_CAUSE_H

#include "core/node/state.h"

/* `why` of one that could not be started, or NULL. `cause` has room for cap bytes. Flags of a
 * report (core/node/peer.h). */
uint8_t worker_cause(const struct worker *w, enum worker_end end, int status, const char *why,
                     char *cause, size_t cap);
/* The end of what it wrote, if it did, behind the cause. */
void worker_cause_add_tail(const struct worker *w, char *cause, size_t cap);

#endif
