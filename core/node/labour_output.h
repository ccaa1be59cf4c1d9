/* What leaves of a collect yield beyond a few bytes: taken from the worker and made an object of
 * this node. Then the worker goes on, up to LABOUR_OUTPUTS_AHEAD of them before those that are
 * written down and copied; what it tells of the leaves waits for that (labour_report.h). Private to
 * core/node. */
#ifndef VELUM_NODE_LABOUR_OUTPUT_H
#define VELUM_NODE_LABOUR_OUTPUT_H

#include "core/node/state.h"
#include "core/wire/output.h"

#define LABOUR_OUTPUTS_AHEAD 15u
#define LABOUR_OUTPUT_LIMIT_US (120 * S_US)

/* OUTPUT and OUTPUT_END. ERR_FORMAT: the worker broke its protocol, as one without a chunk does. */
int labour_output_part(struct node *n, struct worker *w, struct bytes payload);
int labour_output_end(struct node *n, struct worker *w, struct bytes payload);
/* Ends the worker, whose output the disk does not take: that is no fault of its. It is so, too, of
 * one that has waited for LABOUR_OUTPUT_LIMIT_US until it might go on. */
void labour_output_not_written(struct node *n, struct worker *w);
/* The worker has no chunk any more: what it began is dropped. */
void labour_output_drop(struct node *n, struct worker *w);
/* So many outputs of the worker's are whole here, and not yet written down and copied. */
uint32_t labour_outputs_ahead(const struct node *n, const struct worker *w);
/* The objects that outputs name are whole here: a worker made them up otherwise. */
bool labour_output_is_here(const struct node *n, struct bytes value);

#endif
