/* What must hold after every event, whatever is broken:
 *
 *   a result told or written is that of a run in which nothing failed, a job that was killed with
 *   proof has none, and no two values of one tree node differ: each leaf counts exactly once;
 *   an acknowledgement with durable=k comes after k disks have synced the job, `kept` after enough
 *   of them have the leaves, `killed` after every holder has the cancel;
 *   a node that is no holder any more gives up nothing that no other disk has, an outcome told with
 *   durable=k survives k - 1 lost disks;
 *   nothing is counted twice that is told twice: a job that has ended takes no more values, none
 *   counts more work than its workers did, none runs out of time before it is over;
 *   a takeover costs no report that somebody still has, and nobody leads a replayed job before
 *   another of its holders was asked;
 *   what a disk has synced is there again when it is replayed, and a write or sync that failed is
 *   never taken for one that did not.
 *
 * It listens to what nodes write and say, and knows what each disk has synced. Called by
 * sim_node.c (actions), sim_disk.c (what is synced and replayed), sim_user.c (answers) and sim.c
 * (which jobs must end). */
#ifndef VELUM_SIM_SIM_CHECK_H
#define VELUM_SIM_SIM_CHECK_H

#include "core/sim/world.h"

/* A node is about to write a record. */
void sim_check_store(struct world *w, struct sim_node *n, uint16_t type, struct bytes payload);
/* A record is durable: `held` (SIM_JOBS_MAX of them) learns what it says. */
void sim_check_record(struct world *w, struct sim_node *n, uint16_t type, struct bytes payload,
                      struct held *held);
/* What was replayed must contain all that was ever synced. */
void sim_check_replayed(struct world *w, struct sim_node *n);
/* So must a snapshot that takes the place of all that was written before it. */
void sim_check_snapshot(struct world *w, const struct sim_node *n, const struct held *has);
/* A frame has arrived at a node, which is about to look at it. */
void sim_check_frame(struct world *w, struct sim_node *n, uint64_t link, const struct frame *f);
/* A node is about to send a frame. */
void sim_check_send(struct world *w, struct sim_node *n, const struct action *a,
                    struct bytes payload);
/* The node's process is gone, and what it reported with it. */
void sim_check_forget(struct world *w, struct sim_node *n);
/* A user was told a job's state. */
void sim_check_view(struct world *w, uint32_t node, uint32_t job, const struct job_view *v);
/* A disk is lost. */
void sim_check_lost(struct world *w);
/* True when some disk that is not gone for good has synced the job's specification. */
bool sim_check_survives(const struct world *w, uint32_t job);

/* Whether it ended longer ago than finished jobs are kept, and so much more. */
bool sim_check_is_past(const struct world *w, uint32_t job, int64_t more_us);
/* A user is told that the job is gone. */
void sim_check_gone(struct world *w, const struct sim_user *u);

#endif
