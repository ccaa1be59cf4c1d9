/* Views of the stages of a job on their way to users, or to the nodes of users: in slices, so that
 * no step is long because there are many, and no faster than a node takes them. One job after the
 * other, in the order in which they were asked for, but for those that wait for room; each slice
 * says how it is then, and those that come later are not told. Private to core/node. */
#ifndef VELUM_NODE_STAGE_VIEWS_H
#define VELUM_NODE_STAGE_VIEWS_H

#include "core/node/state.h"

/* What a frame says of the job, to the node of a user. */
enum views_told { VIEWS_UNKNOWN = 0, VIEWS_MORE = 1, VIEWS_LAST = 2 };

/* Where they go. */
struct views_to {
    uint64_t link; /* a user's; 0: to the node */
    struct node_id node;
    uint32_t request;
    struct job_id job;
};

struct stages_telling {
    struct views_to to;
    uint32_t next, count; /* stages before `next` of so many were told */
    struct ready own;     /* of a job that is not led here, made before its first slice */
    bool has_own, own_made;
    struct stages_telling *next_telling;
};

/* Begins with the next stage_views_run, of a job with a ledger here. */
void stage_views_tell(struct node *n, const struct views_to *to, const struct job *j);
/* This node cannot say. */
void stage_views_unknown(struct node *n, const struct views_to *to);
/* The next slice. */
void stage_views_run(struct node *n);
/* There is more to say at once. */
bool stage_views_are_due(const struct node *n);
void stage_views_free(struct node *n);

#endif
