/* Simulated users of objects: they put, get and remove, as the commands do, within the credit they
 * are given, and try again elsewhere when a node is away or says no. Called by sim_objects.c, and
 * by sim_user.c for what comes over their links. */
#ifndef VELUM_SIM_SIM_CARRIER_H
#define VELUM_SIM_SIM_CARRIER_H

#include "core/sim/world.h"

/* One that begins in `in_us`, at a node by lot, or at `pinned` where that is less than
 * SIM_NODES_MAX; so often it tries again. */
void sim_carrier_add(struct world *w, enum carrier_kind kind, uint32_t thing, uint32_t pinned,
                     uint32_t tries, int64_t in_us);
void sim_carrier_turn(struct world *w, uint32_t carrier, uint64_t turn);
void sim_carrier_frame(struct world *w, uint32_t carrier, uint8_t type, uint32_t request,
                       struct bytes payload);
void sim_carrier_link_down(struct world *w, uint32_t carrier);

#endif
