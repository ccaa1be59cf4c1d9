/* What a command that goes on with a flow asks of the mesh about jobs, from another node where the
 * one it asks goes away. Called by flow_resume.c, flow_kept.c and flow_many.c. */
#ifndef VELUM_CMD_FLOW_ASK_H
#define VELUM_CMD_FLOW_ASK_H

#include "cmd/jobs.h"

/* jobs_fetch of all, also those that have ended; a word that is no job is a list of none. */
int flow_ask_jobs(struct line *l, const char *which, struct job_list *found);
/* As jobs_look. */
int flow_ask_job(struct line *l, struct job_id job, struct job_entry *out);
/* Of that answer: it has ended and is forgotten by now, which is listed for a while. */
bool flow_job_is_gone(const struct line *l, int rc);
/* The slots of all nodes that are there, 1 at least. 0 or an exit code. */
int flow_ask_slots(struct line *l, uint32_t *slots);
/* Ctrl-C: says what becomes of the jobs; the exit code. */
int flow_interrupted(void);

#endif
