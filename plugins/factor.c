/* factor N: the smallest prime factor of N by trial division, the first that factor(1) prints. A
 * unit is a candidate, 2 or an odd number, up to the square root; where none divides N, N is prime
 * and nothing matches. */
#include "velum_kernel.h"

#define NUMBER_MAX 18446744073709551615ull
#define LIMITS "N from 2 to 18446744073709551615; no match says that N is prime"
#define LEAF_UNITS 524288

struct divisor {
    uint64_t divisor;
};

static const struct velum_field factor_fields[] = {
    VELUM_FIELD(struct divisor, divisor, VELUM_U64, 1),
};

static uint64_t candidate(uint64_t unit)
{
    return unit == 0 ? 2 : 2 * unit + 1;
}

/* The largest number whose square is not above n. */
static uint64_t square_root(uint64_t n)
{
    uint64_t root = 0;
    for (uint64_t bit = (uint64_t)1 << 31; bit != 0; bit >>= 1)
        if ((root | bit) <= n / (root | bit))
            root |= bit;
    return root;
}

static int factor_plan(const struct velum_host *host, int argc, const char *const *argv,
                       struct velum_plan *out)
{
    uint64_t n = 0;
    if (argc != 1 || host->parse_u64(argv[0], NUMBER_MAX, &n) < 0 || n < 2)
        return velum_refuse(out, "factor takes a whole number in digits: " LIMITS);
    out->units = (square_root(n) + 1) / 2;
    out->leaf_units = LEAF_UNITS;
    velum_put_u64(out, n);
    return 0;
}

static int factor_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    const uint64_t n = velum_param_u64(call, 0);
    struct divisor *found = accumulator;
    (void)host;
    for (uint64_t unit = call->first; unit < call->first + call->count; unit++) {
        uint64_t d = candidate(unit);
        if (n % d != 0 || d > n / d || !velum_match(call, unit))
            continue;
        found->divisor = d;
        break;
    }
    return 0;
}

static int factor_show(const struct velum_host *host, const struct velum_call *call,
                       const void *accumulator, char *text, size_t cap)
{
    (void)call;
    return host->put_u64(text, cap, ((const struct divisor *)accumulator)->divisor);
}

static const char manual[] =
    "Parameters:\n"
    "  N    what is to be divided\n"
    "Units:\n"
    "  a divisor to try each: 2, and then the odd numbers up to the root of N; a leaf\n"
    "  has 524288. The lowest that divides N is the result, and none behind it counts.\n"
    "Example:\n"
    "  velum run factor 1000000016000000063\n";

VELUM_KERNEL(factor) = {
    VELUM_KERNEL_HEAD,
    .name = "factor",
    .usage = "N",
    .summary = "the smallest prime factor of N, the first that factor(1) prints",
    .limits = LIMITS,
    .manual = manual,
    .accumulator_size = sizeof(struct divisor),
    .fields = factor_fields,
    .fields_count = 1,
    .reduce = VELUM_SEARCH,
    .plan = factor_plan,
    .leaf = factor_leaf,
    .show = factor_show,
};
