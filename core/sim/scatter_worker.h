/* Workers of scatter_net.h: they speak the pipe protocol of core/wire/order.h, but leaves do not
 * happen one by one: a worker wakes when it has something to report, and has then done what fits in
 * the time. Called by scatter_net.c. */
#ifndef VELUM_SIM_SCATTER_WORKER_H
#define VELUM_SIM_SCATTER_WORKER_H

#include "core/sim/scatter_net.h"

void scatter_worker_start(struct scatter_net *n, struct scatter_node *node, uint32_t number);
void scatter_worker_order(struct scatter_net *n, struct scatter_node *node,
                          const struct action *order, struct bytes payload);
void scatter_worker_kill(struct scatter_net *n, struct scatter_node *node, uint32_t number);
/* SCALE_WORK. */
void scatter_worker_wake(struct scatter_net *n, struct scatter_node *node, uint32_t number,
                         uint64_t turn);
/* SCALE_SAYS of type 0 has reached the node: it is no more. */
void scatter_worker_gone(struct scatter_net *n, struct scatter_node *node, uint32_t number);
/* Its node is about to die: what they have done by now was done for nothing. */
void scatter_workers_lose(struct scatter_net *n, const struct scatter_node *node);
void scatter_workers_clear(struct scatter_net *n, struct scatter_node *node);

#endif
