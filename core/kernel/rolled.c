#include "core/kernel/rolled.h"

#include <string.h>

#include "core/kernel/run.h"
#include "core/wire/tree.h"

static int merge(void *ctx, struct bytes left, struct bytes right, uint8_t *out)
{
    const struct rolled *r = ctx;
    return kernel_merge(r->kernel, r->params, left, right, out);
}

int rolled_compute(const struct rolled *r, uint8_t *out, char reason[REASON_SIZE])
{
    const uint64_t leaves = tree_leaves(r->units, r->leaf_units);
    struct rolled mine = *r;
    struct run run;
    int rc = 0;
    run_init(&run, 0, leaves, leaves, r->values, kernel_accumulator_size(r->kernel));
    while (rc == 0 && !run_ended(&run)) {
        uint64_t first, count;
        kernel_leaf_range(r->units, r->leaf_units, run.next, &first, &count);
        rc = kernel_leaf(r->kernel, r->host(), r->params, first, count, run_slot(&run), reason);
        if (rc == 0)
            rc = run_push(&run, merge, &mine);
    }
    if (rc == 0)
        memcpy(out, run_value(&run, 0).data.data, run.value_size);
    return rc;
}
