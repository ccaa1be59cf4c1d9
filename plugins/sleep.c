/* sleep TOTAL_MS [LEAF_MS]: naps, a unit a millisecond. For trying and measuring how work is spread
 * without keeping a processor busy. */
#include "velum_kernel.h"

struct slept {
    uint64_t ms;
};

static const struct velum_field sleep_fields[] = {
    VELUM_FIELD(struct slept, ms, VELUM_U64, 1),
};

static int sleep_plan(const struct velum_host *host, int argc, const char *const *argv,
                      struct velum_plan *out)
{
    const uint64_t total_max = 86400000, leaf_max = 600000;
    out->leaf_units = 5;
    if (argc < 1 || argc > 2 || host->parse_u64(argv[0], total_max, &out->units) < 0 || !out->units)
        return velum_refuse(out, "sleep takes TOTAL_MS from 1 to 86400000");
    if (argc == 2 && (host->parse_u64(argv[1], leaf_max, &out->leaf_units) < 0 || !out->leaf_units))
        return velum_refuse(out, "LEAF_MS must be from 1 to 600000");
    return 0;
}

static int sleep_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    host->nap(host, call->count * 1000);
    ((struct slept *)accumulator)->ms = call->count;
    return 0;
}

static void sleep_merge(const struct velum_host *host, const struct velum_call *call, void *left,
                        const void *right)
{
    (void)host;
    (void)call;
    ((struct slept *)left)->ms += ((const struct slept *)right)->ms;
}

static int sleep_show(const struct velum_host *host, const struct velum_call *call,
                      const void *accumulator, char *text, size_t cap)
{
    (void)call;
    return host->put_u64(text, cap, ((const struct slept *)accumulator)->ms);
}

static const char manual[] =
    "Parameters:\n"
    "  TOTAL_MS  milliseconds of slot time, over all slots together\n"
    "  LEAF_MS   milliseconds of a leaf, 5 where it is not said\n"
    "Units:\n"
    "  a millisecond each.\n"
    "Example:\n"
    "  velum run sleep 60000 100\n";

VELUM_KERNEL(sleep) = {
    VELUM_KERNEL_HEAD,
    .name = "sleep",
    .usage = "TOTAL_MS [LEAF_MS]",
    .summary = "nap for TOTAL_MS of slot time in leaves of LEAF_MS",
    .limits = "TOTAL_MS from 1 to 86400000, LEAF_MS from 1 to 600000 (5)",
    .manual = manual,
    .accumulator_size = sizeof(struct slept),
    .fields = sleep_fields,
    .fields_count = 1,
    .plan = sleep_plan,
    .leaf = sleep_leaf,
    .merge = sleep_merge,
    .show = sleep_show,
};
