/* What the journals say together: whether each leaf of the job was counted exactly once and the
 * result is what the partials fold to, and how many journals agree. Called by `velum verify` and by
 * the simulator at the end of a run. */
#ifndef VELUM_VERIFY_VERDICT_H
#define VELUM_VERIFY_VERDICT_H

#include "core/verify/tally.h"

struct verdict {
    const struct tally *best; /* the journal that proves the most; NULL: nobody knows the job */
    bool gone;                /* somebody knows that it ended and was forgotten */
    uint8_t state;            /* the greatest outcome of all */
    uint64_t counted;         /* leaves that `best` counts */
    uint64_t unnamed;         /* of these, leaves no node is named for */
    uint32_t nodes;           /* nodes that are named for the others */
    uint32_t agree;           /* journals with this outcome and digest */
    uint32_t others;          /* journals that know the job and have not got so far */
    uint64_t problems;        /* in all journals */
    bool two_results;         /* two journals have different results */
    bool proven;              /* a result, and nothing is wrong with it */
};

/* Tallies that were ended. 0 or ERR_NO_MEMORY. */
int verdict_over(struct verdict *v, const struct alloc *a, const struct tally *const *tallies,
                 size_t count);

#endif
