/* Which titles this process may have had of jobs that it gave up: such a job can come back from
 * somebody who knows less of it, and no title is written twice. Of the last LEFT_MAX jobs each is
 * known; of those before them one number, which is no greater than an honest leap, so that a title
 * that somebody drove up of one job is not carried to others. Private to core/node. */
#ifndef VELUM_NODE_LEFT_H
#define VELUM_NODE_LEFT_H

#include "core/node/state.h"

#define LEFT_OTHERS_MAX 128u

/* It is given up, and its title is of this epoch. */
void left_note(struct node *n, struct job_id job, uint32_t epoch);
/* Beyond this its next title goes, if it was here before. */
uint32_t left_epoch(const struct node *n, struct job_id job);

#endif
