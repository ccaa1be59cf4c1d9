/* Merges granted to this node, at most one batch a job: taken in, tried three times, and answered
 * to the coordinator through labour_report. It never starts a worker; workers.c gives a batch to
 * any worker bound to the job. Private to core/node. */
#ifndef VELUM_NODE_MERGE_WORK_H
#define VELUM_NODE_MERGE_WORK_H

#include "core/node/state.h"

/* The merges at the end of a GRANT: u16 count, 2 x count values of one stage. Those of another
 * stage that no worker has yet give way to them; any others are answered first. ERR_FORMAT when
 * malformed. */
int merge_work_take(struct job *j, struct reader *r);
/* Whether the job has merges here, given to a worker or not. */
bool merge_work_waits(const struct node *n, const struct job *j);
/* The same, of this stage. */
bool merge_work_wants(const struct node *n, const struct job *j, uint32_t stage);
bool merge_work_is_given(const struct node *n, const struct worker *w);
/* The worker answered this batch, which is then forgotten; false when nobody asked it for it. */
bool merge_work_end(struct node *n, const struct worker *w, uint64_t number, uint32_t *stage);
/* The worker died with merges: they are tried again, three times in all, then the coordinator hears
 * the cause. */
void merge_work_lost(struct node *n, const struct worker *w, uint8_t flags, const char *cause);
/* The worker is ended for what is none of their doing: another does its merges. */
void merge_work_again(struct node *n, const struct worker *w);
/* Kills workers that have had their merges for too long. */
void merge_work_limits(struct node *n);
/* Forgets those of this stage that no worker has yet. False: there are none. */
bool merge_work_take_back(struct node *n, const struct job *j, uint32_t stage);
/* Forgets the merges of a job that is leaving this node. */
void merge_work_release(struct node *n, const struct job *j);

#endif
