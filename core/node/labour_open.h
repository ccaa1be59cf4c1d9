/* What is open here, as a new coordinator hears it (OPEN of peer.h): chunks; and leaves that are
 * done and whose report waits until their outputs are safe, or they would be given out again
 * meanwhile. Private to core/node. */
#ifndef VELUM_NODE_LABOUR_OPEN_H
#define VELUM_NODE_LABOUR_OPEN_H

#include "core/node/state.h"

/* `j` NULL: nothing of the job is here. */
void labour_open_tell(struct node *n, struct job *j, struct job_id id, uint32_t epoch,
                      struct node_id to);
/* The report waits until outputs are safe. The coordinator hears which chunks are over by then, so
 * that their slots need not wait as well. */
void labour_open_computed(struct job *j, const struct unkept *u);
/* A report that waits says that this chunk is over: until it goes out the coordinator takes the
 * chunk for open, and rightly so. */
bool labour_open_waits(const struct job *j, uint64_t grant);

#endif
