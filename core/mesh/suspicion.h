/* How long a suspicion lasts before it becomes a death, and how much this node trusts itself.
 *
 * A suspicion starts with one accuser and shrinks with each independent one that confirms it
 * (Lifeguard, arXiv 1707.00788, section IV): from six times the minimum towards the minimum. The
 * minimum is 3 s up to 16 nodes and 1 s more per doubling, so that with the 1.35 s before it a node
 * is dead within 5 s. Local health grows with each sign that this node, not the other, is slow, and
 * stretches its probes. Pure values inside others; called by mesh only. */
#ifndef VELUM_MESH_SUSPICION_H
#define VELUM_MESH_SUSPICION_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/id.h"
#include "core/base/instant.h"
#include "core/mesh/mesh_wire.h"

#define SUSPICION_CONFIRMATIONS_MAX 3
#define HEALTH_SCORE_MAX 8

struct suspicion {
    struct instant start;
    uint32_t accusers_count;
    struct node_id accusers[MESH_ACCUSERS_MAX];
};

void suspicion_begin(struct suspicion *s, struct instant now);
/* True when this accuser is new and there is room: the suspicion got stronger. */
bool suspicion_accuse(struct suspicion *s, struct node_id accuser);
/* How long a suspicion lasts in all. nodes: live ones, self included. possible: how many others
 * could confirm it at most; none means that nobody is worth waiting for. */
int64_t suspicion_timeout_us(const struct suspicion *s, uint32_t nodes, uint32_t possible);

struct health {
    uint32_t score; /* 0 is well */
};

void health_worse(struct health *h);
void health_better(struct health *h);
/* A probe's timeout, stretched. */
int64_t health_stretch_us(const struct health *h, int64_t us);

#endif
