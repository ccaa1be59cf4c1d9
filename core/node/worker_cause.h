/* What a worker died of, in words, and whether that is its own doing. Private to core/node. */
#ifndef VELUM_NODE_WORKER_CAUSE_H
#define VELUM_NODE_WORKER_CAUSE_H

#include "core/node/state.h"

/* As EVENT_WORKER_EXITED says. `cause` has room for cap bytes. Flags of a report
 * (core/node/peer.h). */
uint8_t worker_cause(const struct node *n, const struct worker *w, const struct event *ev,
                     char *cause, size_t cap);
/* With these flags: of the processor time that its process took, what it has not told itself. */
uint64_t worker_cause_cpu_us(const struct worker *w, const struct event *ev, uint8_t flags);
/* The end of what it wrote, if it did, behind the cause. */
void worker_cause_add_tail(const struct worker *w, char *cause, size_t cap);

#endif
