/* A task that is rolled (core/wire/append.h): all of its leaves, one after the other, folded by
 * their own tree, so that it has the bits that a stage of these leaves comes to. Pure. Called by
 * the worker. */
#ifndef VELUM_KERNEL_ROLLED_H
#define VELUM_KERNEL_ROLLED_H

#include "core/kernel/kernel.h"

struct rolled {
    const struct velum_kernel *kernel;      /* it folds */
    const struct velum_host *(*host)(void); /* anew for each leaf */
    struct bytes params;                    /* aligned to 8 */
    uint64_t units, leaf_units;             /* each 1 or more */
    void *values;                           /* room for RUN_VALUES_MAX of run.h */
};

/* `out` gets the root. 0, or as kernel_leaf. */
int rolled_compute(const struct rolled *r, uint8_t *out, char reason[REASON_SIZE]);

#endif
