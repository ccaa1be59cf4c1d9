/* pair N: a leaf of one unit for each number below N, which yields it; `flip` makes the result of
 * that. For kernels that are no built-ins and come two by two. */
#include "plugins/velum_kernel.h"

static int plan(const struct velum_host *host, int argc, const char *const *argv,
                struct velum_plan *out)
{
    if (argc != 1 || host->parse_u64(argv[0], 16384, &out->units) < 0 || !out->units)
        return velum_refuse(out, "pair takes one N from 1 to 16384");
    out->leaf_units = 1;
    return 0;
}

static int leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    char text[24];
    (void)accumulator;
    for (uint64_t i = call->first; i < call->first + call->count; i++) {
        int len = host->put_u64(text, sizeof text - 1, i);
        text[len++] = '\n';
        if (host->emit(host, text, (size_t)len) < 0)
            return velum_fail(call, "there is no room for a number");
    }
    return 0;
}

VELUM_KERNEL(pair) = {
    VELUM_KERNEL_HEAD,
    .name = "pair",
    .usage = "N",
    .summary = "the numbers below N, from the last to the first",
    .limits = "N from 1 to 16384",
    .reduce = VELUM_COLLECT,
    .then = "flip",
    .plan = plan,
    .leaf = leaf,
};
