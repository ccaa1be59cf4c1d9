/* squares N: a kernel of the program's own, the sum of the squares below N. It runs in worker
 * processes, which are this program executed again; so main begins with velum_register and
 * velum_init.
 *
 *     cc -ffp-contract=off -o squares squares.c $(pkg-config --cflags --libs velum)
 */
#include <stdio.h>
#include <velum.h>
#include <velum_kernel.h>

struct total {
    uint64_t sum;
};

static const struct velum_field fields[] = {VELUM_FIELD(struct total, sum, VELUM_U64, 1)};

static int plan(const struct velum_host *host, int argc, const char *const *argv,
                struct velum_plan *out)
{
    if (argc != 1 || host->parse_u64(argv[0], 3000000, &out->units) < 0 || out->units == 0)
        return velum_refuse(out, "N must be a whole number from 1 to 3000000");
    out->leaf_units = 65536;
    return 0;
}

static int leaf(const struct velum_host *host, struct velum_call *call, void *accumulator)
{
    struct total *t = accumulator;
    (void)host;
    for (uint64_t i = call->first; i < call->first + call->count; i++)
        t->sum += i * i;
    return 0;
}

static void merge(const struct velum_host *host, const struct velum_call *call, void *left,
                  const void *right)
{
    (void)host;
    (void)call;
    ((struct total *)left)->sum += ((const struct total *)right)->sum;
}

static int show(const struct velum_host *host, const struct velum_call *call,
                const void *accumulator, char *text, size_t cap)
{
    (void)call;
    return host->put_u64(text, cap, ((const struct total *)accumulator)->sum);
}

static const struct velum_kernel squares = {
    VELUM_KERNEL_HEAD,
    .name = "squares",
    .usage = "N",
    .summary = "sum of the squares below N",
    .limits = "N from 1 to 3000000",
    .accumulator_size = sizeof(struct total),
    .fields = fields,
    .fields_count = 1,
    .plan = plan,
    .leaf = leaf,
    .merge = merge,
    .show = show,
};

int main(int argc, char **argv)
{
    struct velum *v = NULL;
    int rc = velum_register(&squares);
    if (rc == VELUM_DONE)
        rc = velum_init(&v, NULL);
    if (rc == VELUM_DONE)
        rc = velum_wait(v, velum_spawn(v, "squares", argc > 1 ? argv[1] : "1000000", NULL), -1);
    if (rc < 0)
        fprintf(stderr, "squares: %s\n", velum_sentence(v, rc));
    else
        puts(velum_text(v, rc));
    velum_shutdown(v);
    return rc < 0 ? -rc : 0;
}
