/* chaos N: a chaotic iteration, x = 1 - 1.9 x^2 + 0.01 x, a hundred times from a start that depends
 * on the unit. One rounding more or less anywhere (a fused multiply-add, another order, an extended
 * double) changes every digit of the sums. */
#include "plugins/velum_kernel.h"

#define ROUNDS 100

struct orbit {
    double sum;     /* of the last points */
    double product; /* order shows even more in a product of unequal factors */
    uint64_t above; /* how many ended above zero */
};

static const struct velum_field fields[] = {
    VELUM_FIELD(struct orbit, sum, VELUM_F64, 1),
    VELUM_FIELD(struct orbit, product, VELUM_F64, 1),
    VELUM_FIELD(struct orbit, above, VELUM_U64, 1),
};

static int plan(const struct velum_host *host, int argc, const char *const *argv,
                struct velum_plan *out)
{
    if (argc != 1 || host->parse_u64(argv[0], 1000000000000ull, &out->units) < 0 || !out->units)
        return velum_refuse(out, "chaos takes one N from 1 to 1000000000000");
    out->leaf_units = 1024;
    return 0;
}

static int leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    struct orbit *o = accumulator;
    (void)host;
    for (uint64_t i = call->first; i < call->first + call->count; i++) {
        double x = (double)(int64_t)(i % 1000003) / 1000003.0;
        for (int k = 0; k < ROUNDS; k++)
            x = 1.0 - 1.9 * x * x + 0.01 * x;
        o->sum += x;
        o->product += x * (o->sum + 0.5);
        o->above += x > 0;
    }
    return 0;
}

static void merge(const struct velum_host *host, const struct velum_call *call, void *left,
                  const void *right)
{
    struct orbit *into = left;
    const struct orbit *from = right;
    (void)host;
    (void)call;
    /* Not commutative and not associative: a wrong order is seen. */
    into->product = into->product * 0.75 + from->product * 0.5;
    into->sum += from->sum;
    into->above += from->above;
}

static int show(const struct velum_host *host, const struct velum_call *call,
                const void *accumulator, char *text, size_t cap)
{
    (void)call;
    return host->put_double(text, cap, ((const struct orbit *)accumulator)->sum, 12);
}

VELUM_KERNEL(chaos) = {
    VELUM_KERNEL_HEAD,
    .name = "chaos",
    .usage = "N",
    .summary = "a chaotic iteration that shows any contraction",
    .limits = "N from 1 to 1000000000000",
    .accumulator_size = sizeof(struct orbit),
    .fields = fields,
    .fields_count = 3,
    .plan = plan,
    .leaf = leaf,
    .merge = merge,
    .show = show,
};
