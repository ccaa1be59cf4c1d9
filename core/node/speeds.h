/* How fast nodes compute the leaves of a job, as they have shown lately: by kind of leaf, which is
 * a kernel and how many units a leaf has, because stages of different ones say nothing about each
 * other. A node is known by the kind it computed last, and by how much faster than others it is at
 * whatever it computes; from that follows what it will do of others. So memory is bounded by
 * SPEED_KINDS_MAX kinds a job, where a new one may take the place of another, and some bytes a
 * node. Soft state of a coordinator. Private to core/node. */
#ifndef VELUM_NODE_SPEEDS_H
#define VELUM_NODE_SPEEDS_H

#include "core/node/state.h"

/* A node has computed so many leaves, the first of them of this stage, in so long. */
void speeds_shown(struct job *j, struct hand *h, uint32_t stage, uint64_t leaves, uint64_t us);
/* What it will compute of leaves of this stage in a microsecond, 0: nobody knows. h NULL: it has
 * shown nothing. */
double speeds_of(struct job *j, const struct hand *h, uint32_t stage);
/* What a slot is taken for whose speed is not known. 0: nobody knows. */
double speeds_usual(struct job *j, uint32_t stage);
void speeds_end(struct job *j);

#endif
