/* Figures of real nodes under trouble, as medians and the 99th of a hundred, for `make chaos`. They
 * are printed, not judged, but a round whose job does not end right is a failure. */
#ifndef VELUM_CHAOS_FIGURES_H
#define VELUM_CHAOS_FIGURES_H

#include "tests/chaos/driver/run.h"

#define ROUNDS_MAX 1000

struct samples {
    uint32_t count;
    int64_t ms[ROUNDS_MAX];
};

/* Of a node that is stopped (SIGSTOP) in the middle of its leaf, while the others have nothing else
 * to do: until another node says that it is not alive, and until its leaf was granted again, which
 * is when the last leaf is done less the time of a leaf. (The job ends later where the silent node
 * is one of its holders: the outcome needs all copies.) */
bool figures_silent(struct run *r, uint32_t rounds);
/* Of a mesh cut into halves, for longer than it takes to declare the others dead, while a job goes
 * on in both: from the healing until every node says that the job is done and that as many nodes
 * keep its facts as should. */
bool figures_heal(struct run *r, uint32_t rounds);

#endif
