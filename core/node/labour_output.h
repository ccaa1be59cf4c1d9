/* What leaves of a collect yield beyond a few bytes: taken from the worker, made an object of this
 * node, and only then is the leaf computed. Private to core/node. */
#ifndef VELUM_NODE_LABOUR_OUTPUT_H
#define VELUM_NODE_LABOUR_OUTPUT_H

#include "core/node/state.h"
#include "core/wire/output.h"

/* OUTPUT and OUTPUT_END. ERR_FORMAT: the worker broke its protocol, as one without a chunk does. */
int labour_output_part(struct node *n, struct worker *w, struct bytes payload);
int labour_output_end(struct node *n, struct worker *w, struct bytes payload);
/* The worker has no chunk any more: what it began is dropped. */
void labour_output_drop(struct node *n, struct worker *w);
/* The objects that outputs name are whole here: a worker made them up otherwise. */
bool labour_output_is_here(const struct node *n, struct bytes value);

#endif
