/* Connections between simulated nodes, and between users and nodes: delay and jitter, resets,
 * partitions in both or one direction, dials that are refused, time out or cross each other.
 *
 * A connection keeps its order. What a partition holds back arrives when it heals, as TCP would
 * have it, unless the connection ended meanwhile; what is on its way at a reset is lost. Called by
 * sim_node.c (actions), sim_user.c, sim_plan.c (faults), sim_check.c and sim.c (events). */
#ifndef VELUM_SIM_SIM_NET_H
#define VELUM_SIM_SIM_NET_H

#include "core/sim/world.h"

void sim_net_addr(uint32_t node, char to[ADDR_SIZE]);
/* A DIAL action of node `from`. */
void sim_net_dial(struct world *w, struct sim_node *from, const struct action *a);
void sim_net_dial_arrives(struct world *w, uint32_t dial);
void sim_net_dial_answered(struct world *w, uint32_t dial);
/* Whoever dialled is gone. */
void sim_net_dial_over(struct world *w, uint32_t dial);
/* A SEND or CLOSE action. */
void sim_net_send(struct world *w, struct sim_node *from, uint64_t link, uint8_t type,
                  uint32_t request, struct bytes payload);
void sim_net_close(struct world *w, struct sim_node *from, uint64_t link);
/* The node at the other end, or SIM_NODES_MAX. */
uint32_t sim_net_peer(const struct world *w, const struct sim_node *n, uint64_t link);
/* The user at the other end, or SIM_USERS_MAX. */
uint32_t sim_net_user_of(const struct world *w, const struct sim_node *n, uint64_t link);
/* A user's side; links by index. False when there is no memory for one more. */
bool sim_net_user_link(struct world *w, uint32_t user, struct sim_node *to, uint32_t *link);
void sim_net_user_send(struct world *w, uint32_t link, uint8_t type, uint32_t request,
                       struct bytes payload);
void sim_net_user_close(struct world *w, uint32_t link);
void sim_net_deliver(struct world *w, uint32_t link, uint32_t direction);
/* Cuts one connection. */
void sim_net_reset(struct world *w, uint32_t link);
/* The same, but what one side has sent still arrives, and it hears no answer: the case in which
 * everything is said twice. False when neither side has anything on its way. */
bool sim_net_cut_unheard(struct world *w, uint32_t link);
/* The node's process is gone: what it had sent may still arrive, in part; the others see their
 * connections break, at once or (silent) only when they next send to its next life. */
void sim_net_node_down(struct world *w, struct sim_node *node);
/* Something became unblocked: what waited sets off again. */
void sim_net_unblocked(struct world *w);
void sim_net_clear(struct world *w);

#endif
