/* What comes of an act. Private to core/node. */
#ifndef VELUM_NODE_ACT_EFFECT_H
#define VELUM_NODE_ACT_EFFECT_H

#include "core/wire/act.h"

struct node;

/* It counts from now on: in the step in which this node hears of it, and once more for each at the
 * start of a process that had them in its journal. Does nothing while a journal is read. */
void act_effect(struct node *n, const struct act *a);
/* It was taken, and does not count any longer: its signer had been revoked before. */
void act_undone(struct node *n, const struct act *a);
/* node_start: all of them. */
void act_effects(struct node *n);

#endif
