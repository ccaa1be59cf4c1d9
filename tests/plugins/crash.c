/* crash MODE UNIT [UNITS]: UNITS units (1000), one a leaf of about a tenth of a millisecond; the
 * leaf of unit UNIT ends its process in the way MODE says, every time it is tried. */
#include "plugins/velum_kernel.h"

#define ROUNDS 100000

enum mode {
    MODE_SEGV,
    MODE_ABORT,
    MODE_HANG,
    MODE_DIVIDE,
    MODE_NO,
    MODE_EXIT,
    MODE_MEMORY,
    MODE_NONE
};

static const char *const mode_names[] = {"segv", "abort", "hang",   "divide",
                                         "no",   "exit",  "memory", "none"};

struct count {
    uint64_t units, noise;
};

static const struct velum_field fields[] = {
    VELUM_FIELD(struct count, units, VELUM_U64, 1),
    VELUM_FIELD(struct count, noise, VELUM_U64, 1),
};

static int same(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static int plan(const struct velum_host *host, int argc, const char *const *argv,
                struct velum_plan *out)
{
    uint64_t mode = 0, unit = 0;
    out->units = 1000;
    out->leaf_units = 1;
    if (argc < 2 || argc > 3)
        return velum_refuse(out, "crash takes MODE UNIT [UNITS]");
    while (mode <= MODE_NONE && !same(argv[0], mode_names[mode]))
        mode++;
    if (mode > MODE_NONE)
        return velum_refuse(out,
                            "MODE must be segv, abort, hang, divide, no, exit, memory or none");
    if (host->parse_u64(argv[1], 1000000000, &unit) < 0)
        return velum_refuse(out, "UNIT must be from 0 to 1000000000");
    if (argc == 3 && (host->parse_u64(argv[2], 1000000000, &out->units) < 0 || !out->units))
        return velum_refuse(out, "UNITS must be from 1 to 1000000000");
    velum_put_u64(out, mode);
    velum_put_u64(out, unit);
    return 0;
}

/* What a C library's exit(3) would do; a plugin has none, so it asks the system. */
static void leave(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    long rc = 231; /* exit_group */
    __asm__ volatile("syscall" : "+a"(rc) : "D"(3L) : "rcx", "r11", "memory");
#elif defined(__aarch64__) && defined(__GNUC__)
    register long number __asm__("x8") = 94;
    register long status __asm__("x0") = 3;
    __asm__ volatile("svc 0" : "+r"(status) : "r"(number) : "memory");
#endif
}

/* More than a worker of a small cgroup may have, and nothing where it is not touched. */
#define HOG_BYTES ((uint64_t)192 << 20)
static volatile unsigned char hog[HOG_BYTES];

static int misbehave(enum mode mode, struct velum_call *call)
{
    volatile int zero = 0, many = 1000;
    volatile int *volatile nowhere = NULL;
    volatile uint64_t turns = 0;
    switch (mode) {
    case MODE_SEGV:
        *nowhere = 1;
        break;
    case MODE_ABORT:
        __builtin_trap();
    case MODE_HANG:
        while (!zero)
            turns++;
        break;
    case MODE_DIVIDE:
        return many / zero;
    case MODE_NO:
        return velum_fail(call, "this unit is one that crash was told to refuse");
    case MODE_EXIT:
        leave();
        break;
    case MODE_MEMORY:
        for (uint64_t i = 0; i < HOG_BYTES; i += 4096)
            hog[i] = 1;
        break;
    case MODE_NONE:
        break;
    }
    return 0;
}

static int leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    struct count *c = accumulator;
    uint64_t x = call->first;
    (void)host;
    for (int i = 0; i < ROUNDS; i++)
        x = x * 6364136223846793005ull + 1442695040888963407ull;
    c->units = call->count;
    c->noise = x;
    if (velum_param_u64(call, 1) != call->first)
        return 0;
    return misbehave((enum mode)velum_param_u64(call, 0), call);
}

static void merge(const struct velum_host *host, const struct velum_call *call, void *left,
                  const void *right)
{
    (void)host;
    (void)call;
    ((struct count *)left)->units += ((const struct count *)right)->units;
    ((struct count *)left)->noise ^= ((const struct count *)right)->noise;
}

static int show(const struct velum_host *host, const struct velum_call *call,
                const void *accumulator, char *text, size_t cap)
{
    (void)call;
    return host->put_u64(text, cap, ((const struct count *)accumulator)->units);
}

VELUM_KERNEL(crash) = {
    VELUM_KERNEL_HEAD,
    .name = "crash",
    .usage = "MODE UNIT [UNITS]",
    .summary = "end the worker in the leaf of UNIT",
    .limits = "MODE segv, abort, hang, divide, no, exit or none; UNIT below 1000000000",
    .accumulator_size = sizeof(struct count),
    .fields = fields,
    .fields_count = 2,
    .plan = plan,
    .leaf = leaf,
    .merge = merge,
    .show = show,
};
