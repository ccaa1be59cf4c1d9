/* fat N: N units, one a leaf, with an accumulator of the largest size: reports of many values do
 * not fit one frame. Also uses scratch memory and the log. */
#include "plugins/velum_kernel.h"

#define SUMS 511

struct fat {
    uint64_t units;
    uint64_t sums[SUMS];
};

static const struct velum_field fields[] = {
    VELUM_FIELD(struct fat, units, VELUM_U64, 1),
    VELUM_FIELD(struct fat, sums, VELUM_U64, SUMS),
};

static int plan(const struct velum_host *host, int argc, const char *const *argv,
                struct velum_plan *out)
{
    if (argc != 1 || host->parse_u64(argv[0], 1000000, &out->units) < 0 || !out->units)
        return velum_refuse(out, "fat takes one N from 1 to 1000000");
    out->leaf_units = 1;
    return 0;
}

static int leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    struct fat *f = accumulator;
    uint64_t *scratch = host->memory(host, sizeof f->sums);
    if (!scratch || host->memory(host, 1))
        return velum_fail(call, "the scratch memory is not what was asked for");
    for (uint64_t i = 0; i < SUMS; i++)
        scratch[i] = call->first * (i + 1);
    for (uint64_t i = 0; i < SUMS; i++)
        f->sums[i] = scratch[i];
    f->units = call->count;
    if (call->first == 0)
        host->log(host, "fat begins");
    return 0;
}

static void merge(const struct velum_host *host, const struct velum_call *call, void *left,
                  const void *right)
{
    struct fat *into = left;
    const struct fat *from = right;
    (void)host;
    (void)call;
    into->units += from->units;
    for (int i = 0; i < SUMS; i++)
        into->sums[i] = into->sums[i] * 3 + from->sums[i];
}

static int show(const struct velum_host *host, const struct velum_call *call,
                const void *accumulator, char *text, size_t cap)
{
    (void)call;
    return host->put_u64(text, cap, ((const struct fat *)accumulator)->sums[0]);
}

VELUM_KERNEL(fat) = {
    VELUM_KERNEL_HEAD,
    .name = "fat",
    .usage = "N",
    .summary = "values of 4096 bytes",
    .limits = "N from 1 to 1000000",
    .accumulator_size = sizeof(struct fat),
    .fields = fields,
    .fields_count = 2,
    .memory = sizeof(((struct fat *)0)->sums),
    .plan = plan,
    .leaf = leaf,
    .merge = merge,
    .show = show,
};
