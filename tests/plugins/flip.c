/* flip FILE...: its inputs, from the last to the first. */
#include "plugins/velum_kernel.h"

static int plan(const struct velum_host *host, int argc, const char *const *argv,
                struct velum_plan *out)
{
    (void)argv;
    if (argc != 0 || host->inputs(host) == 0)
        return velum_refuse(out, "flip takes files only");
    out->units = out->leaf_units = 1;
    return 0;
}

static int leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    (void)accumulator;
    for (uint32_t i = host->inputs(host); i-- > 0;) {
        uint64_t size;
        const uint8_t *bytes = host->input(host, i, &size);
        if (size > 0 && host->emit(host, bytes, (size_t)size) < 0)
            return velum_fail(call, "there is no room for an input");
    }
    return 0;
}

VELUM_KERNEL(flip) = {
    VELUM_KERNEL_HEAD,
    .name = "flip",
    .usage = "FILE...",
    .summary = "its inputs, from the last to the first",
    .limits = "any files",
    .reduce = VELUM_COLLECT,
    .files_from = 1,
    .plan = plan,
    .leaf = leaf,
};
