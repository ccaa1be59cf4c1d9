/* pi N: the midpoint rule for the integral of 4/(1+x^2) from 0 to 1 over N intervals. A unit is an
 * interval.
 *
 * In whole numbers: interval i has its middle at x = d/(2N) with d = 2i + 1, so its term is
 * 4K/(K + d^2) with K = 4N^2. The divider is the slowest part of a processor, so eight terms share
 * one division, by an identity without any approximation. Let D be the middle of eight neighbouring
 * d (they are D-7, D-5, ... D+7), s = D^2 + K, and take the pairs D-o, D+o:
 *
 *     1/(K + (D-o)^2) + 1/(K + (D+o)^2) = 2 (s + o^2) / (s^2 - 2 o^2 s + o^4 + 4 o^2 K)
 *
 * For two pairs o and p with m = (o^2 + p^2)/2, e = (o^2 - p^2)/2, y = s - m, z = y^2 the four
 * terms together are 4 times the fraction
 *
 *     (y + 2m) (z + 4mK + 3e^2) - 4e^2 (K + m)  over  (z + 4mK - e^2)^2 + 16 e^2 K D^2
 *
 * which has no subtraction of near equals. The outer pairs (1, 7) and the inner ones (3, 5) give
 * two such fractions a/b and c/d; their sum (ad + cb)/(bd) is the one division.
 *
 * Sixteen lanes hold sixteen neighbouring groups of eight, whatever the vectors of the processor,
 * and every path does the same IEEE operations in each lane, so that all have the same bits. Lane
 * sums start again every 2^18 terms, before small terms are lost in them, and are gathered in a
 * pair (high, low) by the two-sum of Knuth, TAOCP 4.2.2, theorem B. */
#include "velum_kernel.h"

#define N_MAX 1000000000000000ull /* d < 2^53 stays exact, (2K)^8 stays finite */
#define N_MAX_TEXT "1000000000000000"
#define GROUP 8  /* terms that share one division */
#define LANES 16 /* groups side by side */
#define STEP (GROUP * LANES)
#define BLOCK_STEPS 2048       /* lane sums restart: 2^18 terms */
#define LEAF_UNITS_MAX 8388608 /* 1 ms on a desktop core of 2020 */
#define LEAF_UNITS_MIN 65536
#define SINGLE_BELOW 4096 /* so few terms are not worth a group, and the identity loses digits */

struct pair {
    double high, low;
};

static const struct velum_field pi_fields[] = {
    VELUM_FIELD(struct pair, high, VELUM_F64, 1),
    VELUM_FIELD(struct pair, low, VELUM_F64, 1),
};

/* The constants of one fraction; names as in the formulas above. */
struct fraction {
    double shift;  /* K - m */
    double twice;  /* 2m */
    double above;  /* 4mK + 3e^2 */
    double under;  /* 4e^2 (K + m) */
    double below;  /* 4mK - e^2 */
    double square; /* 16 e^2 K */
};

struct groups {
    double k;
    struct fraction outer, inner;
};

static struct fraction fraction_of(double k, double m, double e2)
{
    struct fraction f;
    f.shift = k - m;
    f.twice = 2 * m;
    f.above = 4 * m * k + 3 * e2;
    f.under = 4 * e2 * (k + m);
    f.below = 4 * m * k - e2;
    f.square = 16 * e2 * k;
    return f;
}

static struct groups groups_of(double n)
{
    struct groups g;
    g.k = 4 * n * n;
    g.outer = fraction_of(g.k, 25, 576); /* offsets 1 and 7 */
    g.inner = fraction_of(g.k, 17, 64);  /* offsets 3 and 5 */
    return g;
}

/* Exact: high + low is a + b. */
static struct pair two_sum(double a, double b)
{
    struct pair r;
    r.high = a + b;
    double t = r.high - a;
    r.low = (a - (r.high - t)) + (b - t);
    return r;
}

/* Exact unless it overflows (Dekker 1971), without a fused multiply-add. */
static struct pair two_product(double a, double b)
{
    const double split = 134217729; /* 2^27 + 1 */
    double ta = split * a, tb = split * b;
    double ah = ta - (ta - a), bh = tb - (tb - b);
    double al = a - ah, bl = b - bh;
    struct pair r;
    r.high = a * b;
    r.low = ((ah * bh - r.high) + ah * bl + al * bh) + al * bl;
    return r;
}

