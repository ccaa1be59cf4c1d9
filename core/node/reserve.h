/* What a job is going to read is kept for it from when it is coordinated, and not only from when a
 * stage that reads it has work: a user may take away what he put (velum rm), and what is only
 * cached may make room for something else, while the stage still waits. The coordinator says so of
 * the objects that it has, and asks those that should have the others (copies.h), who hear it when
 * they have them. From when there is work every node that has the object says the same
 * (labour_inputs.h).
 *
 * It goes through the stages once for each title, some of them at a time, and on when more are
 * appended. What does not answer, and what finds no room among the statements, is as it was
 * before. A node that keeps no objects reserves none. Private to core/node. */
#ifndef VELUM_NODE_RESERVE_H
#define VELUM_NODE_RESERVE_H

#include "core/node/object_peer.h"
#include "core/node/state.h"

/* Of a job that this node coordinates: goes on. */
void reserve_look(struct job *j);
/* HAVE of another node. */
void reserve_heard(struct node *n, struct node_id from, const struct object_have *m);
void reserve_end(struct job *j);

#endif
