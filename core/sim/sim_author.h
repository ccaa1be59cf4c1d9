/* Authors of simulated open jobs: each appends the stages of its job while it runs, in lists whose
 * borders never move, says those again that were not taken, and closes; or falls silent for good
 * before. He checks what he is told of stages, and that what was called safe outlives disks.
 *
 * Called by sim_user.c, whose users they are, and by sim_check.c and sim_plan.c. */
#ifndef VELUM_SIM_SIM_AUTHOR_H
#define VELUM_SIM_SIM_AUTHOR_H

#include "core/sim/world.h"

/* What the author of the job says of it, signed. */
void sim_author_fact(const struct sim_job *j, enum fact_kind kind, struct bytes body,
                     struct buf *to);
/* What of the job is appended, once its stages are made: drawn from `p`. */
void sim_author_plan(struct sim_job *j, struct prng *p);
/* Whether the stage is a task that he appends as one of several leaves of a unit, rolled. */
bool sim_author_rolls(const struct sim_job *j, uint32_t stage);
/* He has something left to say. */
bool sim_author_goes_on(const struct sim_job *j);
/* He has come to a node: from now on all that he hears is of this session. */
void sim_author_comes(struct world *w, struct sim_user *u);
/* He asks, and says some of what was not taken. */
void sim_author_asks(struct world *w, struct sim_user *u);
/* So long he has heard nothing. */
int64_t sim_author_silence_us(const struct world *w, const struct sim_job *j);
void sim_author_hears(struct world *w, struct sim_user *u, struct bytes payload);

/* Whether the job may end because its author is silent. */
bool sim_author_is_gone(const struct world *w, const struct sim_job *j);
/* So long it may take beyond its leaves. */
int64_t sim_author_patience_us(const struct world *w, const struct sim_job *j);
/* The same from the healing on where its result was told, and so many disks were lost since that no
 * node may know all its stages: nobody is left who would say them again. */
int64_t sim_author_again_us(const struct sim_job *j);
/* A disk is lost: what was called safe is still somewhere. */
void sim_author_lost(struct world *w, uint32_t job);

#endif
