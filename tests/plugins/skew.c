/* skew LEAVES MEAN_US: leaves of very different cost. A leaf's cost is drawn by a hash of its
 * number, heavy-tailed: half of all leaves cost a quarter of the mean, and one in 512 costs 64
 * times as much as they. The work is a fixed number of rounds of a mixing function, about four
 * nanoseconds each, so that the result is the same everywhere. */
#include "plugins/velum_kernel.h"

#define ROUNDS_PER_US 500

struct mixed {
    uint64_t sum, rounds;
};

static const struct velum_field fields[] = {
    VELUM_FIELD(struct mixed, sum, VELUM_U64, 1),
    VELUM_FIELD(struct mixed, rounds, VELUM_U64, 1),
};

static uint64_t mix(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xbf58476d1ce4e5b9ull;
    x ^= x >> 27;
    x *= 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

/* In quarters of the mean: 2^(2k/3), roughly, for k trailing zeros of the hash, at most 64. */
static uint64_t quarters(uint64_t leaf)
{
    static const uint64_t cost[10] = {1, 2, 4, 6, 10, 16, 24, 36, 48, 64};
    uint64_t h = mix(leaf + 0x9e3779b97f4a7c15ull);
    int zeros = 0;
    while (zeros < 9 && (h & 1) == 0) {
        zeros++;
        h >>= 1;
    }
    return cost[zeros];
}

static int plan(const struct velum_host *host, int argc, const char *const *argv,
                struct velum_plan *out)
{
    uint64_t mean_us;
    if (argc != 2 || host->parse_u64(argv[0], 1000000000, &out->units) < 0 || !out->units)
        return velum_refuse(out, "skew takes LEAVES (1 to 1000000000) and MEAN_US");
    if (host->parse_u64(argv[1], 10000000, &mean_us) < 0)
        return velum_refuse(out, "MEAN_US must be from 0 to 10000000");
    out->leaf_units = 1;
    velum_put_u64(out, mean_us);
    return 0;
}

static int leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    struct mixed *m = accumulator;
    (void)host;
    for (uint64_t i = call->first; i < call->first + call->count; i++) {
        const uint64_t rounds = quarters(i) * velum_param_u64(call, 0) * ROUNDS_PER_US / 8;
        uint64_t x = i;
        for (uint64_t k = 0; k < rounds; k++)
            x = mix(x + k);
        m->sum += x;
        m->rounds += rounds;
    }
    return 0;
}

static void merge(const struct velum_host *host, const struct velum_call *call, void *left,
                  const void *right)
{
    struct mixed *into = left;
    const struct mixed *from = right;
    (void)host;
    (void)call;
    into->sum += from->sum;
    into->rounds += from->rounds;
}

static int show(const struct velum_host *host, const struct velum_call *call,
                const void *accumulator, char *text, size_t cap)
{
    (void)call;
    return host->put_u64(text, cap, ((const struct mixed *)accumulator)->sum);
}

VELUM_KERNEL(skew) = {
    VELUM_KERNEL_HEAD,
    .name = "skew",
    .usage = "LEAVES MEAN_US",
    .summary = "leaves of very different cost",
    .limits = "LEAVES from 1 to 1000000000, MEAN_US from 0 to 10000000",
    .accumulator_size = sizeof(struct mixed),
    .fields = fields,
    .fields_count = 2,
    .plan = plan,
    .leaf = leaf,
    .merge = merge,
    .show = show,
};
