/* What workers' nodes tell the coordinator: reports, chunks that come back, chunks that are open.
 * Each takes one message's payload; ERR_FORMAT when it is malformed. Private to core/node. */
#ifndef VELUM_NODE_REPORT_H
#define VELUM_NODE_REPORT_H

#include "core/node/state.h"

int report_take(struct node *n, struct node_id from, struct bytes payload);
/* Reports that the cover had no room for are asked for again, a second later: merging may have made
 * room, or somebody else has computed their leaves. Until then nothing behind them is called kept.
 * After half a minute the node may forget what it has of them: its leaves are free for anybody, and
 * it may have no room left for other work. */
void report_ask_again(struct job *j);
/* What this node's own workers computed of `count` stages of one leaf each, from `stage` on, before
 * they were stages: put_value for each, in order. */
void report_ahead(struct job *j, uint32_t stage, uint16_t count, struct bytes values,
                  uint64_t compute_us);
int report_returned(struct node *n, struct node_id from, struct bytes payload);
/* The grants of a RETURN that gives nothing back. */
int report_computed(struct job *j, const struct hand *h, struct reader *r, uint16_t count);
int report_open(struct node *n, struct node_id from, struct bytes payload);
/* All that is left of this chunk is covered: another copy of it was faster. NULL: nothing is. */
void report_stop_if_moot(struct job *j, const struct chunk *c);

/* Folds in the cover what can be folded; for kernels this node has built in. ERR_DAMAGED: two
 * values of one tree node differ. */
int report_fold(struct job *j);

#endif
