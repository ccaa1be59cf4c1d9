/* What is said when two nodes have come to different values of the same leaves: how the job ends,
 * and the evidence. Private to core/node. */
#ifndef VELUM_NODE_VERDICT_H
#define VELUM_NODE_VERDICT_H

#include "core/job/recheck.h"
#include "core/node/state.h"

/* Two values of one tree node, and whose they are. */
struct verdict {
    struct recheck_value told;
    struct digest found;
    struct node_id author, checker, third;
    bool has_third, agrees, alone_author; /* agrees: the third with one of them */
};

/* Ends the job as divergent: names the leaves, both nodes, whom a third one agrees with, and what
 * to try. With it goes the fact that holds both digests and authors. */
void verdict_write(struct job *j, const struct verdict *v);
/* "" where it is not known. */
const char *verdict_arch(const struct node *n, struct node_id id);

#endif
