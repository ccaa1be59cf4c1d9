/* Plugins that must be refused, one by each -DBAD_...;
 * without any of them this is a good one that counts units. */
#include "plugins/velum_kernel.h"

struct count {
    uint64_t units;
};

static const struct velum_field fields[] = {
#ifdef BAD_FIELD
    {"units", VELUM_U64, 2, 0},
#else
    VELUM_FIELD(struct count, units, VELUM_U64, 1),
#endif
};

#ifdef BAD_LIBC
int puts(const char *text);
#endif

#ifdef BAD_CONSTRUCTOR
static void hang(void) __attribute__((constructor));
static void hang(void)
{
    for (volatile int stay = 1; stay;)
        ;
}
#endif

#ifdef BAD_IFUNC
static int one(void)
{
    return 1;
}
__attribute__((used)) static int (*choose(void))(void)
{
    return one;
}
static int chosen(void) __attribute__((ifunc("choose")));
#endif

static int plan(const struct velum_host *host, int argc, const char *const *argv,
                struct velum_plan *out)
{
    (void)argc;
    (void)argv;
    (void)host;
#ifdef BAD_LIBC
    puts("hello");
#endif
#ifdef BAD_IFUNC
    out->units = (uint64_t)chosen();
#endif
#ifdef HANGS_IN_PLAN
    for (volatile int stay = 1; stay;)
        ;
#endif
    out->units = 1;
    out->leaf_units = 1;
    return 0;
}

static int leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    (void)host;
    ((struct count *)accumulator)->units = call->count;
    return 0;
}

static void merge(const struct velum_host *host, const struct velum_call *call, void *left,
                  const void *right)
{
    (void)host;
    (void)call;
    ((struct count *)left)->units += ((const struct count *)right)->units;
}

static int show(const struct velum_host *host, const struct velum_call *call,
                const void *accumulator, char *text, size_t cap)
{
    (void)call;
    return host->put_u64(text, cap, ((const struct count *)accumulator)->units);
}

#ifdef BAD_SYMBOL
#undef VELUM_KERNEL
#define VELUM_KERNEL(id) __attribute__((visibility("default"))) const struct velum_kernel kernel
#endif

VELUM_KERNEL(bad) = {
#ifdef BAD_ABI
    .abi = VELUM_ABI + 98,
    .size = sizeof(struct velum_kernel),
    .source = VELUM_SOURCE_DIGEST,
#else
    VELUM_KERNEL_HEAD,
#endif
    .name = "bad",
    .usage = "",
    .summary = "count one unit",
    .limits = "no arguments",
    .accumulator_size = sizeof(struct count),
    .fields = fields,
    .fields_count = 1,
    .plan = plan,
    .leaf = leaf,
#ifndef BAD_NO_MERGE
    .merge = merge,
#endif
    .show = show,
};

#ifdef BAD_NO_MERGE
void *unused = (void *)merge;
#endif
