/* Whether all nodes can read tasks that are rolled (core/wire/append.h): one that cannot has them
 * refused, and then each leaf of an input is told by itself. Called by map.c. */
#ifndef VELUM_CMD_MAP_LEVEL_H
#define VELUM_CMD_MAP_LEVEL_H

#include "cmd/line.h"
#include "core/wire/view.h"

/* Nodes of the generation that reads them say their tier. One that is gone reads nothing. */
bool map_level_reads(const struct node_view *v);
/* Asks the node that the call is for. False also where it does not say. */
bool map_level_may_roll(const struct call *c);

#endif
