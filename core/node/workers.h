/* Worker processes: a few blank ones are kept ready, one is bound to a job at its first order and
 * serves no other. Private to core/node. */
#ifndef VELUM_NODE_WORKERS_H
#define VELUM_NODE_WORKERS_H

#include "core/node/state.h"

void workers_start_ready(struct node *n);
void workers_serve(struct node *n); /* gives queued chunks, merges and asides to workers */
int workers_frame(struct node *n, uint32_t number, const struct frame *f);
void workers_output(struct node *n, uint32_t number, struct bytes text);
void workers_exited(struct node *n, uint32_t number, enum worker_end end, int status);
void workers_release(struct node *n, struct job *j); /* kills all that are bound to it */
void workers_limits(struct node *n);
void workers_free(struct node *n);
/* Whether any worker is bound to the job, or merges of it wait for one. */
bool workers_serve_job(const struct node *n, const struct job *j);
uint32_t workers_busy(const struct node *n);
struct worker *worker_find(const struct node *n, uint32_t number);
void worker_kill(struct node *n, struct worker *w);
int aside_add(struct node *n, struct aside *a); /* takes */
void asides_link_down(struct node *n, uint64_t link);

#endif