static struct pair pair_add(struct pair a, struct pair b)
{
    struct pair s = two_sum(a.high, b.high);
    return two_sum(s.high, s.low + (a.low + b.low));
}

static struct pair pair_add_one(struct pair a, double b)
{
    struct pair s = two_sum(a.high, b);
    return two_sum(s.high, s.low + a.low);
}

static struct pair pair_scale(struct pair a, double by)
{
    struct pair p = two_product(a.high, by);
    return two_sum(p.high, p.low + a.low * by);
}

/* Sums `steps` groups in each lane of one vector; lane i of the vector starts with the middle
 * `first` + 2 GROUP i. The same text for every vector type; `type` may be plain double. */
#define SWEEP_BODY(type, start)                                                                    \
    const struct fraction o = g->outer, i = g->inner;                                              \
    type middle = (start), sum = middle - middle;                                                  \
    for (uint32_t step = 0; step < steps; step++) {                                                \
        type square = middle * middle;                                                             \
        type y = square + o.shift;                                                                 \
        type z = y * y;                                                                            \
        type t = z + o.below;                                                                      \
        type a = (y + o.twice) * (z + o.above) - o.under;                                          \
        type b = t * t + square * o.square;                                                        \
        y = square + i.shift;                                                                      \
        z = y * y;                                                                                 \
        t = z + i.below;                                                                           \
        type c = (y + i.twice) * (z + i.above) - i.under;                                          \
        type d = t * t + square * i.square;                                                        \
        sum += (a * d + c * b) / (b * d);                                                          \
        middle += 2.0 * STEP;                                                                      \
    }

#define SPAN(lane) (2.0 * GROUP * (lane))

/* VELUM_NO_VECTORS is for compilers that pretend to be gcc, and for the test that compares. */
#if (defined(__x86_64__) || defined(__aarch64__)) && defined(__GNUC__) && !defined(__TINYC__) &&   \
    !defined(VELUM_NO_VECTORS)
#define HAVE_VECTORS 1
typedef double vector2 __attribute__((vector_size(16)));

static void sweep_2(const struct groups *g, double first, uint32_t steps, double *sums)
{
    const vector2 spans = {SPAN(0), SPAN(1)};
    for (int lane = 0; lane < LANES; lane += 2) {
        SWEEP_BODY(vector2, spans + (first + SPAN(lane)))
        for (int k = 0; k < 2; k++)
            sums[lane + k] = sum[k];
    }
}
#else
static void sweep_scalar(const struct groups *g, double first, uint32_t steps, double *sums)
{
    for (int lane = 0; lane < LANES; lane++) {
        SWEEP_BODY(double, first + SPAN(lane))
        sums[lane] = sum;
    }
}
#endif

#if defined(__x86_64__) && defined(HAVE_VECTORS)
typedef double vector4 __attribute__((vector_size(32)));
typedef double vector8 __attribute__((vector_size(64)));

__attribute__((target("avx2"))) static void sweep_4(const struct groups *g, double first,
                                                    uint32_t steps, double *sums)
{
    const vector4 spans = {SPAN(0), SPAN(1), SPAN(2), SPAN(3)};
    for (int lane = 0; lane < LANES; lane += 4) {
        SWEEP_BODY(vector4, spans + (first + SPAN(lane)))
        for (int k = 0; k < 4; k++)
            sums[lane + k] = sum[k];
    }
}

__attribute__((target("avx512f"))) static void sweep_8(const struct groups *g, double first,
                                                       uint32_t steps, double *sums)
{
    const vector8 spans = {SPAN(0), SPAN(1), SPAN(2), SPAN(3), SPAN(4), SPAN(5), SPAN(6), SPAN(7)};
    for (int lane = 0; lane < LANES; lane += 8) {
        SWEEP_BODY(vector8, spans + (first + SPAN(lane)))
        for (int k = 0; k < 8; k++)
            sums[lane + k] = sum[k];
    }
}
#endif

static void sweep(uint64_t cpu, const struct groups *g, double first, uint32_t steps, double *sums)
{
#if defined(__x86_64__) && defined(HAVE_VECTORS)
    if (cpu & VELUM_CPU_AVX512) {
        sweep_8(g, first, steps, sums);
        return;
    }
    if (cpu & VELUM_CPU_AVX2) {
        sweep_4(g, first, steps, sums);
        return;
    }
#endif
    (void)cpu;
#ifdef HAVE_VECTORS
    sweep_2(g, first, steps, sums);
#else
    sweep_scalar(g, first, steps, sums);
#endif
}

