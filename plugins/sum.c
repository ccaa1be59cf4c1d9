/* sum [FIRST [STEP]] LAST: adds the numbers that seq(1) would print for the same arguments, to the
 * last digit. A unit is a number.
 *
 * The largest sum is 10^18 numbers below 10^18, so 128 bits hold it; two halves, because not every
 * compiler that takes kernels has such a type. */
#include "velum_kernel.h"

#define NUMBER_MAX 1000000000000000000ull
#define LIMITS "FIRST, STEP and LAST from 1 to 1000000000000000000, FIRST not above LAST"
#define LEAF_UNITS 1048576

struct total {
    uint64_t low, high;
};

static const struct velum_field sum_fields[] = {
    VELUM_FIELD(struct total, low, VELUM_U64, 1),
    VELUM_FIELD(struct total, high, VELUM_U64, 1),
};

static int sum_plan(const struct velum_host *host, int argc, const char *const *argv,
                    struct velum_plan *out)
{
    uint64_t first = 1, step = 1, last = 0;
    if (argc < 1 || argc > 3)
        return velum_refuse(out, "sum takes LAST, or FIRST LAST, or FIRST STEP LAST: " LIMITS);
    if ((argc > 1 && host->parse_u64(argv[0], NUMBER_MAX, &first) < 0) ||
        (argc > 2 && host->parse_u64(argv[1], NUMBER_MAX, &step) < 0) ||
        host->parse_u64(argv[argc - 1], NUMBER_MAX, &last) < 0 || first == 0 || step == 0)
        return velum_refuse(out, "sum takes whole numbers in digits: " LIMITS);
    if (first > last)
        return velum_refuse(out, "there is nothing to add: FIRST must not be above LAST");
    out->units = (last - first) / step + 1;
    out->leaf_units = LEAF_UNITS;
    velum_put_u64(out, first);
    velum_put_u64(out, step);
    return 0;
}

static void add(struct total *t, uint64_t low, uint64_t high)
{
    t->low += low;
    t->high += high + (t->low < low);
}

static int sum_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    const uint64_t step = velum_param_u64(call, 1);
    uint64_t number = velum_param_u64(call, 0) + call->first * step;
    struct total *t = accumulator;
    (void)host;
    for (uint64_t i = 0; i < call->count; i++, number += step)
        add(t, number, 0);
    return 0;
}

static void sum_merge(const struct velum_host *host, const struct velum_call *call, void *left,
                      const void *right)
{
    const struct total *r = right;
    (void)host;
    (void)call;
    add(left, r->low, r->high);
}

/* Divides by ten and gives the remainder, 32 bits at a time. */
static char last_digit(uint32_t parts[4])
{
    uint64_t left = 0;
    for (int i = 0; i < 4; i++) {
        left = left << 32 | parts[i];
        parts[i] = (uint32_t)(left / 10);
        left %= 10;
    }
    return (char)('0' + left);
}

static int sum_show(const struct velum_host *host, const struct velum_call *call,
                    const void *accumulator, char *text, size_t cap)
{
    const struct total *t = accumulator;
    uint32_t parts[4] = {(uint32_t)(t->high >> 32), (uint32_t)t->high, (uint32_t)(t->low >> 32),
                         (uint32_t)t->low};
    char digits[40]; /* backwards */
    int count = 0;
    (void)host;
    (void)call;
    do
        digits[count++] = last_digit(parts);
    while ((parts[0] | parts[1] | parts[2] | parts[3]) != 0);
    if ((size_t)count >= cap)
        return -1;
    for (int i = 0; i < count; i++)
        text[i] = digits[count - 1 - i];
    text[count] = 0;
    return count;
}

static const char manual[] =
    "Parameters:\n"
    "  FIRST  the first number, 1 where it is not said\n"
    "  STEP   from each number to the next, 1 where it is not said\n"
    "  LAST   no number above it counts\n"
    "Units:\n"
    "  a number each; a leaf has 1048576. The sum has 128 bits and is exact.\n"
    "Example:\n"
    "  velum run sum 1 2 1000000000\n";

VELUM_KERNEL(sum) = {
    VELUM_KERNEL_HEAD,
    .name = "sum",
    .usage = "[FIRST [STEP]] LAST",
    .summary = "sum of the numbers from FIRST to LAST, as seq(1) counts them",
    .limits = LIMITS,
    .manual = manual,
    .accumulator_size = sizeof(struct total),
    .fields = sum_fields,
    .fields_count = 2,
    .plan = sum_plan,
    .leaf = sum_leaf,
    .merge = sum_merge,
    .show = sum_show,
};
