/* Simulated users: they submit, watch and kill jobs at nodes of their choice, try again elsewhere
 * when a node is away or says no, and tell sim_check.h what they were told. Called by sim.c,
 * sim_plan.c and sim_net.c. */
#ifndef VELUM_SIM_SIM_USER_H
#define VELUM_SIM_SIM_USER_H

#include "core/sim/world.h"

/* A user who begins in `in_us`; pinned asks only at `node`. Returns its number. */
uint32_t sim_user_add(struct world *w, enum user_kind kind, uint32_t job, uint32_t node,
                      bool pinned, int64_t in_us);
/* Its time has come to ask (again). */
void sim_user_turn(struct world *w, uint32_t user, uint64_t turn);
void sim_user_frame(struct world *w, uint32_t user, uint8_t type, uint32_t request,
                    struct bytes payload);
/* One that is done asks once more: what it was told may have been overtaken. */
void sim_user_ask_again(struct world *w, uint32_t user);
void sim_user_link_down(struct world *w, uint32_t user);
/* All of them go, and others take their places. */
void sim_users_leave(struct world *w);

#endif
