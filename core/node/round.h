/* Timers that need no precision: jobs, those who wait, limits of workers. Called by node.c around
 * each event. Private to core/node. */
#ifndef VELUM_NODE_ROUND_H
#define VELUM_NODE_ROUND_H

#include "core/node/state.h"

/* Before an event: this node stood still, and nobody else was late by that. */
void round_forgive_pause(struct node *n);
/* Looks at everything, when it is time. */
void round_run(struct node *n);
/* After an event: when the next look is due, or never while nothing waits. */
void round_arm(struct node *n);

#endif
