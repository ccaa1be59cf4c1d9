/* Reports of work between nodes: what was reported, where it arrived, and what `kept` and a
 * takeover may say of it. Called by sim_check.c. */
#ifndef VELUM_SIM_SIM_REPORT_H
#define VELUM_SIM_SIM_REPORT_H

#include "core/sim/world.h"

/* The node has forgotten what it reported of the job, or may have on a thief's word. */
void sim_report_forget(struct world *w, struct sim_node *n, uint32_t job);
/* A node sends REPORT, KEPT or OPEN over one of its links. */
void sim_report_sent(struct world *w, struct sim_node *n, uint64_t link, struct bytes payload);
void sim_report_kept(struct world *w, const struct sim_node *n, uint64_t link,
                     struct bytes payload);
void sim_report_open(struct world *w, const struct sim_node *n, uint64_t link,
                     struct bytes payload);
/* REPORT arrives. */
void sim_report_arrives(struct world *w, const struct sim_node *n, uint64_t link,
                        struct bytes payload);

#endif
