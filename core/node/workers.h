/* Worker processes: a few blank ones are kept ready, one is bound to a job at its first order and
 * serves no other. It gives them chunks, merges and asides, hears them and ends those that
 * misbehave; what an answer means is labour_report's, merge_work's and aside's matter. Private to
 * core/node. */
#ifndef VELUM_NODE_WORKERS_H
#define VELUM_NODE_WORKERS_H

#include "core/node/state.h"

/* Starts a blank worker, or a builder. NULL: there is no room for one now. */
struct worker *worker_start(struct node *n, bool builds);
/* Starts blank workers once replenish_at has come. */
void workers_start_ready(struct node *n);
/* Gives queued chunks, merges and asides to workers, as far as there are any. */
void workers_serve(struct node *n);
/* A frame a worker sent. One that breaks the protocol costs the worker its life, never an error. */
int workers_frame(struct node *n, uint32_t number, const struct frame *f);
/* What a worker wrote on its standard error: its job's log, and the cause should it die. */
void workers_output(struct node *n, uint32_t number, struct bytes text);
/* A worker's process has ended; what it had in hand fails with the cause or is tried again. */
void workers_exited(struct node *n, const struct event *ev);
/* Kills all that are bound to the job, and forgets its merges. */
void workers_release(struct node *n, struct job *j);
/* Ends workers whose leaf, merges or aside take longer than their limit. */
void workers_limits(struct node *n);
/* What one leaf of its stage may take. */
int64_t workers_leaf_limit_us(const struct worker *w);
/* When the first of them may have to. */
struct instant workers_limits_due(const struct node *n);
/* This node itself stood still: what its workers said meanwhile is still to be read. */
void workers_late(struct node *n, int64_t late_us);
void workers_free(struct node *n);
/* Whether any worker is bound to the job, or merges of it wait for one. */
bool workers_serve_job(const struct node *n, const struct job *j);
/* How many slots are taken by chunks that run. */
uint32_t workers_busy(const struct node *n);
/* What the chunks that run take. */
struct load workers_load(const struct node *n);
/* NULL: it has ended. */
struct worker *worker_find(const struct node *n, uint32_t number);
/* Asks the host to kill it; it counts until workers_exited. */
void worker_kill(struct node *n, struct worker *w);

#endif
