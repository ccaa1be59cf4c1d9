/* How late the host came to what was due, the most of the last half minute to minute: what a user
 * is shown of a node that has too much to do, or too little of a processor. Only whoever asks this
 * node hears of it. Private to core/node. */
#ifndef VELUM_NODE_LAG_H
#define VELUM_NODE_LAG_H

#include "core/node/state.h"

void lag_note(struct node *n, int64_t late_us);
uint64_t lag_recent_us(const struct node *n);

#endif
