/* seek UNITS NAP_US MATCH [DIES_AT]: a unit a leaf, which naps so long; MATCH and every hundredth
 * unit behind it match, if there are so many; unit DIES_AT ends its worker. */
#include "plugins/velum_kernel.h"

#define UNITS_MAX 1099511627776ull

struct seen {
    uint64_t square;
};

static const struct velum_field fields[] = {
    VELUM_FIELD(struct seen, square, VELUM_U64, 1),
};

static int plan(const struct velum_host *host, int argc, const char *const *argv,
                struct velum_plan *out)
{
    uint64_t numbers[4] = {0, 0, 0, UINT64_MAX};
    if (argc < 3 || argc > 4)
        return velum_refuse(out, "seek takes UNITS, NAP_US, MATCH, and perhaps a unit that dies");
    for (int i = 0; i < argc; i++)
        if (host->parse_u64(argv[i], UNITS_MAX, &numbers[i]) < 0)
            return velum_refuse(out, "seek takes whole numbers up to 2^40");
    out->units = numbers[0];
    out->leaf_units = 1;
    for (int i = 1; i < 4; i++)
        velum_put_u64(out, numbers[i]);
    return 0;
}

static int leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    const uint64_t match = velum_param_u64(call, 1);
    struct seen *seen = accumulator;
    host->nap(host, velum_param_u64(call, 0));
    if (call->first == velum_param_u64(call, 2))
        __builtin_trap();
    if (call->first >= match && (call->first - match) % 100 == 0 && velum_match(call, call->first))
        seen->square = call->first * call->first;
    return 0;
}

static int show(const struct velum_host *host, const struct velum_call *call,
                const void *accumulator, char *text, size_t cap)
{
    (void)call;
    return host->put_u64(text, cap, ((const struct seen *)accumulator)->square);
}

VELUM_KERNEL(seek) = {
    VELUM_KERNEL_HEAD,
    .name = "seek",
    .usage = "UNITS NAP_US MATCH [DIES_AT]",
    .summary = "the lowest unit that matches, slowly",
    .limits = "numbers up to 2^40",
    .manual = "Parameters:\n  all there are\n",
    .accumulator_size = sizeof(struct seen),
    .fields = fields,
    .fields_count = 1,
    .reduce = VELUM_SEARCH,
    .plan = plan,
    .leaf = leaf,
    .show = show,
};
