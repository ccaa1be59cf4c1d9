/* Which leaves of a snippet that this machine's compiler built a worker computes by libtcc's code
 * too: its first, and then one here and there for as long as it works, so that in all this takes no
 * more than a fiftieth of the time that its leaves take. Pure: whoever computes says how long it
 * took.
 *
 * Which leaf is picked follows from its number, one of 256, as far as the time allows; where that
 * is far from spent, as where leaves are long, the next one is. Called by worker_leaf.c. */
#ifndef VELUM_HOST_WORKER_SAMPLE_H
#define VELUM_HOST_WORKER_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

#define SAMPLE_SHARE 50 /* of the time one part may go there */

struct sample {
    int64_t limit_ns; /* that the two values of a leaf may take; 0: only the first is compared */
    int64_t leaf_ns, plain_ns;    /* what a leaf, and what libtcc's code for one, took last */
    int64_t computed_ns, with_ns; /* of all leaves but the first, and by libtcc's code as well */
};

/* The worker's next leaf is to be computed by both. */
bool sample_is_due(const struct sample *s, uint64_t number);
/* A leaf was computed; by both, the first or not. */
void sample_computed(struct sample *s, int64_t ns);
void sample_compared(struct sample *s, int64_t ns, int64_t plain_ns, bool first);

#endif
