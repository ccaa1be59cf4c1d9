/* What this node's machine makes of snippets with a compiler of its own: code for this processor,
 * which takes the place of libtcc's while a job runs.
 *
 * One that has computed for a while is worth it. A builder (core/host/builder.h) is a worker by its
 * number and its pipes, and never more than one is at work. When it has built, workers that have
 * nothing to do and the other code end, those that run a chunk end it at their next leaf, and new
 * ones load what was built. Each of them computes its first leaf by both, and later ones now and
 * then; where the two differ this node goes back to libtcc's code for that source, for as long as
 * it lives, and so does the whole job, if it still can (unlike.h).
 *
 * A stage may want one of the two only (enum compiler, core/wire/spec.h): one that wants what was
 * built waits for it. Private to core/node. */
#ifndef VELUM_NODE_BUILDING_H
#define VELUM_NODE_BUILDING_H

#include "core/node/state.h"

/* This node builds. */
bool building_is_possible(const struct node *n);
/* Workers of the stage have what was built, from now on. */
bool building_is_built(const struct job *j, uint32_t stage);
/* There is code for workers of the stage to load. If it is to be built, that begins. */
bool building_has_code(struct job *j, uint32_t stage);
/* The stage computes: it may be worth while by now. */
void building_consider(struct job *j, uint32_t stage);
/* What waits for a source that the compiler refuses fails, and says why. */
void building_fail_refused(struct node *n);
/* Tells the worker, which is to have this stage, in LOAD what was built of it. */
void building_load(const struct node *n, struct worker *w, struct order_load *m);
/* The worker, which is to have what was built, could not load it: it is built again, but not for
 * ever where workers can do without. */
void building_unloaded(struct node *n, const struct worker *w, const char *why);
/* It computes a leaf with it as it does not with libtcc's code: nobody here who has both loads it
 * again, and the coordinator is told (unlike.h). Its chunk is computed again, here or elsewhere.
 * 0. */
int building_differs(struct node *n, struct worker *w, const struct worker_failed *m);
/* Its chunk has come to this leaf, in its own numbers: the first one, which it computes by both, is
 * behind it. */
void building_moved(struct worker *w, uint64_t next);
/* The coordinator has told that the job is computed by libtcc's code: its workers go over. */
void building_go_over(struct job *j);
/* Ends workers with nothing to do that have the code that is not wanted any longer. */
void building_retire(struct node *n);
/* A frame of a builder, and the end of any worker, with REPORT_* flags. A builder that ended by
 * nothing of its own is followed by another after a while. */
void building_frame(struct node *n, struct worker *w, const struct frame *f);
void building_exited(struct node *n, const struct worker *w, uint8_t flags, const char *cause);
void building_tick(struct node *n);
struct instant building_due(const struct node *n);
void buildings_free(struct node *n);

#endif
