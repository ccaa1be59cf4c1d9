/* How many connections this node has, of all kinds together: limits.connections at most. With one
 * more another goes, in this order, and of each kind the one that was not used for longest:
 *
 *   1. to nodes, that nobody needs at the moment: those that are no standing ones, and bulk links
 *      over which nothing is on its way
 *   2. users', who wait for no news of a job
 *   3. users', who do
 *
 * It is told by GOODBYE, but for bulk links, over which nothing but objects goes. A node dials
 * again when it has something to say, and a command asks again over another connection. Standing
 * links, by which nodes watch each other, and bulk links at work stay; where there are only such
 * the new one is closed. How many one certificate may have, so that nobody can have all others
 * thrown out, is the host's business (core/host/linkset.h). Private to core/node. */
#ifndef VELUM_NODE_CROWD_H
#define VELUM_NODE_CROWD_H

#include "core/node/state.h"

/* Before one more is taken in: false where there is no room for it. */
bool crowd_make_room(struct node *n);

#endif