/* `steps` steps of STEP terms from interval `first`. */
static struct pair sum_steps(uint64_t cpu, const struct groups *g, uint64_t first, uint64_t steps)
{
    struct pair total = {0, 0};
    while (steps > 0) {
        uint32_t part = steps < BLOCK_STEPS ? (uint32_t)steps : BLOCK_STEPS;
        double sums[LANES];
        sweep(cpu, g, (double)(int64_t)(2 * first + GROUP), part, sums);
        for (int lane = 0; lane < LANES; lane++)
            total = pair_add_one(total, sums[lane]);
        first += (uint64_t)part * STEP;
        steps -= part;
    }
    return pair_scale(total, 16 * g->k);
}

static struct pair sum_singles(double k, uint64_t first, uint64_t count)
{
    struct pair total = {0, 0};
    for (uint64_t i = first; i < first + count; i++) {
        double d = (double)(int64_t)(2 * i + 1);
        total = pair_add_one(total, 4 * k / (k + d * d));
    }
    return total;
}

static int pi_leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    const uint64_t n = velum_param_u64(call, 0);
    const struct groups g = groups_of((double)(int64_t)n);
    const uint64_t steps = n < SINGLE_BELOW ? 0 : call->count / STEP;
    struct pair total = sum_steps(host->cpu, &g, call->first, steps);
    *(struct pair *)accumulator =
        pair_add(total, sum_singles(g.k, call->first + steps * STEP, call->count - steps * STEP));
    return 0;
}

static void pi_merge(const struct velum_host *host, const struct velum_call *call, void *left,
                     const void *right)
{
    (void)host;
    (void)call;
    struct pair *into = left;
    *into = pair_add(*into, *(const struct pair *)right);
}

/* The pair divided by N, rounded once at the end. */
static double mean(struct pair sum, double n)
{
    double q = sum.high / n;
    struct pair back = two_product(q, n);
    return q + (((sum.high - back.high) - back.low) + sum.low) / n;
}

static int pi_show(const struct velum_host *host, const struct velum_call *call,
                   const void *accumulator, char *text, size_t cap)
{
    double n = (double)(int64_t)velum_param_u64(call, 0);
    return host->put_double(text, cap, mean(*(const struct pair *)accumulator, n), 14);
}

/* Small N still make some leaves, so that a few cores and slow boards share them. */
static uint64_t leaf_units(uint64_t n)
{
    uint64_t units = LEAF_UNITS_MAX;
    while (units > LEAF_UNITS_MIN && units > n / 64)
        units /= 2;
    return units;
}

static int pi_plan(const struct velum_host *host, int argc, const char *const *argv,
                   struct velum_plan *out)
{
    uint64_t n = 0;
    if (argc < 1)
        return velum_refuse(out, "N is missing: how many intervals, from 1 to " N_MAX_TEXT);
    if (argc > 1)
        return velum_refuse(out, "too many arguments: pi takes one, N from 1 to " N_MAX_TEXT);
    if (host->parse_u64(argv[0], N_MAX, &n) < 0 || n == 0)
        return velum_refuse(out,
                            "N must be a whole number from 1 to " N_MAX_TEXT ", in digits only");
    out->units = n;
    out->leaf_units = leaf_units(n);
    velum_put_u64(out, n);
    return 0;
}

static const char manual[] =
    "Parameters:\n"
    "  N    how many intervals; the rule is off by about 1/(12 N^2)\n"
    "Units:\n"
    "  an interval each; a leaf has 65536 to 8388608, by N.\n"
    "Example:\n"
    "  velum run pi 400000000\n";

VELUM_KERNEL(pi) = {
    VELUM_KERNEL_HEAD,
    .name = "pi",
    .usage = "N",
    .summary = "pi by the midpoint rule of the integral of 4/(1+x^2) over N intervals",
    .limits = "N from 1 to " N_MAX_TEXT,
    .manual = manual,
    .accumulator_size = sizeof(struct pair),
    .fields = pi_fields,
    .fields_count = 2,
    .plan = pi_plan,
    .leaf = pi_leaf,
    .merge = pi_merge,
    .show = pi_show,
};
