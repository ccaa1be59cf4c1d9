/* noop N: N units, one a leaf, nothing done. For measuring everything but the work. */
#include "velum_kernel.h"

struct count {
    uint64_t units;
};

static const struct velum_field noop_fields[] = {
    VELUM_FIELD(struct count, units, VELUM_U64, 1),
};

static int noop_plan(const struct velum_host *host, int argc, const char *const *argv,
                     struct velum_plan *out)
{
    if (argc != 1 || host->parse_u64(argv[0], 1099511627776ull, &out->units) < 0 || !out->units)
        return velum_refuse(out, "noop takes one N from 1 to 1099511627776");
    out->leaf_units = 1;
    return 0;
}

static int noop_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    (void)host;
    ((struct count *)accumulator)->units = call->count;
    return 0;
}

static void noop_merge(const struct velum_host *host, const struct velum_call *call, void *left,
                       const void *right)
{
    (void)host;
    (void)call;
    ((struct count *)left)->units += ((const struct count *)right)->units;
}

static int noop_show(const struct velum_host *host, const struct velum_call *call,
                     const void *accumulator, char *text, size_t cap)
{
    (void)call;
    return host->put_u64(text, cap, ((const struct count *)accumulator)->units);
}

static const char manual[] =
    "Parameters:\n"
    "  N    how many times\n"
    "Units:\n"
    "  one a leaf: what is left to measure is what Velum itself costs.\n"
    "Example:\n"
    "  velum run noop 1000000\n";

VELUM_KERNEL(noop) = {
    VELUM_KERNEL_HEAD,
    .name = "noop",
    .usage = "N",
    .summary = "do nothing N times",
    .limits = "N from 1 to 1099511627776",
    .manual = manual,
    .accumulator_size = sizeof(struct count),
    .fields = noop_fields,
    .fields_count = 1,
    .plan = noop_plan,
    .leaf = noop_leaf,
    .merge = noop_merge,
    .show = noop_show,
};
