/* Users who kill one stage of a job: what must hold from then on. Once they were told `killed`, no
 * node gives out a leaf of that stage any more. Private to core/sim; called by sim_check.c and
 * sim_user.c. */
#ifndef VELUM_SIM_SIM_KILL_H
#define VELUM_SIM_SIM_KILL_H

#include "core/sim/world.h"

/* Appends what this user asks for. */
void sim_kill_ask(struct world *w, const struct sim_user *u, struct buf *to);
/* A disk has synced that stages are cancelled. */
void sim_kill_learn(struct held *h, const struct stage_cancel *c);
/* What a disk has is all that the kill of this user needs of it. */
bool sim_kill_is_kept(const struct sim_user *u, const struct held *h);
/* The user is told `killed`, and every holder has it. */
void sim_kill_proved(struct world *w, const struct sim_user *u);
/* A node sends a GRANT. */
void sim_kill_granted(struct world *w, const struct sim_node *n, uint32_t job,
                      struct bytes payload);
/* A disk goes back to what it held once: what was killed since its node does again, and where no
 * other holder can be reached it cannot know better. */
void sim_kill_goes_back(struct world *w, const struct held *to);
/* The leaf is of a stage that somebody wants killed, or needs one: what is reported of it may be
 * dropped. */
bool sim_kill_may_drop(const struct sim_job *j, uint64_t leaf);

#endif
