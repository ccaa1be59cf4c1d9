/* cat FILE...: the bytes of all files, one after the other, as they are. A unit is a file. In a
 * flow it joins what stages yield; by what its leaves yield each of them is still there alone. */
#include "velum_kernel.h"

static int cat_plan(const struct velum_host *host, int argc, const char *const *argv,
                    struct velum_plan *out)
{
    (void)argv;
    out->units = VELUM_HOST_HAS(host, emit) ? host->inputs(host) : 0;
    if (argc != 0 || out->units == 0)
        return velum_refuse(out, "cat takes files only: cat FILE...");
    out->leaf_units = 1;
    return 0;
}

static int cat_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    int rc = 0;
    (void)accumulator;
    for (uint64_t i = call->first; i < call->first + call->count && rc == 0; i++) {
        uint64_t size;
        const uint8_t *bytes = host->input(host, (uint32_t)i, &size);
        if (!bytes)
            return velum_fail(call, "an input is not there");
        rc = size > 0 ? host->emit(host, bytes, (size_t)size) : 0;
    }
    return rc;
}

static const char manual[] =
    "Parameters:\n"
    "  FILE  files, - or references, 1 to 256; in a flow, what other stages yield\n"
    "Units:\n"
    "  a file each, and each is a leaf.\n"
    "Example:\n"
    "  velum run cat part-1 part-2 -o whole\n";

VELUM_KERNEL(cat) = {
    VELUM_KERNEL_HEAD,
    .name = "cat",
    .usage = "FILE...",
    .summary = "the bytes of files, one after the other",
    .limits = "1 to 256 files",
    .manual = manual,
    .reduce = VELUM_COLLECT,
    .files_from = 1,
    .plan = cat_plan,
    .leaf = cat_leaf,
};
